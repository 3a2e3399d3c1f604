//! Vectors and strings that live in an arena and run no destructor.

mod string;
mod vec;

pub use string::ArenaString;
pub use vec::ArenaVec;

#[cfg(all(test, feature = "std"))]
mod tests;
