//! What a program did, read from the channel into plain values.

use crate::channel::{CALLS, Channel, FRAMES, Kind, MODULES};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::{Acquire, Relaxed};

/// One allocation call of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallSeen {
    /// Its number since the last reset, from 1.
    pub number: u64,
    /// The function.
    pub kind: Kind,
    /// Bytes asked for.
    pub size: u64,
    /// Which failure of the plan it is, from 1; 0 if it was let through.
    pub failure: u32,
    /// The thread, in the order of first calls.
    pub thread: u32,
    /// The process, in the order of first calls.
    pub process: u32,
    /// How often the counters had been reset before.
    pub resets: u32,
    /// The stack's slot in [`Trace::stack`].
    pub stack: u32,
}

/// A place in a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Frame {
    /// Index into [`Trace::modules`]; `u32::MAX` if none is known.
    pub module: u32,
    /// Offset in the module of the byte after the call; an address if no module is known.
    pub offset: u64,
    /// How far that is from the start of its function.
    pub into: u32,
}

/// The stack of a call, the innermost frame first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StackSeen {
    /// Hash of modules and offsets: the same in each run of the same files.
    pub hash: u64,
    /// Hash of the functions.
    pub site: u64,
    /// At most [`FRAMES`] frames.
    pub frames: Vec<Frame>,
}

/// The calls of one run.
#[derive(Debug)]
pub struct Trace {
    /// The calls, in the order in which they were made.
    pub calls: Vec<CallSeen>,
    /// Calls that found no room in the list.
    pub calls_lost: u64,
    /// The files of the modules on any stack.
    pub modules: Vec<PathBuf>,
    /// The program's own file.
    pub program: PathBuf,
    /// How many threads made calls.
    pub threads: u32,
    /// How many processes made calls.
    pub processes: u32,
    stacks: HashMap<u32, StackSeen>,
}

impl Trace {
    pub(crate) fn read(channel: &Channel, program: &Path) -> Self {
        let made = channel.header.calls.load(Acquire);
        let kept = made.min(CALLS as u64) as usize;
        let calls: Vec<_> = channel.calls[..kept].iter().filter_map(call).collect();
        let mut stacks = HashMap::new();
        for call in &calls {
            stacks
                .entry(call.stack)
                .or_insert_with(|| stack(channel, call.stack));
        }
        Self {
            calls,
            calls_lost: made - kept as u64,
            modules: Self::modules_of(channel, program),
            program: program.to_owned(),
            threads: channel.header.threads.load(Relaxed),
            processes: channel.header.processes.load(Relaxed),
            stacks,
        }
    }

    /// The files of the modules that a channel names.
    pub(crate) fn modules_of(channel: &Channel, program: &Path) -> Vec<PathBuf> {
        let used = (channel.header.modules.load(Acquire) as usize).min(MODULES);
        let modules = channel.modules[..used].iter();
        modules.map(|seen| module(seen, program)).collect()
    }

    /// The stack in this slot, if there is one.
    pub(crate) fn stack_ref(&self, slot: u32) -> Option<&StackSeen> {
        self.stacks.get(&slot)
    }

    /// The stack in this slot; empty if there is none.
    #[must_use]
    pub fn stack(&self, slot: u32) -> StackSeen {
        self.stacks.get(&slot).cloned().unwrap_or_default()
    }
}

fn call(record: &crate::channel::CallRecord) -> Option<CallSeen> {
    let number = record.number.load(Acquire).checked_sub(1)?;
    let kind = *Kind::ALL.get(record.kind.load(Relaxed) as usize)?;
    Some(CallSeen {
        number,
        kind,
        size: record.size.load(Relaxed),
        failure: record.failure.load(Relaxed),
        thread: record.thread.load(Relaxed),
        process: record.process.load(Relaxed),
        resets: record.resets.load(Relaxed),
        stack: record.stack.load(Relaxed),
    })
}

fn module(seen: &crate::channel::Module, program: &Path) -> PathBuf {
    let len = (seen.name_len.load(Relaxed) as usize).min(seen.name.len());
    let name: Vec<u8> = seen.name[..len]
        .iter()
        .map(|byte| byte.load(Relaxed))
        .collect();
    if name.is_empty() {
        return program.to_owned();
    }
    PathBuf::from(OsStr::from_bytes(&name))
}

/// The stack in a slot of the channel.
pub(crate) fn stack(channel: &Channel, slot: u32) -> StackSeen {
    let Some(seen) = channel.stacks.get(slot as usize) else {
        return StackSeen::default();
    };
    let depth = (seen.depth.load(Acquire) as usize).min(FRAMES);
    let frame = |frame: &crate::channel::Frame| Frame {
        module: frame.module.load(Relaxed),
        offset: frame.offset.load(Relaxed),
        into: frame.into.load(Relaxed),
    };
    StackSeen {
        hash: seen.hash.load(Relaxed),
        site: seen.site.load(Relaxed),
        frames: seen.frames[..depth].iter().map(frame).collect(),
    }
}
