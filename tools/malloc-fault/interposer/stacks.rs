//! Stacks as numbers: walked, hashed, and kept once.

use crate::channel::{self, Channel, MET, STACKS};
use crate::plan::mix;
use crate::start;
use crate::unwind::{self, Place, RA, Registers, Walk};
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// What is known of a call by its stack.
#[derive(Clone, Copy)]
pub struct Stack {
    pub hash: u64,
    pub site: u64,
    pub module: u64,
    pub offset: u64,
    pub slot: u32,
}

impl Stack {
    pub const NONE: Self = Self {
        hash: 0,
        site: 0,
        module: 0,
        offset: 0,
        slot: u32::MAX,
    };
}

/// Walks the stack of a call and keeps it.
pub fn take(registers: Registers) -> Stack {
    keep(&unwind::walk(registers, false))
}

/// Walks the stack of a fault and keeps it.
pub fn take_exact(mut registers: Registers) -> Stack {
    let mut exact = true;
    if unwind::find(registers[RA]).is_none() {
        // A jump to nowhere: the caller's address is still the top of the stack.
        registers[RA] = unwind::word(registers[unwind::RSP]);
        registers[unwind::RSP] += 8;
        exact = false;
    }
    keep(&unwind::walk(registers, exact))
}

fn keep(walk: &Walk) -> Stack {
    let places = &walk.places[..walk.depth];
    let Some(first) = places.first() else {
        return Stack::NONE;
    };
    let (mut hash, mut site) = (1, 1);
    for place in places {
        let function = if place.function == 0 {
            place.pc
        } else {
            place.function
        };
        hash = mix(hash, mix(place.name, place.pc.wrapping_sub(place.base)));
        site = mix(site, mix(place.name, function.wrapping_sub(place.base)));
    }
    let hash = hash.max(1);
    let slot = start::channel().map_or(u32::MAX, |channel| slot(channel, hash, site, places));
    Stack {
        hash,
        site,
        module: first.name,
        offset: first.pc.wrapping_sub(first.base).wrapping_sub(1),
        slot,
    }
}

/// The table of stacks is large and sparse, so those that were met are found by a smaller one.
fn slot(channel: &Channel, hash: u64, site: u64, places: &[Place]) -> u32 {
    let met = &channel.learned.met[hash as usize % MET];
    let there = met.load(Relaxed);
    if (there ^ hash) >> 16 == 0 {
        return (there & 0xffff) as u32;
    }
    let slot = find_slot(channel, hash, site, places);
    if slot != u32::MAX {
        met.store(hash & !0xffff | u64::from(slot), Relaxed);
    }
    slot
}

/// The slot of a stack, filled if it is new; `u32::MAX` if there is no room.
fn find_slot(channel: &Channel, hash: u64, site: u64, places: &[Place]) -> u32 {
    for step in 0..STACKS.min(256) {
        let index = (hash as usize).wrapping_add(step) % STACKS;
        let stack = &channel.stacks[index];
        match stack.hash.compare_exchange(0, hash, Relaxed, Acquire) {
            Ok(_) => {
                write(stack, site, places);
                return index as u32;
            }
            Err(there) if there == hash => return index as u32,
            Err(_) => {}
        }
    }
    channel.header.stacks_lost.fetch_add(1, Relaxed);
    u32::MAX
}

fn write(stack: &channel::Stack, site: u64, places: &[Place]) {
    stack.site.store(site, Relaxed);
    for (frame, place) in stack.frames.iter().zip(places) {
        let into = if place.function == 0 {
            0
        } else {
            place.pc - place.function
        };
        frame.module.store(place.module, Relaxed);
        frame.into.store(into as u32, Relaxed);
        frame
            .offset
            .store(place.pc.wrapping_sub(place.base), Relaxed);
    }
    stack.depth.store(places.len() as u32, Release);
}
