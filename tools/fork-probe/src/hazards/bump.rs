//! Both sides bump the same offset: harmless in private memory, ruinous in shared memory, cured by an
//! offset that lies in the shared memory itself.

use std::ptr;
use std::ptr::NonNull;
use std::sync::atomic::Ordering;

use arena_core::policy::Fork;
use arena_core::{Arena, Policy, SyncArena};

use super::{ended, tell};
use crate::error::ProbeError;
use crate::inherited::{BLOCK, CHILD_SIGN, PARENT_SIGN};
use crate::notes::Notes;
use crate::probe::ForkProbe;

/// What the two sides have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Sharing {
    /// Nothing after the first write.
    Nothing,
    /// The memory; each has an offset of its own.
    Memory,
    /// The memory, and the offset in it.
    MemoryAndOffset,
}

/// What came of two allocations, one on each side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct BothBump {
    /// What they share.
    pub sharing: Sharing,
    /// Where the parent's block starts, from the arena's base.
    pub parent_offset: usize,
    /// Where the child's block starts.
    pub child_offset: usize,
    /// Whether the parent's bytes took the place of the child's.
    pub child_bytes_lost: bool,
}

const LEN: usize = 1 << 16;

pub(super) fn show(probe: &ForkProbe<'_>) -> Result<Vec<BothBump>, ProbeError> {
    let build = |fork| -> Result<Arena, ProbeError> {
        let policy = Policy::new().reserve(LEN).fork(fork);
        policy.build().map_err(ProbeError::Arena)
    };
    let private = build(Fork::Copy)?;
    let shared = build(Fork::Share)?;
    let cured: SyncArena = Policy::new()
        .reserve(LEN)
        .fork(Fork::Share)
        .build_sync()
        .map_err(ProbeError::Arena)?;
    let take = |arena: &Arena| arena.try_alloc_layout(BLOCK).ok();
    Ok(vec![
        both(probe, Sharing::Nothing, private.base(), &|| take(&private))?,
        both(probe, Sharing::Memory, shared.base(), &|| take(&shared))?,
        both(probe, Sharing::MemoryAndOffset, cured.base(), &|| {
            cured.try_alloc_layout(BLOCK).ok()
        })?,
    ])
}

/// The child allocates and signs, then the parent; then the child reads its own block again.
fn both(
    probe: &ForkProbe<'_>,
    sharing: Sharing,
    base: NonNull<u8>,
    alloc: &dyn Fn() -> Option<NonNull<u8>>,
) -> Result<BothBump, ProbeError> {
    let notes = Notes::new(1)?;
    let mut mine: *mut u64 = ptr::null_mut();
    let mut serve = |command: u8| {
        let header = notes.header();
        match (command, alloc_if(command == b'a', alloc)) {
            (b'a', Some(block)) => {
                mine = block.cast().as_ptr();
                header.block.store(mine.addr(), Ordering::Relaxed);
                // SAFETY: a fresh block of the arena, aligned to 8.
                unsafe { mine.write_volatile(CHILD_SIGN) };
            }
            _ if !mine.is_null() => {
                // SAFETY: the block that was allocated before.
                let found = unsafe { mine.read_volatile() };
                header.found.store(found, Ordering::Relaxed);
            }
            _ => {}
        }
    };
    // SAFETY: moving an offset, reading and writing memory.
    let mut child = unsafe { probe.fork(&mut serve) }?;
    tell(&mut child, b'a')?;
    let block = alloc().ok_or(ProbeError::Pages)?;
    // SAFETY: a fresh block of the arena, aligned to 8.
    unsafe { block.cast::<u64>().write_volatile(PARENT_SIGN) };
    tell(&mut child, b'l')?;
    ended(child)?;
    let header = notes.header();
    let base = base.addr().get();
    Ok(BothBump {
        sharing,
        parent_offset: block.addr().get() - base,
        child_offset: header.block.load(Ordering::Relaxed).wrapping_sub(base),
        child_bytes_lost: header.found.load(Ordering::Relaxed) != CHILD_SIGN,
    })
}

fn alloc_if(wanted: bool, alloc: &dyn Fn() -> Option<NonNull<u8>>) -> Option<NonNull<u8>> {
    if wanted { alloc() } else { None }
}
