//! Demo 09a: map one region, track the offset, keep the bound, unmap.

use crate::by_hand::full;
use crate::stage::bytes::{ROW, printable, quoted};
use crate::stage::{
    Demo, During, Line, Options, Place, Question, Stage, Symbol, Trouble, pages, play,
};
use arena_core::Policy;
use std::process::ExitCode;
use std::{ptr, slice};

/// What the registry knows of this demo.
pub const DEMO: Demo = Demo {
    number: "09a",
    binary: "09a_arena_scope_local_mmap",
    title: "you allocate, you track the offset, you control the lifetime",
    question: Question {
        text: "three blocks of 64 bytes from a fresh mapping. At which offset is the third, and when does \
              the kernel pay for the memory?",
        answers: &[
            "192, when it is mapped",
            "128, when it is mapped",
            "128, at the first write",
        ],
        right: 2,
        why: "Offsets count from 0, so the third block begins after two. mmap only promises addresses; the page \
              comes when the first write faults.",
    },
    next: "who notices byte 65 of a 64-byte block? (09b)",
    run,
    child: None,
};

/// The size of the region.
const CAPACITY: usize = 4096;

/// The size of each block.
const BLOCK: usize = 64;

/// The three guests that go through all rooms of this house.
pub const TEXTS: [&str; 3] = [
    "Hello arena",
    "Scoped allocator is born",
    "This is not malloc",
];

/// Runs the demo.
#[must_use]
pub fn run(options: &Options) -> ExitCode {
    play(&DEMO, options, story)
}

fn story(stage: &mut Stage) -> Result<(), Trouble> {
    let seen = by_hand(stage)?;
    stage.expect("offsets", vec![0, 64, 128], seen.offsets.clone());
    stage.expect("used_bytes", 192, seen.dump.len());
    stage.expect("resident_after_mmap", false, seen.resident_after_mmap);
    stage.expect(
        "resident_after_first_write",
        true,
        seen.resident_after_write,
    );
    stage.note("faults_of_first_write", seen.faults);
    stage.expect("first_write_faulted", true, seen.faults >= 1);
    stage.expect("too_much_refused", true, seen.refused);

    with_the_crate(stage, &seen)?;

    let when = match (seen.resident_after_mmap, seen.resident_after_write) {
        (false, true) => "at the first write",
        (true, _) => "when it is mapped",
        (false, false) => "not even at the first write",
    };
    let third = seen.offsets.last().copied().unwrap_or_default();
    stage.reveal(&format!("{third}, {when}"));
    Ok(())
}

/// What the run by hand saw.
struct Seen {
    offsets: Vec<usize>,
    dump: Vec<u8>,
    resident_after_mmap: bool,
    resident_after_write: bool,
    faults: i64,
    refused: bool,
}

// stamp: take
/// The whole allocator: the next `size` bytes, if that many are left.
fn take(offset: &mut usize, size: usize) -> Option<usize> {
    // Compare with the room that is left: the sum `*offset + size` could wrap around, this cannot.
    if size > CAPACITY - *offset {
        return None;
    }
    let start = *offset;
    *offset += size;
    Some(start)
}
// /stamp: take

fn by_hand(stage: &mut Stage) -> Result<Seen, Trouble> {
    stage.part("By hand: mmap, an offset, a bound, munmap");
    // stamp: map
    let access = libc::PROT_READ | libc::PROT_WRITE;
    let private = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: a new private mapping at an address of the kernel's choice touches nothing of ours.
    let base = unsafe { libc::mmap(ptr::null_mut(), CAPACITY, access, private, -1, 0) };
    if base == libc::MAP_FAILED {
        return Err(Trouble::last_os("mmap"));
    }
    let base = base.cast::<u8>();
    // /stamp: map
    let at = |offset| Place::new("base", base.addr(), offset);
    let mut offset = 0;
    stage.event(Symbol::Alloc, "map", CAPACITY, at(0), "");
    let resident_after_mmap = show_resident(stage, base)?;

    let mut offsets = Vec::new();
    let mut faults = Vec::new();
    let mut resident_after_write = false;
    for text in TEXTS {
        let start = take(&mut offset, BLOCK).ok_or_else(full)?;
        assert!(text.len() <= BLOCK, "a text must fit its block");
        // SAFETY: start + BLOCK <= CAPACITY, so the block lies within the mapping.
        let block = unsafe { base.add(start) };
        let faults_before = pages::minor_faults()?;
        // SAFETY: the text fits the block, and nothing else uses the block.
        unsafe { block.copy_from_nonoverlapping(text.as_ptr(), text.len()) };
        faults.push(pages::minor_faults()? - faults_before);
        stage.event(Symbol::Alloc, "alloc", BLOCK, at(start), quoted(text));
        if start == 0 {
            resident_after_write = show_resident(stage, base)?;
        }
        offsets.push(start);
    }

    // SAFETY: `offset` bytes of the mapping, zeroed by the kernel or written above, and unchanged while borrowed.
    let dump = unsafe { slice::from_raw_parts(base, offset) }.to_vec();
    stage.picture(at(0), &dump, BLOCK);

    let too_much = CAPACITY - offset + 1;
    let refused = take(&mut offset, too_much).is_none();
    let left = format!("{} B are left", CAPACITY - offset);
    let outcome = if refused {
        Symbol::Refused
    } else {
        Symbol::Alloc
    };
    stage.event(outcome, "alloc", too_much, at(offset), left);

    // stamp: unmap
    // SAFETY: the whole mapping made above; no pointer into it is used again.
    if unsafe { libc::munmap(base.cast(), CAPACITY) } != 0 {
        return Err(Trouble::last_os("munmap"));
    }
    // /stamp: unmap
    stage.event(Symbol::Unmap, "unmap", CAPACITY, at(0), "");
    Ok(Seen {
        offsets,
        dump,
        resident_after_mmap,
        resident_after_write,
        faults: faults[0],
        refused,
    })
}

