//! Demo 09b: a ledger beside the arena finds a leak; snapshots show what a write really changed.

use crate::by_hand::{HandArena, Sharing, c_bytes, full};
use crate::stage::bytes::{c_string, changed, quoted, ranges};
use crate::stage::{Demo, During, Options, Place, Question, Stage, Symbol, Trouble, play};
use arena_core::Policy;
use heap_trace::{Leak, Roots, Settings, TracedArena};
use std::alloc::Layout;
use std::ops::Range;
use std::process::ExitCode;

/// What the registry knows of this demo.
pub const DEMO: Demo = Demo {
    number: "09b",
    binary: "09b_arena_scope_leak_tracer",
    title: "a ledger finds the leak, snapshots find the overflow",
    question: Question {
        text: "strcpy(c + 20, \" 🤡 Oops!\") into a block of 32 bytes that holds \"This will overwrite next\": \
               which byte of a neighbour changes?",
        answers: &[
            "none: it takes one byte more",
            "the first byte of the next block",
            "the last byte of the block before",
        ],
        right: 0,
        why: "The string, its clown of four bytes and its NUL end exactly where the block ends. Only the word \
              \"next\" of its own string is lost. One letter more, and the NUL falls on a stranger.",
    },
    next: "the bytes are ours alone in this process; can another process hold them? (09c)",
    run,
    child: None,
};

/// The size of the region.
const CAPACITY: usize = 256;

/// The size of each block.
const BLOCK: usize = 32;

/// Where the write begins, counted from the start of its block.
const INTO: usize = 20;

/// Runs the demo.
#[must_use]
pub fn run(options: &Options) -> ExitCode {
    play(&DEMO, options, story)
}

fn story(stage: &mut Stage) -> Result<(), Trouble> {
    let mut arena = HandArena::map(CAPACITY, Sharing::Private)?;
    let mut ledger = Ledger::default();
    find_the_leak(stage, &mut arena, &mut ledger)?;
    let missed = write_that_fits(stage, &mut arena, &ledger);
    let hit = one_byte_more(stage, &mut arena, &mut ledger)?;
    stage.event(Symbol::Unmap, "unmap", CAPACITY, arena.at(0), "");
    drop(arena);
    with_the_crate(stage)?;
    with_the_tracer(stage)?;
    let answers = DEMO.question.answers;
    stage.reveal(match (missed.as_slice(), hit.as_slice()) {
        ([], [_]) => answers[0],
        ([first, ..], _) if first % BLOCK == 0 => answers[1],
        _ => answers[2],
    });
    Ok(())
}

// stamp: ledger
/// One row for each block: what the arena itself forgets.
#[derive(Debug)]
struct Record {
    block: Range<usize>,
    text: &'static str,
}

/// The tracer's table.
#[derive(Debug, Default)]
struct Ledger {
    records: Vec<Record>,
}

impl Ledger {
    /// Allocates and writes the block down.
    fn alloc(&mut self, arena: &mut HandArena, text: &'static str) -> Option<*mut u8> {
        let start = arena.alloc(BLOCK)?;
        let block = start..start + BLOCK;
        self.records.push(Record { block, text });
        arena.write(start, &c_bytes(text));
        Some(arena.pointer(start))
    }

    /// The blocks into which none of these pointers leads.
    fn leaks(&self, base: *mut u8, held: &[*mut u8]) -> Vec<&Record> {
        let reached = |record: &&Record| {
            let mut offsets = held.iter().map(|p| p.addr().wrapping_sub(base.addr()));
            offsets.any(|offset| record.block.contains(&offset))
        };
        self.records.iter().filter(|r| !reached(r)).collect()
    }

    /// The offsets that lie in blocks other than the one at `own`.
    fn in_neighbours(&self, own: usize, offsets: &[usize]) -> Vec<usize> {
        let own = own..own + BLOCK;
        let foreign = |offset: &&usize| !own.contains(offset);
        offsets.iter().filter(foreign).copied().collect()
    }
}
// /stamp: ledger

