//! A heap of places of one size, with as much memory of its blocks as a demo wants.

use super::BLOCK;
use crate::by_hand::HandArena;
use std::collections::{BTreeMap, VecDeque};

/// What freed places are filled with.
pub(super) const POISON: u8 = 0xdd;

/// What comes of a free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Free {
    /// The place is free now, rightly or not.
    Taken,
    /// It is free already.
    Double,
    /// It is within a block, and not its start.
    Interior,
    /// It is in no block.
    Foreign,
}

impl Free {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Double => "double",
            Self::Interior => "interior",
            Self::Foreign => "foreign",
        }
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Taken => "taken back",
            Self::Double => "double free",
            Self::Interior => "invalid free: inside of a block",
            Self::Foreign => "invalid free: of no block",
        }
    }
}

// stamp: pool
/// Places of one size: given out again once they are free, the oldest first.
#[derive(Debug)]
pub(super) struct Pool {
    free: VecDeque<usize>,
    /// Free places that are kept back.
    quarantine: usize,
    /// Every place given out, and whether it is live. Without memory, nothing.
    known: Option<BTreeMap<usize, bool>>,
}

impl Pool {
    /// Takes a free place, or new bytes of the arena.
    pub(super) fn alloc(&mut self, arena: &mut HandArena) -> Option<usize> {
        let place = match self.free.len() > self.quarantine {
            true => self.free.pop_front()?,
            false => arena.alloc(BLOCK)?,
        };
        if let Some(known) = &mut self.known {
            known.insert(place, true);
        }
        Some(place)
    }

    /// Takes a place back, if nothing speaks against it.
    pub(super) fn free(&mut self, place: usize) -> Free {
        if let Some(known) = &mut self.known {
            match known.range_mut(..=place).next_back() {
                Some((&start, live)) if start == place && *live => *live = false,
                Some((&start, _)) if start == place => return Free::Double,
                Some((&start, true)) if place < start + BLOCK => return Free::Interior,
                _ => return Free::Foreign,
            }
        }
        self.free.push_back(place);
        Free::Taken
    }
}
// /stamp: pool

impl Pool {
    pub(super) fn without_memory() -> Self {
        Self {
            free: VecDeque::new(),
            quarantine: 0,
            known: None,
        }
    }

    pub(super) fn with_table() -> Self {
        Self {
            known: Some(BTreeMap::new()),
            ..Self::without_memory()
        }
    }

    pub(super) fn with_quarantine(places: usize) -> Self {
        Self {
            quarantine: places,
            ..Self::with_table()
        }
    }
}

/// The bytes of a freed place that are no poison any more.
pub(super) fn spoilt(arena: &HandArena, place: usize) -> Vec<usize> {
    let mut bytes = [0; BLOCK];
    arena.read_into(place, &mut bytes);
    (0..BLOCK).filter(|&at| bytes[at] != POISON).collect()
}
