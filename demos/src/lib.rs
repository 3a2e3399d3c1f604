//! The numbered demos.
pub mod demo_09a;
