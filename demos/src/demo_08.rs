//! Demo 08: two threads call malloc, and each is served from another place.

use crate::stage::procfs::{self, Mapping};
use crate::stage::{Demo, During, Line, Options, Place, Question, Stage, Symbol, Trouble, play};
use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;

/// What the registry knows of this demo.
pub const DEMO: Demo = Demo {
    number: "08",
    binary: "08_malloc_tls_isolation",
    title: "malloc decides where: two threads, two arenas",
    question: Question {
        text: "two threads malloc 64 bytes each. How far apart are the two blocks?",
        answers: &[
            "side by side, 64 bytes or a little more",
            "over 1 MiB: each thread is served from an arena of its own",
            "a few OS pages: one heap, two ends",
        ],
        right: 1,
        why: "The allocator gives a new thread an arena that no other thread is using, so that the two need not \
              wait for each other's lock. Nobody asked the program.",
    },
    next: "who decided that, and could it have been you? (09a)",
    run,
    child: None,
};

/// The size that both threads ask for.
const SIZE: usize = 64;

/// What "far apart" means here: more than any one row of blocks of this size would explain.
const FAR: usize = 1 << 20;

/// Runs the demo.
#[must_use]
pub fn run(options: &Options) -> ExitCode {
    play(&DEMO, options, |stage| {
        story(stage, Path::new(procfs::MAPS))
    })
}

/// The story; `maps` is where the kernel lists the regions of this process.
fn story(stage: &mut Stage, maps: &Path) -> Result<(), Trouble> {
    let arenas_before = count_arenas();
    let seen = while_two_threads_hold_a_block(|blocks| Seen {
        blocks,
        arenas: count_arenas(),
        maps: procfs::read(maps),
    })?;

    stage.part("By hand: two threads, one malloc each, both blocks held");
    let [a, b] = seen.blocks;
    for (name, address) in [("thread A", a), ("thread B", b)] {
        stage.show(
            Line::new(Symbol::Alloc, "malloc")
                .bytes(SIZE)
                .note(format!("by {name}{}", raw(stage, address))),
        );
    }
    let lower = a.min(b);
    stage.record(|heap| {
        for (name, address) in [("thread A", a), ("thread B", b)] {
            heap.alloc(Place::new("malloc", lower, address - lower), SIZE, name);
        }
    });
    let distance = a.abs_diff(b);
    stage.note("distance_bytes", distance);
    stage.expect("over_1_mib_apart", true, distance > FAR);
    stage.say(&format!("   distance: {}", in_words(distance)));
    stage.say("   a distance alone does not say why: the regions and malloc's own count do");

    show_regions(stage, seen.blocks, seen.maps);
    show_arenas(stage, arenas_before, seen.arenas);
    let question = &DEMO.question;
    stage.reveal(match distance {
        d if d > FAR => question.answers[1],
        d if d > 4 * SIZE => question.answers[2],
        _ => question.answers[0],
    });
    Ok(())
}

/// What there was to see while both blocks were held.
struct Seen {
    blocks: [usize; 2],
    arenas: Option<usize>,
    maps: std::io::Result<Vec<Mapping>>,
}

// stamp: threads
/// Lets two threads malloc, looks while both hold their block, then lets them free it.
///
/// Both must hold it at once: an arena is only ever given to a second thread when its first owner has ended.
fn while_two_threads_hold_a_block<T>(look: impl FnOnce([usize; 2]) -> T) -> Result<T, Trouble> {
    let (tell, told) = mpsc::channel();
    thread::scope(|scope| {
        let mut release = Vec::new();
        let mut blocks = [0; 2];
        for block in &mut blocks {
            let (held, until_dropped) = mpsc::channel::<()>();
            let tell = tell.clone();
            let thread = move || {
                // SAFETY: any size may be asked for.
                let block = unsafe { libc::malloc(SIZE) };
                // Neither channel can fail while the other thread lives; an error would mean that it is gone.
                let _ = tell.send(block.addr());
                let _ = until_dropped.recv();
                // SAFETY: from malloc above, not freed yet; free accepts null.
                unsafe { libc::free(block) };
            };
            thread::Builder::new()
                .spawn_scoped(scope, thread)
                .during("starting a thread")?;
            *block = told.recv().during("the address of a block")?;
            release.push(held);
        }
        if blocks.contains(&0) {
            return Err(Trouble::new(format!("malloc of {SIZE} bytes was refused")));
        }
        let seen = look(blocks);
        drop(release);
        Ok(seen)
    })
}
// /stamp: threads

