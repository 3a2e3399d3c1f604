//! The tools behind the launcher's door: `cargo run -- NAME ARGUMENTS` runs one as its own command would.

use std::ffi::OsString;
use std::process::ExitCode;

/// A tool that the launcher reaches by a name of its own.
pub struct Tool {
    /// What is typed: `cargo run -- NAME`.
    pub name: &'static str,
    /// What it does, for the launcher's help.
    pub about: &'static str,
    /// Runs it with the arguments that follow its name.
    pub run: fn(Vec<OsString>) -> ExitCode,
}

/// All tools, one entry each, in the order of their names.
pub const TOOLS: &[Tool] = &[
    Tool {
        name: "errno",
        about: "what a compiler may do around a malloc that fails",
        run: errno_check::cli::main,
    },
    Tool {
        name: "probe",
        about: "what fork does to every kind of mapping, measured here",
        run: fork_probe::command::run,
    },
    Tool {
        name: "sweep",
        about: "fails every allocation of a program in turn, and judges it",
        run: malloc_fault::command::sweep,
    },
    Tool {
        name: "view",
        about: "draws a recorded heap, hands it to other viewers, replays it",
        run: heap_view::command::run,
    },
];

/// Finds the tool with this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Tool> {
    TOOLS.iter().find(|tool| tool.name == name)
}

/// The tools as a part of the launcher's help.
#[must_use]
pub fn help() -> String {
    let lines = TOOLS
        .iter()
        .map(|tool| format!("\n  {:<8} {}", tool.name, tool.about));
    format!(
        "Tools, each with a --help of its own:{}",
        lines.collect::<String>()
    )
}
