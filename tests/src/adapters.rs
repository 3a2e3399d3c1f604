//! Ready-made subjects: for any `GlobalAlloc`, and for any `Allocator` of allocator-api2.

#[cfg(any(feature = "allocator-api2-02", feature = "allocator-api2-04"))]
mod via_allocator;
mod via_global_alloc;

pub use via_global_alloc::ViaGlobalAlloc;

/// For allocator-api2 0.2, the version that hashbrown and bumpalo implement.
#[cfg(feature = "allocator-api2-02")]
pub mod v02 {
    crate::adapters::via_allocator::define_via_allocator!(allocator_api2_02, "v02");
}

/// For allocator-api2 0.4.
#[cfg(feature = "allocator-api2-04")]
pub mod v04 {
    crate::adapters::via_allocator::define_via_allocator!(allocator_api2_04, "v04");
}

#[cfg(feature = "allocator-api2-02")]
pub use v02::ViaAllocator;
