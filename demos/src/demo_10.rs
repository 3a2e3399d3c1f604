//! Demo 10: two regions over the same bytes, by intention and by accident.

use crate::by_hand::{HandArena, Sharing, full};
use crate::demo_09a::TEXTS;
use crate::stage::bytes::{c_string, quoted};
use crate::stage::{
    Demo, During, Line, Options, Place, Question, Stage, Symbol, Trouble, child, play,
};
use arena_core::policy::Fork;
use arena_core::region::{View, page_size};
use arena_core::{Arena, Policy, Region};
use heap_trace::{Owner, Roots, Settings, Snapshot, TracedArena};
use memmap2::{MmapOptions, MmapRaw};
use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};
use serde_json::{Value, json};
use std::alloc::Layout;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::ExitCode;
use std::ptr::{self, NonNull};

/// What the registry knows of this demo.
pub const DEMO: Demo = Demo {
    number: "10",
    binary: "10_overlapping_allocations",
    title: "two views of one memory, and a hole torn by MAP_FIXED",
    question: Question {
        text: "two views of one memfd in one process: do their pointers compare equal?",
        answers: &[
            "yes: one memory, one address",
            "no, and each view keeps its own bytes",
            "no, yet a write through one shows in the other",
        ],
        right: 2,
        why: "An address names a place in this process, not a memory. Two ranges of addresses may lead to the same \
              OS pages, and no comparison of pointers can tell.",
    },
    next: "nobody meant to overlap; can it happen by accident? (11)",
    run,
    child: Some(tear_in_child),
};

/// The size of the memfd.
const CAPACITY: usize = 4096;

/// The size of each block.
const BLOCK: usize = 64;

/// Runs the demo.
#[must_use]
pub fn run(options: &Options) -> ExitCode {
    play(&DEMO, options, story)
}

fn story(stage: &mut Stage) -> Result<(), Trouble> {
    let (equal, shows) = by_hand(stage)?;
    torn_hole(stage)?;
    with_the_crate(stage)?;
    with_the_tracer(stage)?;
    let answers = DEMO.question.answers;
    stage.reveal(match (equal, shows) {
        (true, _) => answers[0],
        (false, false) => answers[1],
        (false, true) => answers[2],
    });
    Ok(())
}

// stamp: views
/// A memory without a name in any directory, and without an address until it is mapped.
fn memory() -> Result<OwnedFd, Trouble> {
    let memory = memfd_create("two views", MemfdFlags::CLOEXEC).during("memfd_create")?;
    ftruncate(&memory, CAPACITY as u64).during("ftruncate")?;
    Ok(memory)
}

/// One more range of addresses for the same memory.
fn view(memory: &OwnedFd) -> Result<MmapRaw, Trouble> {
    MmapOptions::new()
        .len(CAPACITY)
        .map_raw(memory)
        .during("mmap of the memfd")
}
// /stamp: views

/// Two arenas that do not know of each other, on two views of one memory. Says whether the pointers are equal, and
/// whether a write through one shows in the other.
fn by_hand(stage: &mut Stage) -> Result<(bool, bool), Trouble> {
    stage.part("By hand: one memfd, two views, an arena on each");
    let memory = memory()?;
    let (a, b) = (view(&memory)?, view(&memory)?);
    let at_a = Place::new("A", a.as_ptr().addr(), 0);
    let at_b = Place::new("B", b.as_ptr().addr(), 0);
    stage.event(Symbol::Alloc, "map", a.len(), at_a, "a view");
    stage.event(
        Symbol::Alloc,
        "map",
        b.len(),
        at_b,
        "another view of the same",
    );
    let equal = ptr::eq(a.as_ptr(), b.as_ptr());
    stage.expect("pointers_equal", false, equal);
    stage.say(&format!(
        "   do the pointers compare equal? {}",
        yes_or_no(equal)
    ));

    // Each arena starts at its own offset 0, and both offsets are the same byte of the memfd.
    write(&a, TEXTS[0]);
    stage.event(Symbol::Alloc, "alloc", BLOCK, at_a, quoted(TEXTS[0]));
    let shown = read(&b);
    stage.event(Symbol::Picture, "read", BLOCK, at_b, quoted(&shown));
    write(&b, TEXTS[1]);
    stage.event(Symbol::Alloc, "alloc", BLOCK, at_b, quoted(TEXTS[1]));
    let lost = read(&a);
    let note = format!("{}: A's block was given away twice", quoted(&lost));
    stage.event(Symbol::Corrupted, "read", BLOCK, at_a, note);
    stage.expect("b_reads_what_a_wrote", TEXTS[0].to_owned(), shown.clone());
    stage.expect("a_reads_what_b_wrote", TEXTS[1].to_owned(), lost.clone());
    stage.event(Symbol::Unmap, "unmap", a.len(), at_a, "");
    stage.event(Symbol::Unmap, "unmap", b.len(), at_b, "");
    drop((a, b));
    Ok((equal, shown == TEXTS[0] && lost == TEXTS[1]))
}

