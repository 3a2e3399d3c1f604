//! One run that explores all points: watches the forked children, ends those that take too long, and hands each on to be judged.

use super::Stage;
use super::judge::{Ended, Judging, Left};
use super::output::Outputs;
use super::reference::with_budget;
use crate::channel::{POINTS, Point, rerun, state, wants};
use crate::error::Error;
use crate::interrupt;
use crate::launch::Started;
use crate::shared::Shared;
use std::collections::HashSet;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::atomic::Ordering::{Acquire, Relaxed};
use std::time::{Duration, Instant};

/// How a run that explores ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// As a run without failures.
    AsBefore,
    /// In another way: what the children did has disturbed it.
    Disturbed,
}

/// How often the children are looked after.
const TICK: Duration = Duration::from_millis(5);
/// More output than this is no output that anybody wants.
const FLOOD: u64 = 64 << 20;

/// Explores these calls. What cannot be judged in a fork goes to `left`.
pub(crate) fn explore(
    stage: &Stage<'_>,
    calls: &[usize],
    judging: &mut Judging<'_>,
    left: &mut Vec<Left>,
) -> Result<End, Error> {
    let outputs = Outputs::new()?;
    let (mut launch, _scratch) = stage.launch()?;
    launch = launch.leaks();
    launch.wants |= wants::EXPLORE;
    let started =
        launch.start(|channel| prepare(channel, stage, calls, judging, outputs.folder()))?;
    let mut watch = Watch {
        limit: judging.reference.limit(stage.settings),
        outputs,
        next: 1,
        killed: HashSet::new(),
        waiting: Vec::new(),
    };
    watch.run(started, judging, left)
}

fn prepare(
    channel: &Shared,
    stage: &Stage<'_>,
    calls: &[usize],
    judging: &Judging<'_>,
    folder: &Path,
) {
    let header = &channel.header;
    header
        .jobs
        .store(u32::try_from(stage.settings.jobs).unwrap_or(1), Relaxed);
    // The first record is the program's own.
    header.points.store(1, Relaxed);
    let shapes = with_budget(&stage.settings.shapes);
    for (to, shape) in header.shapes.iter().zip(&shapes) {
        to.count.store(shape.count, Relaxed);
        to.burst.store(shape.code(), Relaxed);
        to.once.store(u32::from(shape.once), Relaxed);
    }
    header
        .shapes_len
        .store(shapes.len().min(header.shapes.len()) as u32, Relaxed);
    channel.warm_up(&judging.reference.channel);
    let path = folder.as_os_str().as_bytes();
    for (to, byte) in header.folder.iter().zip(path) {
        to.store(*byte, Relaxed);
    }
    for index in calls {
        let number = judging.reference.trace.calls[*index].number as usize;
        if let Some(word) = channel.selected.get(number / 64) {
            word.fetch_or(1 << (number % 64), Relaxed);
        }
    }
}

/// What is known while the run goes on.
struct Watch {
    limit: Duration,
    outputs: Outputs,
    /// The first record that was not looked at.
    next: usize,
    /// Records whose process was ended here.
    killed: HashSet<usize>,
    /// Records that were looked at and had not ended.
    waiting: Vec<usize>,
}

impl Watch {
    fn run(
        &mut self,
        mut started: Started,
        judging: &mut Judging<'_>,
        left: &mut Vec<Left>,
    ) -> Result<End, Error> {
        let mut still_since = Instant::now();
        let mut moved = 0;
        let status = loop {
            let ended = started.wait(TICK)?;
            self.look(&started.channel, judging, left);
            if let Some(status) = ended {
                break status;
            }
            let seen = started.channel.header.points.load(Relaxed)
                + started.channel.header.calls.load(Relaxed);
            if seen != moved {
                (moved, still_since) = (seen, Instant::now());
            }
            // Without failures the program takes less than this between two calls, and children are ended in time.
            let stuck = still_since.elapsed() > self.limit * 4 + Duration::from_secs(10);
            if interrupt::is_asked() || stuck {
                break started.kill()?;
            }
        };
        self.rest(&started.channel, judging, left);
        let run = started.collect(status, false)?;
        let reference = &judging.reference;
        let as_before = run.status() == reference.status
            && (run.stdout() == reference.out && run.stderr() == reference.err
                || !reference.same_output);
        Ok(if as_before || interrupt::is_asked() {
            End::AsBefore
        } else {
            End::Disturbed
        })
    }