/// Four blocks; the pointer to the third is dropped, and the ledger says so.
fn find_the_leak(
    stage: &mut Stage,
    arena: &mut HandArena,
    ledger: &mut Ledger,
) -> Result<(), Trouble> {
    stage.part("By hand: a ledger beside the arena");
    stage.event(Symbol::Alloc, "map", CAPACITY, arena.at(0), "");
    let texts = [
        "First block ok.",
        "Second block too.",
        "",
        "This will overwrite next",
    ];
    let mut held = Vec::new();
    for text in texts {
        let block = ledger.alloc(arena, text).ok_or_else(full)?;
        let note = match text {
            "" => "its pointer is dropped".to_owned(),
            text => {
                held.push(block);
                quoted(text)
            }
        };
        let start = block.addr() - arena.pointer(0).addr();
        stage.event(Symbol::Alloc, "alloc", BLOCK, arena.at(start), note);
    }
    let offsets: Vec<_> = ledger
        .records
        .iter()
        .map(|record| record.block.start)
        .collect();
    stage.expect("offsets", vec![0, 32, 64, 96], offsets);

    let leaks = ledger.leaks(arena.pointer(0), &held);
    stage.say("   the ledger at the end:");
    for record in &ledger.records {
        let (symbol, verb, note) = if leaks.iter().any(|leak| leak.block == record.block) {
            (
                Symbol::Leak,
                "leak",
                "no pointer that the program holds leads here".to_owned(),
            )
        } else {
            (Symbol::Plain, "held", quoted(record.text))
        };
        let at = arena.at(record.block.start);
        stage.event(symbol, verb, record.block.len(), at, note);
    }
    let leaked: usize = leaks.iter().map(|leak| leak.block.len()).sum();
    stage.expect(
        "leaks",
        vec![64],
        leaks.iter().map(|leak| leak.block.start).collect(),
    );
    stage.expect("leaked_bytes", 32, leaked);
    stage.picture(arena.at(0), &arena.snapshot()[..arena.used()], BLOCK);
    Ok(())
}

/// The write that looks like an overflow. Returns the bytes outside of its block that it changed.
fn write_that_fits(stage: &mut Stage, arena: &mut HandArena, ledger: &Ledger) -> Vec<usize> {
    stage.part("By hand: a snapshot before, a snapshot after, and the bytes that differ");
    let own = ledger.records[3].block.start;
    let bytes = c_bytes(" 🤡 Oops!");
    let differ = differing_bytes(stage, arena, own + INTO, &bytes);
    let neighbours = ledger.in_neighbours(own, &differ);
    stage.expect("written_bytes", 12, bytes.len());
    stage.expect("ends_at", 128, own + INTO + bytes.len());
    stage.expect("neighbour_bytes_changed", 0, neighbours.len());
    stage.say(&format!(
        "   in its own block: {}; in a neighbour: {}",
        differ.len(),
        neighbours.len()
    ));
    let text = c_string(&arena.snapshot()[own..own + BLOCK]);
    stage.expect(
        "own_text",
        "This will overwrite  🤡 Oops!".to_owned(),
        text.clone(),
    );
    stage.say(&format!("   its own string lost a word: {}", quoted(&text)));
    stage.picture(arena.at(own), &arena.snapshot()[own..own + BLOCK], BLOCK);
    neighbours
}

/// The same with one letter more, now that a neighbour stands behind. Returns its changed bytes.
fn one_byte_more(
    stage: &mut Stage,
    arena: &mut HandArena,
    ledger: &mut Ledger,
) -> Result<Vec<usize>, Trouble> {
    stage.part("By hand: a neighbour moves in, and the write takes one byte more");
    let own = ledger.records[3].block.start;
    let text = "Neighbour";
    let next = ledger.alloc(arena, text).ok_or_else(full)?;
    let next = next.addr() - arena.pointer(0).addr();
    stage.event(Symbol::Alloc, "alloc", BLOCK, arena.at(next), quoted(text));
    stage.expect("fifth_offset", 128, next);

    let before = arena.snapshot();
    let differ = differing_bytes(stage, arena, own + INTO, &c_bytes(" 🤡 Oops!!"));
    let neighbours = ledger.in_neighbours(own, &differ);
    let after = arena.snapshot();
    for &offset in &neighbours {
        let was = char::from(before[offset]);
        let note = format!("{was:?} became byte {}", after[offset]);
        stage.event(Symbol::Corrupted, "hit", 1, arena.at(offset), note);
    }
    stage.expect(
        "neighbour_bytes_changed_by_one_more",
        vec![128],
        neighbours.clone(),
    );
    let reads = c_string(&after[next..next + BLOCK]);
    stage.expect("neighbour_reads", String::new(), reads.clone());
    stage.say(&format!(
        "   the neighbour wrote {} and now reads {}",
        quoted(text),
        quoted(&reads)
    ));
    Ok(neighbours)
}

// stamp: diff
/// Writes as strcpy would, and compares the whole region before with the whole region after.
fn differing_bytes(
    stage: &mut Stage,
    arena: &mut HandArena,
    offset: usize,
    bytes: &[u8],
) -> Vec<usize> {
    let before = arena.snapshot();
    arena.write(offset, bytes);
    let after = arena.snapshot();
    let differ = changed(&before, &after);
    let note = format!("{} and its NUL", quoted(&c_string(bytes)));
    let at = arena.at(offset);
    stage.event(Symbol::Target, "strcpy", bytes.len(), at, note);
    stage.say(&format!("   bytes that differ: {}", ranges(&differ)));
    differ
}
// /stamp: diff

