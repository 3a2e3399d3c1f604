//! The memory that the command and the interposer share: what is wanted, and what was seen.
//!
//! A sparse file, mapped by both, so the program has no descriptor that it could close and no pipe that could fill. Every field
//! is an atomic integer: either side may read at any time, and a program that dies in the middle of a write leaves nothing
//! worse than a record that is not ready. `core` only: the interposer compiles this file too.

use core::sync::atomic::{AtomicI32, AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering};

/// What stands at the start of a channel of this layout.
pub const MAGIC: u64 = 0x6d66_6175_6c74_0003;
/// How many modules a channel can name.
pub const MODULES: usize = 512;
/// How many different stacks it can hold; a power of two.
pub const STACKS: usize = 1 << 16;
/// How many rules of unwinding it can hold; a power of two.
pub const RULES: usize = 1 << 13;
/// How many stacks are found without a look at their places; a power of two.
pub const MET: usize = 1 << 14;
/// How many calls it can list.
pub const CALLS: usize = 1 << 22;
/// How many failure points it can judge.
pub const POINTS: usize = 1 << 20;
/// How many frames of a stack are kept, the innermost first.
pub const FRAMES: usize = 20;
/// How many forked children may run at a time.
pub const JOBS: usize = 16;
/// The name of the variable that holds the channel's path.
pub const CHANNEL_VARIABLE: &str = "MALLOC_FAULT_CHANNEL";
/// The name of the variable that holds the plan's text.
pub const PLAN_VARIABLE: &str = "MALLOC_FAULT";

/// What the interposer is asked to do, as bits of [`Header::wants`].
pub mod wants {
    /// List each call.
    pub const LOG: u32 = 1;
    /// Fork at each selected call and judge what becomes of the child.
    pub const EXPLORE: u32 = 2;
    /// Scan for lost blocks at exit.
    pub const LEAKS: u32 = 4;
    /// Keep the preload in the environment of what the program executes.
    pub const FOLLOW_EXEC: u32 = 8;
    /// Keep stacks.
    pub const STACKS: u32 = 16;
    /// Keep a table of live blocks.
    pub const LIVE: u32 = 32;
}

/// The allocation functions that count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum Kind {
    /// `malloc(size)`
    Malloc,
    /// `calloc(count, size)`
    Calloc,
    /// `realloc(block, size)`
    Realloc,
    /// `reallocarray(block, count, size)`
    Reallocarray,
    /// `strdup(text)`
    Strdup,
    /// `strndup(text, limit)`
    Strndup,
    /// `posix_memalign(&block, align, size)`
    PosixMemalign,
    /// `aligned_alloc(align, size)`
    AlignedAlloc,
    /// `memalign(align, size)`
    Memalign,
    /// `valloc(size)`
    Valloc,
    /// `pvalloc(size)`
    Pvalloc,
}

impl Kind {
    /// All, in the order of their numbers.
    pub const ALL: [Self; 11] = [
        Self::Malloc,
        Self::Calloc,
        Self::Realloc,
        Self::Reallocarray,
        Self::Strdup,
        Self::Strndup,
        Self::PosixMemalign,
        Self::AlignedAlloc,
        Self::Memalign,
        Self::Valloc,
        Self::Pvalloc,
    ];

    /// The function's name in C.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Malloc => "malloc",
            Self::Calloc => "calloc",
            Self::Realloc => "realloc",
            Self::Reallocarray => "reallocarray",
            Self::Strdup => "strdup",
            Self::Strndup => "strndup",
            Self::PosixMemalign => "posix_memalign",
            Self::AlignedAlloc => "aligned_alloc",
            Self::Memalign => "memalign",
            Self::Valloc => "valloc",
            Self::Pvalloc => "pvalloc",
        }
    }
}

/// Why a failure point was not judged in a fork.
pub mod rerun {
    /// It was judged.
    pub const NO: u32 = 0;
    /// The program had more than one thread.
    pub const THREADS: u32 = 1;
    /// The call was made in a process that the program forked.
    pub const FORKED: u32 = 2;
    /// A pipe, socket, event or writable file was open, which parent and child would share.
    pub const SHARED: u32 = 3;
    /// The system refused to fork.
    pub const REFUSED: u32 = 4;
    /// Memory was mapped that parent and child would share.
    pub const MAPPED: u32 = 5;
}

