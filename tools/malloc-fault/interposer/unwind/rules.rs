//! The rule of an address: where its caller's registers are. Simple rules are kept; the others are worked out each time.

use super::cfi::{self, Cell, Row};
use super::{Found, RA, RBP, RBX, RSP, Registers};
use crate::channel::{RULES, Warm};
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicU16, AtomicU64};

/// The registers that a function must give back, besides the stack pointer.
const SAVED: [usize; 6] = [RBX, RBP, 12, 13, 14, 15];

/// How to leave a frame.
#[derive(Clone, Copy)]
pub struct Rule {
    /// Where the function starts; 0 if the module has no entry for it.
    pub function: u64,
    /// Whether it is the frame that the kernel made for a signal handler.
    pub signal: bool,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    /// No caller.
    End,
    /// `cfa = registers[base] + offset`, the return address right below it, saved registers at `cfa - 8 * slots`.
    Simple {
        base: u8,
        offset: u32,
        slots: [u8; 6],
    },
    /// Expressions, or registers in unusual places.
    Worked,
}

/// One kept rule: its address, written last; its module's table; the function; the rule.
type Kept = [AtomicU64; 4];

/// In the order in which they were met, so that a forked child that meets more unshares few pages.
static KEPT: [Kept; RULES] = [const { [const { AtomicU64::new(0) }; 4] }; RULES];

#[unsafe(link_section = ".data")]
static KEPT_LEN: AtomicU64 = AtomicU64::new(0);

/// By the hash of an address: the rule that is kept for it, plus 1.
static INDEX: [AtomicU16; RULES] = [const { AtomicU16::new(0) }; RULES];

/// Where the rules are kept.
pub fn cache_address() -> u64 {
    KEPT.as_ptr() as u64
}

/// The rule for an instruction.
pub fn rule(inside: u64, found: &Found) -> Rule {
    let index = &INDEX[(inside ^ inside >> 13) as usize % RULES];
    let kept = KEPT.get(usize::from(index.load(Acquire)).wrapping_sub(1));
    if let Some([pc, table, function, packed]) = kept
        && pc.load(Acquire) == inside
        && table.load(Relaxed) == found.table
    {
        let function = function.load(Relaxed);
        let packed = packed.load(Relaxed);
        if pc.load(Acquire) == inside {
            return Rule {
                function,
                signal: packed >> 63 == 1,
                kind: unpack(packed),
            };
        }
    }
    let rule = work_out(inside, found);
    let Some([pc, table, function, packed]) = kept.or_else(|| new(index)) else {
        return rule;
    };
    pc.store(0, Release);
    table.store(found.table, Relaxed);
    function.store(rule.function, Relaxed);
    packed.store(pack(rule.kind) | u64::from(rule.signal) << 63, Relaxed);
    pc.store(inside, Release);
    rule
}

/// A place for a rule that is not kept yet. Two threads that need the same take one each, and one is lost.
fn new(index: &AtomicU16) -> Option<&'static Kept> {
    let next = KEPT_LEN.fetch_add(1, Relaxed);
    let kept = KEPT.get(usize::try_from(next).ok()?)?;
    index.store(next as u16 + 1, Release);
    Some(kept)
}

/// Leaves the rules to another run. They hold where the same modules lie at the same places, and say so themselves.
pub fn leave(warm: &Warm) {
    let len = KEPT_LEN.load(Relaxed).min(RULES as u64);
    warm.rules_len.store(len, Relaxed);
    copy(
        &KEPT.as_flattened()[..4 * len as usize],
        warm.rules.as_flattened(),
    );
    for (from, to) in INDEX.iter().zip(&warm.index) {
        to.store(from.load(Relaxed), Relaxed);
    }
}

/// Takes the rules that another run has left.
pub fn take(warm: &Warm) {
    let len = warm.rules_len.load(Relaxed).min(RULES as u64);
    KEPT_LEN.store(len, Relaxed);
    copy(
        &warm.rules.as_flattened()[..4 * len as usize],
        KEPT.as_flattened(),
    );
    for (from, to) in warm.index.iter().zip(&INDEX) {
        to.store(from.load(Relaxed), Relaxed);
    }
}

/// Copies words.
pub fn copy(from: &[AtomicU64], to: &[AtomicU64]) {
    for (from, to) in from.iter().zip(to) {
        to.store(from.load(Relaxed), Relaxed);
    }
}

