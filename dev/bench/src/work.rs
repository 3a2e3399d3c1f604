//! The workloads: one loop each, compiled for every peer that can run it.
//!
//! Each loop takes the arena by reference and is not inlined, as a program's own functions would
//! have it: the bump pointer is in memory, not in a register of the loop. Each result's address is
//! made visible (`black_box`), so that the block has to be there; the value is not read back.

use std::alloc::Layout;
use std::hint::black_box;
use std::ptr::NonNull;

use crate::ability::{Copies, Frees, Layouts, Make, Rewinds, Short, TwoThreads, Values, Vecs};
use crate::measure::{Measured, Task, measure, measure_fresh, measure_whole};

/// What to do with an arena.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Workload {
    OneU64,
    FortyBytes,
    MixedLayouts,
    SlicesAndStr,
    VecPush,
    /// 4 Mi pushes of a `u32` into a `Vec` in a fresh arena.
    VecFaults,
    /// Objects of 64 bytes in a fresh arena: 1 GiB of them.
    ColdObjects,
    ShortLived,
    Rewind,
    Tree,
    TwoThreads,
    /// A block of 64 bytes, written and freed.
    FreedLine,
    /// Blocks of 64 bytes, written, in a fresh arena.
    FreshLine,
    /// The same, each freed when the next one has been written.
    FreshFreedLine,
}

impl Workload {
    pub(crate) const ALL: [Self; 14] = [
        Self::OneU64,
        Self::FortyBytes,
        Self::MixedLayouts,
        Self::SlicesAndStr,
        Self::VecPush,
        Self::VecFaults,
        Self::ColdObjects,
        Self::ShortLived,
        Self::Rewind,
        Self::Tree,
        Self::TwoThreads,
        Self::FreedLine,
        Self::FreshLine,
        Self::FreshFreedLine,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::OneU64 => "one-u64",
            Self::FortyBytes => "forty-bytes",
            Self::MixedLayouts => "mixed-layouts",
            Self::SlicesAndStr => "slices-and-str",
            Self::VecPush => "vec-push",
            Self::VecFaults => "vec-faults",
            Self::ColdObjects => "cold-objects",
            Self::ShortLived => "short-lived",
            Self::Rewind => "rewind",
            Self::Tree => "tree",
            Self::TwoThreads => "two-threads",
            Self::FreedLine => "freed-line",
            Self::FreshLine => "fresh-line",
            Self::FreshFreedLine => "fresh-freed-line",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|workload| workload.name() == name)
    }

    /// How many operations a count means.
    pub(crate) fn operations(self, count: u64) -> u64 {
        match self {
            Self::MixedLayouts | Self::SlicesAndStr => count / TABLE * TABLE,
            Self::Tree => (2 << count) - 1,
            Self::TwoThreads => 2 * count,
            _ => count,
        }
    }
}

/// A struct of 40 bytes, as a node of a tree might be.
#[derive(Clone, Copy)]
pub(crate) struct Forty {
    _words: [u64; 5],
}

impl Forty {
    #[inline(always)]
    fn new(n: u64) -> Self {
        Self { _words: [n; 5] }
    }
}

/// A cache line.
#[derive(Clone, Copy)]
pub(crate) struct Line {
    _words: [u64; 8],
}

/// A node of a binary tree; null at the leaves.
///
/// Pointers, not references, so that one type serves every arena: some are generic over what they
/// store.
#[derive(Clone, Copy)]
pub(crate) struct Node {
    key: u64,
    left: *const Node,
    right: *const Node,
}

/// Lengths of the tables that sizes are taken from: more than a processor's branch predictor learns
/// by heart, and no more than its caches hold.
const TABLE: u64 = 16_384;

pub(crate) fn one_u64<A: Make + Values<u64>>(task: Task) -> Measured {
    #[inline(never)]
    fn work<A: Values<u64>>(arena: &A, count: u64) {
        let mut n = count;
        while n != 0 {
            black_box(arena.value(n));
            n -= 1;
        }
    }
    let bytes = room(task.count, 8);
    measure(task, || A::make(bytes), |arena| work(arena, task.count))
}

pub(crate) fn forty_bytes<A: Make + Values<Forty>>(task: Task) -> Measured {
    #[inline(never)]
    fn work<A: Values<Forty>>(arena: &A, count: u64) {
        let mut n = count;
        while n != 0 {
            black_box(arena.value(Forty::new(n)));
            n -= 1;
        }
    }
    let bytes = room(task.count, size_of::<Forty>());
    measure(task, || A::make(bytes), |arena| work(arena, task.count))
}

