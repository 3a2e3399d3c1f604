//! From what the page tables, or the bytes, say of each page to what became of it.

use crate::observation::{PageState, Source};
use crate::sight::Snapshot;

/// What both page tables say at one point of the script.
pub(crate) struct Stage {
    pub(crate) parent: Snapshot,
    pub(crate) child: Snapshot,
}

impl Stage {
    /// Tell whether a page is the same memory for both; none without pagemap.
    pub(crate) fn is_same(&self, page: usize) -> Option<bool> {
        let (mine, others) = (self.parent.pages.as_ref()?, self.child.pages.as_ref()?);
        Some(mine.get(page)?.is_same_as(*others.get(page)?))
    }
}

/// Fill in the pages whose state is not known yet; say by what.
///
/// The stages are: after the child has read, after it has written, after the parent has written.
pub(crate) fn draw(
    map: &mut [PageState],
    stages: &[Stage],
    parent_saw: &[bool],
    child_saw: &[bool],
) -> Source {
    let source = source(stages);
    for (page, state) in map.iter_mut().enumerate() {
        if *state == PageState::Unknown {
            *state = match source {
                Source::Bytes => by_bytes(page, parent_saw, child_saw),
                Source::Frames | Source::Exclusive => by_page_tables(page, stages),
            };
        }
    }
    source
}

fn source(stages: &[Stage]) -> Source {
    let mut looks = stages
        .iter()
        .flat_map(|stage| [&stage.parent, &stage.child]);
    if stages.is_empty() || looks.any(|look| look.pages.is_none()) {
        return Source::Bytes;
    }
    let mut pages = stages
        .iter()
        .flat_map(|stage| stage.parent.pages.iter().flatten());
    if pages.any(|page| page.frame().is_some()) {
        Source::Frames
    } else {
        Source::Exclusive
    }
}

fn by_page_tables(page: usize, stages: &[Stage]) -> PageState {
    let same: Vec<_> = stages.iter().map(|stage| stage.is_same(page)).collect();
    by_changes(&same)
}

/// From whether a page was the same for both, at each stage.
fn by_changes(same: &[Option<bool>]) -> PageState {
    match same {
        [Some(true), Some(false), ..] => PageState::CopiedByChild,
        [Some(true), Some(true), Some(false), ..] => PageState::CopiedByParent,
        [Some(true)] | [Some(true), Some(true), ..] => PageState::Shared,
        _ => PageState::Unknown,
    }
}

/// A write that the other side does not see went to a copy; where nobody wrote, nobody copied.
fn by_bytes(page: usize, parent_saw: &[bool], child_saw: &[bool]) -> PageState {
    match (page % 4, parent_saw.get(page), child_saw.get(page)) {
        (0 | 2, Some(false), _) => PageState::CopiedByChild,
        (0 | 2, Some(true), _) => PageState::Shared,
        (1, _, Some(false)) => PageState::CopiedByParent,
        (_, _, Some(_)) => PageState::Shared,
        _ => PageState::Unknown,
    }
}

#[cfg(test)]
mod tests;
