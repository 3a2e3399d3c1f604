//! Many points, few bugs: crashes by the stack of the crash, hangs and leaks by the stack of the failed call.

use super::judge::is_fault;
use super::verdict::{Shape, Verdict};
use super::{Point, Reference, Settings};
use crate::command::show;
use crate::launch::Run;
use crate::symbols::{Named, Symbols};
use std::collections::{BTreeSet, HashMap};
use std::os::unix::process::ExitStatusExt as _;

/// How many functions outside of libc tell one bug from another: one is often a wrapper.
const TELLING: usize = 3;
/// How many frames a reproducer names.
const FRAMES: usize = 5;

/// Points that are one bug.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) verdict: Verdict,
    /// What it is known by in a baseline: the verdict, how it ended, and the functions.
    pub(crate) key: String,
    /// How it ended.
    pub(crate) ending: String,
    /// The module that faulted, for a crash.
    pub(crate) module: Option<String>,
    /// Where it crashed, or where the failed call was made.
    pub(crate) stack: Vec<Named>,
    /// The stack of the call that failed in the example.
    pub(crate) failed_at: Vec<Named>,
    /// Whether the failed call was made by other code than libc and the loader.
    pub(crate) points: usize,
    pub(crate) shapes: BTreeSet<Shape>,
    /// The largest sum of bytes that a point lost.
    pub(crate) lost_bytes: u64,
    /// The point that stands for all.
    pub(crate) example: usize,
    /// One line that shows it again.
    pub(crate) reproducer: String,
    /// Whether a run of its own ended in the same way.
    pub(crate) confirmed: bool,
}

impl Group {
    /// Compares a run from the start with the example.
    pub(crate) fn confirm(&mut self, run: &Run, example: &Point) {
        let signal = run.status().signal();
        self.confirmed = match example.verdict {
            Verdict::Hung => run.is_timed_out(),
            Verdict::Leaked => {
                run.channel.points[0]
                    .lost_blocks
                    .load(std::sync::atomic::Ordering::Relaxed)
                    > 0
            }
            _ => {
                signal.is_some_and(|signal| show::signal_name(signal) == example.ending)
                    || is_fault(
                        run.channel.points[0]
                            .signal
                            .load(std::sync::atomic::Ordering::Relaxed),
                    )
            }
        };
    }
}

/// The groups of a sweep, in the order in which they were found.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    groups: Vec<Group>,
    known: HashMap<String, usize>,
}

impl Groups {
    /// Adds a point that is to be acted on. Returns its group if it is a new one.
    pub(crate) fn add(
        &mut self,
        index: usize,
        point: &Point,
        reference: &Reference,
        symbols: &mut Symbols,
    ) -> Option<&Group> {
        if !point.verdict.is_bad() {
            return None;
        }
        let failed_at = match point.call {
            Some(call) => symbols.stack(&reference.trace.stack(reference.trace.calls[call].stack)),
            None => Vec::new(),
        };
        let by_crash = point.verdict == Verdict::Crashed && !point.crash.is_empty();
        let stack = if by_crash { &point.crash } else { &failed_at };
        let key = key(point, stack);
        if let Some(known) = self.known.get(&key) {
            let group = &mut self.groups[*known];
            group.points += 1;
            group.shapes.insert(point.shape);
            group.lost_bytes = group.lost_bytes.max(point.lost.1);
            return None;
        }
        self.known.insert(key.clone(), self.groups.len());
        self.groups.push(Group {
            verdict: point.verdict,
            key,
            ending: point.ending.clone(),
            module: by_crash.then(|| stack[0].module.clone()),
            stack: stack.clone(),
            failed_at,
            points: 1,
            shapes: BTreeSet::from([point.shape]),
            lost_bytes: point.lost.1,
            example: index,
            reproducer: String::new(),
            confirmed: false,
        });
        self.groups.last()
    }

    pub(crate) fn take(&mut self) -> Vec<Group> {
        std::mem::take(&mut self.groups)
    }
}

/// Functions only, no lines and no addresses but the starts of functions without a name: it survives most rebuilds. A
/// function that calls itself is named once: how deep it was is another input, not another bug.
fn key(point: &Point, stack: &[Named]) -> String {
    let mut names: Vec<String> = Vec::new();
    let mut telling = 0;
    for frame in stack {
        let name = format!("{}!{}", frame.module, frame.function);
        if names.last() == Some(&name) {
            continue;
        }
        telling += usize::from(!frame.module.starts_with("libc.so"));
        names.push(name);
        if telling == TELLING || frame.function == "main" {
            break;
        }
    }
    let ending = if point.verdict == Verdict::Crashed {
        point.ending.as_str()
    } else {
        ""
    };
    let shape = if point.call.is_none() {
        point.shape.to_string()
    } else {
        String::new()
    };
    let words = [
        point.verdict.to_string(),
        ending.to_owned(),
        shape,
        names.join(" < "),
    ];
    let words: Vec<_> = words
        .iter()
        .filter(|word| !word.is_empty())
        .map(String::as_str)
        .collect();
    words.join(" ")
}

/// The command that fails this call again.
pub(crate) fn reproducer(
    settings: &Settings,
    reference: &Reference,
    symbols: &mut Symbols,
    call: usize,
    shape: Shape,
) -> String {
    let calls = &reference.trace.calls;
    let mut named = |index: usize| symbols.stack(&reference.trace.stack(calls[index].stack));
    let wanted = named(call);
    let frames = wanted.len().min(FRAMES);
    let names: Vec<String> = wanted[..frames].iter().map(Named::to_string).collect();
    let mut same = HashMap::new();
    let hit = (0..=call)
        .filter(|index| {
            *same.entry(calls[*index].stack).or_insert_with(|| {
                let stack = named(*index);
                stack.len() >= frames
                    && stack[..frames]
                        .iter()
                        .zip(&names)
                        .all(|(frame, name)| frame.to_string() == *name)
            })
        })
        .count();
    let program: Vec<String> = std::iter::once(&settings.program)
        .chain(&settings.arguments)
        .map(|word| quote(&word.to_string_lossy()))
        .collect();
    let stack = quote(&names.join(" < "));
    let hit = if hit == 1 {
        String::new()
    } else {
        format!(" --hit {hit}")
    };
    let folder = settings.chdir.as_ref().map_or(String::new(), |folder| {
        format!(" --chdir {}", quote(&folder.to_string_lossy()))
    });
    let follow = if settings.follow_exec {
        " --follow-exec"
    } else {
        ""
    };
    let (shape, program) = (shape.arguments(), program.join(" "));
    format!("malloc-fault run --stack {stack}{hit} {shape}{folder}{follow} -- {program}")
}

/// A word as a shell reads it back.
pub(crate) fn quote(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./=:,+@%".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}