pub(crate) fn mixed_layouts<A: Make + Layouts>(task: Task) -> Measured {
    #[inline(never)]
    fn work<A: Layouts>(arena: &A, layouts: &[Layout; TABLE as usize]) {
        for &layout in layouts.iter().rev() {
            black_box(arena.block(layout));
        }
    }
    let mut random = Random::new();
    let layouts = Box::new(std::array::from_fn(|_| {
        let size = 1 + random.below(256);
        let align = 1 << random.below(5);
        Layout::from_size_align(size, align).expect("a small size, a power of two")
    }));
    let bytes = room(task.count, 256 + 16);
    measure(
        task,
        || A::make(bytes),
        |arena| {
            for _ in 0..task.count / TABLE {
                work(arena, &layouts);
            }
        },
    )
}

pub(crate) fn slices_and_str<A: Make + Copies>(task: Task) -> Measured {
    #[inline(never)]
    fn slices<A: Copies>(arena: &A, sources: &[&str; TABLE as usize / 2]) {
        for source in sources.iter().rev() {
            black_box(arena.bytes(source.as_bytes()).as_ptr());
        }
    }
    #[inline(never)]
    fn texts<A: Copies>(arena: &A, sources: &[&str; TABLE as usize / 2]) {
        for source in sources.iter().rev() {
            black_box(arena.text(source).as_ptr());
        }
    }
    let text = "a guest of this house leaves its name, and what it came for, in the book";
    let mut random = Random::new();
    let sources = Box::new(std::array::from_fn(|_| {
        let start = random.below(8);
        &text[start..start + 16 + random.below(49)]
    }));
    let bytes = room(task.count, 64);
    let rounds = task.count / TABLE;
    measure(
        task,
        || A::make(bytes),
        |arena| {
            for _ in 0..rounds {
                slices(arena, &sources);
                texts(arena, &sources);
            }
        },
    )
}

pub(crate) fn vec_push<A: Make + Vecs>(task: Task) -> Measured {
    #[inline(never)]
    fn work<A: Vecs>(arena: &A, count: u64) {
        arena.push_each(count);
    }
    let bytes = room(task.count, 8 * 4);
    measure(task, || A::make(bytes), |arena| work(arena, task.count))
}

/// The count is the number of pushes; the arena is told nothing of it.
pub(crate) fn vec_faults<A: Make + Vecs>(task: Task) -> Measured {
    let count = u32::try_from(task.count).expect("a count of u32s");
    rehearse(|arena: &mut A| arena.push_all(REHEARSED as u32));
    measure(task, || A::make_cold(0), |arena| arena.push_all(count))
}

pub(crate) fn cold_objects<A: Make + Values<Line>>(task: Task) -> Measured {
    #[inline(never)]
    fn work<A: Values<Line>>(arena: &A, count: u64) {
        for n in 0..count {
            black_box(arena.value(Line { _words: [n; 8] }));
        }
    }
    rehearse(|arena: &mut A| work(arena, REHEARSED));
    measure(task, || A::make_cold(0), |arena| work(arena, task.count))
}

/// Operations that stay within an OS page.
const REHEARSED: u64 = 32;

/// Take the page faults of the code itself, before those of the arena are counted.
fn rehearse<A: Make>(pass: impl Fn(&mut A)) {
    let task = Task {
        count: REHEARSED,
        passes: 1,
    };
    measure(task, || A::make_cold(0), pass);
}

pub(crate) fn short_lived<A: Short + Values<Forty>>(task: Task) -> Measured {
    #[inline(never)]
    fn work<A: Short + Values<Forty>>(count: u64) {
        let mut n = count;
        while n != 0 {
            let mut arena = A::short();
            black_box(&arena);
            // Two loops, the inner one short, so that what is unrolled is the same for every peer
            // whose fast path is short.
            for _ in 0..4 {
                for _ in 0..8 {
                    black_box(arena.value(Forty::new(n)));
                }
            }
            arena.end();
            n -= 1;
        }
    }
    measure_whole(task, || work::<A>(task.count))
}

