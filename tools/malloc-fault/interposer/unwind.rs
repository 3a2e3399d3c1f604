//! Walks the stack of the calling thread, by the tables that every module carries for exceptions.
//!
//! No allocation, no lock: the module of an address comes from the loader's own lock-free `_dl_find_object` (glibc 2.35), and the
//! rule for an address, once worked out, is kept in a table that is read without waiting.

mod cfi;
mod find;
mod rules;

pub use find::{Found, find};
pub use rules::word;

use crate::channel::{FRAMES, Learned};

/// The registers that the tables speak of, by their DWARF numbers: 7 is the stack pointer, 16 the return address.
pub type Registers = [u64; 17];

pub const RBX: usize = 3;
pub const RBP: usize = 6;
pub const RSP: usize = 7;
pub const RA: usize = 16;

/// Gets ready to walk, with what is known, or with a table of this process's own.
pub fn start(learned: Option<&'static Learned>) {
    find::start();
    rules::start(learned);
}

/// One frame of a walked stack.
#[derive(Clone, Copy)]
pub struct Place {
    /// The byte after the call; for the innermost frame of a fault, the instruction itself.
    pub pc: u64,
    /// Where the function starts, 0 if that is not known.
    pub function: u64,
    /// The module's record, `u32::MAX` if there is none.
    pub module: u32,
    /// Hash of the module's file name.
    pub name: u64,
    /// Where the module is mapped.
    pub base: u64,
}

/// A walked stack, the innermost frame first.
pub struct Walk {
    pub places: [Place; FRAMES],
    pub depth: usize,
}

/// Walks from these registers, where `registers[RA]` is the first place. `exact` says that it is an instruction, not the byte
/// after a call.
pub fn walk(mut registers: Registers, mut exact: bool) -> Walk {
    let nowhere = Place {
        pc: 0,
        function: 0,
        module: u32::MAX,
        name: 0,
        base: 0,
    };
    let mut walk = Walk {
        places: [nowhere; FRAMES],
        depth: 0,
    };
    while walk.depth < FRAMES && registers[RA] != 0 {
        let pc = registers[RA];
        let inside = if exact { pc } else { pc - 1 };
        let Some(found) = find(inside) else {
            walk.places[walk.depth] = Place { pc, ..nowhere };
            walk.depth += 1;
            break;
        };
        let rule = rules::rule(inside, &found);
        walk.places[walk.depth] = Place {
            pc,
            function: rule.function,
            module: found.module,
            name: found.name,
            base: found.base,
        };
        walk.depth += 1;
        let before = registers[RSP];
        if !rules::step(&rule, inside, &found, &mut registers) || registers[RSP] <= before {
            break;
        }
        exact = rule.signal;
    }
    walk
}

/// The registers of the frame that called a function on this thread's stack; those of this frame if it is not there.
#[inline(never)]
pub fn at_caller_of(function: u64) -> Registers {
    let here = here();
    let mut registers = here;
    for _ in 0..FRAMES {
        let inside = registers[RA].wrapping_sub(1);
        let Some(found) = find(inside) else { break };
        let rule = rules::rule(inside, &found);
        if !rules::step(&rule, inside, &found, &mut registers) {
            break;
        }
        if rule.function == function && function != 0 {
            return registers;
        }
    }
    here
}

/// The registers at this very place.
#[inline(always)]
fn here() -> Registers {
    let mut registers = [0; 17];
    // SAFETY: stores six registers and two addresses in the array.
    unsafe {
        core::arch::asm!(
            "mov [{to} + 24], rbx",
            "mov [{to} + 48], rbp",
            "mov [{to} + 96], r12",
            "mov [{to} + 104], r13",
            "mov [{to} + 112], r14",
            "mov [{to} + 120], r15",
            "mov [{to} + 56], rsp",
            "lea {scratch}, [rip]",
            "mov [{to} + 128], {scratch}",
            to = in(reg) registers.as_mut_ptr(),
            scratch = out(reg) _,
            options(nostack),
        );
    }
    registers
}
