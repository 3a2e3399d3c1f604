//! Demo 09c: after fork two processes hold one arena, or two that only look like one.

use crate::by_hand::{HandArena, Sharing, full};
use crate::demo_09a::TEXTS;
use crate::stage::bytes::{c_string, quoted};
use crate::stage::child::{DEADLINE, wait_readable};
use crate::stage::{
    Demo, During, Options, Place, Question, Recording, Stage, Symbol, Trouble, play,
};
use arena_core::policy::Fork;
use arena_core::{Policy, Region};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{self, ForkResult, Pid, fork};
use std::alloc::Layout;
use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;
use std::ptr::NonNull;
use std::time::Instant;

mod pages;

/// What the registry knows of this demo.
pub const DEMO: Demo = Demo {
    number: "09c",
    binary: "09c_arena_scope_fork_test",
    title: "fork: two processes, one address, and perhaps one memory",
    question: Question {
        text: "a process forks, then parent and child both allocate 64 bytes from the arena. \
              Do they get the same address? Do they see the same bytes there?",
        answers: &[
            "another address, other bytes",
            "same address, the same bytes only if the mapping is shared",
            "same address, the same bytes in either case",
        ],
        right: 1,
        why: "The child inherits a copy of the offset, so both hand out the same block. A private mapping is \
              copy-on-write: the first write parts them. A shared one never parts.",
    },
    next: "two owners of the same bytes took two processes; can it happen within one? (10)",
    run,
    child: None,
};

/// The size of the region.
const CAPACITY: usize = 4096;

/// The size of each block.
const BLOCK: usize = 64;
const LAYOUT: Layout = Layout::new::<[u8; BLOCK]>();

/// Runs the demo.
#[must_use]
pub fn run(options: &Options) -> ExitCode {
    play(&DEMO, options, story)
}

fn story(stage: &mut Stage) -> Result<(), Trouble> {
    stage.part("By hand: MAP_PRIVATE, then fork");
    let private = by_hand(stage, Sharing::Private)?;
    stage.part("By hand: MAP_SHARED, then fork");
    let shared = by_hand(stage, Sharing::Shared)?;
    for (name, seen, same) in [("private", &private, false), ("shared", &shared, true)] {
        stage.expect(&format!("{name}_same_address"), true, seen.same_address);
        stage.expect(
            &format!("{name}_parent_sees_child"),
            same,
            seen.parent_sees_child,
        );
        stage.expect(
            &format!("{name}_child_sees_parent"),
            same,
            seen.child_sees_parent,
        );
    }
    pages::show(stage)?;
    with_the_crate(stage)?;
    with_the_cure(stage)?;
    let answers = DEMO.question.answers;
    let same_address = private.same_address && shared.same_address;
    stage.reveal(
        match (same_address, private.same_bytes(), shared.same_bytes()) {
            (true, false, true) => answers[1],
            (true, true, true) => answers[2],
            _ => answers[0],
        },
    );
    Ok(())
}

fn by_hand(stage: &mut Stage, sharing: Sharing) -> Result<Seen, Trouble> {
    let mut arena = HandArena::map(CAPACITY, sharing)?;
    stage.event(Symbol::Alloc, "map", CAPACITY, arena.at(0), "");
    let first = arena.alloc(BLOCK).ok_or_else(full)?;
    arena.write(first, TEXTS[0].as_bytes());
    let note = format!("{}, before the fork", quoted(TEXTS[0]));
    stage.event(Symbol::Alloc, "alloc", BLOCK, arena.at(first), note);
    let base = arena.at(0).base;
    let mut alloc = || {
        let start = arena.alloc(BLOCK)?;
        // SAFETY: the block lies within the mapping, outlives the story, and is handed out once in this process.
        Some(unsafe { Block::new(arena.pointer(start)) })
    };
    let seen = fork_and_compare(stage, base, &mut alloc)?;
    stage.event(Symbol::Unmap, "unmap", CAPACITY, arena.at(0), "by both");
    stage.record(Recording::join);
    drop(arena);
    Ok(seen)
}

/// The same on arena-core, where sharing is a policy of the arena.
fn with_the_crate(stage: &mut Stage) -> Result<(), Trouble> {
    for (fork, title, shared) in [
        (Fork::Copy, "With arena-core: Fork::Copy", false),
        (Fork::Share, "With arena-core: Fork::Share", true),
    ] {
        stage.part(title);
        // stamp: crate
        let arena = Policy::new()
            .reserve(CAPACITY)
            .fork(fork)
            .build()
            .during("building the arena")?;
        // /stamp: crate
        let seen = in_arena(stage, arena.region(), &mut || {
            arena.try_alloc_layout(LAYOUT).ok()
        })?;
        let fact = |what| format!("crate_{fork:?}_{what}");
        stage.expect(&fact("same_address"), true, seen.same_address);
        stage.expect(&fact("same_bytes"), shared, seen.same_bytes());
    }
    Ok(())
}

