//! The calls that arenas and scopes have in common.
//!
//! They differ in one thing: what an arena hands out lives as long as the borrow of the arena, what
//! a scope hands out lives as long as the scope, so that it survives a scope within. A method
//! cannot be generic over that, hence macros; the code behind each call is in `fill.rs`,
//! `blocks.rs` and `arena/raw.rs`.

mod allocation;
mod position;

pub(crate) use allocation::allocation_methods;
pub(crate) use position::position_methods;
