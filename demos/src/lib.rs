//! The numbered demos of Own the Heap, and the launcher that leads through them.
//!
//! One file per demo (`demo_08` …), what they share in [`stage`], their order in [`registry`]. A binary is a caller of
//! [`main_of`] or [`launch`] and nothing else, so a demo is the same story however it is started.

use std::process::ExitCode;

#[cfg(target_os = "linux")]
pub mod by_hand;
#[cfg(target_os = "linux")]
pub mod demo_08;
#[cfg(target_os = "linux")]
pub mod demo_09a;
#[cfg(target_os = "linux")]
pub mod demo_09b;
#[cfg(target_os = "linux")]
pub mod demo_09c;
#[cfg(target_os = "linux")]
pub mod demo_10;
#[cfg(target_os = "linux")]
pub mod demo_11;
#[cfg(target_os = "linux")]
pub mod demo_12;
#[cfg(target_os = "linux")]
pub mod demo_13;
#[cfg(target_os = "linux")]
pub mod demo_14;
#[cfg(target_os = "linux")]
pub mod demo_15;
#[cfg(target_os = "linux")]
pub mod demo_16;
#[cfg(target_os = "linux")]
pub mod demo_17;
#[cfg(target_os = "linux")]
pub mod demo_18;
#[cfg(target_os = "linux")]
pub mod demo_19;
#[cfg(target_os = "linux")]
pub mod demo_20;
#[cfg(target_os = "linux")]
pub mod demo_21;
#[cfg(target_os = "linux")]
pub mod demo_22;
#[cfg(target_os = "linux")]
pub mod demo_23;
#[cfg(target_os = "linux")]
pub mod demo_24;
#[cfg(target_os = "linux")]
pub mod demo_25;
#[cfg(target_os = "linux")]
pub mod demo_26;
#[cfg(target_os = "linux")]
pub mod demo_27;
#[cfg(target_os = "linux")]
pub mod launcher;
#[cfg(target_os = "linux")]
pub mod registry;
#[cfg(target_os = "linux")]
pub mod stage;
#[cfg(target_os = "linux")]
mod tagged;
#[cfg(target_os = "linux")]
pub mod tools;
#[cfg(target_os = "linux")]
pub mod tour;

/// Runs the demo with this number: what a numbered binary calls.
///
/// # Panics
///
/// If the registry has no demo with this number.
#[cfg(target_os = "linux")]
#[must_use]
pub fn main_of(number: &str) -> ExitCode {
    launcher::main_of(number)
}

/// Runs the launcher: the tour, the list, or one demo, as the arguments say.
#[cfg(target_os = "linux")]
#[must_use]
pub fn launch() -> ExitCode {
    launcher::launch()
}

/// Says that the demos need Linux.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn main_of(number: &str) -> ExitCode {
    eprintln!("demo {number} needs Linux: it calls mmap, fork and memfd_create as Linux has them");
    ExitCode::FAILURE
}

/// Says that the demos need Linux.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn launch() -> ExitCode {
    eprintln!("the demos need Linux: they call mmap, fork and memfd_create as Linux has them");
    ExitCode::FAILURE
}
