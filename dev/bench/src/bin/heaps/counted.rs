//! One peer's churn and nothing else, for `cargo xtask bench` to count its instructions.

use std::process::ExitCode;

use crate::churn::{Churn, Setting};
use crate::peers::Peer;

/// Churn a peer, known by its first word, with so many blocks live, so many times.
pub(crate) fn run(peer: &str, live: &str, pairs: &str) -> ExitCode {
    let known = Peer::ALL.into_iter().find(|known| known.key() == peer);
    let (Some(peer), Ok(live), Ok(pairs)) = (known, live.parse(), pairs.parse()) else {
        eprintln!("usage: heaps churn <peer> <live> <pairs>");
        return ExitCode::from(2);
    };
    let mut churn = Churn::with_pairs(peer, Setting::with(live), pairs);
    churn.round();
    println!("operations={pairs}");
    ExitCode::SUCCESS
}