/// An offset in the memory that both share, moved in one step that nobody comes between.
fn with_the_cure(stage: &mut Stage) -> Result<(), Trouble> {
    stage.part("The cure: the offset lies in the shared memory");
    // stamp: cure
    let arena = Policy::new()
        .reserve(CAPACITY)
        .fork(Fork::Share)
        .build_sync()
        .during("building the arena")?;
    // /stamp: cure
    let seen = in_arena(stage, arena.region(), &mut || {
        arena.try_alloc_layout(LAYOUT).ok()
    })?;
    stage.expect("cure_same_address", false, seen.same_address);
    stage.expect("cure_child_keeps_its_bytes", true, seen.child_keeps_its_own);
    Ok(())
}

/// Allocates before the fork, and then on both sides of it.
fn in_arena(
    stage: &mut Stage,
    region: &Region,
    alloc: &mut dyn FnMut() -> Option<NonNull<u8>>,
) -> Result<Seen, Trouble> {
    let base = region.base().addr().get();
    let at = |offset| Place::new("base", base, offset);
    stage.event(Symbol::Alloc, "map", region.len(), at(0), "");
    let mut alloc = || {
        let block = alloc()?;
        // SAFETY: a fresh block of the arena, which outlives the story, handed out once in this process.
        Some(unsafe { Block::new(block.as_ptr()) })
    };
    let first = alloc().ok_or_else(full)?;
    first.write(TEXTS[0].as_bytes());
    let note = format!("{}, before the fork", quoted(TEXTS[0]));
    stage.event(
        Symbol::Alloc,
        "alloc",
        BLOCK,
        at(first.address() - base),
        note,
    );
    let seen = fork_and_compare(stage, base, &mut alloc)?;
    stage.event(Symbol::Unmap, "unmap", region.len(), at(0), "by both");
    stage.record(Recording::join);
    Ok(seen)
}

/// What the two processes saw.
struct Seen {
    same_address: bool,
    parent_sees_child: bool,
    child_sees_parent: bool,
    child_keeps_its_own: bool,
}

impl Seen {
    fn same_bytes(&self) -> bool {
        self.parent_sees_child && self.child_sees_parent
    }
}

/// Forks; both sides allocate, and take turns to write and to look. Pipes keep them in step, so there is no race.
fn fork_and_compare(
    stage: &mut Stage,
    base: usize,
    alloc: &mut dyn FnMut() -> Option<Block>,
) -> Result<Seen, Trouble> {
    let (from_child, to_parent) = unistd::pipe().during("pipe")?;
    let (from_parent, to_child) = unistd::pipe().during("pipe")?;
    // SAFETY: the child only moves the offset, writes into its block, reads and writes pipes, and ends with _exit:
    // nothing that takes a lock or allocates with malloc, whatever other threads did at the time of the fork.
    let child = match unsafe { fork() }.during("fork")? {
        ForkResult::Parent { child } => Reaped(Some(child)),
        ForkResult::Child => {
            // Without its own ends of these pipes the child notices when the parent has gone.
            drop((from_child, to_child));
            let status = child_side(alloc, &to_parent, &from_parent).map_or(1, |()| 0);
            // SAFETY: ends this process at once; what the parent registered for its exit is the parent's.
            unsafe { libc::_exit(status) }
        }
    };
    drop((to_parent, from_parent));
    let deadline = Instant::now() + DEADLINE;
    let at = |address: usize| Place::new("base", base, address.wrapping_sub(base));

    stage.record(Recording::fork);
    // The child first, so that an offset that both move is moved in this order in every run.
    let first = Report::receive(&from_child, deadline)?;
    show_alloc(stage, at(first.address), "child");
    let mine = alloc().ok_or_else(full)?;
    show_alloc(stage, at(mine.address()), "parent");

    show_write(stage, at(first.address), TEXTS[1], "child");
    let parent_reads = c_string(&mine.read());
    show_read(stage, at(mine.address()), &parent_reads, "parent");

    mine.write(TEXTS[2].as_bytes());
    show_write(stage, at(mine.address()), TEXTS[2], "parent");
    unistd::write(&to_child, b"!").during("telling the child to look")?;
    let second = Report::receive(&from_child, deadline)?;
    let child_reads = c_string(&second.bytes);
    show_read(stage, at(second.address), &child_reads, "child");

    child.reap(&from_child, deadline)?;
    Ok(Seen {
        same_address: first.address == mine.address(),
        parent_sees_child: parent_reads == TEXTS[1],
        child_sees_parent: child_reads == TEXTS[2],
        child_keeps_its_own: child_reads == TEXTS[1],
    })
}

// stamp: child
/// The child: allocate, write, report; wait for the parent's turn; look again, report. Only calls that are
/// async-signal-safe.
fn child_side(
    alloc: &mut dyn FnMut() -> Option<Block>,
    to_parent: &OwnedFd,
    from_parent: &OwnedFd,
) -> Option<()> {
    let block = alloc()?;
    block.write(TEXTS[1].as_bytes());
    Report::of(&block).send(to_parent)?;
    let mut turn = [0];
    match unistd::read(from_parent, &mut turn) {
        Ok(1) => Report::of(&block).send(to_parent),
        _ => None,
    }
}
// /stamp: child

/// One block of the arena, seen from one process.
struct Block(*mut u8);