/// Says in which regions the blocks lie, as far as the kernel lets us see.
fn show_regions(stage: &mut Stage, blocks: [usize; 2], maps: std::io::Result<Vec<Mapping>>) {
    stage.part("What the kernel sees: /proc/self/maps");
    let maps = match maps {
        Ok(maps) => maps,
        Err(error) => {
            stage.note("regions_differ", serde_json::Value::Null);
            stage.say(&format!(
                "   not to be seen here ({error}); the story goes on without it"
            ));
            return;
        }
    };
    let regions = blocks.map(|block| procfs::find(&maps, block));
    for (name, region) in ["thread A", "thread B"].into_iter().zip(regions) {
        let text = match region {
            Some(region) => describe(stage, region),
            None => "in no region that the kernel lists".to_owned(),
        };
        stage.show(Line::new(Symbol::Picture, "region").note(format!("of {name}: {text}")));
    }
    let [a, b] = regions;
    let differ = a.map(|a| a.range.clone()) != b.map(|b| b.range.clone());
    stage.expect("regions_differ", true, differ);
    let heap = maps.iter().find(|region| region.name == "[heap]");
    let holds = heap.is_some_and(|heap| blocks.iter().any(|block| heap.range.contains(block)));
    stage.expect("in_the_main_heap", false, holds);
    let where_not = if holds {
        "at least one lies"
    } else {
        "neither lies"
    };
    stage.say(&format!(
        "   {where_not} in [heap], the region that malloc serves the first thread from"
    ));
}

/// Says how many arenas malloc itself counts.
fn show_arenas(stage: &mut Stage, before: Option<usize>, during: Option<usize>) {
    stage.part("What malloc says of itself: malloc_info");
    let (Some(before), Some(during)) = (before, during) else {
        stage.note("arenas_added", serde_json::Value::Null);
        stage.say(
            "   this C library has no malloc_info, or it was refused; the story goes on without it",
        );
        return;
    };
    stage.note("arenas_before", before);
    stage.note("arenas_while_held", during);
    stage.expect("arenas_added", 2, during.saturating_sub(before));
    stage.show(Line::new(Symbol::Picture, "arenas").note(format!(
        "{before} before the threads, {during} while both hold their block"
    )));
    if during == before + 2 {
        stage.say("   one more for each thread: that is why the blocks lie where they do");
    }
}

// stamp: count
/// Counts the arenas that malloc reports about itself.
#[cfg(target_env = "gnu")]
fn count_arenas() -> Option<usize> {
    let mut text = std::ptr::null_mut();
    let mut len = 0;
    // SAFETY: both out-parameters outlive the stream, which is closed below.
    let stream = unsafe { libc::open_memstream(&mut text, &mut len) };
    if stream.is_null() {
        return None;
    }
    // SAFETY: an open stream; 0 is the only option that malloc_info has.
    let said = unsafe { libc::malloc_info(0, stream) };
    // SAFETY: the stream is open and not used again.
    let closed = unsafe { libc::fclose(stream) };
    if said != 0 || closed != 0 {
        return None;
    }
    // SAFETY: closing the stream left a NUL-terminated string of `len` bytes at `text`.
    let xml = unsafe { std::ffi::CStr::from_ptr(text) };
    let count = xml.to_string_lossy().matches("<heap nr=").count();
    // SAFETY: open_memstream allocates with malloc and hands the buffer over; `xml` is not used again.
    unsafe { libc::free(text.cast()) };
    Some(count)
}
// /stamp: count

/// Other C libraries have no such report.
#[cfg(not(target_env = "gnu"))]
fn count_arenas() -> Option<usize> {
    None
}

fn describe(stage: &Stage, region: &Mapping) -> String {
    let name = match region.name.as_str() {
        "" => "anonymous",
        name => name,
    };
    let permissions = &region.permissions;
    if stage.wants_addresses() {
        let (start, end) = (region.range.start, region.range.end);
        format!("{name}, {permissions}, {start:#x}..{end:#x}")
    } else {
        format!("{name}, {permissions}")
    }
}

fn in_words(distance: usize) -> String {
    if distance > FAR {
        "over 1 MiB".to_owned()
    } else {
        format!("{distance} bytes")
    }
}

fn raw(stage: &Stage, address: usize) -> String {
    if stage.wants_addresses() {
        format!(", {address:#x}")
    } else {
        String::new()
    }
}
