//! malloc-fault's row of the gate: what its library costs a program that has no plan, in instructions.
//!
//! Times of this stand in docs/tools-malloc-fault.md; they depend on the machine.

use std::path::PathBuf;

use super::gate::Gate;
use super::program::{self, Program};
use crate::run::{Outcome, command, output};

/// Two programs that hardly do anything but allocate and free: the workload on glibc's malloc, and its count.
const SUBJECTS: [(&str, u64); 2] = [("short-lived", 6_000), ("tree", 17)];

/// How many times the instructions of the program by itself, the loading of the library included.
const AT_MOST: f64 = 1.05;

/// Count, and fail if the library costs more.
pub(crate) fn hold(bench: &Program) -> Outcome {
    let library = library()?;
    let mut gate = Gate::default();
    for (workload, count) in SUBJECTS {
        let run = bench.find(workload, "glibc")?;
        let (_, alone) = bench.count(run, count)?;
        let mut under = bench.counted(run, count);
        under.env("LD_PRELOAD", &library);
        let (_, under) = program::collected(under)?;
        let times = under as f64 / alone as f64;
        let line = format!(
            "{workload} on glibc, under malloc-fault's library without a plan: {times:.3} times {alone}, the goal is {AT_MOST}"
        );
        // Not one instruction more would mean that the library was not there.
        gate.pass(under > alone && times <= AT_MOST, line);
    }
    gate.end()
}

/// The library as malloc-fault's build script makes it, the same in every profile.
fn library() -> Outcome<PathBuf> {
    let build = command(
        "cargo build --quiet --package malloc-fault --lib --message-format json-render-diagnostics",
    );
    let said = String::from_utf8_lossy(&output(build)?.stdout).into_owned();
    let folder = folder(&said).ok_or("malloc-fault's build script says no folder")?;
    Ok(folder.join("libmalloc_fault.so"))
}

/// The folder of malloc-fault's build script among cargo's messages, one JSON object a line.
fn folder(messages: &str) -> Option<PathBuf> {
    messages.lines().find_map(|line| {
        let is_it =
            line.contains(r#""reason":"build-script-executed""#) && line.contains("malloc-fault#");
        let (_, rest) = line.split_once(r#""out_dir":""#).filter(|_| is_it)?;
        Some(PathBuf::from(rest.split('"').next()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_that_of_its_own_build_script() {
        let messages = "{\"reason\":\"build-script-executed\",\"package_id\":\"path+file:///w/tools/other#0.1.0\",\"out_dir\":\"/o\"}\n\
            {\"reason\":\"build-script-executed\",\"package_id\":\"path+file:///w/tools/malloc-fault#0.1.0\",\"out_dir\":\"/a b/out\"}\n";
        assert_eq!(folder(messages), Some(PathBuf::from("/a b/out")));
        assert_eq!(folder("{}"), None);
    }
}
