//! The hazards, told.

use std::fmt::Write;

use super::curves::time;
use crate::command::json::kernel_version;
use crate::hazards::{
    Amplification, BothBump, Cleanup, Copies, Hazards, HeldLock, InChild, Noticed, Sharing,
};

/// Each hazard with its cure below it.
pub(in crate::command) fn hazards(hazards: &Hazards) -> String {
    let mut text = format!(
        "what goes wrong around a fork, on Linux {}\n",
        kernel_version()
    );
    text.push_str("\nboth sides allocate 64 bytes from the inherited arena\n");
    for both in &hazards.both_bump {
        bump(&mut text, both);
    }
    if let Some(lock) = &hazards.held_lock {
        held_lock(&mut text, lock);
    }
    text.push_str("\na value in the arena unlinks a file of the parent's when it is dropped\n");
    for child in &hazards.destructors {
        destructor(&mut text, *child);
    }
    if let Some(seen) = &hazards.amplification {
        amplification(&mut text, seen);
    }
    text.push_str("\na generation number notices the child\n");
    for noticed in &hazards.noticed {
        generation(&mut text, noticed);
    }
    if !hazards.unseen.is_empty() {
        text.push_str("\npartial: not shown here\n");
    }
    for why in &hazards.unseen {
        let _ = writeln!(text, "  {why}");
    }
    text
}

fn held_lock(text: &mut String, lock: &HeldLock) {
    let served = |served| if served { "gets a block" } else { "gets none" };
    let _ = writeln!(
        text,
        "\na thread of the parent is at work in an arena at the fork\n  \
         behind a mutex: the child {} in {} of trying; the parent {} as soon as the thread lets go\n  \
         without locks:  the child {}",
        served(lock.mutex_served_child),
        time(lock.limit_ns),
        served(lock.mutex_served_parent),
        served(lock.lock_free_served_child),
    );
}

fn bump(text: &mut String, both: &BothBump) {
    let what = match both.sharing {
        Sharing::Nothing => "private memory:",
        Sharing::Memory => "shared memory, an offset each:",
        Sharing::MemoryAndOffset => "shared memory, offset in it:",
    };
    let outcome = if both.child_bytes_lost {
        "the parent's bytes took the place of the child's"
    } else {
        "each keeps its bytes"
    };
    let _ = writeln!(
        text,
        "  {what:<31} parent base+{}, child base+{}: {outcome}",
        both.parent_offset, both.child_offset
    );
}

fn destructor(text: &mut String, child: InChild) {
    let what = match child.cleanup {
        Cleanup::DropsCopy => "the child drops its copy:",
        Cleanup::DropsWiped => "it drops one wiped at the fork:",
        Cleanup::DropsAbsent => "it drops one it was not given:",
        Cleanup::Exits => "it leaves by _exit:",
    };
    let outcome = if child.file_survived {
        "the file is there"
    } else {
        "the file is gone"
    };
    let _ = writeln!(text, "  {what:<31} {outcome}");
}

fn amplification(text: &mut String, seen: &Amplification) {
    let _ = writeln!(
        text,
        "\nthe child writes single bytes into {} MiB that it inherited\n  \
         {:<31} {:>7} {:>7}  {:>12}  {:>9}  huge pages left",
        seen.os_pages.inherited >> 20,
        "",
        "bytes",
        "faults",
        "copied",
        "time",
    );
    copies(text, "one in each OS page:", &seen.os_pages, seen.huge_page);
    copies(
        text,
        "the same, in huge pages:",
        &seen.huge_pages,
        seen.huge_page,
    );
    copies(
        text,
        "one in each huge page:",
        &seen.huge_pages_once,
        seen.huge_page,
    );
    let _ = match seen.copied_per_huge_page {
        Some(bytes) if bytes < seen.huge_page => writeln!(
            text,
            "  a byte in a huge page copies {bytes} bytes here, not the whole: it is split, and no longer huge"
        ),
        Some(bytes) => writeln!(
            text,
            "  a byte in a huge page copies {bytes} bytes here: the whole of it"
        ),
        None => writeln!(
            text,
            "  this machine gave no huge pages, or no smaps to see them by"
        ),
    };
}

fn copies(text: &mut String, what: &str, copies: &Copies, huge_page: usize) {
    let copied = copies
        .copied
        .map_or("?".to_owned(), |bytes| bytes.to_string());
    let _ = writeln!(
        text,
        "  {what:<31} {:>7} {:>7}  {copied:>12}  {:>9}  {} of {}",
        copies.written,
        copies.faults,
        time(copies.nanoseconds),
        copies.huge_after / huge_page,
        copies.huge_before / huge_page,
    );
}

fn generation(text: &mut String, noticed: &Noticed) {
    let what = match (
        noticed.mechanisms.wiped_page,
        noticed.mechanisms.fork_handler,
    ) {
        (true, true) => "by both:",
        (true, false) => "by a page wiped at the fork:",
        _ => "by the C library's handler:",
    };
    let said = |noticed| if noticed { "noticed" } else { "not noticed" };
    let _ = writeln!(
        text,
        "  {what:<31} fork {}, a clone of the program's own {}",
        said(noticed.by_fork),
        said(noticed.by_clone)
    );
}
