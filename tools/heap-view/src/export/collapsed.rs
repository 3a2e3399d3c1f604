//! Collapsed stacks: one line for each site, outermost frame first, and a number.

use super::changes::{What, changes, site_of};
use crate::error::DrawError;
use crate::event::SiteId;
use crate::history::History;
use crate::trace::Trace;
use std::collections::BTreeMap;
use std::io::Write;

/// What the number of a stack counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Weight {
    /// Bytes allocated, also those that were freed.
    #[default]
    Bytes,
    /// Blocks allocated, also those that were freed.
    Blocks,
    /// Bytes that are live at a moment.
    LiveAt(usize),
}

/// Writes stacks for a flame graph, each as `main;work;make 4096`, in the order of their text.
///
/// # Errors
///
/// If an event does not fit those before it, or the writer refuses.
pub fn collapsed(trace: &Trace, weight: Weight, mut out: impl Write) -> Result<(), DrawError> {
    let history = History::of(trace)?;
    let mut stacks: BTreeMap<String, u128> = BTreeMap::new();
    for (site, sum) in sums(&history, weight) {
        *stacks.entry(stack(trace, site)).or_default() += sum;
    }
    for (stack, sum) in stacks.iter().filter(|(_, sum)| **sum > 0) {
        writeln!(out, "{stack} {sum}")?;
    }
    out.flush()?;
    Ok(())
}

fn sums(history: &History, weight: Weight) -> BTreeMap<Option<SiteId>, u128> {
    let mut sums: BTreeMap<_, u128> = BTreeMap::new();
    for change in changes(history) {
        let sum = sums.entry(site_of(history, change.block)).or_default();
        match (weight, change.what) {
            (Weight::Bytes, What::Alloc { size }) => *sum += u128::from(size),
            (Weight::Bytes, What::Resize { old, new }) => {
                *sum += u128::from(new.saturating_sub(old))
            }
            (Weight::Blocks, What::Alloc { .. }) => *sum += 1,
            (Weight::LiveAt(moment), what) if change.event < moment => {
                *sum = match what {
                    What::Alloc { size } => *sum + u128::from(size),
                    What::Resize { old, new } => *sum - u128::from(old) + u128::from(new),
                    What::End { size } => *sum - u128::from(size),
                }
            }
            _ => {}
        }
    }
    sums
}

/// The frames of a site in one line. The format parts frames by `;` and has no way to quote one.
fn stack(trace: &Trace, site: Option<SiteId>) -> String {
    let Some(site) = site.and_then(|id| trace.site_of(id)) else {
        return "unknown".to_owned();
    };
    let frames = site.frames.iter().rev();
    let names = frames.map(|frame| {
        frame
            .to_string()
            .replace(';', ":")
            .replace(['\n', '\r'], " ")
    });
    names.collect::<Vec<_>>().join(";")
}

#[cfg(test)]
mod tests;
