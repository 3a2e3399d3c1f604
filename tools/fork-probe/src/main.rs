//! What fork does to a mapping, measured: the command.

use std::process::ExitCode;

fn main() -> ExitCode {
    fork_probe::command::run(std::env::args_os().skip(1).collect())
}
