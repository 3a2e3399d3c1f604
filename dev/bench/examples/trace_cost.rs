//! What tracing costs: the same program on a bare arena, with canaries, with guard pages, and off.
//!
//! `cargo run --release -p bench --example trace_cost`. Each figure is the fastest of several runs of one
//! process, in nanoseconds an operation: allocate 64 bytes, write them, free them. Warm, the arena is
//! emptied every 256 blocks; cold, it is a fresh arena, and nothing is freed.

use std::alloc::Layout;
use std::hint::black_box;
use std::time::Instant;

use api02::alloc::Allocator;
use arena_core::{Arena, Policy};
use heap_trace::{Method, Off, Settings, TracedArena};

const LAYOUT: Layout = Layout::new::<[u64; 8]>();
const RUNS: usize = 15;

/// Allocate, write, free: `count` times.
#[inline(never)]
fn warm(arena: &impl Allocator, count: usize) {
    for n in 0..count {
        let block = arena.allocate(LAYOUT).expect("room").cast::<[u64; 8]>();
        // SAFETY: handed out for this layout just now.
        unsafe { black_box(block).write([n as u64; 8]) };
        // SAFETY: not used any more.
        unsafe { arena.deallocate(block.cast(), LAYOUT) };
    }
}

/// Allocate and write, in memory that nobody has touched.
#[inline(never)]
fn cold(arena: &impl Allocator, count: usize) {
    for n in 0..count {
        let block = arena.allocate(LAYOUT).expect("room").cast::<[u64; 8]>();
        // SAFETY: handed out for this layout just now.
        unsafe { black_box(block).write([n as u64; 8]) };
    }
}

/// The fastest of several runs, in nanoseconds an operation; each in an arena of its own.
fn fastest<A>(count: usize, make: impl Fn() -> A, work: impl Fn(&mut A)) -> f64 {
    let run = |_| {
        let mut arena = make();
        let start = Instant::now();
        work(&mut arena);
        start.elapsed().as_nanos() as f64 / count as f64
    };
    (0..RUNS).map(run).fold(f64::INFINITY, f64::min)
}

fn arena() -> Arena {
    Policy::new()
        .reserve(1 << 30)
        .build()
        .expect("a GiB of address space")
}

fn traced(method: Method) -> impl Fn() -> TracedArena {
    move || TracedArena::with(arena(), Settings::new().method(method))
}

fn main() {
    const WARM: usize = 1_000_000;
    const COLD: usize = 1_000_000;
    const GUARDED: usize = 10_000;
    let off = || TracedArena::<Off>::in_mode(arena(), Settings::new());
    let warm_bare = fastest(WARM, arena, |arena| warm(&&*arena, WARM));
    let cold_bare = fastest(COLD, arena, |arena| cold(&&*arena, COLD));
    let rows = [
        (
            "off",
            fastest(WARM, off, |a| warm(&&*a, WARM)),
            fastest(COLD, off, |a| cold(&&*a, COLD)),
        ),
        (
            "canary",
            fastest(WARM, traced(Method::Canary), |a| warm(&&*a, WARM)),
            fastest(COLD, traced(Method::Canary), |a| cold(&&*a, COLD)),
        ),
        (
            "guard-after",
            fastest(GUARDED, traced(Method::GuardAfter), |a| warm(&&*a, GUARDED)),
            fastest(GUARDED, traced(Method::GuardAfter), |a| cold(&&*a, GUARDED)),
        ),
    ];
    println!("bare         warm {warm_bare:8.2} ns         cold {cold_bare:8.2} ns");
    for (name, warm, cold) in rows {
        println!(
            "{name:<12} warm {warm:8.2} ns {:6.2}x  cold {cold:8.2} ns {:6.2}x",
            warm / warm_bare,
            cold / cold_bare
        );
    }
}