/// Writes a text into the first block of a view.
fn write(view: &MmapRaw, text: &str) {
    let mut block = [0; BLOCK];
    block[..text.len()].copy_from_slice(text.as_bytes());
    // SAFETY: the view is longer than a block, the memory is ours alone, and no reference into it exists. Volatile:
    // the compiler cannot know that the other view leads to the same bytes.
    unsafe {
        view.as_mut_ptr()
            .cast::<[u8; BLOCK]>()
            .write_volatile(block)
    };
}

/// Reads the text in the first block of a view.
fn read(view: &MmapRaw) -> String {
    // SAFETY: as in `write`.
    let block = unsafe { view.as_ptr().cast::<[u8; BLOCK]>().read_volatile() };
    c_string(&block)
}

/// Shows what a child does to its own arena with MAP_FIXED, and what MAP_FIXED_NOREPLACE would not do.
fn torn_hole(stage: &mut Stage) -> Result<(), Trouble> {
    stage.part("By hand, in a child process: MAP_FIXED tears a hole into an arena");
    let report = child::report_of(DEMO.number)?;
    let report: Value = serde_json::from_str(&report).during("the report of the child")?;
    let texts = |name: &str| -> Vec<String> {
        let texts = report[name].as_array().into_iter().flatten();
        texts.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let base = report["base"]
        .as_u64()
        .and_then(|base| usize::try_from(base).ok());
    let base = base.ok_or(Trouble::new("the child did not say where its arena is"))?;
    let page = page_size();
    let at = |index: usize| Place::new("base", base, index * page);
    let line = |symbol, verb, index| Line::new(symbol, verb).bytes(page).at(at(index));

    for (index, text) in texts("before").iter().enumerate() {
        stage.show(line(Symbol::Alloc, "alloc", index).note(quoted(text)));
    }
    let fixed = &report["fixed"];
    let note = format!("MAP_FIXED: {}", plain(fixed));
    stage.show(line(Symbol::Target, "mmap", 1).note(note));
    let torn = texts("after_fixed");
    for (index, text) in torn.iter().enumerate() {
        let (symbol, note) = if text.is_empty() {
            (
                Symbol::Corrupted,
                "zeros: the block is gone, and no call failed".to_owned(),
            )
        } else {
            (Symbol::Picture, quoted(text))
        };
        stage.show(line(symbol, "read", index).note(note));
    }
    let refusal = &report["noreplace"];
    let note = format!("MAP_FIXED_NOREPLACE: {}", plain(refusal));
    let refused = plain(refusal) == "EEXIST";
    let symbol = if refused {
        Symbol::Refused
    } else {
        Symbol::Target
    };
    stage.show(line(symbol, "mmap", 2).note(note));
    let kept = texts("after_noreplace");
    stage.say(&format!(
        "   the block there still reads {}",
        quoted(kept.last().map_or("", |t| t))
    ));

    let with_hole = vec![TEXTS[0].to_owned(), String::new(), TEXTS[2].to_owned()];
    stage.expect(
        "before_map_fixed",
        TEXTS.map(str::to_owned).to_vec(),
        texts("before"),
    );
    stage.expect("map_fixed", "granted".to_owned(), plain(fixed));
    stage.expect("after_map_fixed", with_hole.clone(), torn);
    stage.expect("map_fixed_noreplace", "EEXIST".to_owned(), plain(refusal));
    stage.expect("after_map_fixed_noreplace", with_hole, kept);
    Ok(())
}

/// The child: an arena of three OS pages with a text in each, and two mappings into the midst of it.
fn tear_in_child() -> ExitCode {
    match tear() {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(trouble) => {
            eprintln!("❌ the child of demo {}: {trouble}", DEMO.number);
            ExitCode::FAILURE
        }
    }
}

fn tear() -> Result<Value, Trouble> {
    let page = page_size();
    let mut arena = HandArena::map(TEXTS.len() * page, Sharing::Private)?;
    for text in TEXTS {
        let start = arena.alloc(page).ok_or_else(full)?;
        arena.write(start, text.as_bytes());
    }
    let before = texts_of(&arena, page);

    // stamp: tear
    let access = ProtFlags::READ | ProtFlags::WRITE;
    let second = arena.pointer(page).cast();
    let fixed = MapFlags::PRIVATE | MapFlags::FIXED;
    // SAFETY: replaces one OS page of this process's own arena, into which no reference exists. The promise that
    // nothing else is there is the very one that MAP_FIXED makes so easy to break.
    let fixed = unsafe { mmap_anonymous(second, page, access, fixed) };
    let after_fixed = texts_of(&arena, page);

    let third = arena.pointer(2 * page).cast();
    let noreplace = MapFlags::PRIVATE | MapFlags::FIXED_NOREPLACE;
    // SAFETY: replaces nothing: the kernel refuses, or maps where nothing was.
    let noreplace = unsafe { mmap_anonymous(third, page, access, noreplace) };
    let after_noreplace = texts_of(&arena, page);
    // /stamp: tear

    Ok(json!({
        "base": arena.at(0).base,
        "before": before,
        "fixed": outcome(fixed, second),
        "after_fixed": after_fixed,
        "noreplace": outcome(noreplace, third),
        "after_noreplace": after_noreplace,
    }))
}

/// What the kernel answered to a mapping that was wanted at this address.
fn outcome(
    answer: rustix::io::Result<*mut std::ffi::c_void>,
    wanted: *mut std::ffi::c_void,
) -> String {
    match answer {
        Ok(got) if got == wanted => "granted".to_owned(),
        Ok(_) => "granted elsewhere".to_owned(),
        Err(rustix::io::Errno::EXIST) => "EEXIST".to_owned(),
        Err(error) => error.to_string(),
    }
}

/// The text at the start of each OS page of an arena.
fn texts_of(arena: &HandArena, page: usize) -> Vec<String> {
    let bytes = arena.snapshot();
    bytes.chunks(page).map(c_string).collect()
}

// stamp: crate
/// An arena on one view of a region, and the other view.
fn arena_and_view() -> Result<(Arena, View), Trouble> {
    let region = Region::memfd("two views", CAPACITY).during("a memfd region")?;
    let view = region.second_view().during("its second view")?;
    let arena = Policy::new()
        .fork(Fork::Share)
        .build_in(region)
        .during("an arena in the region")?;
    Ok((arena, view))
}
// /stamp: crate

/// The same views with arena-core, which gives a second view only where there is something to share.
fn with_the_crate(stage: &mut Stage) -> Result<(), Trouble> {
    stage.part("With arena-core: a region and its second view");
    let (arena, view) = arena_and_view()?;
    let at_a = Place::new("A", arena.base().addr().get(), 0);
    let at_b = Place::new("B", view.base().addr().get(), 0);
    let text = arena.alloc_str(TEXTS[0]);
    stage.event(Symbol::Alloc, "alloc", text.len(), at_a, quoted(text));
    // SAFETY: the view is as long as the region, the kernel gave zeros, and `text` is not used again.
    let block = unsafe { view.base().cast::<[u8; BLOCK]>().read_volatile() };
    let shown = c_string(&block);
    stage.event(Symbol::Picture, "read", BLOCK, at_b, quoted(&shown));

    let private = Region::anonymous(CAPACITY).during("an anonymous region")?;
    let refusal = private.second_view().err();
    if let Some(refusal) = &refusal {
        stage.show(Line::new(Symbol::Refused, "view").note("a second one of private memory"));
        stage.paragraph(&refusal.to_string());
    }
    stage.expect("crate_pointers_equal", false, arena.base() == view.base());
    stage.expect("crate_view_reads", TEXTS[0].to_owned(), shown);
    stage.expect("crate_refuses_view_of_private", true, refusal.is_some());
    Ok(())
}

/// An arena with red zones on one view, a writer on the other that thinks the memory is its own.
fn with_the_tracer(stage: &mut Stage) -> Result<(), Trouble> {
    stage.part("With heap-trace: red zones under one view, a stranger on the other");
    let (arena, view) = arena_and_view()?;
    // stamp: tracer
    let mut arena = TracedArena::with(arena, Settings::new().quiet(true));
    let base = arena.arena().base();
    let block = arena.alloc_layout_zeroed(Layout::new::<[u8; BLOCK]>());
    // SAFETY: the block has room for the text, and nobody else has it; or so the arena thinks.
    unsafe {
        block.copy_from_nonoverlapping(NonNull::from(TEXTS[0].as_bytes()).cast(), TEXTS[0].len())
    };
    let (before, faults_before) = (arena.snapshot(), arena.check());

    let mut stranger = [0; BLOCK];
    stranger[..TEXTS[1].len()].copy_from_slice(TEXTS[1].as_bytes());
    // SAFETY: the view is longer than a block, and no reference leads into either view.
    unsafe { view.base().cast::<[u8; BLOCK]>().write_volatile(stranger) };
    let after = arena.snapshot();
    let faults_after = arena.check();
    // /stamp: tracer

    let at = Place::new(
        "A",
        base.addr().get(),
        block.addr().get() - base.addr().get(),
    );
    let at_b = Place::new("B", view.base().addr().get(), 0);
    stage.event(Symbol::Alloc, "alloc", BLOCK, at, quoted(TEXTS[0]));
    stage.event(Symbol::Corrupted, "write", BLOCK, at_b, quoted(TEXTS[1]));
    stage.say(&format!(
        "   faults that A's tracer sees, before and after: {faults_before}, {faults_after}"
    ));
    for fault in &arena.report(&Roots::new()).faults {
        let text = fault.to_string();
        stage.paragraph(text.lines().next().unwrap_or_default());
    }
    stage.expect(
        "tracer_faults",
        vec![0, 1],
        vec![faults_before, faults_after],
    );
    tell_what_differs(stage, &before, &after);
    Ok(())
}

/// Whose bytes differ in two snapshots of the traced arena.
fn tell_what_differs(stage: &mut Stage, before: &Snapshot, after: &Snapshot) {
    if !Path::new("/proc/self/mem").exists() {
        stage.say("   without /proc there are no snapshots to compare");
        return;
    }
    let bytes_of = |owner| {
        let changes = after.since(before).into_iter();
        let owned = changes.filter(|change| change.owner == owner);
        owned.map(|change| change.is.len()).sum::<usize>()
    };
    let (zone, payload) = (bytes_of(Owner::RedZone(0)), bytes_of(Owner::Block(0)));
    stage.say(&format!(
        "   bytes that differ in A's snapshots: {zone} in the red zone of block #0, {payload} in the block itself"
    ));
    stage.expect("tracer_red_zone_bytes", 16, zone);
    stage.expect("tracer_payload_bytes", TEXTS[0].len(), payload);
}

fn plain(value: &Value) -> String {
    value.as_str().unwrap_or("no answer").to_owned()
}

fn yes_or_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}
