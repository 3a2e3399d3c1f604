//! What it costs to record an event: of a heap into memory, of a whole program into a file.
//!
//!     HEAP_TRACE=off cargo run --release -p heap-trace --example event_cost
//!
//! It starts itself with and without a recording, in turns, and prints medians.

use std::alloc::{GlobalAlloc, Layout};
use std::env;
use std::hint::black_box;
use std::process::Command;
use std::time::Instant;

use allocator_api2_02::alloc::{Allocator, Global};
use heap_trace::{Settings, Traced, TracedGlobal};

#[global_allocator]
static HEAP: TracedGlobal = TracedGlobal::new();

/// Blocks that are allocated and freed: two events each.
const PAIRS: usize = 200_000;

const ROUNDS: usize = 11;

const LINE: Layout = Layout::new::<[u64; 8]>();

fn main() {
    match env::args().nth(1).as_deref() {
        Some("heap") => heap(Settings::new()),
        // The mapping is an event, too.
        Some("heap-recording") => heap(Settings::new().record(2 * PAIRS + 1)),
        Some("program") => program(),
        Some(other) => panic!("{other:?} is none of heap, heap-recording and program"),
        None => compare(),
    }
}

fn heap(settings: Settings) {
    let heap = Traced::with(Global, settings);
    time(|| {
        let block = heap.allocate(LINE).expect("there is memory").cast::<u8>();
        // SAFETY: handed out for this layout, and used no more.
        unsafe { heap.deallocate(black_box(block), LINE) };
    });
}

fn program() {
    time(|| {
        // SAFETY: the layout is not empty.
        let block = unsafe { HEAP.alloc(LINE) };
        // SAFETY: handed out for this layout, and used no more.
        unsafe { HEAP.dealloc(black_box(block), LINE) };
    });
}

/// Print the nanoseconds of a pair.
fn time(mut pair: impl FnMut()) {
    let start = Instant::now();
    for _ in 0..PAIRS {
        pair();
    }
    println!("{}", start.elapsed().as_nanos() as f64 / PAIRS as f64);
}

fn compare() {
    let scratch = tempfile::tempdir().expect("there is a place for files");
    let file = scratch.path().join("events.jsonl");
    let recorded = format!("quiet,no-stacks,record={}", file.display());
    let runs = [
        ("heap", "off"),
        ("heap-recording", "off"),
        ("program", "quiet,no-stacks"),
        ("program", &recorded),
    ];
    let mut pairs = runs.map(|_| Vec::new());
    for _ in 0..ROUNDS {
        for ((case, words), pairs) in runs.into_iter().zip(&mut pairs) {
            pairs.push(run(case, words));
        }
    }
    let [heap, recording, program, streaming] = pairs.map(median);
    println!("nanoseconds an event, medians of {ROUNDS} runs of {PAIRS} blocks in turns:");
    println!("  a heap, into memory     {:6.0}", (recording - heap) / 2.0);
    println!(
        "  a program, into a file  {:6.0}",
        (streaming - program) / 2.0
    );
}

/// Run one case in a process of its own: the nanoseconds of a pair.
fn run(case: &str, words: &str) -> f64 {
    let program = env::current_exe().expect("the system knows it");
    let mut command = Command::new(program);
    let output = command.arg(case).env("HEAP_TRACE", words).output();
    let output = output.expect("it starts again");
    let said = String::from_utf8_lossy(&output.stdout);
    said.trim()
        .parse()
        .unwrap_or_else(|_| panic!("{case}: {said}{}", String::from_utf8_lossy(&output.stderr)))
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}
