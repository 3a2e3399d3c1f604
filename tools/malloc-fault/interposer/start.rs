//! The library's own start and end: reads what is wanted from the environment, and takes itself out of it.

use crate::calls::{self, COUNTERS, RECORD, WANTS};
use crate::channel::{CHANNEL_VARIABLE, Channel, MAGIC, PLAN_VARIABLE, wants};
use crate::exports::ACTIVE;
use crate::plan::{FaultPlan, PlanError};
use crate::{explore, leak, live, process, real, sys, unwind};
use core::ffi::{CStr, c_char, c_int};
use core::ptr::null_mut;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicBool, AtomicPtr};

#[unsafe(link_section = ".data")]
static STARTED: AtomicBool = AtomicBool::new(false);
#[unsafe(link_section = ".data")]
static CHANNEL: AtomicPtr<Channel> = AtomicPtr::new(null_mut());

/// Whether calls count: not before the loader is done with this library.
pub fn is_started() -> bool {
    STARTED.load(Acquire)
}

/// What is shared with the command, if the program was started by it.
pub fn channel() -> Option<&'static Channel> {
    // SAFETY: null or a mapping of this size that stays to the end; all fields are atomic.
    unsafe { CHANNEL.load(Relaxed).as_ref() }
}

/// glibc calls initialisers with what `main` gets; the linker is told to make this the first of all.
#[unsafe(link_section = ".init_array")]
#[used]
static START: extern "C" fn(c_int, *const *const c_char, *mut *mut c_char) = start;

#[unsafe(link_section = ".fini_array")]
#[used]
static END: extern "C" fn() = end;

extern "C" fn start(_: c_int, _: *const *const c_char, environment: *mut *mut c_char) {
    real::resolve();
    // SAFETY: this thread's errno; the program starts with 0.
    unsafe { real::errno().write(0) };
    let plan = plan(environment);
    let path = variable(environment, CHANNEL_VARIABLE);
    let channel = path.and_then(open);
    if channel.is_none() && plan.is_none() {
        if !real::is_early_used() {
            ACTIVE.store(0, Relaxed);
        }
        return;
    }
    let mut wanted = needs(&plan);
    if let Some(channel) = channel {
        CHANNEL.store(core::ptr::from_ref(channel).cast_mut(), Relaxed);
        RECORD.store(core::ptr::from_ref(&channel.points[0]).cast_mut(), Relaxed);
        wanted |= channel.header.wants.load(Relaxed);
        channel.header.pid.store(sys::pid(), Relaxed);
        channel.header.processes.store(1, Relaxed);
    }
    if wanted & wants::FOLLOW_EXEC == 0 {
        leave_environment(environment);
    }
    // A program that was executed by another has other code at the same places.
    let first = channel.filter(|channel| channel.header.ready.load(Relaxed) == 0);
    unwind::start(first.map(|channel| &channel.learned));
    process::start();
    if wanted & wants::LIVE != 0 {
        live::start();
    }
    // SAFETY: the loader runs initialisers in one thread, and calls do not count yet.
    unsafe { calls::set_plan(plan) };
    WANTS.store(wanted, Relaxed);
    STARTED.store(true, Release);
    if let Some(channel) = channel {
        channel.header.ready.store(1, Release);
    }
}

/// The plan in the environment. A text that is none ends the program: a run that fails nothing would look like a good one.
fn plan(environment: *const *mut c_char) -> FaultPlan {
    let Some((_, text)) = entry(environment, PLAN_VARIABLE) else {
        return FaultPlan::NONE;
    };
    let plan = match core::str::from_utf8(text.to_bytes()) {
        Ok(text) => FaultPlan::parse(text),
        Err(_) => Err(PlanError::Word),
    };
    plan.unwrap_or_else(|why| refuse(why))
}

/// Says what is wrong with the plan and ends the program.
fn refuse(why: PlanError) -> ! {
    const BAD_INPUT: usize = 2;
    for text in ["malloc-fault: ", PLAN_VARIABLE, ": ", why.message(), "\n"] {
        sys::print_error(text.as_bytes());
    }
    loop {
        // SAFETY: ends the process.
        unsafe { sys::sys!(sys::EXIT_GROUP, BAD_INPUT) };
    }
}

