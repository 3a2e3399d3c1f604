//! The command: `trace`, `run`, `sweep`.

mod arguments;
mod by_name;
mod run;
pub(crate) mod show;
mod sweep;
pub(crate) mod trace;

use crate::error::Error;
use arguments::{Arguments, What};
use clap::Parser as _;
use std::ffi::OsString;
use std::io::{self, ErrorKind, Write as _};
use std::process::ExitCode;

/// Exit status for what was refused.
const REFUSED: u8 = 2;

/// Runs the command with these arguments, of which the first is its own name.
#[must_use]
pub fn main(arguments: Vec<OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are written as errors too, with status 0.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(REFUSED));
        }
    };
    let result = match arguments.what {
        What::Trace(trace) => trace::run(&trace),
        What::Run(run) => run::run(&run),
        What::Sweep(sweep) => sweep::run(&sweep),
    };
    result.unwrap_or_else(|error| refuse(&error))
}

/// Runs `malloc-fault sweep` with these arguments, for the launcher's door of that name.
#[must_use]
pub fn sweep(arguments: Vec<OsString>) -> ExitCode {
    let own = ["malloc-fault", "sweep"].map(OsString::from);
    main(own.into_iter().chain(arguments).collect())
}

/// Writes to standard output; whoever closed the pipe has read enough.
fn print(text: &str) -> Result<(), Error> {
    let mut out = io::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Error::io("printing the report")(error))
        }
        _ => Ok(()),
    }
}

fn refuse(error: &Error) -> ExitCode {
    eprintln!("malloc-fault: {error}");
    ExitCode::from(REFUSED)
}