/// A failure shape that each selected point is tried with.
#[derive(Debug)]
#[repr(C)]
pub struct Shape {
    /// How many calls fail.
    pub count: AtomicU64,
    /// 0 consecutive, 1 total, 2 at this site.
    pub burst: AtomicU32,
    /// 1 if it is tried once per stack, at its first call.
    pub once: AtomicU32,
}

/// The first page of a channel.
#[derive(Debug)]
#[repr(C)]
pub struct Header {
    /// [`MAGIC`], written by the command.
    pub magic: AtomicU64,
    /// Bits of [`wants`], written by the command.
    pub wants: AtomicU32,
    /// How many forked children may run at a time, written by the command.
    pub jobs: AtomicU32,
    /// How many of `shapes` are used, written by the command.
    pub shapes_len: AtomicU32,
    /// 1 once the interposer was started in the program.
    pub ready: AtomicU32,
    /// The process that the interposer was started in.
    pub pid: AtomicI32,
    /// The threads that made calls so far.
    pub threads: AtomicU32,
    /// The processes that made calls so far.
    pub processes: AtomicU32,
    /// Module records handed out.
    pub modules: AtomicU32,
    /// Call records handed out; may exceed [`CALLS`].
    pub calls: AtomicU64,
    /// Point records handed out; may exceed [`POINTS`].
    pub points: AtomicU64,
    /// Calls whose stack found no room.
    pub stacks_lost: AtomicU64,
    /// Live blocks that found no room in the table.
    pub blocks_lost: AtomicU64,
    /// How often a scan found blocks by what it asked the kernel for, beyond the list that a parent had made.
    pub asked_for_roots: AtomicU64,
    /// The largest sum of live bytes.
    pub live_high_water_mark: AtomicU64,
    /// What each selected point is tried with.
    pub shapes: [Shape; 8],
    /// The folder for what forked children print, with a NUL behind it.
    pub folder: [AtomicU8; 256],
}

/// A loaded object.
#[derive(Debug)]
#[repr(C)]
pub struct Module {
    /// 1 once the rest is written.
    pub ready: AtomicU32,
    /// Bytes of `name`.
    pub name_len: AtomicU32,
    /// Where offset 0 is mapped.
    pub base: AtomicU64,
    /// The hash of its file name.
    pub hash: AtomicU64,
    /// Its path as the loader has it; empty for the program itself.
    pub name: [AtomicU8; 232],
}

/// One frame: a module and an offset in it.
#[derive(Debug)]
#[repr(C)]
pub struct Frame {
    /// The module's record, [`u32::MAX`] if none is known.
    pub module: AtomicU32,
    /// How far the place is from the start of its function.
    pub into: AtomicU32,
    /// The place's offset in its module, an address if no module is known. It is the byte after the call.
    pub offset: AtomicU64,
}

/// A stack, kept once however many calls have it.
#[derive(Debug)]
#[repr(C)]
pub struct Stack {
    /// Hash of the places; 0 while the slot is empty.
    pub hash: AtomicU64,
    /// Hash of the functions.
    pub site: AtomicU64,
    /// Frames kept; 0 until they are written.
    pub depth: AtomicU32,
    /// 1 once a point of it was tried with the shapes that are tried once.
    pub tried: AtomicU32,
    /// The innermost first.
    pub frames: [Frame; FRAMES],
}

/// One allocation call.
#[derive(Debug)]
#[repr(C)]
pub struct CallRecord {
    /// Its number since the last reset, plus 1, so that 0 says that the record is not written yet.
    pub number: AtomicU64,
    /// Bytes asked for.
    pub size: AtomicU64,
    /// A [`Kind`].
    pub kind: AtomicU32,
    /// Its stack's slot, [`u32::MAX`] if none is known.
    pub stack: AtomicU32,
    /// Which failure of the plan it is, from 1; 0 if it was let through.
    pub failure: AtomicU32,
    /// The thread, in the order of first calls.
    pub thread: AtomicU32,
    /// The process, in the order of first calls.
    pub process: AtomicU32,
    /// How often the counters had been reset.
    pub resets: AtomicU32,
}

/// A call that followed a failure.
#[derive(Debug)]
#[repr(C)]
pub struct Follower {
    /// The hash of its functions.
    pub site: AtomicU64,
    /// Bytes asked for.
    pub size: AtomicU64,
}

