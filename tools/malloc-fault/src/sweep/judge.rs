//! From what was seen to a verdict.
//!
//! In this order: a time limit is *hung*; a fault signal, or libc's report that the heap is corrupted, is *crashed*; any other
//! signal is *aborted*. Blocks lost that a clean run keeps are *leaked*. Another exit status than a clean run's, or a message
//! more, is *propagated*. Other output is *wrong*. The same output is *masked* if the same functions asked for the same size
//! again and got it, *fell back* if the next calls are none that a clean run makes there, and else *swallowed*.

use super::again;
use super::group::{Group, Groups};
use super::reference::{Key, with_budget};
use super::verdict::{Shape, ShapeBurst, Verdict};
use super::{Point, Progress, Reference, Stage};
use crate::channel::{self, Channel};
use crate::command::show;
use crate::error::Error;
use crate::symbols::{Named, Symbols};
use crate::trace::{self, Trace};
use std::collections::HashSet;
use std::sync::atomic::Ordering::Relaxed;

/// How many calls of a clean run may lie between a failure and a call that is no fallback.
const WINDOW: usize = 64;

/// A point that is still to be run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Left {
    pub(crate) call: usize,
    pub(crate) shape: Shape,
    /// One of [`channel::rerun`].
    pub(crate) why: u32,
}

/// How a process ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// As `wait` gave it.
    pub(crate) status: i32,
    pub(crate) late: bool,
    pub(crate) out: Vec<u8>,
    pub(crate) err: Vec<u8>,
    pub(crate) again: u32,
}

/// A sweep while it is judged.
pub(crate) struct Judging<'a> {
    stage: &'a Stage<'a>,
    pub(crate) reference: Reference,
    pub(crate) shapes: Vec<Shape>,
    points: Vec<Point>,
    groups: Groups,
    symbols: Symbols,
    total: usize,
    done: usize,
    progress: &'a mut dyn Progress,
}

impl<'a> Judging<'a> {
    pub(crate) fn new(
        stage: &'a Stage<'a>,
        reference: Reference,
        total: usize,
        progress: &'a mut dyn Progress,
    ) -> Self {
        let symbols = super::symbols(&reference);
        Self {
            stage,
            reference,
            shapes: with_budget(&stage.settings.shapes),
            points: Vec::new(),
            groups: Groups::default(),
            symbols,
            total,
            done: 0,
            progress,
        }
    }

    /// Every point of these calls, to be run from the start.
    pub(crate) fn all_of(&self, calls: &[usize], why: u32) -> Vec<Left> {
        let mut seen = HashSet::new();
        let mut left = Vec::new();
        for call in calls {
            let first = seen.insert(self.reference.keys[*call].stack);
            let shapes = self.shapes.iter().filter(|shape| first || !shape.once);
            left.extend(shapes.map(|shape| Left {
                call: *call,
                shape: *shape,
                why,
            }));
        }
        left
    }

    /// Drops what was judged of these calls.
    pub(crate) fn forget(&mut self, calls: &[usize]) {
        let calls: HashSet<_> = calls.iter().copied().collect();
        let kept = |point: &Point| point.call.is_none_or(|call| !calls.contains(&call));
        self.points.retain(kept);
        self.done = self.points.iter().filter(|point| !point.shape.once).count();
        self.groups = Groups::default();
        for (index, point) in self.points.iter().enumerate() {
            self.groups
                .add(index, point, &self.reference, &mut self.symbols);
        }
    }

