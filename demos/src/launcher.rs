//! The launcher: one door to all demos.

use crate::registry::{self, DEMOS, Unknown};
use crate::stage::out::{self, Out};
use crate::stage::{Demo, Options, Symbol, child};
use crate::tools;
use crate::tour;
use clap::{CommandFactory, FromArgMatches, Parser};
use std::env;
use std::process::{Command, ExitCode};

/// The exit status for a command line that cannot be followed, the same as clap's.
const USAGE: u8 = 2;

/// Own the Heap: numbered demos that show where memory comes from, who owns it and when it dies.
#[derive(Parser, Debug)]
#[command(name = "own-the-heap", version)]
struct Arguments {
    /// A demo (`09a`, or the name of its binary), `list`, or `all`; nothing opens the tour
    what: Option<String>,

    #[command(flatten)]
    options: Options,
}

/// The command line of a numbered binary.
#[derive(Parser, Debug)]
#[command(version)]
struct NumberedArguments {
    #[command(flatten)]
    options: Options,
}

/// Runs a numbered binary.
///
/// # Panics
///
/// If the registry has no demo with this number.
#[must_use]
pub fn main_of(number: &str) -> ExitCode {
    if let Some(code) = run_as_child() {
        return code;
    }
    let found = registry::find(number);
    let demo = found.unwrap_or_else(|_| panic!("demo {number} is missing from the registry"));
    let about = format!("Demo {}: {}", demo.number, demo.title);
    let command = NumberedArguments::command().name(demo.binary).about(about);
    let matches = command.get_matches();
    let arguments =
        NumberedArguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    (demo.run)(&arguments.options)
}

/// Runs the launcher.
#[must_use]
pub fn launch() -> ExitCode {
    if let Some(code) = run_as_child() {
        return code;
    }
    if let Some(code) = run_tool() {
        return code;
    }
    let legend = format!("{}\n\n{}", tools::help(), Symbol::LEGEND);
    let matches = Arguments::command().after_help(legend).get_matches();
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let options = arguments.options;
    let what = arguments.what.as_deref();
    if options.wants_pictures() && matches!(what, None | Some("all" | "list")) {
        out::note("❌ --html and --svg draw one demo: name it, as in `09a --html FILE`");
        return ExitCode::from(USAGE);
    }
    match what {
        None => tour::open(&options),
        Some("all") => tour::run_all(&options, &mut Out::default()),
        Some("list") => tour::list(&options),
        Some(name) => match registry::find(name) {
            Ok(demo) => (demo.run)(&options),
            Err(unknown) => refuse(name, &unknown),
        },
    }
}

/// Runs a demo in a process of its own, so that it finds the fresh heap that its binary would find.
pub(crate) fn run_in_own_process(demo: &Demo, options: &Options) -> Result<bool, String> {
    let mut command = Command::new(child::this_program());
    command.arg(demo.number).args(options.as_args());
    match command.arg("--in-tour").status() {
        Ok(status) => Ok(status.success()),
        Err(error) => Err(format!("demo {} cannot be started: {error}", demo.number)),
    }
}

/// Runs the tool that the first argument names, with the arguments after it.
fn run_tool() -> Option<ExitCode> {
    let mut arguments = env::args_os().skip(1);
    let tool = tools::find(arguments.next()?.to_str()?)?;
    Some((tool.run)(arguments.collect()))
}

fn refuse(name: &str, unknown: &Unknown) -> ExitCode {
    out::note(&format!("❌ no demo or command {name:?}; {unknown}"));
    let numbers = registry::numbers().collect::<Vec<_>>().join(" ");
    out::note(&format!(
        "   demos: {numbers}; commands: list, all; --help says more"
    ));
    ExitCode::from(USAGE)
}

/// Does the part of a demo that needs a process of its own, if this process was started for that.
fn run_as_child() -> Option<ExitCode> {
    let number = child::role()?;
    let demo = DEMOS.iter().find(|demo| demo.number == number);
    match demo.and_then(|demo| demo.child) {
        Some(run) => Some(run()),
        None => {
            out::note(&format!(
                "❌ demo {number:?} has no part that runs as a child"
            ));
            Some(ExitCode::from(USAGE))
        }
    }
}
