//! Call stacks: taken as return addresses, kept once each, named when a report is written.

use std::fmt;

#[cfg(test)]
mod tests;

#[cfg(feature = "backtraces")]
use crate::lock::Lock;
#[cfg(feature = "backtraces")]
use crate::table::Table;

/// The number of a stack that is kept; 0 stands for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct StackId(u32);

impl StackId {
    pub(crate) const NONE: Self = Self(0);

    pub(crate) fn number(self) -> u32 {
        self.0
    }

    pub(crate) fn from_number(number: u32) -> Self {
        Self(number)
    }

    #[cfg(any(feature = "backtraces", feature = "json"))]
    pub(crate) fn is_none(self) -> bool {
        self == Self::NONE
    }
}

/// Frames kept of a stack: the innermost.
#[cfg(feature = "backtraces")]
const FRAMES: usize = 20;

#[cfg(feature = "backtraces")]
type Addresses = [usize; FRAMES];

/// Every stack once, and where to find it again.
#[cfg(feature = "backtraces")]
struct Stacks {
    known: Table<Addresses>,
    /// Open addressing by hash: number of a stack, or 0.
    slots: Table<u32>,
    /// Stacks that found no memory.
    dropped: u64,
}

#[cfg(feature = "backtraces")]
static STACKS: Lock<Stacks> = Lock::new(Stacks {
    known: Table::new(),
    slots: Table::new(),
    dropped: 0,
});

/// Keep the stack of whoever calls, or nothing if this build does not take stacks.
#[cfg(not(feature = "backtraces"))]
pub(crate) fn capture() -> StackId {
    StackId::NONE
}

/// Keep the stack of whoever calls, or nothing if there is no memory for it.
#[cfg(feature = "backtraces")]
#[inline(never)]
pub(crate) fn capture() -> StackId {
    let mut addresses = [0; FRAMES];
    let mut depth = 0;
    let keep = |frame: &backtrace::Frame| {
        addresses[depth] = frame.ip().addr();
        depth += 1;
        depth < FRAMES
    };
    // SAFETY: walking needs no lock of the crate; only naming does, which is done elsewhere.
    unsafe { backtrace::trace_unsynchronized(keep) };
    STACKS.take().intern(&addresses)
}

#[cfg(feature = "backtraces")]
impl Stacks {
    fn intern(&mut self, addresses: &Addresses) -> StackId {
        if 2 * self.known.len() >= self.slots.len() && self.enlarge().is_err() {
            self.dropped += 1;
            return StackId::NONE;
        }
        let slot = self.slot_of(addresses);
        if let Some(&known) = self.slots.get(slot).filter(|&&known| known != 0) {
            return StackId(known);
        }
        let Ok(number) = u32::try_from(self.known.len() + 1) else {
            return StackId::NONE;
        };
        if self.known.push(*addresses).is_err() {
            self.dropped += 1;
            return StackId::NONE;
        }
        self.slots.as_mut_slice()[slot] = number;
        StackId(number)
    }

    /// The slot that has the stack, or would have it. There is always an empty one.
    fn slot_of(&self, addresses: &Addresses) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = hash(addresses) & mask;
        loop {
            match self.slots.as_slice()[slot] {
                0 => return slot,
                known if self.known.as_slice()[known as usize - 1] == *addresses => return slot,
                _ => slot = (slot + 1) & mask,
            }
        }
    }

    fn enlarge(&mut self) -> Result<(), arena_core::RegionError> {
        let room = (2 * self.slots.len()).max(1024);
        self.slots = Table::filled(room, 0)?;
        for index in 0..self.known.len() {
            let slot = self.slot_of(&self.known.as_slice()[index].clone());
            self.slots.as_mut_slice()[slot] = index as u32 + 1;
        }
        Ok(())
    }
}

/// Mix the addresses of a stack (a multiplication a word, as in FxHash).
#[cfg(feature = "backtraces")]
fn hash(addresses: &Addresses) -> usize {
    addresses.iter().fold(0, |hash: usize, &address| {
        (hash.rotate_left(5) ^ address).wrapping_mul(0x517c_c1b7_2722_0a95)
    })
}

/// One frame of a stack, named as far as the program says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The return address, less one: within the call.
    pub address: usize,
    /// The function, if the program has symbols.
    pub function: Option<String>,
    /// File and line, if the program has debug information.
    pub line: Option<String>,
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line.as_deref().map(shortened), &self.function) {
            (Some(line), Some(function)) => write!(f, "{line} ({function})"),
            (Some(line), None) => write!(f, "{line}"),
            (None, Some(function)) => write!(f, "{function}"),
            (None, None) => write!(f, "{:#x}", self.address),
        }
    }
}

/// Leave out of a file's name where this build keeps its sources: the folder that the program runs in,
/// or that of the packages.
fn shortened(line: &str) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    if let Some(below) = line.strip_prefix(&*here.to_string_lossy()) {
        return below.trim_start_matches('/').to_owned();
    }
    let package = line
        .split_once("/registry/src/")
        .and_then(|(_, below)| below.split_once('/'));
    package.map_or(line, |(_, path)| path).to_owned()
}