    /// Judges one point.
    pub(crate) fn add(
        &mut self,
        call: Option<usize>,
        shape: Shape,
        ended: Ended,
        channel: &Channel,
        record: &channel::Point,
    ) {
        let lost = self.lost(channel, record);
        let mut verdict = self.verdict(call, &ended, record, lost);
        if matches!(shape.burst, ShapeBurst::Noise(_)) {
            match verdict {
                // Nothing failed, and nothing changed: there is nothing to tell.
                Verdict::Swallowed => return,
                // Nothing failed, and the program says that something did.
                Verdict::Propagated => verdict = Verdict::Wrong,
                _ => {}
            }
        }
        let crash = if matches!(verdict, Verdict::Crashed | Verdict::Aborted) {
            self.crash(channel, record)
        } else {
            Vec::new()
        };
        let point = Point {
            call,
            shape,
            verdict,
            failed: record.failed.load(Relaxed),
            retried: call.is_some_and(|call| self.extra(call, record) > 0),
            lost,
            ending: ending(&ended),
            crash,
            again: ended.again,
        };
        let found = self.groups.add(
            self.points.len(),
            &point,
            &self.reference,
            &mut self.symbols,
        );
        if let Some(group) = found {
            self.progress.found(group);
        }
        if !shape.once {
            self.done += 1;
            self.progress
                .judged(self.done.min(self.total), self.total, &point);
        }
        self.points.push(point);
    }

    fn verdict(
        &self,
        call: Option<usize>,
        ended: &Ended,
        record: &channel::Point,
        lost: (u64, u64),
    ) -> Verdict {
        let status = ended.status;
        if ended.late {
            return Verdict::Hung;
        }
        // A forked process of the program may crash while the program itself ends well.
        let seen = record.signal.load(Relaxed);
        if libc::WIFSIGNALED(status)
            || is_fault(seen) && !libc::WIFSIGNALED(status) && record.state.load(Relaxed) == 0
        {
            let signal = if libc::WIFSIGNALED(status) {
                libc::WTERMSIG(status)
            } else {
                seen
            };
            let crashed = is_fault(signal) || is_corruption(&ended.err);
            return if crashed {
                Verdict::Crashed
            } else {
                Verdict::Aborted
            };
        }
        if lost.0 > 0 {
            return Verdict::Leaked;
        }
        let reference = &self.reference;
        let code = libc::WEXITSTATUS(status);
        if Some(code) != reference.status.code() {
            return if code == 0 {
                Verdict::Wrong
            } else {
                Verdict::Propagated
            };
        }
        let same_out = ended.out == reference.out || !reference.same_output;
        let same_err = ended.err == reference.err || !reference.same_output;
        if !same_err || !same_out && speaks_of_memory(&ended.out) {
            return Verdict::Propagated;
        }
        if !same_out {
            return Verdict::Wrong;
        }
        call.map_or(Verdict::Swallowed, |call| self.success(call, record))
    }

    /// The verdict on a run that succeeded as if nothing had failed.
    fn success(&self, call: usize, record: &channel::Point) -> Verdict {
        let keys = &self.reference.keys;
        let extra = self.extra(call, record);
        if extra >= record.failed.load(Relaxed).max(1) {
            return Verdict::Masked;
        }
        let window = &keys[call + 1..keys.len().min(call + 1 + WINDOW)];
        let made = record
            .calls
            .load(Relaxed)
            .min(record.followers.len() as u64) as usize;
        let mut followers = record.followers[..made].iter().map(|seen| Key {
            stack: 0,
            site: seen.site.load(Relaxed),
            size: seen.size.load(Relaxed),
        });
        // Retries that failed are behind us; what came after them?
        let after = followers.find(|key| extra == 0 || !same(key, &keys[call]));
        match after {
            Some(next) if !window.iter().any(|key| same(key, &next)) => Verdict::FellBack,
            _ => Verdict::Swallowed,
        }
    }

    /// How often the same functions asked for the same size after the failure, beyond what a clean run does.
    fn extra(&self, call: usize, record: &channel::Point) -> u64 {
        let keys = &self.reference.keys;
        let later = keys[call + 1..].iter();
        let expected = later.filter(|key| same(key, &keys[call])).count() as u64;
        record.again.load(Relaxed).saturating_sub(expected)
    }

