//! Points that are run from the start: those that a fork cannot judge, and shapes that no call begins.

use super::judge::{Ended, Judging, Left};
use super::verdict::{Shape, ShapeBurst};
use super::{Reference, Stage};
use crate::channel::rerun;
use crate::error::Error;
use crate::interrupt;
use crate::launch::Run;
use crate::plan::{FaultPlan, StackHit};
use std::os::unix::process::ExitStatusExt as _;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Into how many parts the largest live sum is cut for soft ceilings.
const CEILINGS: u64 = 8;

/// Runs these points, as many at a time as there may be.
pub(crate) fn run(
    stage: &Stage<'_>,
    judging: &mut Judging<'_>,
    left: &[Left],
) -> Result<(), Error> {
    if left.is_empty() {
        return Ok(());
    }
    let limit = judging.reference.limit(stage.settings);
    let plans: Vec<FaultPlan> = left
        .iter()
        .map(|left| plan(&judging.reference, left))
        .collect();
    let next = AtomicUsize::new(0);
    let (send, receive) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..stage.settings.jobs.clamp(1, left.len()) {
            let (send, next, plans) = (send.clone(), &next, &plans);
            scope.spawn(move || {
                while let Some((index, plan)) = take(next, plans) {
                    // The receiver goes only after an error of another run.
                    if send.send((index, once(stage, plan, limit))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(send);
        for (index, run) in receive {
            let Left { call, shape, why } = left[index];
            add(judging, Some(call), shape, why, &run?);
        }
        Ok(())
    })
}

fn take<'a>(next: &AtomicUsize, plans: &'a [FaultPlan]) -> Option<(usize, &'a FaultPlan)> {
    if interrupt::is_asked() {
        return None;
    }
    let index = next.fetch_add(1, Relaxed);
    plans.get(index).map(|plan| (index, plan))
}

/// Runs the shapes that no call begins: ceilings and noise.
pub(crate) fn without_calls(stage: &Stage<'_>, judging: &mut Judging<'_>) -> Result<(), Error> {
    let settings = stage.settings;
    let peak = judging.reference.peak;
    let ceilings = (1..CEILINGS)
        .rev()
        .filter(|_| settings.ceilings)
        .map(|part| ShapeBurst::Ceiling(peak * part / CEILINGS));
    let bursts: Vec<_> = ceilings
        .chain(settings.noise.map(ShapeBurst::Noise))
        .collect();
    let limit = judging.reference.limit(settings);
    for burst in bursts {
        let plan = match burst {
            ShapeBurst::Ceiling(bytes) => FaultPlan {
                ceiling: Some(bytes),
                ..FaultPlan::NONE
            },
            ShapeBurst::Noise(errno) => FaultPlan {
                noise: Some(errno),
                ..FaultPlan::NONE
            },
            _ => continue,
        };
        let run = once(stage, &plan, limit)?;
        let shape = Shape {
            count: 1,
            burst,
            once: false,
        };
        add(judging, None, shape, rerun::NO, &run);
    }
    Ok(())
}

/// The plan that fails a point in a run from the start.
pub(crate) fn plan(reference: &Reference, left: &Left) -> FaultPlan {
    let call = &reference.trace.calls[left.call];
    let mut plan = FaultPlan {
        fail_count: left.shape.count,
        burst: left.shape.burst(),
        ..FaultPlan::NONE
    };
    if call.process > 1 {
        // The process's own number: it counts on from where its parent was.
        plan.fail_at = call.number;
        plan.filter.process = call.process;
    } else if reference.is_simple() && reference.deterministic {
        plan.fail_at = call.number;
    } else {
        plan.stack = Some(StackHit {
            hash: reference.keys[left.call].stack,
            hit: reference.hit(left.call),
        });
    }
    plan
}

/// One run under a plan.
pub(crate) fn once(stage: &Stage<'_>, plan: &FaultPlan, limit: Duration) -> Result<Run, Error> {
    let (launch, _scratch) = stage.launch()?;
    launch.leaks().plan(*plan).time_limit(limit).run()
}

fn add(judging: &mut Judging<'_>, call: Option<usize>, shape: Shape, why: u32, run: &Run) {
    let ended = Ended {
        status: run.status().into_raw(),
        late: run.is_timed_out(),
        out: run.stdout().to_owned(),
        err: run.stderr().to_owned(),
        again: why,
    };
    judging.add(call, shape, ended, &run.channel, &run.channel.points[0]);
}
