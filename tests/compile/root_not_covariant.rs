//! A root whose lifetime cannot be shortened is refused.

pub struct Invariant<'a>(fn(&'a ()) -> &'a ());

// SAFETY: plain data.
unsafe impl arena_core::ReadOnly for Invariant<'_> {}

arena_core::root!(Bad<'a> = Invariant<'a>); //~ ERROR: lifetime may not live long enough

fn main() {}