    /// Blocks and bytes lost beyond a clean run's.
    fn lost(&self, channel: &Channel, record: &channel::Point) -> (u64, u64) {
        let known = &self.reference.lost;
        lost_rows(channel, record)
            .into_iter()
            .fold((0, 0), |sum, (stack, blocks, bytes)| {
                let (clean, clean_bytes) = known.get(&stack).copied().unwrap_or_default();
                let more = blocks.saturating_sub(clean);
                (
                    sum.0 + more,
                    sum.1
                        + if more > 0 {
                            bytes.saturating_sub(clean_bytes)
                        } else {
                            0
                        },
                )
            })
    }

    fn crash(&mut self, channel: &Channel, record: &channel::Point) -> Vec<Named> {
        let stack = trace::stack(channel, record.crash_stack.load(Relaxed));
        // The failed run may have met modules in another order than the reference.
        let modules = Trace::modules_of(channel, &self.reference.trace.program);
        self.symbols.set_modules(modules);
        let named = self.symbols.crash(&stack);
        self.symbols
            .set_modules(self.reference.trace.modules.clone());
        named
    }

    /// The points and their groups, each bad group confirmed by a run of its own.
    pub(crate) fn finish(mut self) -> Result<(Reference, Vec<Point>, Vec<Group>, Symbols), Error> {
        let mut groups = self.groups.take();
        let limit = self.reference.limit(self.stage.settings);
        for group in &mut groups {
            if crate::interrupt::is_asked() {
                break;
            }
            let point = &self.points[group.example];
            let Some(call) = point.call else { continue };
            let left = Left {
                call,
                shape: point.shape,
                why: 0,
            };
            let run = again::once(self.stage, &again::plan(&self.reference, &left), limit)?;
            group.confirm(&run, point);
            group.reproducer = super::group::reproducer(
                self.stage.settings,
                &self.reference,
                &mut self.symbols,
                call,
                point.shape,
            );
        }
        // What ends in time when it is run alone was slow, not hung.
        groups.retain(|group| {
            group.verdict != Verdict::Hung || group.confirmed || group.reproducer.is_empty()
        });
        Ok((self.reference, self.points, groups, self.symbols))
    }
}

fn same(a: &Key, b: &Key) -> bool {
    a.site == b.site && a.size == b.size
}

/// What was lost, by the stacks' hashes.
pub(crate) fn lost_rows(channel: &Channel, record: &channel::Point) -> Vec<(u64, u64, u64)> {
    let used = (record.lost_len.load(Relaxed) as usize).min(record.lost.len());
    let row = |lost: &channel::Lost| {
        let stack = trace::stack(channel, lost.stack.load(Relaxed)).hash;
        (
            stack,
            u64::from(lost.blocks.load(Relaxed)),
            lost.bytes.load(Relaxed),
        )
    };
    record.lost[..used].iter().map(row).collect()
}

fn ending(ended: &Ended) -> String {
    if ended.late {
        return "time limit".to_owned();
    }
    if libc::WIFSIGNALED(ended.status) {
        return show::signal_name(libc::WTERMSIG(ended.status));
    }
    format!("exit status {}", libc::WEXITSTATUS(ended.status))
}

pub(crate) fn is_fault(signal: i32) -> bool {
    [
        libc::SIGSEGV,
        libc::SIGBUS,
        libc::SIGFPE,
        libc::SIGILL,
        libc::SIGSYS,
    ]
    .contains(&signal)
}

/// libc gives up by SIGABRT when it finds its heap or a stack overwritten: no decision of the program's.
fn is_corruption(err: &[u8]) -> bool {
    let text = String::from_utf8_lossy(err);
    let words = [
        "free(): ",
        "malloc(): ",
        "realloc(): ",
        "munmap_chunk(): ",
        "double free or corruption",
        "corrupted",
        "stack smashing",
    ];
    words.iter().any(|word| text.contains(word))
}

fn speaks_of_memory(out: &[u8]) -> bool {
    let text = String::from_utf8_lossy(out).to_lowercase();
    let words = [
        "out of memory",
        "memory exhausted",
        "cannot allocate",
        "memory allocation",
        "no memory",
        "enomem",
        "not enough memory",
    ];
    words.iter().any(|word| text.contains(word))
}
