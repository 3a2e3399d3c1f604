//! What the kernel says of pages: which are there, and how often it had to bring one.

use super::trouble::{During, Trouble};
use arena_core::region::page_size;
use nix::errno::Errno;
use nix::sys::resource::{UsageWho, getrusage};
use std::ptr;

/// How many pages are asked about in one call: the answer takes a byte for each.
const AT_ONCE: usize = 1 << 18;

/// Answers are looked at in rows, for in a large region nearly all of them are empty.
const ROW: usize = 4096;
static NONE: [u8; ROW] = [0; ROW];

/// Counts the bytes in memory, in whole OS pages, of a mapping that starts at a page (`mincore`).
///
/// # Errors
///
/// If a part of the range is not mapped.
pub fn resident(start: usize, len: usize) -> Result<usize, Trouble> {
    let page = page_size();
    let step = AT_ONCE * page;
    let mut answer = vec![0_u8; AT_ONCE.min(len.div_ceil(page))];
    let mut pages = 0;
    for from in (0..len).step_by(step) {
        let len = step.min(len - from);
        let answer = &mut answer[..len.div_ceil(page)];
        mincore(start + from, len, answer).during("mincore")?;
        let rows = answer.chunks(ROW);
        let touched = rows.filter(|row| **row != NONE[..row.len()]);
        pages += touched.flatten().filter(|&byte| byte & 1 == 1).count();
    }
    Ok(pages * page)
}

/// Says whether anything is mapped at an address.
///
/// # Errors
///
/// If the kernel does not say.
pub fn is_mapped(address: usize) -> Result<bool, Trouble> {
    let page = page_size();
    match mincore(address - address % page, page, &mut [0]) {
        Ok(()) => Ok(true),
        Err(Errno::ENOMEM) => Ok(false),
        Err(error) => Err(error).during("mincore"),
    }
}

/// How many page faults of this process the kernel served so far without reading a disk.
///
/// # Errors
///
/// If the kernel does not say.
pub fn minor_faults() -> Result<i64, Trouble> {
    let usage = getrusage(UsageWho::RUSAGE_SELF).during("getrusage")?;
    Ok(usage.minor_page_faults())
}

fn mincore(start: usize, len: usize, answer: &mut [u8]) -> nix::Result<()> {
    let pages = len.div_ceil(page_size());
    assert!(
        answer.len() >= pages,
        "{pages} pages, room for {}",
        answer.len()
    );
    let start = ptr::without_provenance_mut(start);
    // SAFETY: the kernel only looks up the range, whatever is there, and writes a byte per page, for which there is room.
    Errno::result(unsafe { libc::mincore(start, len, answer.as_mut_ptr()) }).map(drop)
}

#[cfg(test)]
mod tests;
