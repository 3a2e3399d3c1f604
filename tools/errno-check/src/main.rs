//! The command; see the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    errno_check::cli::main(std::env::args_os().skip(1).collect())
}
