//! Running commands from the workspace's root, and finding or installing the tools they need.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What went wrong, for people.
pub(crate) type Outcome<T = ()> = Result<T, String>;

/// The workspace's root, wherever xtask was called from.
pub(crate) fn root() -> PathBuf {
    // Cargo says where it found this; started by itself, it is where it was started.
    let here = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let here = here
        .or_else(|| std::env::current_dir().ok())
        .unwrap_or_default();
    here.ancestors()
        .find(|dir| dir.join("Cargo.lock").is_file())
        .unwrap_or(Path::new("."))
        .to_path_buf()
}

/// A command, split at blanks, that runs in the root.
pub(crate) fn command(line: &str) -> Command {
    let mut words = line.split_whitespace();
    let mut command = Command::new(words.next().expect("a command has a name"));
    command.args(words).current_dir(root());
    command
}

/// Run a command and wait; its output goes where ours goes.
pub(crate) fn run(mut command: Command) -> Outcome {
    let line = display(&command);
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{line}` failed: {status}")),
        Err(error) => Err(format!("`{line}` did not start: {error}")),
    }
}

/// Run a command and return what it printed.
pub(crate) fn output(mut command: Command) -> Outcome<Output> {
    let line = display(&command);
    let output = command
        .output()
        .map_err(|error| format!("`{line}` did not start: {error}"))?;
    if output.status.success() {
        Ok(output)
    } else {
        let said = String::from_utf8_lossy(&output.stderr);
        Err(format!("`{line}` failed: {}\n{said}", output.status))
    }
}

/// The command as a person would type it.
pub(crate) fn display(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Make sure that a program of a Debian package is there: look, then install as root.
pub(crate) fn need(program: &str, package: &str) -> Outcome {
    if works(program) {
        return Ok(());
    }
    let install = format!("apt-get install --yes --no-install-recommends {package}");
    eprintln!("xtask: {program} is missing: {install}");
    let _ = run(command("apt-get update --quiet"));
    let installed = run(command(&install));
    if works(program) {
        Ok(())
    } else {
        Err(format!(
            "needs {program}: install the package {package} ({})",
            installed
                .err()
                .unwrap_or_else(|| "it installed, and yet does not run".to_owned())
        ))
    }
}

fn works(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
}
