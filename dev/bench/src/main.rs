//! Runs one workload on one peer, and says what it measured.
//!
//! `cargo xtask bench` runs this under callgrind twice, with different counts, and divides the
//! difference of the instructions by the difference of the counts: set-up and tear-down cancel out.
//! With `--times` it runs it as it is, in many processes in shuffled order.
//!
//! ```text
//!  peers/      one module a peer: what it can do, and the list of workloads it takes part in
//!  ability.rs  what a workload asks of a peer
//!  work.rs     the workloads: one loop each, the same for every peer
//! ```

use std::process::ExitCode;

mod ability;
mod measure;
mod peers;
mod work;

use measure::Task;
use work::Workload;

const USAGE: &str = "usage: bench list | bench <workload> <peer> <count> [<passes>]";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match args.as_slice() {
        ["list"] => list(),
        [workload, peer, count] => run(workload, peer, count, "1"),
        [workload, peer, count, passes] => run(workload, peer, count, passes),
        _ => Err(USAGE.to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("bench: {why}");
            ExitCode::from(2)
        }
    }
}

/// Print what there is to run: the workload, the peer, the peer's title.
fn list() -> Result<(), String> {
    for peer in peers::all() {
        for (workload, _) in peer.runs {
            println!("{},{},{}", workload.name(), peer.name, peer.title);
        }
    }
    Ok(())
}

/// Run, and print the operations and nanoseconds of a pass, those of the drop, and page faults.
fn run(workload: &str, peer: &str, count: &str, passes: &str) -> Result<(), String> {
    let number = |text: &str| {
        text.parse::<u64>()
            .map_err(|error| format!("{text:?}: {error}"))
    };
    let task = Task {
        count: number(count)?,
        passes: number(passes)?,
    };
    if task.passes == 0 {
        return Err("no passes, nothing to measure".to_owned());
    }
    let workload = Workload::from_name(workload).ok_or_else(|| {
        let names = Workload::ALL.map(Workload::name).join(", ");
        format!("no workload {workload:?}; there are {names}")
    })?;
    let Some(peer) = peers::all().find(|known| known.name == peer) else {
        let names: Vec<_> = peers::all().map(|peer| peer.name).collect();
        return Err(format!(
            "no peer {peer:?}; this build has {}",
            names.join(", ")
        ));
    };
    let Some((_, run)) = peer.runs.iter().find(|(known, _)| *known == workload) else {
        return Err(format!("{} cannot do {}", peer.name, workload.name()));
    };
    let measured = run(task);
    println!(
        "operations={} ns={} cpu_ns={} drop_ns={} faults={}",
        workload.operations(task.count),
        measured.timed.as_nanos() / u128::from(task.timed_passes()),
        measured.processor.as_nanos() / u128::from(task.timed_passes()),
        measured.drop.as_nanos(),
        measured.faults
    );
    Ok(())
}
