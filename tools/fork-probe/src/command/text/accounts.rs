//! What each mapping costs both sides, before and after.

use std::fmt::Write;

use super::curves::time;
use crate::kernel::smaps::Account;
use crate::matrix::{Matrix, Result};
use crate::observation::Observation;

/// The accounts of every mapping that was probed, in KiB.
pub(in crate::command) fn all(matrix: &Matrix) -> String {
    let mut text = format!(
        "\naccounts from smaps, in KiB\n{:<48} {:>6} {:>6} {:>9} {:>9} {:>8} {:>8} {:>6}\n",
        "", "Rss", "Pss", "private", "private", "shared", "shared", "huge"
    );
    let _ = writeln!(
        text,
        "{:<48} {:>6} {:>6} {:>9} {:>9} {:>8} {:>8}",
        "", "", "", "clean", "dirty", "clean", "dirty"
    );
    for row in &matrix.rows {
        if let Result::Seen(seen) = &row.result {
            observation(&mut text, seen);
        }
    }
    text
}

fn observation(text: &mut String, seen: &Observation) {
    let first = seen.times.first_write_ns;
    let first = first.map_or(String::new(), |ns| format!(", first write {}", time(ns)));
    let _ = writeln!(
        text,
        "{}: fork {}{first}",
        seen.name,
        time(seen.times.fork_ns)
    );
    let (parent, child) = (&seen.parent_accounts, &seen.child_accounts);
    for (what, account) in [
        ("parent before the fork", parent.before),
        ("parent, when the child has read", parent.forked),
        ("child, when it has read", child.forked),
        ("parent, when both have written", parent.written),
        ("child, when both have written", child.written),
        ("parent after the child", parent.after),
    ] {
        if let Some(account) = account {
            line(text, what, &account);
        }
    }
}

fn line(text: &mut String, what: &str, account: &Account) {
    let [
        rss,
        pss,
        private_clean,
        private_dirty,
        shared_clean,
        shared_dirty,
        huge,
    ] = [
        account.rss,
        account.pss,
        account.private_clean,
        account.private_dirty,
        account.shared_clean,
        account.shared_dirty,
        account.huge,
    ]
    .map(|bytes| bytes >> 10);
    let _ = writeln!(
        text,
        "  {what:<46} {rss:>6} {pss:>6} {private_clean:>9} {private_dirty:>9} {shared_clean:>8} \
         {shared_dirty:>8} {huge:>6}"
    );
}
