//! A history as changes of what is live: what every export adds up.

use crate::event::SiteId;
use crate::history::{Death, History};

/// One change of what is live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Change {
    /// The event that made it.
    pub(crate) event: usize,
    /// Which block, as the row of its first place in [`History::placements`].
    pub(crate) block: usize,
    pub(crate) what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// It was handed out.
    Alloc { size: u64 },
    /// The program gave it another size.
    Resize { old: u64, new: u64 },
    /// It was given back, or taken.
    End { size: u64 },
}

/// The changes by event. Moves change nothing, and what a fork inherits is left out.
pub(crate) fn changes(history: &History) -> Vec<Change> {
    let mut changes = Vec::new();
    // The first place of each block; None for what was inherited.
    let mut firsts: Vec<Option<usize>> = Vec::with_capacity(history.placements.len());
    for (row, placement) in history.placements.iter().enumerate() {
        let size = placement.extent.size;
        let from = placement.from.map(|from| (from, &history.placements[from]));
        let first = match from {
            None => Some(row),
            Some((_, old)) if old.ground != placement.ground => None,
            Some((from, _)) => firsts[from],
        };
        firsts.push(first);
        let Some(block) = first else {
            continue;
        };
        let mut push = |event, what| changes.push(Change { event, block, what });
        match from {
            None => push(placement.born, What::Alloc { size }),
            Some((_, old)) if old.died.is_some_and(|(_, death)| death == Death::Realloc) => {
                let (old, new) = (old.extent.size, size);
                push(placement.born, What::Resize { old, new });
            }
            Some(_) => {}
        }
        match placement.died {
            None | Some((_, Death::Realloc | Death::Move)) => {}
            Some((event, _)) => push(event, What::End { size }),
        }
    }
    changes.sort_by_key(|change| change.event);
    changes
}

/// The site that allocated a block.
pub(crate) fn site_of(history: &History, block: usize) -> Option<SiteId> {
    history.placements[block].site
}