/// The same on heap-trace: the ledger is beside the arena, and around each block lies a red zone.
fn with_the_tracer(stage: &mut Stage) -> Result<(), Trouble> {
    stage.part("With heap-trace: ledger and red zones, and the line that lost the block");
    let arena = Policy::new()
        .reserve(CAPACITY)
        .build()
        .during("building the arena")?;
    // stamp: tracer
    let arena = TracedArena::with(arena, Settings::new().quiet(true));
    let block = || arena.alloc_layout(Layout::new::<[u8; BLOCK]>());
    let [a, b, _lost, own, next] = [block(), block(), block(), block(), block()];
    let held = [a, b, own, next];
    let strcpy = |text: &str| {
        let bytes = c_bytes(text);
        for (index, byte) in bytes.into_iter().enumerate() {
            // SAFETY: within the block, and one byte past it, in its red zone: the fault to be found.
            let to = unsafe { own.byte_add(INTO + index) };
            // SAFETY: as above; no reference leads there.
            unsafe { to.write(byte) };
        }
        arena.check()
    };
    let (fits, too_long) = (strcpy(" 🤡 Oops!"), strcpy(" 🤡 Oops!!"));
    let report = arena.report(&Roots::new().value(&held));
    // /stamp: tracer
    stage.say(&format!(
        "   faults after \" 🤡 Oops!\": {fits}; after \" 🤡 Oops!!\": {too_long}"
    ));
    for fault in &report.faults {
        let text = fault.to_string();
        stage.say(&format!("   {}", text.lines().next().unwrap_or_default()));
    }
    stage.expect("traced_faults", vec![0, 1], vec![fits, too_long]);
    if !std::path::Path::new("/proc/self/mem").exists() {
        stage.say("   without /proc nobody can search for pointers: no block is called lost");
        return Ok(());
    }
    let lost = report.lost();
    stage.say(&format!(
        "   definitely lost: {} bytes in {} block",
        lost.bytes, lost.blocks
    ));
    let site = report.leaks.first().and_then(Leak::allocated_at);
    let file = site.map(|site| site.file().to_owned());
    stage.say(&format!(
        "   allocated at {}, a line of this demo",
        file.as_deref().unwrap_or("no line")
    ));
    stage.expect("traced_lost_bytes", 32, lost.bytes);
    stage.expect("traced_file", Some(file!().to_owned()), file);
    Ok(())
}

/// The same blocks on arena-core: a block comes as a slice that knows its end, and a scope takes the lost block along.
fn with_the_crate(stage: &mut Stage) -> Result<(), Trouble> {
    stage.part("With arena-core: the block knows its end, the scope ends the leak");
    let mut arena = Policy::new()
        .reserve(CAPACITY)
        .limit(CAPACITY)
        .build()
        .during("building the arena")?;
    let place = Place::new("base", arena.base().addr().get(), 0);
    stage.event(Symbol::Alloc, "map", arena.limit(), place, "");
    // stamp: crate
    let (offsets, fits, too_long, used) = arena.scope(|scope| {
        let block = || scope.alloc_slice_fill_copy(BLOCK, 0_u8);
        // Nothing holds the third: lost to the program, not to the scope.
        let mut blocks = [block(), block(), block(), block(), block()];
        let offsets = blocks
            .each_ref()
            .map(|block| scope.offset_of(block.as_ptr()));
        let own = &mut blocks[3];
        let mut strcpy = |text: &str| {
            let bytes = c_bytes(text);
            let to = own.get_mut(INTO..INTO + bytes.len())?;
            to.copy_from_slice(&bytes);
            Some(to.len())
        };
        (
            offsets,
            strcpy(" 🤡 Oops!"),
            strcpy(" 🤡 Oops!!"),
            scope.used(),
        )
    });
    // /stamp: crate
    let offsets = offsets.map(|offset| offset.unwrap_or(usize::MAX));
    let last = Place {
        offset: offsets[4],
        ..place
    };
    stage.event(
        Symbol::Alloc,
        "alloc",
        BLOCK,
        last,
        "the fifth block of the same size",
    );
    let own = Place {
        offset: offsets[3] + INTO,
        ..place
    };
    let no_range = format!("the slice of {BLOCK} bytes has no such range");
    for (result, text) in [(fits, " 🤡 Oops!"), (too_long, " 🤡 Oops!!")] {
        let (symbol, note) = match result {
            Some(_) => (Symbol::Target, "fits"),
            None => (Symbol::Refused, no_range.as_str()),
        };
        stage.event(symbol, "strcpy", c_bytes(text).len(), own, note);
    }
    stage.say(&format!(
        "   used in the scope: {used} B; after it: {} B",
        arena.used()
    ));
    stage.expect("crate_offsets", vec![0, 32, 64, 96, 128], offsets.to_vec());
    stage.expect("crate_write_that_fits", Some(12), fits);
    stage.expect("crate_write_too_long", None, too_long);
    stage.expect("crate_used_in_scope", 160, used);
    stage.expect("crate_used_after_scope", 0, arena.used());
    stage.event(Symbol::Unmap, "unmap", arena.limit(), place, "");
    Ok(())
}
