//! What fork does to a mapping, measured: the command.

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    fork_probe::command::run(std::env::args_os().skip(1).collect())
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    eprintln!("fork-probe needs Linux");
    ExitCode::FAILURE
}
