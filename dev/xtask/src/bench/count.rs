//! What is the same however busy the machine is: instructions, and page faults.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::data::Figure;
use super::program::{Program, Run};
use super::tracing::FRESH;
use crate::run::Outcome;

/// Workloads whose instructions are counted, with a small count and a large one.
///
/// Multiples of 16,384, where a table is gone through; depths for the tree, whose every node costs
/// the same.
const COUNTED: [(&str, u64, u64); 9] = [
    ("one-u64", 98_304, 294_912),
    ("forty-bytes", 98_304, 294_912),
    ("mixed-layouts", 98_304, 294_912),
    ("slices-and-str", 98_304, 294_912),
    ("vec-push", 98_304, 294_912),
    ("short-lived", 2_000, 6_000),
    ("rewind", 5_000, 15_000),
    ("tree", 10, 17),
    ("two-threads", 51_200, 153_600),
];

/// Workloads that are counted on traced arenas and bare ones.
const TRACED: [(&str, u64, u64); 3] = [
    ("freed-line", 98_304, 294_912),
    ("fresh-line", 98_304, 294_912),
    ("fresh-freed-line", 98_304, 294_912),
];

/// Workloads on fresh memory whose page faults are counted on traced arenas and bare ones.
const TRACED_FRESH: [&str; 2] = ["fresh-line", "fresh-freed-line"];

/// Workloads whose page faults are counted: pushes of a `u32`, and objects that fill 1 GiB.
pub(crate) const FAULTING: [(&str, u64); 2] = [("vec-faults", 4 << 20), ("cold-objects", 16 << 20)];

/// Count the instructions of an operation, on the peers that are wanted.
pub(crate) fn instructions(
    program: &Program,
    wanted: impl Fn(&str) -> bool,
) -> Outcome<Vec<Figure>> {
    count_each(program, &COUNTED, wanted)
}

/// Count the instructions of an operation on traced arenas and on what is beside them.
pub(crate) fn tracing(program: &Program) -> Outcome<Vec<Figure>> {
    count_each(program, &TRACED, |_| true)
}

fn count_each(
    program: &Program,
    workloads: &[(&str, u64, u64)],
    wanted: impl Fn(&str) -> bool,
) -> Outcome<Vec<Figure>> {
    let runs: Vec<(&Run, u64, u64)> = workloads
        .iter()
        .flat_map(|&(workload, few, many)| {
            program
                .runs
                .iter()
                .filter(move |run| run.workload == workload)
                .map(move |run| (run, few, many))
        })
        .filter(|(run, ..)| wanted(&run.peer))
        .collect();
    in_parallel(&runs, |&(run, few, many)| {
        let (less, fewer_instructions) = program.count(run, few)?;
        let (more, instructions) = program.count(run, many)?;
        // The difference of two runs: what is done once, whatever the count, cancels out.
        let difference = instructions as f64 - fewer_instructions as f64;
        let operations = more.operations - less.operations;
        Ok(Figure::of(run, difference / operations as f64))
    })
}

/// Count the page faults, on the peers that are wanted.
pub(crate) fn faults(program: &Program, wanted: impl Fn(&str) -> bool) -> Outcome<Vec<Figure>> {
    let mut figures = Vec::new();
    for (workload, count) in FAULTING {
        for run in program.runs.iter().filter(|run| run.workload == workload) {
            if wanted(&run.peer) {
                let report = program.run(run, count, 1)?;
                figures.push(Figure::of(run, report.faults as f64));
            }
        }
    }
    Ok(figures)
}

/// Count the page faults of traced arenas, and of bare ones.
pub(crate) fn tracing_faults(program: &Program) -> Outcome<Vec<Figure>> {
    let of_arenas = |run: &&Run| run.peer == "arena-core" || run.peer.starts_with("traced-");
    let mut figures = Vec::new();
    for run in program.runs.iter().filter(of_arenas) {
        if TRACED_FRESH.contains(&run.workload.as_str()) {
            let report = program.run(run, FRESH, 1)?;
            figures.push(Figure::of(run, report.faults as f64));
        }
    }
    Ok(figures)
}

/// Do all the work on all processors, and return the results in order.
fn in_parallel<T: Sync, R: Send>(
    work: &[T],
    each: impl Fn(&T) -> Outcome<R> + Sync,
) -> Outcome<Vec<R>> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = work.get(index) else { break };
                    let result = each(item);
                    done.lock().expect("no worker panics").push((index, result));
                }
            });
        }
    });
    let mut done = done.into_inner().expect("no worker panics");
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_work() {
        let work: Vec<u64> = (0..100).collect();
        assert_eq!(in_parallel(&work, |&n| Ok(n)).unwrap(), work);
        let refused = in_parallel(
            &work,
            |&n| if n == 50 { Err("50".to_owned()) } else { Ok(n) },
        );
        assert_eq!(refused, Err("50".to_owned()));
    }
}
