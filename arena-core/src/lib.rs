#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(feature = "nightly", feature(allocator_api))]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(all(feature = "std", not(target_os = "linux")))]
compile_error!(
    "regions (feature \"std\") need Linux; elsewhere, use arena-core with default-features = false: \
     arenas in buffers, Arena::in_buffer, work everywhere"
);

#[cfg(feature = "_allocator")]
mod allocator;
mod arena;
mod blocks;
mod boxed;
#[forbid(unsafe_code)]
pub mod bump;
#[cfg(feature = "collections")]
mod collections;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64", miri))]
mod dump;
mod error;
mod fill;
mod finaliser;
#[cfg(feature = "std")]
mod frozen;
mod methods;
#[cfg(feature = "std")]
pub mod policy;
#[cfg(feature = "std")]
pub mod pool;
#[cfg(feature = "_allocator")]
mod reference;
#[cfg(feature = "std")]
pub mod region;
mod scope;
#[cfg(feature = "std")]
mod sync;
#[cfg(feature = "std")]
mod tool;
mod watch;

pub use arena::{Arena, Buffer, Mapped, Stats};
pub use boxed::ArenaBox;
#[cfg(feature = "collections")]
pub use collections::{ArenaString, ArenaVec};
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64", miri))]
pub use dump::Dump;
pub use error::{AllocError, Backing, Cause, Operation, RegionError};
#[cfg(feature = "std")]
pub use frozen::{FreezeError, FrozenArena, ReadOnly, Root};
#[cfg(feature = "std")]
pub use policy::{BuildError, BuildInError, Policy};
#[cfg(feature = "_allocator")]
pub use reference::ArenaRef;
#[cfg(feature = "std")]
pub use region::Region;
pub use scope::{Checkpoint, Scope, ScopeGuard};
#[cfg(feature = "std")]
pub use sync::{LocalArena, SyncArena};
