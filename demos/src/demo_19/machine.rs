//! The two programs of the pair on this machine, in processes of their own, under malloc-fault.

use super::DEMO;
use crate::stage::{During, Trouble, child};
use malloc_fault::{FaultPlan, Launch};
use std::ffi::c_void;
use std::hint::black_box;
use std::process::ExitCode;

/// A side of the pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Program {
    /// The source.
    Once,
    /// The target.
    Retrying,
}

/// What both programs ask for.
pub(super) const SIZE: usize = 24;

// stamp: programs
/// The source of the pair.
fn once() -> *mut c_void {
    // SAFETY: no precondition.
    unsafe { libc::malloc(black_box(SIZE)) }
}

/// Its target.
fn retrying() -> *mut c_void {
    let block = once();
    if block.is_null() { once() } else { block }
}
// /stamp: programs

fn errno() -> *mut i32 {
    // SAFETY: no precondition; the place lives as long as the thread.
    unsafe { libc::__errno_location() }
}

/// What the child says, in bytes: the address that it was given, and errno.
const SAID: usize = 12;

/// Runs one side with errno 0, and says what it gave and what errno says.
pub(super) fn child() -> ExitCode {
    let retries = child::act().as_deref() == Some(act(Program::Retrying));
    let out = std::io::stdout(); // its buffer is allocated here, before the schedule begins
    if !malloc_fault::marker() {
        return ExitCode::FAILURE;
    }
    // SAFETY: this thread's own errno.
    unsafe { errno().write(0) };
    let block = black_box(if retries { retrying() } else { once() });
    // SAFETY: this thread's own errno.
    let after = unsafe { errno().read() };
    malloc_fault::marker();
    // Nothing that may allocate: the schedule begins again at a marker.
    let mut said = [0; SAID];
    said[..8].copy_from_slice(&(block as u64).to_le_bytes());
    said[8..].copy_from_slice(&after.to_le_bytes());
    let written = rustix::io::write(&out, &said);
    // SAFETY: null, or a block of malloc's that nobody else knows.
    unsafe { libc::free(block) };
    ExitCode::from(u8::from(written != Ok(said.len())))
}

fn act(program: Program) -> &'static str {
    match program {
        Program::Once => "once",
        Program::Retrying => "retrying",
    }
}

/// How a side ended on this machine.
#[derive(Debug, Clone)]
pub(super) struct End {
    /// The address of the block that it gave; nothing if that was null.
    pub(super) block: Option<usize>,
    /// errno afterwards.
    pub(super) errno: i32,
    /// The size of each call, and whether it failed.
    pub(super) calls: Vec<(usize, bool)>,
}

impl End {
    pub(super) fn in_words(&self) -> &'static str {
        if self.block.is_some() {
            "a block"
        } else {
            "null"
        }
    }

    pub(super) fn errno_in_words(&self) -> String {
        match self.errno {
            libc::ENOMEM => "ENOMEM".to_owned(),
            other => other.to_string(),
        }
    }

    /// The end in the words of a witness, which names a block by the call that gave it.
    pub(super) fn as_the_model_says(&self) -> String {
        let returned = match self.block {
            Some(_) => format!("&the block of call #{}", self.calls.len()),
            None => "null".to_owned(),
        };
        format!("returns {returned}, errno {}", self.errno_in_words())
    }
}

/// A schedule as malloc-fault takes it.
pub(super) fn digits(schedule: &[bool]) -> String {
    schedule
        .iter()
        .map(|fails| if *fails { '1' } else { '0' })
        .collect()
}

/// Runs a side under a schedule: call k after the marker fails if bit k is set.
pub(super) fn run(program: Program, schedule: &[bool]) -> Result<End, Trouble> {
    const CHILD: &str = "the child of demo 19";
    let mut plan = FaultPlan::scheduled(&digits(schedule)).during("the schedule")?;
    plan.filter.after_marker = true;
    let launch = Launch::new(child::this_program()).during(CHILD)?;
    let launch = launch
        .args(["__child", DEMO.number, act(program)])
        .captured();
    let run = launch
        .plan(plan)
        .time_limit(child::DEADLINE)
        .run()
        .during(CHILD)?;
    let Ok(said) = <[u8; SAID]>::try_from(run.stdout()) else {
        let said = format!(
            "{CHILD} did not say what it saw, and ended with {}",
            run.status()
        );
        return Err(Trouble::new(said));
    };
    let (address, errno) = said.split_at(8);
    let number = |bytes: &[u8]| {
        bytes
            .iter()
            .rev()
            .fold(0, |whole, byte| whole << 8 | usize::from(*byte))
    };
    let (address, errno) = (number(address), number(errno) as i32);
    let trace = run.trace();
    let counted = trace.calls.iter().filter(|call| call.resets == 1);
    let calls = counted
        .map(|call| (call.size as usize, call.failure != 0))
        .collect();
    Ok(End {
        block: (address != 0).then_some(address),
        errno,
        calls,
    })
}