pub(crate) fn rewind<A: Make + Values<u64> + Rewinds>(task: Task) -> Measured {
    #[inline(never)]
    fn work<A: Values<u64> + Rewinds>(arena: &mut A, count: u64) {
        // Some peers rewind by `&mut`; that nobody else sees the arena is not to be made use of.
        let arena = black_box(arena);
        let mut n = count;
        while n != 0 {
            let mark = arena.mark();
            for _ in 0..16 {
                black_box(arena.value(n));
            }
            // SAFETY: the mark is the latest, and nobody has kept a block.
            unsafe { arena.rewind(mark) };
            n -= 1;
        }
    }
    measure(task, || A::make(1 << 12), |arena| work(arena, task.count))
}

/// The count is the depth: a tree of depth 0 is one node.
pub(crate) fn tree<A: Make + Values<Node>>(task: Task) -> Measured {
    #[inline(never)]
    fn build<A: Values<Node>>(arena: &A, depth: u64, key: u64) -> *const Node {
        let (left, right) = if depth == 0 {
            (std::ptr::null(), std::ptr::null())
        } else {
            (
                build(arena, depth - 1, 2 * key),
                build(arena, depth - 1, 2 * key + 1),
            )
        };
        arena.value(Node { key, left, right })
    }
    #[inline(never)]
    fn sum(node: *const Node) -> u64 {
        // SAFETY: null, or a node that its arena still has.
        match unsafe { node.as_ref() } {
            None => 0,
            Some(node) => node.key + sum(node.left) + sum(node.right),
        }
    }
    // The keys are 1, 2, 3 … in the order of a heap's rows.
    let nodes = Workload::Tree.operations(task.count);
    measure(
        task,
        || A::make(room(nodes, size_of::<Node>())),
        |arena| assert_eq!(sum(build(arena, task.count, 1)), nodes * (nodes + 1) / 2),
    )
}

pub(crate) fn two_threads<A: Make + TwoThreads>(task: Task) -> Measured {
    let bytes = room(2 * task.count, 8);
    measure(task, || A::make(bytes), |arena| arena.race(task.count))
}

/// What a program does that frees its blocks, with and without a tracer around its arena.
pub(crate) fn freed_line<A: Make + Frees>(task: Task) -> Measured {
    #[inline(never)]
    fn work<A: Frees>(arena: &A, count: u64) {
        let mut n = count;
        while n != 0 {
            let block = write_line(arena, n);
            // SAFETY: handed out for this layout just now, and not used any more.
            unsafe { arena.free(block, LINE) };
            n -= 1;
        }
    }
    measure(task, || A::make(0), |arena| work(arena, task.count))
}

/// The same in memory that nobody has touched, and nothing is freed.
pub(crate) fn fresh_line<A: Make + Frees>(task: Task) -> Measured {
    #[inline(never)]
    fn work<A: Frees>(arena: &A, count: u64) {
        for n in 0..count {
            write_line(arena, n);
        }
    }
    measure_fresh(task, || A::make_cold(0), |arena| work(arena, task.count))
}

/// The same, and each block is freed: when the next one has been written, so that an arena, which takes
/// back its newest block only, goes on through fresh memory.
pub(crate) fn fresh_freed_line<A: Make + Frees>(task: Task) -> Measured {
    #[inline(never)]
    fn work<A: Frees>(arena: &A, count: u64) {
        let mut last = write_line(arena, 0);
        for n in 1..count {
            let next = write_line(arena, n);
            // SAFETY: handed out for this layout one turn ago, and not used any more.
            unsafe { arena.free(last, LINE) };
            last = next;
        }
    }
    measure_fresh(task, || A::make_cold(0), |arena| work(arena, task.count))
}

const LINE: Layout = Layout::new::<Line>();

#[inline(always)]
fn write_line<A: Frees>(arena: &A, n: u64) -> NonNull<u8> {
    let block = black_box(arena.line(LINE));
    // SAFETY: handed out for this layout just now.
    unsafe { block.cast::<Line>().write(Line { _words: [n; 8] }) };
    block
}

/// Bytes for so many blocks of a size, and something to spare.
fn room(count: u64, size: usize) -> usize {
    usize::try_from(count).expect("a count that fits in memory") * size + (1 << 16)
}

/// Xorshift: the same numbers in every run.
struct Random(u64);

impl Random {
    fn new() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }

    fn below(&mut self, bound: u64) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound).expect("a small bound")
    }
}