/// Name the functions that an instruction belongs to: one, and those that it was inlined into. Only the
/// program's own, if there are any.
pub(crate) fn frames_at(instruction: usize) -> Vec<Frame> {
    #[cfg(feature = "backtraces")]
    let frames = {
        let mut frames = Vec::new();
        name(instruction, &mut frames);
        frames
    };
    #[cfg(not(feature = "backtraces"))]
    let frames = {
        let _ = instruction;
        Vec::new()
    };
    let own: Vec<Frame> = own_frames(&frames).cloned().collect();
    if own.is_empty() { frames } else { own }
}

/// Name the frames of a stack, the innermost first, without those of the tracer itself.
///
/// This allocates, takes locks and reads files.
pub(crate) fn frames(stack: StackId) -> Vec<Frame> {
    #[cfg(not(feature = "backtraces"))]
    {
        let _ = stack;
        Vec::new()
    }
    #[cfg(feature = "backtraces")]
    {
        if stack.is_none() {
            return Vec::new();
        }
        let addresses = STACKS.take().known.get(stack.0 as usize - 1).copied();
        let mut frames = Vec::new();
        for address in addresses.into_iter().flatten().filter(|&at| at != 0) {
            name(address - 1, &mut frames);
        }
        let home = file!().trim_end_matches("stack.rs");
        let own = |frame: &Frame| {
            let function = frame.function.as_deref().unwrap_or_default();
            let line = frame.line.as_deref().unwrap_or_default();
            if line.contains("tests.rs:") {
                return false;
            }
            if line.contains(home) {
                return true;
            }
            [
                "heap_trace::",
                "<heap_trace::",
                "backtrace::",
                "__rustc",
                "__rust_alloc",
                "__rust_realloc",
            ]
            .iter()
            .any(|start| function.starts_with(start))
        };
        let first = frames.iter().rposition(own).map_or(0, |last| last + 1);
        frames.drain(..first.min(frames.len()));
        frames
    }
}

/// Add the function at an address, and those inlined into it.
#[cfg(feature = "backtraces")]
fn name(address: usize, frames: &mut Vec<Frame>) {
    let before = frames.len();
    backtrace::resolve(std::ptr::without_provenance_mut(address), |symbol| {
        let line = symbol.filename().zip(symbol.lineno()).map(|(file, line)| {
            let file = file.display();
            format!("{file}:{line}")
        });
        let function = symbol.name().map(|name| format!("{name:#}"));
        frames.push(Frame {
            address,
            function,
            line,
        });
    });
    if frames.len() == before {
        frames.push(Frame {
            address,
            function: None,
            line: None,
        });
    }
}

/// Where the standard library and the C library keep their sources.
const LIBRARIES: [&str; 5] = [
    "/rustc/",
    "/rust/deps/",
    "/lib/rustlib/",
    "/sysdeps/",
    "/csu/",
];

/// How the names of the standard library's functions begin.
const STANDARD: [&str; 3] = ["alloc::", "core::", "std::"];

/// The frames that the program's author wrote: not the standard library's, and no dependency's.
pub(crate) fn own_frames(frames: &[Frame]) -> impl Iterator<Item = &Frame> {
    let is_own = |frame: &&Frame| {
        frame.line.as_deref().is_some_and(|line| {
            !line.contains("/.cargo/registry/") && !LIBRARIES.iter().any(|it| line.contains(it))
        })
    };
    frames.iter().filter(is_own)
}

/// The frame that says most about who asked: the innermost that the program's author wrote, or else that
/// is not the standard library's, or else the innermost.
pub(crate) fn telling_frame(frames: &[Frame]) -> Option<&Frame> {
    let is_library = |frame: &&Frame| {
        let line = frame.line.as_deref().unwrap_or_default();
        let function = frame.function.as_deref().unwrap_or_default();
        let function = function.trim_start_matches(['<', '&']);
        LIBRARIES.iter().any(|it| line.contains(it))
            || STANDARD.iter().any(|it| function.starts_with(it))
    };
    own_frames(frames)
        .next()
        .or_else(|| frames.iter().find(|frame| !is_library(frame)))
        .or(frames.first())
}

/// Count the stacks that found no memory.
pub(crate) fn dropped() -> u64 {
    #[cfg(feature = "backtraces")]
    {
        STACKS.take().dropped
    }
    #[cfg(not(feature = "backtraces"))]
    {
        0
    }
}

/// Keep the lock of the stacks taken while the process forks.
pub(crate) fn hold() {
    #[cfg(feature = "backtraces")]
    STACKS.hold();
}

/// Release what [`hold`] holds.
pub(crate) fn release() {
    #[cfg(feature = "backtraces")]
    STACKS.release();
}
