//! Forks at a failure point: the child gets the failure and runs to its end, the parent goes on as if nothing had been.
//!
//! The child is made by a bare `clone` with no exit signal: the program gets no SIGCHLD for it, cannot see it in its own
//! `wait`, and none of its fork handlers run.

use crate::channel::{Channel, JOBS, POINTS, Point, rerun, state};
use crate::decide::Call;
use crate::plan::Burst;
use crate::sys::{self, now, sys};
use crate::{calls, isolate, leak, process, processor};
use core::sync::atomic::AtomicI32;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::{Relaxed, Release};

const WCLONE: usize = 0x8000_0000;
const EINTR: isize = -4;
struct Job {
    pid: AtomicI32,
    point: AtomicU32,
}

#[unsafe(link_section = ".data")]
static RUNNING: [Job; JOBS] = [const {
    Job {
        pid: AtomicI32::new(0),
        point: AtomicU32::new(0),
    }
}; JOBS];

/// Explores a call with every shape. Returns `true` in a child, whose call fails.
#[inline(never)] // calls that explore nothing must do with little stack
pub fn at(channel: &'static Channel, number: u64, call: &Call, stack: u32) -> bool {
    let header = &channel.header;
    let why_not = if call.process != 1 {
        rerun::FORKED
    } else if sys::is_threaded() {
        rerun::THREADS
    } else {
        rerun::NO
    };
    let first = channel
        .stacks
        .get(stack as usize)
        .is_some_and(|stack| stack.tried.swap(1, Relaxed) == 0);
    let shapes = header
        .shapes
        .iter()
        .take(header.shapes_len.load(Relaxed) as usize);
    for (index, shape) in shapes.enumerate() {
        if shape.once.load(Relaxed) == 1 && !first {
            continue;
        }
        let Some(slot) = claim(channel) else {
            return false;
        };
        let point = &channel.points[slot];
        point.number.store(number, Relaxed);
        point.process.store(call.process, Relaxed);
        point.shape.store(index as u32, Relaxed);
        point.stack.store(stack, Relaxed);
        if why_not != rerun::NO {
            refuse(point, why_not);
            continue;
        }
        if child(channel, slot) {
            let burst = match shape.burst.load(Relaxed) {
                2 => Burst::Site,
                1 => Burst::Total,
                _ => Burst::Consecutive,
            };
            // SAFETY: the child of a bare clone has one thread.
            unsafe { calls::adopt(point, burst, shape.count.load(Relaxed), number, call) };
            return true;
        }
    }
    false
}

fn claim(channel: &Channel) -> Option<usize> {
    let slot = channel.header.points.fetch_add(1, Relaxed) as usize;
    (slot < POINTS).then_some(slot)
}

fn refuse(point: &Point, why: u32) {
    point.rerun.store(why, Relaxed);
    point.state.store(state::ENDED, Release);
}

/// Forks. `true` in the child, once it shares nothing that matters with its parent.
fn child(channel: &'static Channel, slot: usize) -> bool {
    let point = &channel.points[slot];
    let job = free_job(channel);
    let parting = match isolate::prepare(channel, point, job) {
        Ok(parting) => parting,
        Err(why) => {
            refuse(point, why);
            return false;
        }
    };
    leak::remember(channel);
    let alone = channel.header.jobs.load(Relaxed) <= 1;
    let narrowed = if alone { processor::narrow() } else { None };
    let widen = || {
        if let Some(before) = &narrowed {
            before.widen();
        }
    };
    point.began.store(now(), Relaxed);
    // SAFETY: no flags: a copy of this process, on a copy of this stack.
    let pid = unsafe { sys!(sys::CLONE, 0, 0, 0, 0, 0) };
    if pid == 0 {
        widen();
        process::remain();
        let why = parting.part();
        for job in &RUNNING {
            job.pid.store(0, Relaxed);
        }
        if why != rerun::NO {
            point.rerun.store(why, Relaxed);
            // SAFETY: ends this child.
            unsafe { sys!(sys::EXIT_GROUP, 0) };
        }
        return true;
    }
    parting.close();
    if pid < 0 {
        widen();
        refuse(point, rerun::REFUSED);
        return false;
    }
    let job = &RUNNING[job];
    point.pid.store(pid as i32, Relaxed);
    point.state.store(state::RUNNING, Release);
    job.point.store(slot as u32, Relaxed);
    job.pid.store(pid as i32, Relaxed);
    if alone {
        finish(channel, job);
        widen();
    }
    false
}

/// A job that runs nothing; waits for one if all do.
fn free_job(channel: &Channel) -> usize {
    let jobs = (channel.header.jobs.load(Relaxed) as usize).clamp(1, JOBS);
    let used = &RUNNING[..jobs];
    let free = || used.iter().position(|job| job.pid.load(Relaxed) == 0);
    if let Some(free) = free() {
        return free;
    }
    wait_for_any();
    for job in used {
        try_finish(channel, job);
    }
    free().unwrap_or_else(|| {
        // What ended was a child that the program made in the same bare way.
        finish(channel, &used[0]);
        0
    })
}

/// Waits until a child without exit signal has ended, and leaves it for `reap`.
fn wait_for_any() {
    const P_ALL: usize = 0;
    const WEXITED: usize = 4;
    const WNOWAIT: usize = 0x0100_0000;
    let options = WEXITED | WNOWAIT | WCLONE;
    // SAFETY: no place for an answer is given. A signal that interrupts the wait only makes the next look come too early.
    unsafe { sys!(sys::WAITID, P_ALL, 0, 0, options, 0) };
}

/// Waits for all children.
pub fn wait_for_all(channel: &Channel) {
    let runs = || RUNNING.iter().filter(|job| job.pid.load(Relaxed) != 0);
    while runs().count() > 1 {
        wait_for_any();
        let before = runs().count();
        RUNNING.iter().for_each(|job| try_finish(channel, job));
        if runs().count() == before {
            break;
        }
    }
    RUNNING.iter().for_each(|job| finish(channel, job));
}

fn finish(channel: &Channel, job: &Job) {
    reap(channel, job, 0);
}

fn try_finish(channel: &Channel, job: &Job) {
    const WNOHANG: usize = 1;
    reap(channel, job, WNOHANG);
}

fn reap(channel: &Channel, job: &Job, options: usize) {
    let pid = job.pid.load(Relaxed);
    if pid == 0 {
        return;
    }
    let mut status = 0_i32;
    let ended = loop {
        // SAFETY: the kernel writes one word.
        let ended = unsafe { sys!(sys::WAIT4, pid, &raw mut status, WCLONE | options, 0) };
        if ended != EINTR {
            break ended;
        }
    };
    if ended == 0 {
        return;
    }
    let point = &channel.points[job.point.load(Relaxed) as usize];
    isolate::note_end(channel, point);
    point.status.store(status, Relaxed);
    point.ended.store(now(), Relaxed);
    point.state.store(state::ENDED, Release);
    job.pid.store(0, Relaxed);
}