    /// Judges what has ended, and ends what takes too long.
    fn look(&mut self, channel: &Shared, judging: &mut Judging<'_>, left: &mut Vec<Left>) {
        let made = (channel.header.points.load(Acquire) as usize).min(POINTS);
        let mut all: Vec<usize> = std::mem::take(&mut self.waiting);
        all.extend(self.next..made);
        self.next = self.next.max(made);
        let now = monotonic();
        for index in all {
            let point = &channel.points[index];
            if point.state.load(Acquire) == state::ENDED {
                self.judge(channel, index, judging, left);
            } else {
                self.end_if_late(point, index, now);
                self.waiting.push(index);
            }
        }
        let unread = self.waiting.iter().map(|index| &channel.points[*index]);
        self.outputs.give_back(unread);
    }

    fn end_if_late(&mut self, point: &Point, index: usize, now: u64) {
        let pid = point.pid.load(Relaxed);
        let began = point.began.load(Relaxed);
        let late = began != 0 && Duration::from_nanos(now.saturating_sub(began)) > self.limit;
        let flood = || self.outputs.printed(point) > FLOOD;
        if pid > 0
            && point.state.load(Acquire) == state::RUNNING
            && (late || flood())
            && !has_ended(pid)
            && self.killed.insert(index)
        {
            // SAFETY: the process is a child of the program that has not been waited for.
            unsafe { libc::kill(pid, libc::SIGKILL) };
        }
    }

    /// After the run: children that outlived it.
    fn rest(&mut self, channel: &Shared, judging: &mut Judging<'_>, left: &mut Vec<Left>) {
        let end = Instant::now() + self.limit;
        self.look(channel, judging, left);
        while !self.waiting.is_empty() && Instant::now() < end && !interrupt::is_asked() {
            for index in &self.waiting {
                self.adopt(&channel.points[*index]);
            }
            std::thread::sleep(TICK);
            self.look(channel, judging, left);
        }
        for index in std::mem::take(&mut self.waiting) {
            let pid = channel.points[index].pid.load(Relaxed);
            if pid > 0 {
                // SAFETY: a child of this process by now, not waited for.
                unsafe { libc::kill(pid, libc::SIGKILL) };
                self.adopt(&channel.points[index]);
            }
        }
    }

    fn judge(
        &mut self,
        channel: &Shared,
        index: usize,
        judging: &mut Judging<'_>,
        left: &mut Vec<Left>,
    ) {
        let point = &channel.points[index];
        let [out, err] = self.outputs.of(point);
        let (process, number) = (point.process.load(Relaxed), point.number.load(Relaxed));
        let Some(call) = judging.reference.index_of(process, number) else {
            return;
        };
        let shape = judging.shapes[point.shape.load(Relaxed) as usize];
        let why = point.rerun.load(Relaxed);
        if why != rerun::NO {
            left.push(Left { call, shape, why });
            return;
        }
        let reference = &judging.reference;
        let before = |all: &[u8], len: u64| all[..all.len().min(len as usize)].to_owned();
        let mut whole_out = before(&reference.out, point.out_before.load(Relaxed));
        let mut whole_err = before(&reference.err, point.err_before.load(Relaxed));
        whole_out.extend(out);
        whole_err.extend(err);
        judging.add(
            Some(call),
            shape,
            Ended {
                status: point.status.load(Relaxed),
                late: self.killed.contains(&index),
                out: whole_out,
                err: whole_err,
                again: rerun::NO,
            },
            channel,
            point,
        );
    }

    /// A child whose parent has ended is this process's: its status comes here.
    fn adopt(&self, point: &Point) {
        let pid = point.pid.load(Relaxed);
        let mut status = 0;
        // SAFETY: writes one number; a process that is not ours is refused.
        let ended = unsafe { libc::waitpid(pid, &raw mut status, libc::WNOHANG | libc::__WALL) };
        if ended == pid {
            self.outputs.end(point);
            point.status.store(status, Relaxed);
            point
                .state
                .store(state::ENDED, std::sync::atomic::Ordering::Release);
        }
    }
}

/// Whether a process has ended and only waits to be waited for: its parent may be busy with another child.
fn has_ended(pid: i32) -> bool {
    let stat = fs::read(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name of a program need not be UTF-8.
    let stat = String::from_utf8_lossy(&stat);
    let state = stat.rsplit(") ").next().unwrap_or_default();
    state.starts_with('Z')
}

/// The clock that the interposer stamps with.
fn monotonic() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: writes one timespec.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
