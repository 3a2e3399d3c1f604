//! What blocks of 64 bytes cost in an arena and in malloc, measured side by side.

use super::{Stage, Trouble, pages};
use crate::by_hand::{HandArena, Sharing, full};
use crate::stage::During;
use arena_core::region::page_size;
use rustix::io::Errno;
use rustix::mm::{Advice, madvise};
use std::ffi::c_void;
use std::time::Instant;

/// The size of each block.
const BLOCK: usize = 64;

/// How many blocks are many: 1 MiB of payload.
const MANY: usize = 16_384;

/// How many blocks are few.
const FEW: usize = 3;

/// What one side of the table says.
struct Cost {
    /// From the start of a block to the start of the next.
    stride: usize,
    /// Memory taken for few blocks, and for many.
    few: usize,
    many: usize,
    /// Page faults while the many were written for the first time.
    faults: i64,
    /// What becomes of a block that is freed amid others.
    freed: &'static str,
    /// From the first block to the last, writing included.
    nanoseconds: u64,
}

/// Measures both and prints the table. Times are for `--json`: they differ from run to run.
pub(super) fn table(stage: &mut Stage) -> Result<(), Trouble> {
    stage.part("What it costs: blocks of 64 bytes, each written, beside malloc");
    let (arena, malloc) = (of_arena()?, of_malloc()?);
    let bytes = |n: usize| format!("{n} B");
    let few = format!("memory for {FEW} blocks");
    let many = format!("memory for {MANY} blocks");
    for (what, arena, malloc) in [
        ("", "arena".to_owned(), "malloc".to_owned()),
        (
            "from block to block",
            bytes(arena.stride),
            bytes(malloc.stride),
        ),
        (&few, bytes(arena.few), bytes(malloc.few)),
        (&many, bytes(arena.many), bytes(malloc.many)),
        (
            "one freed amid others",
            arena.freed.to_owned(),
            malloc.freed.to_owned(),
        ),
    ] {
        stage.say(&format!("   {what:<25} {arena:>14} {malloc:>14}"));
    }
    stage.paragraph(
        "Few blocks are dearer in an arena, for it takes at least an OS page of its own; many are cheaper, for \
         there is nothing between them. And it never takes one back.",
    );
    let page = page_size();
    stage.expect("arena_stride", BLOCK, arena.stride);
    stage.expect("arena_few", page, arena.few);
    stage.expect("arena_many", MANY * BLOCK, arena.many);
    stage.note("arena_faults", arena.faults);
    stage.note("arena_blocks_ns", arena.nanoseconds);
    stage.note("malloc_stride", malloc.stride);
    stage.note("malloc_few", malloc.few);
    stage.note("malloc_many", malloc.many);
    stage.note("malloc_faults", malloc.faults);
    stage.note("malloc_blocks_ns", malloc.nanoseconds);
    stage.note("malloc_freed_amid_others", malloc.freed);
    stage.expect("few_are_dearer_in_an_arena", true, arena.few > malloc.few);
    stage.expect(
        "many_are_cheaper_in_an_arena",
        true,
        arena.many < malloc.many,
    );
    Ok(())
}

fn of_arena() -> Result<Cost, Trouble> {
    let mut arena = HandArena::map(MANY * BLOCK, Sharing::Private)?;
    let (base, len) = (arena.pointer(0), MANY * BLOCK);
    // SAFETY: the whole mapping; an advice on huge pages changes no byte.
    match unsafe { madvise(base.cast(), len, Advice::LinuxNoHugepage) } {
        // A kernel without huge pages needs no such advice.
        Ok(()) | Err(Errno::INVAL) => {}
        Err(error) => return Err(error).during("madvise"),
    }
    let mut next = || {
        let start = arena.alloc(BLOCK)?;
        let block = arena.pointer(start);
        // SAFETY: a fresh block of the arena, and no reference into it exists.
        unsafe { block.write_volatile(1) };
        Some(start)
    };
    let (faults, start) = (pages::minor_faults()?, Instant::now());
    let mut starts = Vec::with_capacity(MANY);
    for _ in 0..FEW {
        starts.push(next().ok_or_else(full)?);
    }
    let few = pages::resident(base.addr(), len)?;
    for _ in FEW..MANY {
        starts.push(next().ok_or_else(full)?);
    }
    let nanoseconds = nanoseconds(start);
    let faults = pages::minor_faults()? - faults;
    Ok(Cost {
        stride: stride(&mut starts),
        few,
        many: pages::resident(base.addr(), len)?,
        faults,
        freed: "no such call",
        nanoseconds,
    })
}

fn of_malloc() -> Result<Cost, Trouble> {
    let mut blocks: Vec<*mut c_void> = Vec::with_capacity(MANY);
    let (faults, start) = (pages::minor_faults()?, Instant::now());
    for _ in 0..MANY {
        blocks.push(written_block()?);
    }
    let nanoseconds = nanoseconds(start);
    let faults = pages::minor_faults()? - faults;
    let mut starts: Vec<_> = blocks.iter().map(|block| block.addr()).collect();
    let stride = stride(&mut starts);

    let freed = blocks.swap_remove(MANY / 2);
    let address = freed.addr();
    // SAFETY: from malloc, not freed yet, and no longer among the blocks.
    unsafe { libc::free(freed) };
    let again = written_block()?;
    let freed = if again.addr() == address {
        "used again"
    } else {
        "not used yet"
    };
    blocks.push(again);
    for block in blocks {
        // SAFETY: from malloc, and each is freed once.
        unsafe { libc::free(block) };
    }
    Ok(Cost {
        stride,
        few: FEW * stride,
        many: MANY * stride,
        faults,
        freed,
        nanoseconds,
    })
}

fn written_block() -> Result<*mut c_void, Trouble> {
    // SAFETY: any size may be asked for.
    let block = unsafe { libc::malloc(BLOCK) };
    if block.is_null() {
        return Err(Trouble::new(format!("malloc of {BLOCK} bytes was refused")));
    }
    // SAFETY: a fresh block, and no reference into it exists.
    unsafe { block.cast::<u8>().write_volatile(1) };
    Ok(block)
}

/// The distance from block to block that is seen most: malloc may serve the first few from what was freed before.
fn stride(starts: &mut [usize]) -> usize {
    starts.sort_unstable();
    let mut distances: Vec<_> = starts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    distances.sort_unstable();
    distances
        .get(distances.len() / 2)
        .copied()
        .unwrap_or_default()
}

/// How long ago that was.
pub(super) fn nanoseconds(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX)
}