/// Base in bits 0..4 (15: no caller, 14: worked out each time), six slots of 5 bits, the offset above them.
fn pack(kind: Kind) -> u64 {
    match kind {
        Kind::End => 15,
        Kind::Worked => 14,
        Kind::Simple {
            base,
            offset,
            slots,
        } => slots.iter().enumerate().fold(
            u64::from(base) | u64::from(offset) << 34,
            |packed, (at, slot)| packed | u64::from(*slot) << (4 + 5 * at),
        ),
    }
}

fn unpack(packed: u64) -> Kind {
    match packed & 15 {
        15 => Kind::End,
        14 => Kind::Worked,
        base => Kind::Simple {
            base: base as u8,
            offset: (packed >> 34 & 0x1fff_ffff) as u32,
            slots: core::array::from_fn(|at| (packed >> (4 + 5 * at) & 31) as u8),
        },
    }
}

fn work_out(inside: u64, found: &Found) -> Rule {
    let Some(entry) = cfi::entry(inside, found) else {
        return Rule {
            function: 0,
            signal: false,
            kind: Kind::End,
        };
    };
    let kind = match cfi::row(&entry, inside) {
        Some(row) => simple(&row),
        None => Kind::End,
    };
    Rule {
        function: entry.function,
        signal: entry.signal,
        kind,
    }
}

/// The simple form of a row, if it has one that fits.
fn simple(row: &Row) -> Kind {
    if matches!(row.cells[RA], Cell::Undefined) {
        return Kind::End;
    }
    let (base, offset) = match row.cfa {
        Cell::Register(base, offset) if base < 14 && (0..1 << 28).contains(&offset) => {
            (base, offset)
        }
        _ => return Kind::Worked,
    };
    if !matches!(row.cells[RA], Cell::At(-8)) {
        return Kind::Worked;
    }
    let mut slots = [0; 6];
    for (slot, register) in slots.iter_mut().zip(SAVED) {
        *slot = match row.cells[register] {
            Cell::Same => 0,
            Cell::At(offset) if offset < 0 && offset % 8 == 0 && offset >= -31 * 8 => {
                (-offset / 8) as u8
            }
            _ => return Kind::Worked,
        };
    }
    Kind::Simple {
        base: base as u8,
        offset: offset as u32,
        slots,
    }
}

/// Moves the registers to the caller's frame. False if there is none.
pub fn step(rule: &Rule, inside: u64, found: &Found, registers: &mut Registers) -> bool {
    match rule.kind {
        Kind::End => false,
        Kind::Simple {
            base,
            offset,
            slots,
        } => {
            let cfa = registers[base as usize].wrapping_add(u64::from(offset));
            if !near(cfa, registers[RSP]) {
                return false;
            }
            for (slot, register) in slots.iter().zip(SAVED) {
                if *slot != 0 {
                    registers[register] = word(cfa - 8 * u64::from(*slot));
                }
            }
            registers[RA] = word(cfa - 8);
            registers[RSP] = cfa;
            true
        }
        Kind::Worked => worked(inside, found, registers),
    }
}

fn worked(inside: u64, found: &Found, registers: &mut Registers) -> bool {
    let row = cfi::entry(inside, found).and_then(|entry| cfi::row(&entry, inside));
    let Some(row) = row else { return false };
    let before = *registers;
    let Some(cfa) = cfi::value(row.cfa, 0, &before) else {
        return false;
    };
    if !near(cfa, before[RSP]) {
        return false;
    }
    for (register, cell) in row.cells.iter().enumerate() {
        registers[register] = match cell {
            Cell::Same => before[register],
            Cell::Undefined if register == RA => return false,
            Cell::Undefined => 0,
            Cell::At(offset) => word(cfa.wrapping_add_signed(*offset)),
            cell => match cfi::value(*cell, cfa, &before) {
                Some(value) => value,
                None => return false,
            },
        };
    }
    if !matches!(row.cells[RSP], Cell::At(_) | Cell::AtExpression(_)) {
        registers[RSP] = cfa;
    }
    true
}

/// A caller's frame lies above, and not far: a wrong table must not send the walk through memory that is not there.
fn near(cfa: u64, stack_pointer: u64) -> bool {
    cfa.is_multiple_of(8) && cfa > stack_pointer && cfa - stack_pointer < 1 << 26
}

/// Reads a word of this thread's stack.
pub fn word(address: u64) -> u64 {
    // SAFETY: the tables say that the word is there, and `near` that it lies between the stack pointer and the stack's end.
    unsafe { (address as *const u64).read() }
}
