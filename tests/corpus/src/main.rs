//! The fault corpus: small programs with one memory fault each, and clean ones.
//!
//! `corpus list` names them; `corpus NAME` runs one. Built as it is, blocks of arenas and of malloc are
//! traced by heap-trace, by the method that `HEAP_TRACE` names; without the feature `traced` they are
//! bare, for AddressSanitizer and valgrind.
//!
//! Faults are staged inside memory of an arena or of the heap, by raw pointers and volatile accesses:
//! what follows is the same in every build.

use std::process::ExitCode;

mod clean;
mod frees;
mod leaks;
mod spans;
mod threads;
mod uses;
mod world;

/// What a program does wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Act {
    /// It writes where it must not.
    Write,
    /// It reads where it must not.
    Read,
    /// It reads or writes in the padding that the block's alignment leaves.
    ReadPadding,
    /// It frees what it must not, or otherwise than it must.
    Free,
    /// It loses a block.
    Leak,
    /// Nothing.
    Clean,
}

impl Act {
    fn name(self) -> &'static str {
        match self {
            Self::Write => "write",
            Self::Read => "read",
            Self::ReadPadding => "read in padding",
            Self::Free => "free",
            Self::Leak => "leak",
            Self::Clean => "clean",
        }
    }
}

/// One program.
struct Program {
    name: &'static str,
    /// What it has wrong, in the words of reports.
    fault: &'static str,
    act: Act,
    run: fn(),
}

/// Name a program after its function.
macro_rules! program {
    ($module:ident::$run:ident, $act:ident, $fault:literal) => {
        $crate::Program {
            name: stringify!($run),
            fault: $fault,
            act: $crate::Act::$act,
            run: $module::$run,
        }
    };
}
use program;

fn all() -> impl Iterator<Item = Program> {
    let faulty = spans::programs().into_iter().chain(uses::programs());
    let faulty = faulty
        .chain(frees::programs())
        .chain(threads::programs())
        .chain(leaks::programs());
    faulty.chain(clean::programs())
}

fn main() -> ExitCode {
    let name = std::env::args().nth(1).unwrap_or_default();
    if name == "list" {
        for Program {
            name, fault, act, ..
        } in all()
        {
            println!("{name},{fault},{}", act.name());
        }
        return ExitCode::SUCCESS;
    }
    let Some(program) = all().find(|program| program.name == name) else {
        eprintln!("no program {name:?}; `corpus list` names them");
        return ExitCode::from(2);
    };
    run(program.run);
    world::scrub();
    world::finish();
    ExitCode::SUCCESS
}

/// In a frame of its own, which is gone when what is reachable is looked for.
#[inline(never)]
fn run(program: fn()) {
    program();
}