/// The same run on arena-core, which has the mapping, the offset, the bound and the munmap inside.
fn with_the_crate(stage: &mut Stage, by_hand: &Seen) -> Result<(), Trouble> {
    stage.part("With arena-core: the same run");
    // stamp: crate
    let mut arena = Policy::new()
        .reserve(CAPACITY)
        .build()
        .during("building the arena")?;
    let base = arena.base().addr().get();
    let at = |offset| Place::new("base", base, offset);
    stage.event(Symbol::Alloc, "map", arena.capacity(), at(0), "");

    let mut offsets = Vec::new();
    for text in TEXTS {
        let block = arena
            .try_alloc_slice_fill_copy(BLOCK, 0_u8)
            .during("a block of the arena")?;
        block[..text.len()].copy_from_slice(text.as_bytes());
        let start = arena.offset_of(block.as_ptr());
        let start = start.ok_or_else(|| Trouble::new("a block outside of its arena"))?;
        stage.event(Symbol::Alloc, "alloc", BLOCK, at(start), quoted(text));
        offsets.push(start);
    }
    let dump = arena.dump().to_string();
    // /stamp: crate
    stage.show(
        Line::new(Symbol::Picture, "dump")
            .bytes(arena.used())
            .at(at(0)),
    );
    for (row, start) in dump.lines().zip(&offsets) {
        stage.say(&format!("   {start:>5}  {row}"));
    }
    let too_much = arena.capacity() - arena.used() + 1;
    let refusal = arena.try_alloc_slice_fill_copy(too_much, 0_u8).err();
    if let Some(refusal) = &refusal {
        stage.event(Symbol::Refused, "alloc", too_much, at(arena.used()), "");
        stage.paragraph(&refusal.to_string());
    }
    stage.event(Symbol::Unmap, "unmap", arena.capacity(), at(0), "");
    drop(arena);
    let rows = by_hand.dump.chunks(ROW).map(printable);
    let dump_by_hand: String = rows.map(|row| row + "\n").collect();
    let same = offsets == by_hand.offsets && dump == dump_by_hand;
    stage.expect("crate_offsets", by_hand.offsets.clone(), offsets);
    stage.expect("crate_dump", dump_by_hand, dump);
    stage.expect("crate_refuses_too_much", true, refusal.is_some());
    let verdict = if same { "the same" } else { "not the same" };
    stage.say(&format!("   offsets and dump are {verdict} as by hand"));
    Ok(())
}

/// Says whether the first OS page of a mapping is in memory.
fn show_resident(stage: &mut Stage, base: *mut u8) -> Result<bool, Trouble> {
    let resident = is_resident(base)?;
    let (count, note) = if resident {
        (1, "the first write made the kernel pay")
    } else {
        (0, "addresses only, no memory behind them")
    };
    let verb = Line::new(Symbol::Picture, "pages");
    stage.show(verb.note(format!("{count} of 1 resident: {note}")));
    Ok(resident)
}

/// Asks the kernel whether the first OS page of a mapping is in memory.
fn is_resident(base: *mut u8) -> Result<bool, Trouble> {
    let mut pages = [0_u8];
    // SAFETY: `base` is the start of a mapping, and one byte of it needs one byte of answer.
    if unsafe { libc::mincore(base.cast(), 1, pages.as_mut_ptr()) } != 0 {
        return Err(Trouble::last_os("mincore"));
    }
    Ok(pages[0] & 1 == 1)
}
