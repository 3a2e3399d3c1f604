//! What the kernel tells of pages, from the sources that this process is allowed to read.

pub mod faults;
pub mod pagemap;
pub mod scan;
pub mod smaps;

use std::io;

use nix::unistd::Pid;

/// The file of a process under `/proc`; of this process, if none is named.
fn proc_path(pid: Option<Pid>, file: &str) -> String {
    match pid {
        Some(pid) => format!("/proc/{pid}/{file}"),
        None => format!("/proc/self/{file}"),
    }
}

/// Say why a source is not to be had.
pub(crate) fn refusal(source: &str, error: &io::Error) -> String {
    if std::fs::metadata("/proc/self").is_err() {
        return format!("{source}: no /proc is mounted here");
    }
    format!("{source}: {error}")
}