impl Block {
    /// A block that starts here.
    ///
    /// # Safety
    ///
    /// [`BLOCK`] bytes from here stay mapped as long as the value is used, and no reference into them exists.
    unsafe fn new(start: *mut u8) -> Self {
        Self(start)
    }

    fn address(&self) -> usize {
        self.0.addr()
    }

    /// Writes a text, and zeros behind it. Volatile, for another process may look.
    fn write(&self, text: &[u8]) {
        let mut bytes = [0; BLOCK];
        bytes[..text.len()].copy_from_slice(text);
        // SAFETY: the promise made to `new`; an array of bytes has no alignment.
        unsafe { self.0.cast::<[u8; BLOCK]>().write_volatile(bytes) };
    }

    /// The bytes as they are at this moment. Volatile, for another process may have written.
    fn read(&self) -> [u8; BLOCK] {
        // SAFETY: the promise made to `new`; the kernel gave zeros, so every byte has a value.
        unsafe { self.0.cast::<[u8; BLOCK]>().read_volatile() }
    }
}

/// What the child tells the parent: where its block is and what it reads there.
struct Report {
    address: usize,
    bytes: [u8; BLOCK],
}

impl Report {
    const ADDRESS_LEN: usize = size_of::<usize>();
    const LEN: usize = Self::ADDRESS_LEN + BLOCK;

    fn of(block: &Block) -> Self {
        Self {
            address: block.address(),
            bytes: block.read(),
        }
    }

    /// Writes the report in one piece: it is shorter than what a pipe takes at once.
    fn send(&self, pipe: &OwnedFd) -> Option<()> {
        let mut message = [0; Self::LEN];
        message[..Self::ADDRESS_LEN].copy_from_slice(&self.address.to_ne_bytes());
        message[Self::ADDRESS_LEN..].copy_from_slice(&self.bytes);
        (unistd::write(pipe, &message) == Ok(Self::LEN)).then_some(())
    }

    fn receive(pipe: &OwnedFd, deadline: Instant) -> Result<Self, Trouble> {
        let mut message = [0; Self::LEN];
        wait_readable(pipe.as_fd(), deadline)?;
        let len = unistd::read(pipe, &mut message).during("the report of the child")?;
        if len != Self::LEN {
            return Err(Trouble::new(format!(
                "the child ended early: {len} bytes of a report"
            )));
        }
        let mut address = [0; Self::ADDRESS_LEN];
        address.copy_from_slice(&message[..Self::ADDRESS_LEN]);
        let mut bytes = [0; BLOCK];
        bytes.copy_from_slice(&message[Self::ADDRESS_LEN..]);
        Ok(Self {
            address: usize::from_ne_bytes(address),
            bytes,
        })
    }
}

/// A child that is reaped whatever happens; killed first, if it was not seen to end.
struct Reaped(Option<Pid>);

impl Reaped {
    /// Waits for the child to close its pipe, which it does by ending, then for its status.
    fn reap(mut self, from_child: &OwnedFd, deadline: Instant) -> Result<(), Trouble> {
        wait_readable(from_child.as_fd(), deadline)?;
        let Some(child) = self.0.take() else {
            return Ok(());
        };
        match wait(child).during("waiting for the child")? {
            WaitStatus::Exited(_, 0) => Ok(()),
            status => Err(Trouble::new(format!("the child ended with {status:?}"))),
        }
    }
}

impl Drop for Reaped {
    fn drop(&mut self) {
        if let Some(child) = self.0.take() {
            // The child was not reaped, so the number is still its own. If it has ended, there is nothing to kill.
            let _ = kill(child, Signal::SIGKILL);
            let _ = wait(child);
        }
    }
}

fn wait(child: Pid) -> nix::Result<WaitStatus> {
    loop {
        match waitpid(child, None) {
            Err(Errno::EINTR) => {}
            other => return other,
        }
    }
}

fn show_alloc(stage: &mut Stage, at: Place, who: &str) {
    let note = format!("by the {who}");
    in_process(stage, who, |stage| {
        stage.event(Symbol::Alloc, "alloc", BLOCK, at, note);
    });
}

fn show_write(stage: &mut Stage, at: Place, text: &str, who: &str) {
    let note = format!("the {who}: {}", quoted(text));
    in_process(stage, who, |stage| {
        stage.event(Symbol::Target, "write", text.len(), at, note);
    });
}

fn show_read(stage: &mut Stage, at: Place, text: &str, who: &str) {
    let what = if text.is_empty() {
        "zeros".to_owned()
    } else {
        quoted(text)
    };
    let note = format!("the {who} sees {what}");
    in_process(stage, who, |stage| {
        stage.event(Symbol::Picture, "read", BLOCK, at, note);
    });
}

/// Tells what one of the two did, so that it is drawn in a region of its own.
fn in_process(stage: &mut Stage, who: &str, tell: impl FnOnce(&mut Stage)) {
    let switch = |stage: &mut Stage| {
        if who == "child" {
            stage.record(Recording::switch);
        }
    };
    switch(stage);
    tell(stage);
    switch(stage);
}

#[cfg(test)]
mod tests;
