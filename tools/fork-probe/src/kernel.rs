//! What the kernel tells of pages, from the sources that this process is allowed to read.

pub mod faults;
pub mod pagemap;
pub mod scan;
pub mod smaps;

use std::io;

use nix::unistd::Pid;

use crate::error::ProbeError;

/// Ask for the size of a huge page, in bytes; 2 MiB where the kernel does not say.
#[must_use]
pub fn huge_page_size() -> usize {
    let path = "/sys/kernel/mm/transparent_hugepage/hpage_pmd_size";
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.trim().parse().unwrap_or(2 << 20)
}

/// The largest huge page that is worth trying with.
const HUGE_MOST: usize = 32 << 20;

/// Ask for the size of a huge page, and refuse one that would fill the machine: with OS pages of 64 KiB
/// it is 512 MiB.
pub(crate) fn moderate_huge_page() -> Result<usize, ProbeError> {
    match huge_page_size() {
        size if size <= HUGE_MOST => Ok(size),
        size => Err(ProbeError::Unseen {
            why: format!("huge pages, which are of {} MiB here", size >> 20),
        }),
    }
}

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