/// Blocks lost with one stack.
#[derive(Debug)]
#[repr(C)]
pub struct Lost {
    /// Where they were allocated.
    pub stack: AtomicU32,
    /// How many.
    pub blocks: AtomicU32,
    /// Their bytes.
    pub bytes: AtomicU64,
}

/// Where the output of a forked child lies in the command's folder.
#[derive(Debug)]
#[repr(C)]
pub struct Output {
    /// The number of the file, plus 1; 0 if there is none.
    pub file: AtomicU32,
    /// Where it begins in the file.
    pub start: AtomicU64,
    /// Where it ends.
    pub end: AtomicU64,
}

/// What became of the program after a failure.
#[derive(Debug)]
#[repr(C)]
pub struct Point {
    /// 0 not used, 1 running, 2 ended: see [`state`].
    pub state: AtomicU32,
    /// One of [`rerun`].
    pub rerun: AtomicU32,
    /// The call that failed first.
    pub number: AtomicU64,
    /// The process that made the call, in the order of first calls.
    pub process: AtomicU32,
    /// The shape's index in [`Header::shapes`].
    pub shape: AtomicU32,
    /// Its stack's slot.
    pub stack: AtomicU32,
    /// The process that ran it.
    pub pid: AtomicI32,
    /// As `wait` gave it.
    pub status: AtomicI32,
    /// Monotonic clock at the start, in nanoseconds.
    pub began: AtomicU64,
    /// Monotonic clock at the end, in nanoseconds.
    pub ended: AtomicU64,
    /// Calls failed on purpose.
    pub failed: AtomicU64,
    /// Calls after the first failure.
    pub calls: AtomicU64,
    /// Of these, calls of the same function for the same size.
    pub again: AtomicU64,
    /// The first calls after the first failure.
    pub followers: [Follower; 6],
    /// Bytes of standard output that were written before.
    pub out_before: AtomicU64,
    /// Bytes of standard error that were written before.
    pub err_before: AtomicU64,
    /// What it printed.
    pub out: Output,
    /// What it printed as errors.
    pub err: Output,
    /// The signal that ended it, seen from within; 0 if none.
    pub signal: AtomicI32,
    /// Where it was raised: a stack's slot.
    pub crash_stack: AtomicU32,
    /// The address that faulted.
    pub address: AtomicU64,
    /// 1 if the scan for lost blocks ran to its end.
    pub scanned: AtomicU32,
    /// How many of `lost` are used.
    pub lost_len: AtomicU32,
    /// Blocks lost in all.
    pub lost_blocks: AtomicU64,
    /// Bytes lost in all.
    pub lost_bytes: AtomicU64,
    /// The same by stack.
    pub lost: [Lost; 8],
}

/// What the interposer has worked out about code and stacks: what one process finds serves all, and a run that follows.
#[derive(Debug)]
#[repr(C)]
pub struct Learned {
    /// How many of `rules` are used.
    pub rules_len: AtomicU64,
    /// Rules of unwinding, in the order in which they were met.
    pub rules: [[AtomicU64; 4]; RULES],
    /// Where each is, plus 1, by a hash of its address.
    pub index: [AtomicU16; RULES],
    /// Stacks by their hashes: the upper 48 bits of the hash, and the slot.
    pub met: [AtomicU64; MET],
}

/// What [`Point::state`] says.
pub mod state {
    /// Its process runs.
    pub const RUNNING: u32 = 1;
    /// Its process ended, and everything is written.
    pub const ENDED: u32 = 2;
}

/// The whole channel. What a forked child needs comes first and close together: each 2 MiB that it touches cost it a page table.
#[derive(Debug)]
#[repr(C)]
pub struct Channel {
    /// What is wanted, and the counters of the rest.
    pub header: Header,
    /// What is known of code and stacks.
    pub learned: Learned,
    /// In the order in which their code was met.
    pub modules: [Module; MODULES],
    /// In the order in which they were started; the first is the program's own.
    pub points: [Point; POINTS],
    /// A table by hash, with linear probing.
    pub stacks: [Stack; STACKS],
    /// One bit per call: whether its failure is explored.
    pub selected: [AtomicU64; CALLS / 64],
    /// In the order of the calls.
    pub calls: [CallRecord; CALLS],
}

impl Channel {
    /// Whether the failure of this call is to be explored.
    #[must_use]
    pub fn is_selected(&self, number: u64) -> bool {
        let index = number as usize;
        index < CALLS && self.selected[index / 64].load(Ordering::Relaxed) >> (index % 64) & 1 == 1
    }
}
