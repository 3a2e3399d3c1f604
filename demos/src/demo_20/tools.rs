//! The tools that this machine has, and the twin of the story in C that they run.

use crate::stage::{During, Trouble};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The twin's source, which is in the program: it is compiled where the program runs.
const TWIN: &str = include_str!("twin.c");

/// A tool, and how the twin is built for it and run under it.
pub(super) struct Tool {
    pub(super) name: &'static str,
    /// For the compiler.
    flags: &'static [&'static str],
    /// The tool's command line, before the program's.
    under: &'static [&'static str],
    /// What it says of the write.
    report: &'static str,
    /// What is to be installed where it is missing.
    package: &'static str,
}

/// AddressSanitizer is compiled in; valgrind interprets any program.
pub(super) const TOOLS: [Tool; 2] = [
    Tool {
        name: "AddressSanitizer",
        flags: &["-fsanitize=address"],
        under: &[],
        report: "AddressSanitizer: use-after-poison",
        package: "gcc",
    },
    Tool {
        name: "valgrind",
        flags: &[],
        under: &["valgrind", "--quiet", "--error-exitcode=9"],
        report: "Invalid write of size 1",
        package: "valgrind",
    },
];

/// What a tool says of the one byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It reports the write, at the instruction.
    Reported,
    /// It says nothing.
    Blind,
    /// It is not installed, or does not work here.
    Missing,
}

impl Verdict {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Reported => "reported",
            Self::Blind => "blind",
            Self::Missing => "missing",
        }
    }
}

impl Tool {
    /// Builds the twin and runs it untold and told.
    pub(super) fn ask(&self) -> Result<[Verdict; 2], Trouble> {
        let folder = Folder::make()?;
        let Some(twin) = self.build(&folder.0)? else {
            return Ok([Verdict::Missing; 2]);
        };
        Ok(["untold", "told"].map(|act| self.verdict(&twin, act)))
    }

    /// What is missing, and what to do about it.
    pub(super) fn missing(&self) -> String {
        format!(
            "not here: apt-get install {} and a C compiler",
            self.package
        )
    }

    fn build(&self, folder: &Path) -> Result<Option<PathBuf>, Trouble> {
        let (source, twin) = (folder.join("twin.c"), folder.join("twin"));
        fs::write(&source, TWIN).during("writing the twin's source")?;
        let mut cc = Command::new("cc");
        cc.args(["-g", "-O0", "-o"])
            .arg(&twin)
            .arg(&source)
            .args(self.flags);
        let built = quiet(&mut cc).is_some_and(|output| output.status.success());
        Ok(built.then_some(twin))
    }

    fn verdict(&self, twin: &Path, act: &str) -> Verdict {
        let mut words = self
            .under
            .iter()
            .map(|word| (*word).into())
            .chain([twin.as_os_str().to_owned()]);
        let Some(program) = words.next() else {
            return Verdict::Missing;
        };
        let mut run = Command::new(program);
        run.args(words).arg(act);
        let Some(output) = quiet(&mut run) else {
            return Verdict::Missing;
        };
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        match (said.contains(self.report), output.status.success()) {
            (true, false) => Verdict::Reported,
            (false, true) => Verdict::Blind,
            _ => Verdict::Missing,
        }
    }
}

fn quiet(command: &mut Command) -> Option<Output> {
    command.stdin(Stdio::null()).output().ok()
}

/// A folder of this process, which goes with the value.
struct Folder(PathBuf);

impl Folder {
    fn make() -> Result<Self, Trouble> {
        let path = std::env::temp_dir().join(format!("own-the-heap-20-{}", std::process::id()));
        fs::create_dir_all(&path).during("making a folder for the twin")?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What stays behind is a file in a temporary folder.
        let _ = fs::remove_dir_all(&self.0);
    }
}