/// What a plan needs to be decided.
fn needs(plan: &FaultPlan) -> u32 {
    let by_stack = plan.stack.is_some()
        || plan.filter.caller.is_some()
        || plan.burst == crate::plan::Burst::Site;
    let stacks = if by_stack { wants::STACKS } else { 0 };
    let live = if plan.ceiling.is_some() {
        wants::LIVE
    } else {
        0
    };
    stacks | live
}

/// The value of a variable of the environment.
fn variable(environment: *const *mut c_char, name: &str) -> Option<&'static str> {
    let text = entry(environment, name)?.1;
    core::str::from_utf8(text.to_bytes()).ok()
}

/// A variable's place in the environment, and its value.
fn entry(environment: *const *mut c_char, name: &str) -> Option<(usize, &'static CStr)> {
    for index in 0.. {
        // SAFETY: the list ends with a null pointer, and that was not passed.
        let text = unsafe { environment.wrapping_add(index).read() };
        if text.is_null() {
            break;
        }
        // SAFETY: each entry is a text with a NUL.
        let bytes = unsafe { CStr::from_ptr(text) }.to_bytes_with_nul();
        let value = bytes
            .strip_prefix(name.as_bytes())
            .and_then(|rest| rest.strip_prefix(b"="));
        if let Some(value) = value {
            return Some((index, CStr::from_bytes_with_nul(value).ok()?));
        }
    }
    None
}

/// Takes the plan, the channel and this library out of the environment, so that what the program executes runs undisturbed.
fn leave_environment(environment: *mut *mut c_char) {
    for name in [PLAN_VARIABLE, CHANNEL_VARIABLE] {
        if let Some((index, _)) = entry(environment, name) {
            remove(environment, index);
        }
    }
    let Some((index, value)) = entry(environment, "LD_PRELOAD") else {
        return;
    };
    // The command puts its library first; what the user had before stays.
    let bytes = value.to_bytes();
    match bytes.iter().position(|byte| *byte == b':') {
        None => remove(environment, index),
        Some(colon) => {
            let name = b"LD_PRELOAD=";
            // The name moves right, up to what stays of the value.
            let entry = value
                .as_ptr()
                .cast_mut()
                .wrapping_add(colon + 1)
                .wrapping_sub(name.len());
            // SAFETY: those bytes lie in the same entry, whose start was the name and the part that goes.
            unsafe {
                entry
                    .cast::<u8>()
                    .copy_from_nonoverlapping(name.as_ptr(), name.len())
            };
            // SAFETY: the index was found in the list.
            unsafe { environment.wrapping_add(index).write(entry) };
        }
    }
}

fn remove(environment: *mut *mut c_char, index: usize) {
    for index in index.. {
        // SAFETY: up to the null pointer that ends the list, which moves down with the rest.
        let next = unsafe { environment.wrapping_add(index + 1).read() };
        // SAFETY: as above.
        unsafe { environment.wrapping_add(index).write(next) };
        if next.is_null() {
            break;
        }
    }
}

/// Maps the channel; no descriptor stays open.
fn open(path: &'static str) -> Option<&'static Channel> {
    // O_RDWR | O_CLOEXEC. SAFETY: the path is a value of the environment, so there is a NUL behind it.
    let file = unsafe { sys::sys!(sys::OPEN, path.as_ptr(), 0x80002, 0) };
    if file < 0 {
        return None;
    }
    // PROT_READ | PROT_WRITE, MAP_SHARED. SAFETY: a new mapping, wherever the kernel puts it.
    let address = unsafe { sys::sys!(sys::MMAP, 0, size_of::<Channel>(), 3, 1, file, 0) };
    // SAFETY: opened above.
    unsafe { sys::sys!(sys::CLOSE, file) };
    if (-4095..0).contains(&address) {
        return None;
    }
    // SAFETY: the mapping has this size, zeros are valid for atomics, and it is never unmapped.
    let channel = unsafe { &*(address as *const Channel) };
    (channel.header.magic.load(Relaxed) == MAGIC).then_some(channel)
}

/// The program ends by `exit` or a return of `main`.
extern "C" fn end() {
    if !is_started() {
        return;
    }
    process::enter();
    if let Some(channel) = channel()
        && let Some(record) = calls::record()
    {
        explore::wait_for_all(channel);
        let peak = COUNTERS.live.load(Relaxed);
        channel.header.live_high_water_mark.fetch_max(peak, Relaxed);
        // Blocks that a forked process loses go with it.
        if WANTS.load(Relaxed) & wants::LEAKS != 0 && process::ordinal() == 1 {
            leak::scan(channel, record);
        }
    }
}
