//! A process for one test, and what is left of its children afterwards.

use std::os::unix::process::CommandExt;
use std::process::{Command, Output, Stdio};

/// Set in the process that is to run the body.
pub(crate) const MARK: &str = "FORK_PROBE_TEST_CHILD";

/// How a body ends that got to its end: a status that nothing else gives.
const WELL: i32 = 86;

/// Run `body` in a process of its own, and see that it came to its end and left no child behind.
///
/// In that process this does not return.
pub(crate) fn run<F: FnOnce()>(body: F) {
    run_as(None, body);
}

/// As [`run`], as another user from the start of the process.
pub(crate) fn run_as<F: FnOnce()>(user: Option<u32>, body: F) {
    if std::env::var_os(MARK).is_some() {
        // SAFETY: a number is asked to be remembered by the kernel.
        unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1) };
        body();
        assert_eq!(children(), 0, "a child was left behind");
        std::process::exit(WELL);
    }
    let path = std::any::type_name::<F>();
    let test = path
        .split("::{{closure}}")
        .next()
        .and_then(|path| path.split_once("::"));
    let (_, test) = test.expect("called from a test, with a closure");
    // Not by its path, which another user may not be allowed to walk.
    let mut command = Command::new("/proc/self/exe");
    command
        .args([test, "--exact", "--nocapture"])
        .env(MARK, "1")
        .stdin(Stdio::null());
    if let Some(user) = user {
        command.uid(user).gid(user).current_dir("/");
    }
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    assert!(
        status.code() == Some(WELL),
        "ended with {status}:\n{}{}",
        String::from_utf8_lossy(&stdout),
        String::from_utf8_lossy(&stderr)
    );
}

/// Count the children of this process that are not reaped, zombies among them. (As a subreaper it would
/// have inherited the orphans too.)
fn children() -> usize {
    let mut status = 0;
    // SAFETY: the pointer is to an integer; nothing is waited for.
    match unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) } {
        -1 => 0,
        _ => 1,
    }
}

/// Tell whether this process may do what root may.
pub(crate) fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}
