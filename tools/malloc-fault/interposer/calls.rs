//! What becomes of one call: counted, listed, let through or failed.

use crate::channel::{CALLS, Channel, Kind, Point, wants};
use crate::decide::{Call, Counters};
use crate::plan::{Burst, FaultPlan};
use crate::real::{self, Block};
use crate::stacks::{self, Stack};
use crate::unwind::Registers;
use crate::{crash, explore, exports, live, process, start};
use core::cell::UnsafeCell;
use core::ffi::c_int;
use core::ptr::null_mut;
use core::sync::atomic::Ordering::{Relaxed, Release};
use core::sync::atomic::{AtomicPtr, AtomicU32};

/// What Linux calls it on every architecture.
pub const ENOMEM: c_int = 12;

/// The caller's registers as a trampoline pushed them.
#[repr(C)]
pub struct Saved {
    rbx: u64,
    rbp: u64,
    r12_to_r15: [u64; 4],
    return_address: u64,
}

impl Saved {
    /// The registers of the caller's frame, at the byte after its call.
    fn registers(&self) -> Registers {
        let mut registers = [0; 17];
        registers[crate::unwind::RBX] = self.rbx;
        registers[crate::unwind::RBP] = self.rbp;
        registers[12..16].copy_from_slice(&self.r12_to_r15);
        registers[crate::unwind::RA] = self.return_address;
        registers[crate::unwind::RSP] = core::ptr::from_ref(self) as u64 + size_of::<Self>() as u64;
        registers
    }
}

/// The plan, written before there are threads and by a forked child that has one.
struct Shared(UnsafeCell<FaultPlan>);

// SAFETY: see `set_plan`.
unsafe impl Sync for Shared {}

#[unsafe(link_section = ".data")]
static PLAN: Shared = Shared(UnsafeCell::new(FaultPlan::NONE));
#[unsafe(link_section = ".data")]
pub static COUNTERS: Counters = Counters::new();
#[unsafe(link_section = ".data")]
static RESETS: AtomicU32 = AtomicU32::new(0);

/// The record of the process that runs here, if its end is of interest.
#[unsafe(link_section = ".data")]
pub static RECORD: AtomicPtr<Point> = AtomicPtr::new(null_mut());

/// What is wanted here: as in the channel, less what does not concern a forked child.
#[unsafe(link_section = ".data")]
pub static WANTS: AtomicU32 = AtomicU32::new(0);

/// Sets the plan.
///
/// # Safety
///
/// No other thread of this process makes calls.
pub unsafe fn set_plan(plan: FaultPlan) {
    // SAFETY: no other thread reads it now.
    unsafe { PLAN.0.get().write(plan) };
}

/// The plan in force.
pub fn plan() -> &'static FaultPlan {
    // SAFETY: it changes only while there is one thread, which is then not here.
    unsafe { &*PLAN.0.get() }
}

/// Zeroes the counters and lets the plan begin.
pub fn mark() {
    COUNTERS.reset();
    COUNTERS.marked.store(true, Relaxed);
    RESETS.fetch_add(1, Relaxed);
}

/// Forgets a block that is about to be freed.
pub fn forget(block: Block) {
    if WANTS.load(Relaxed) & wants::LIVE != 0 && !block.is_null() {
        live::remove(block as u64, &COUNTERS.live);
    }
}

/// Serves a call: fails it, or calls the real function and keeps errno as the program knows it.
pub fn serve(
    kind: Kind,
    size: usize,
    old: Block,
    saved: &Saved,
    real: impl FnOnce() -> Block,
) -> Block {
    if !start::is_started() {
        return real();
    }
    process::enter();
    // Asked here, so that a forked child need not find libc's code for it.
    let errno = real::errno();
    // `realloc(block, 0)` frees, and free does not fail.
    let frees = size == 0 && !old.is_null();
    let (fails, stack) = count(kind, size as u64, frees, saved);
    if fails {
        if kind != Kind::PosixMemalign {
            // SAFETY: this thread's errno.
            unsafe { errno.write(ENOMEM) };
        }
        return null_mut();
    }
    let live = WANTS.load(Relaxed) & wants::LIVE != 0;
    let before = if live && !old.is_null() {
        live::remove(old as u64, &COUNTERS.live)
    } else {
        None
    };
    // SAFETY: this thread's errno.
    let kept = unsafe { errno.read() };
    let block = real();
    if !block.is_null() {
        // glibc may leave ENOMEM behind when brk could not grow and mmap could.
        let wanted = plan().noise.unwrap_or(kept);
        // SAFETY: this thread's errno.
        if unsafe { errno.read() } != wanted {
            // SAFETY: as above. Its page may be shared with a forked child, so it is not written for nothing.
            unsafe { errno.write(wanted) };
        }
        if live {
            live::insert(block as u64, size as u64, stack, &COUNTERS.live);
        }
    } else if let Some((size, stack)) = before.filter(|_| !frees) {
        live::insert(old as u64, size, stack, &COUNTERS.live);
    }
    block
}

