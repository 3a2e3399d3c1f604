//! What the children of demo 12 do. Each is a process with one thread, and most of them are to crash.

use super::{BLOCK, CAPACITY, DEMO, handler};
use crate::by_hand::{HandArena, Sharing, full};
use crate::demo_09a::TEXTS;
use crate::stage::bytes::c_string;
use crate::stage::load::{load, store};
use crate::stage::{During, Trouble, child};
use nix::sys::resource::{Resource, setrlimit};
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};
use serde_json::json;
use std::process::ExitCode;
use std::ptr;

/// Does the part that this child was started for.
pub(super) fn run() -> ExitCode {
    // A crash on purpose leaves no core file behind. Refused, it would only cost a file.
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    let done = match child::act().as_deref() {
        Some("read") => read_after_unmap(None),
        Some("handled") => read_after_unmap(Some(CAPACITY)),
        Some("elsewhere") => fault_elsewhere(),
        Some("stranger") => meet_a_stranger(),
        act => Err(Trouble::new(format!("no part {act:?}"))),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            eprintln!("❌ the child of demo {}: {trouble}", DEMO.number);
            ExitCode::FAILURE
        }
    }
}

// stamp: read
/// The child: two blocks, the region goes back, and the address of the second block is kept.
fn unmapped() -> Result<(usize, usize), Trouble> {
    let mut arena = HandArena::map(CAPACITY, Sharing::Private)?;
    let mut kept = 0;
    for text in &TEXTS[..2] {
        kept = arena.alloc(BLOCK).ok_or_else(full)?;
        arena.write(kept, text.as_bytes());
    }
    let base = arena.at(0).base;
    drop(arena); // munmap
    Ok((base, kept))
}

/// Reads one byte where the arena was.
fn read_after_unmap(known_to_handler: Option<usize>) -> Result<(), Trouble> {
    let (base, kept) = unmapped()?;
    if let Some(len) = known_to_handler {
        handler::install(base, len)?;
    }
    println!("{}", json!({ "base": base, "kept": kept }));
    // SAFETY: this process has one thread, and the fault is what is wanted.
    let byte = unsafe { load(base + kept) };
    println!("read {byte}");
    Ok(())
}
// /stamp: read

/// Reads one byte of a page that nobody may read and that is no arena's.
fn fault_elsewhere() -> Result<(), Trouble> {
    let (at_will, none) = (ptr::null_mut(), ProtFlags::empty());
    // SAFETY: a new mapping at an address of the kernel's choice touches nothing of ours.
    let other = unsafe { mmap_anonymous(at_will, CAPACITY, none, MapFlags::PRIVATE) };
    let other = other.during("mmap")?.addr();
    let (base, _) = unmapped()?;
    handler::install(base, CAPACITY)?;
    println!("{}", json!({ "base": other, "kept": 0 }));
    // SAFETY: as in `read_after_unmap`.
    let byte = unsafe { load(other) };
    println!("read {byte}");
    Ok(())
}

// stamp: stranger
/// Maps something else where the arena was, and goes on using the old address.
fn meet_a_stranger() -> Result<(), Trouble> {
    let (base, kept) = unmapped()?;
    let wanted = ptr::without_provenance_mut(base);
    let access = ProtFlags::READ | ProtFlags::WRITE;
    let flags = MapFlags::PRIVATE | MapFlags::FIXED_NOREPLACE;
    // SAFETY: replaces nothing: the kernel refuses, or maps where nothing is.
    let mapping = unsafe { mmap_anonymous(wanted, CAPACITY, access, flags) };
    let mapping = mapping.during("mmap at the old address")?;
    if mapping.addr() != base {
        return Err(Trouble::new("the kernel took the address as a mere wish"));
    }

    let old = base + kept;
    // SAFETY: mapped again just now, and this process has one thread.
    let read = |offset| unsafe { load(old + offset) };
    let reads = || c_string(&std::array::from_fn::<u8, BLOCK, _>(read));
    let fresh = reads();
    // SAFETY: the stranger's block lies within its mapping.
    let theirs = unsafe { mapping.cast::<u8>().add(kept) }.cast::<[u8; BLOCK]>();
    // SAFETY: as above, and no reference into the mapping exists.
    unsafe { theirs.write_volatile(block(TEXTS[2])) };
    let later = reads();
    for (offset, byte) in block(TEXTS[0]).into_iter().enumerate() {
        // SAFETY: as in `read`.
        unsafe { store(old + offset, byte) };
    }
    // SAFETY: as for the write of the stranger.
    let spoilt = c_string(&unsafe { theirs.read_volatile() });
    // /stamp: stranger

    println!(
        "{}",
        json!({
            "base": base,
            "kept": kept,
            "mapped": "granted",
            "fresh": fresh,
            "later": later,
            "spoilt": spoilt,
            "came_back": comes_back()?,
        })
    );
    Ok(())
}

/// Says whether a mapping without any wish lands where the last one was.
fn comes_back() -> Result<bool, Trouble> {
    let first = HandArena::map(CAPACITY, Sharing::Private)?.at(0).base;
    let second = HandArena::map(CAPACITY, Sharing::Private)?.at(0).base;
    Ok(first == second)
}

/// A text, and zeros behind it.
fn block(text: &str) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    block[..text.len()].copy_from_slice(text.as_bytes());
    block
}
