//! Tests that crash, fork, or change their process run in one of their own: the test binary again,
//! with one test.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output, Stdio};

const MARK: &str = "OWN_THE_HEAP_TEST_CHILD";

/// How a child ends that got to its end: a status that nothing else gives.
const WELL: i32 = 86;

/// What became of a process.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
    pub(crate) said: String,
}

/// Run `body` in a process of its own, and return what became of it there.
///
/// In the child this does not return: the test that called it goes no further.
pub(crate) fn run<F: FnOnce()>(body: F) -> Ended {
    run_under(&[], body)
}

/// Run `body` as [`run`] does, in a process that a tool runs: its command line, without the program.
pub(crate) fn run_under<F: FnOnce()>(tool: &[&str], body: F) -> Ended {
    // `crate::module::test::{{closure}}`; the thread's name would do, did all tests have threads.
    let closure = std::any::type_name::<F>();
    let test = closure
        .split("::{{closure}}")
        .next()
        .and_then(|path| path.split_once("::"));
    let (_, test) = test.expect("called from a test, with a closure");
    if std::env::var_os(MARK).is_some() {
        body();
        std::process::exit(WELL);
    }
    let program = std::env::current_exe().unwrap().into_os_string();
    let mut line = tool.iter().map(OsString::from).chain([program]);
    let child = Command::new(line.next().expect("the program is always there"))
        .args(line)
        .args([test, "--exact", "--nocapture"])
        .env(MARK, "1")
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .output();
    let Output {
        status,
        stdout,
        stderr,
    } = child.unwrap();
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&stdout),
        String::from_utf8_lossy(&stderr)
    );
    Ended {
        code: status.code(),
        signal: status.signal(),
        said,
    }
}

impl Ended {
    /// Panic, with what it said, unless the process came to its end.
    #[track_caller]
    pub(crate) fn well(&self) {
        assert!(
            self.code == Some(WELL),
            "ended with {:?}, signal {:?}:\n{}",
            self.code,
            self.signal,
            self.said
        );
    }

    /// Panic, with what it said, unless the process was killed by `signal`.
    #[track_caller]
    pub(crate) fn by_signal(&self, signal: nix::sys::signal::Signal) {
        assert_eq!(
            self.signal,
            Some(signal as i32),
            "ended with {:?}:\n{}",
            self.code,
            self.said
        );
    }
}