/// Counts a call. Returns whether it fails, and its stack's slot.
fn count(kind: Kind, size: u64, frees: bool, saved: &Saved) -> (bool, u32) {
    let wanted = WANTS.load(Relaxed);
    let stack = if wanted & wants::STACKS != 0 {
        stacks::take(saved.registers())
    } else {
        Stack::NONE
    };
    let call = Call {
        size,
        stack: stack.hash,
        site: stack.site,
        module: stack.module,
        offset: stack.offset,
        thread: process::thread(),
        process: process::ordinal(),
    };
    let verdict = COUNTERS.decide(plan(), &call);
    let failure = verdict.failure.filter(|_| !frees).unwrap_or(0);
    let record = record();
    if let Some(record) = record
        && record.failed.load(Relaxed) != 0
    {
        follow(record, &call);
    }
    if let Some(channel) = start::channel() {
        if wanted & wants::LOG != 0 && verdict.number != 0 {
            list(
                channel,
                kind,
                verdict.number,
                failure as u32,
                &call,
                stack.slot,
            );
        }
        if wanted & wants::EXPLORE != 0
            && failure == 0
            && !frees
            && channel.is_selected(verdict.number)
            && explore::at(channel, verdict.number, &call, stack.slot)
        {
            return (true, stack.slot);
        }
    }
    if failure != 0 {
        fail(record, failure, &call, verdict.number, stack.slot);
    }
    (failure != 0, stack.slot)
}

/// The record that this process writes to.
pub fn record() -> Option<&'static Point> {
    // SAFETY: it is null or a record of the channel, which stays mapped to the end.
    unsafe { RECORD.load(Relaxed).as_ref() }
}

/// What happens before a call fails.
fn fail(record: Option<&Point>, failure: u64, call: &Call, number: u64, slot: u32) {
    if let Some(record) = record {
        if record.failed.fetch_add(1, Relaxed) == 0 {
            record.number.store(number, Relaxed);
            record.stack.store(slot, Relaxed);
            first_failure(call);
        }
    } else if failure == 1 {
        first_failure(call);
    }
    exports::malloc_fault_failing(number);
}

/// Remembers what failed, and watches from now on how the process ends.
pub fn first_failure(call: &Call) {
    FAILED_SITE.store(call.site, Relaxed);
    FAILED_SIZE.store(call.size, Relaxed);
    if record().is_some() {
        crash::watch();
    }
}

#[unsafe(link_section = ".data")]
static FAILED_SITE: core::sync::atomic::AtomicU64 = core::sync::atomic::AtomicU64::new(0);
#[unsafe(link_section = ".data")]
static FAILED_SIZE: core::sync::atomic::AtomicU64 = core::sync::atomic::AtomicU64::new(0);

/// Keeps what a program does after a failure: does it ask again, or for something else?
fn follow(record: &Point, call: &Call) {
    let index = record.calls.fetch_add(1, Relaxed) as usize;
    if call.site == FAILED_SITE.load(Relaxed) && call.size == FAILED_SIZE.load(Relaxed) {
        record.again.fetch_add(1, Relaxed);
    }
    if let Some(follower) = record.followers.get(index) {
        follower.site.store(call.site, Relaxed);
        follower.size.store(call.size, Relaxed);
    }
}

fn list(channel: &Channel, kind: Kind, number: u64, failure: u32, call: &Call, stack: u32) {
    let index = channel.header.calls.fetch_add(1, Relaxed) as usize;
    let Some(record) = channel.calls.get(index).filter(|_| index < CALLS) else {
        return;
    };
    record.size.store(call.size, Relaxed);
    record.kind.store(kind as u32, Relaxed);
    record.stack.store(stack, Relaxed);
    record.failure.store(failure, Relaxed);
    record.thread.store(call.thread, Relaxed);
    record.process.store(call.process, Relaxed);
    record.resets.store(RESETS.load(Relaxed), Relaxed);
    record.number.store(number + 1, Release);
}

/// Makes this process one that runs with a shape from this call on: `true` if the call fails.
///
/// # Safety
///
/// The process has one thread.
pub unsafe fn adopt(record: &'static Point, burst: Burst, count: u64, number: u64, call: &Call) {
    WANTS.fetch_and(!(wants::LOG | wants::EXPLORE), Relaxed);
    COUNTERS.reset();
    COUNTERS.calls.store(number, Relaxed);
    RECORD.store(core::ptr::from_ref(record).cast_mut(), Relaxed);
    // A run that explores has no plan of its own: the rest of it stays empty.
    // SAFETY: one thread, by the caller's promise.
    let plan = unsafe { &mut *PLAN.0.get() };
    (plan.fail_at, plan.fail_count, plan.burst) = (number, count, burst);
    COUNTERS.judge(plan, call, number);
    record.failed.store(1, Relaxed);
    first_failure(call);
    exports::malloc_fault_failing(number);
}
