//! `heap-view replay`: one workload on one allocator or on all of them.

use super::{Failure, Input, open, print, read};
use crate::rep::Rep;
use crate::replay::{Malloc, OnAllocator, OnTagHeap, Outcome, replay};
use arena_core::Policy;
use clap::ValueEnum;
use serde_json::json;
use std::path::PathBuf;
use tagheap::{Options, Tag, TagHeap};

#[derive(clap::Args, Debug)]
pub(super) struct Replay {
    /// A recording, or a workload if its name ends in .rep
    file: PathBuf,
    /// The allocators, each with a fresh heap
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["malloc", "arena", "sync-arena", "tagheap"])]
    on: Vec<Subject>,
    /// Bytes of an arena or a tagheap; if not given, four times what the workload suggests, and 1 MiB at least
    #[arg(long, value_name = "BYTES")]
    heap: Option<usize>,
    /// Go on with what is left of a damaged recording
    #[arg(long)]
    salvage: bool,
    /// Print one JSON object for each allocator
    #[arg(long)]
    json: bool,
}

#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    /// The C library's heap
    Malloc,
    /// arena-core's Arena, which takes back the newest block only
    Arena,
    /// arena-core's SyncArena
    SyncArena,
    /// tagheap, defragmented when it has no room
    Tagheap,
}

impl Subject {
    fn name(self) -> &'static str {
        match self {
            Self::Malloc => "malloc",
            Self::Arena => "arena",
            Self::SyncArena => "sync-arena",
            Self::Tagheap => "tagheap",
        }
    }
}

/// The least room that a heap is given.
const LEAST_HEAP: usize = 1 << 20;

impl Replay {
    pub(super) fn run(self) -> Result<(), Failure> {
        let rep = self.workload()?;
        let suggested = usize::try_from(rep.heap_size).unwrap_or(usize::MAX);
        let heap = self
            .heap
            .unwrap_or(suggested.saturating_mul(4).max(LEAST_HEAP));
        let mut stopped = Vec::new();
        for &subject in &self.on {
            let (outcome, note) = on(subject, &rep, heap)?;
            self.tell(subject, &rep, &outcome, &note)?;
            if let Some(why) = outcome.stopped {
                stopped.push(format!("{}: {why}", subject.name()));
            }
        }
        if stopped.is_empty() {
            return Ok(());
        }
        Err(Failure::Stopped(stopped.join("; ")))
    }

    fn workload(&self) -> Result<Rep, Failure> {
        if self
            .file
            .extension()
            .is_some_and(|extension| extension == "rep")
        {
            let file = self.file.display().to_string();
            return Rep::read(open(&self.file)?).map_err(|why| Failure::ReadRep { file, why });
        }
        let input = Input {
            file: self.file.clone(),
            salvage: self.salvage,
        };
        Ok(Rep::of(&read(&input)?)?)
    }

    fn tell(
        &self,
        subject: Subject,
        rep: &Rep,
        outcome: &Outcome,
        note: &str,
    ) -> Result<(), Failure> {
        let (name, all) = (subject.name(), rep.operations.len());
        let per_operation = outcome.time.as_nanos() as f64 / outcome.done.max(1) as f64;
        print(|out| {
            if self.json {
                let object = json!({
                    "on": name,
                    "operations": all,
                    "done": outcome.done,
                    "most_live_bytes": outcome.most_live,
                    "nanoseconds": outcome.time.as_nanos() as u64,
                    "stopped": outcome.stopped.as_ref().map(ToString::to_string),
                });
                writeln!(out, "{object}")?;
                return Ok(());
            }
            writeln!(
                out,
                "{name:<10} {} of {all} operations, at most {} bytes live, {per_operation:.0} ns each{note}",
                outcome.done, outcome.most_live
            )?;
            Ok(())
        })
    }
}

/// Replays on a fresh heap; with what is to be said of it.
fn on(subject: Subject, rep: &Rep, heap: usize) -> Result<(Outcome, String), Failure> {
    let refused =
        |why: &dyn std::fmt::Display| Failure::Subject(format!("{}: {why}", subject.name()));
    let policy = || Policy::new().reserve(heap).limit(heap);
    match subject {
        Subject::Malloc => Ok((replay(rep, &mut Malloc), String::new())),
        Subject::Arena => {
            let arena = policy().build().map_err(|why| refused(&why))?;
            let outcome = replay(rep, &mut OnAllocator(&arena));
            Ok((outcome, format!(", {} used", arena.high_water_mark())))
        }
        Subject::SyncArena => {
            let arena = policy().build_sync().map_err(|why| refused(&why))?;
            Ok((replay(rep, &mut OnAllocator(&arena)), String::new()))
        }
        Subject::Tagheap => {
            let options = Options::new().handles(rep.ids.max(1));
            let mut control = vec![0; options.control_len(heap)];
            let mut blocks = vec![0; heap];
            let heap = TagHeap::create_apart(&mut control, &mut blocks, &options);
            let heap = heap.map_err(|why| refused(&why))?;
            let tag = Tag::head(1).map_err(|why| refused(&why))?;
            let mut subject = OnTagHeap::new(&heap, tag);
            let outcome = replay(rep, &mut subject);
            let note = format!(", defragmented {} times", subject.defragmented());
            Ok((outcome, note))
        }
    }
}
