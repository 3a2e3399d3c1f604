//! The roots that a process has without being told: globals and stacks.

use std::ffi::{c_int, c_void};
use std::fs;

use crate::thread;

/// Bytes that are more than the C library knows of a thread.
const PAGE: usize = 4096;

/// The ranges to search: writable parts of the program and its libraries, and stacks from their
/// innermost frame on; this thread's is the one that `here` lies in.
pub(super) fn ranges(here: usize) -> Vec<(usize, usize)> {
    // The path of a file need not be UTF-8.
    let maps = fs::read("/proc/self/maps").unwrap_or_default();
    let maps = String::from_utf8_lossy(&maps);
    let rows: Vec<Row> = maps.lines().filter_map(row).collect();
    let mut stacks = thread::stacks();
    stacks.push(here);
    let mut ranges = Vec::new();
    let mut behind_a_file = 0;
    for row in rows.iter().filter(|row| row.writable) {
        let deepest = stacks
            .iter()
            .filter(|&&at| (row.start..row.end).contains(&at))
            .min();
        let own = (row.start..row.end).contains(&here);
        match deepest {
            // Below the innermost frame there is nothing but the remains of frames that have returned.
            Some(_) if own => ranges.push((here, row.end - here)),
            Some(_) => ranges.push((row.start, row.end - row.start)),
            // Data of the program or of a library, and the .bss that the kernel maps behind it.
            None if row.is_file || row.start == behind_a_file => {
                ranges.push((row.start, row.end - row.start));
            }
            None => {}
        }
        if row.is_file {
            behind_a_file = row.end;
        }
    }
    ranges.extend(locals());
    ranges
}

/// The thread-local variables of this thread and of the main one, whose stack does not hold them. (Those
/// of other threads lie in the mappings of their stacks.)
fn locals() -> Vec<(usize, usize)> {
    unsafe extern "C" fn module(info: *mut libc::dl_phdr_info, _: usize, to: *mut c_void) -> c_int {
        // SAFETY: the loader passes a valid entry.
        let info = unsafe { &*info };
        // SAFETY: it has so many headers.
        let headers =
            unsafe { std::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum)) };
        let len = headers.iter().find(|header| header.p_type == libc::PT_TLS);
        if let (false, Some(header)) = (info.dlpi_tls_data.is_null(), len) {
            // SAFETY: `to` is what was given below.
            let ranges = unsafe { &mut *to.cast::<Vec<(usize, usize)>>() };
            ranges.push((info.dlpi_tls_data.addr(), header.p_memsz as usize));
        }
        0
    }
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    // SAFETY: the function adds to the list, and keeps nothing.
    unsafe { libc::dl_iterate_phdr(Some(module), (&raw mut ranges).cast()) };
    // What the C library knows of a thread lies there: in it, the values of its `pthread_key_t`s.
    // SAFETY: asks for this thread's handle.
    ranges.push((unsafe { libc::pthread_self() } as usize, PAGE));
    let (own, main) = thread::own_and_main();
    if let Some(main) = main.filter(|&main| main != own) {
        for index in 0..ranges.len() {
            let (start, len) = ranges[index];
            ranges.push((start.wrapping_sub(own).wrapping_add(main), len));
        }
    }
    ranges
}

/// The registers in which a caller may keep a pointer across a call.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) fn registers() -> [usize; 6] {
    let mut saved = [0; 6];
    // SAFETY: stores registers to the array.
    unsafe {
        std::arch::asm!(
            "mov [{to}], rbx", "mov [{to} + 8], rbp", "mov [{to} + 16], r12",
            "mov [{to} + 24], r13", "mov [{to} + 32], r14", "mov [{to} + 40], r15",
            to = in(reg) saved.as_mut_ptr(),
            options(nostack, preserves_flags),
        );
    }
    saved
}

/// The registers in which a caller may keep a pointer across a call.
#[cfg(target_arch = "aarch64")]
#[inline(always)]
pub(super) fn registers() -> [usize; 10] {
    let mut saved = [0; 10];
    // SAFETY: stores registers to the array.
    unsafe {
        std::arch::asm!(
            "stp x19, x20, [{to}]", "stp x21, x22, [{to}, 16]", "stp x23, x24, [{to}, 32]",
            "stp x25, x26, [{to}, 48]", "stp x27, x28, [{to}, 64]",
            to = in(reg) saved.as_mut_ptr(),
            options(nostack, preserves_flags),
        );
    }
    saved
}

/// The registers in which a caller may keep a pointer across a call: not known here.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(super) fn registers() -> [usize; 0] {
    []
}

struct Row {
    start: usize,
    end: usize,
    writable: bool,
    is_file: bool,
}

/// One row of the kernel's list: `start-end perms offset device inode name`.
fn row(line: &str) -> Option<Row> {
    let mut columns = line.split_ascii_whitespace();
    let (start, end) = columns.next()?.split_once('-')?;
    let permissions = columns.next()?;
    let name = columns.nth(3).unwrap_or_default();
    Some(Row {
        start: usize::from_str_radix(start, 16).ok()?,
        end: usize::from_str_radix(end, 16).ok()?,
        writable: permissions.starts_with("rw") && permissions.ends_with('p'),
        is_file: name.starts_with('/'),
    })
}
