//! Lines for people.

use crate::symbols::Named;
use crate::trace::CallSeen;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

/// The most frames that a short stack has.
const SHORT: usize = 4;

/// `xmalloc:12 < parse < main`.
pub(crate) fn short(stack: &[Named]) -> String {
    join(&stack[..stack.len().min(SHORT)])
}

/// All of a stack.
pub(crate) fn join(stack: &[Named]) -> String {
    if stack.is_empty() {
        return "?".to_owned();
    }
    let names: Vec<_> = stack.iter().map(Named::to_string).collect();
    names.join(" < ")
}

/// `malloc #5 called (size=24)`, and what became of it.
pub(crate) fn call_lines(call: &CallSeen, count: u64) -> String {
    let (name, number, size) = (call.kind.name(), call.number, call.size);
    let called = format!("{name} #{number} called (size={size})");
    match call.failure {
        0 => called,
        failure if count == u64::MAX => {
            format!("{called}\nfailing {name} #{number} (consecutive failure {failure})")
        }
        failure => {
            format!("{called}\nfailing {name} #{number} (consecutive failure {failure}/{count})")
        }
    }
}

/// How a program ended.
pub(crate) fn ending(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => signal_name(signal),
        (None, None) => status.to_string(),
    }
}

/// A signal by its name.
pub(crate) fn signal_name(signal: i32) -> String {
    match signal {
        libc::SIGABRT => "SIGABRT".to_owned(),
        libc::SIGBUS => "SIGBUS".to_owned(),
        libc::SIGFPE => "SIGFPE".to_owned(),
        libc::SIGILL => "SIGILL".to_owned(),
        libc::SIGKILL => "SIGKILL".to_owned(),
        libc::SIGSEGV => "SIGSEGV".to_owned(),
        libc::SIGSYS => "SIGSYS".to_owned(),
        libc::SIGTERM => "SIGTERM".to_owned(),
        libc::SIGTRAP => "SIGTRAP".to_owned(),
        other => format!("signal {other}"),
    }
}
