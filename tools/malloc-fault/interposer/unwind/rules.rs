//! The rule of an address: where its caller's registers are. Simple rules are kept; the others are worked out each time.

use super::cfi::{self, Cell, Row};
use super::{Found, RA, RBP, RBX, RSP, Registers};
use crate::channel::{Learned, RULES};
use crate::plan::mix;
use crate::sys;
use core::ptr::{from_ref, null_mut};
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicPtr, AtomicU16, AtomicU64};

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

/// What is known of code. Null if there is no room for it: then each rule is worked out each time.
#[unsafe(link_section = ".data")]
static LEARNED: AtomicPtr<Learned> = AtomicPtr::new(null_mut());

/// Begins with what is known in the channel, or with an empty table.
pub fn start(learned: Option<&'static Learned>) {
    let table = match learned {
        Some(learned) => from_ref(learned).cast_mut(),
        None => sys::map(size_of::<Learned>()).cast(),
    };
    LEARNED.store(table, Relaxed);
}

/// One kept rule: a seal over the other words and its address; its module's table; the function; the rule.
///
/// Threads and processes write without waiting for each other, and a process may be ended at any moment. A rule whose words
/// are not of one hand has the wrong seal.
type Kept = [AtomicU64; 4];

fn seal(inside: u64, table: u64, function: u64, packed: u64) -> u64 {
    mix(mix(mix(inside, table), function), packed)
}

/// The rule for an instruction.
pub fn rule(inside: u64, found: &Found) -> Rule {
    // SAFETY: null, or a table that stays to the end; all its fields are atomic.
    let Some(learned) = (unsafe { LEARNED.load(Relaxed).as_ref() }) else {
        return work_out(inside, found);
    };
    let index = &learned.index[(inside ^ inside >> 13) as usize % RULES];
    let kept = usize::from(index.load(Relaxed)).wrapping_sub(1);
    let kept = learned.rules.get(kept);
    if let Some(rule) = kept.and_then(|kept| read(kept, inside, found)) {
        return rule;
    }
    let rule = work_out(inside, found);
    if let Some(kept) = kept.or_else(|| new(learned, index)) {
        let packed = pack(rule.kind) | u64::from(rule.signal) << 63;
        let seal = seal(inside, found.table, rule.function, packed);
        for (word, value) in kept.iter().zip([seal, found.table, rule.function, packed]) {
            word.store(value, Relaxed);
        }
    }
    rule
}

/// The rule that is kept here, if it is that of this instruction.
fn read(kept: &Kept, inside: u64, found: &Found) -> Option<Rule> {
    let [seen, table, function, packed] = kept.each_ref().map(|word| word.load(Relaxed));
    let is_it = table == found.table && seen == seal(inside, table, function, packed);
    is_it.then(|| Rule {
        function,
        signal: packed >> 63 == 1,
        kind: unpack(packed),
    })
}

/// A place for a rule that is not kept yet. Two that need the same take one each, and one is lost.
fn new<'a>(learned: &'a Learned, index: &AtomicU16) -> Option<&'a Kept> {
    let next = usize::try_from(learned.rules_len.fetch_add(1, Relaxed)).ok()?;
    let kept = learned.rules.get(next)?;
    index.store(next as u16 + 1, Relaxed);
    Some(kept)
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
