//! The bill as a table.

use std::fmt::Write;

use crate::bill::{Bill, Cause, Workload};
use crate::command::json::kernel_version;

/// A row for each bill, and below it one for each mapping.
pub(in crate::command) fn bills(work: &Workload, bills: &[Bill], items: bool) -> String {
    let tree = bills.first().map_or(0, |bill| bill.tree_bytes);
    let mut text = format!(
        "the bill: a parent builds a tree of {} blocks, {} KiB; a child touches {} of them (Linux {})\n\n\
         {:<8} {:<12} {:>8}  {:>7} {:>8}  {:>9}  {:>9}  {:>7}\n{:<8} {:<12} {:>8}  {:>7} {:>8}  {:>9}  {:>9}  {:>7}\n",
        work.blocks,
        tree >> 10,
        work.deeds,
        kernel_version(),
        "the",
        "",
        "bytes",
        "pages",
        "by meta-",
        "bytes",
        "copied",
        "page",
        "child",
        "allocator",
        "written",
        "by data",
        "data",
        "copied",
        "/ written",
        "faults",
    );
    for bill in bills {
        let copied = bill.bytes_copied();
        let _ = writeln!(
            text,
            "{:<8} {:<12} {:>8}  {:>7} {:>8}  {copied:>9}  {:>9.0}  {:>7}",
            bill.deed.name(),
            bill.allocator,
            bill.bytes_written,
            bill.pages_by_user_data(),
            bill.pages_by_metadata(),
            copied as f64 / bill.bytes_written as f64,
            bill.faults,
        );
        for share in bill.shares() {
            let _ = writeln!(
                text,
                "{:<8} {:<22} {:>7} {:>8}",
                "",
                format!("  in {}", share.mapping),
                share.user_data,
                share.metadata
            );
        }
    }
    text.push_str(
        "\nby data: pages unshared in which the child wrote user data\n\
         by metadata: pages unshared in which it wrote none: the allocator wrote its own there\n\
         an arena takes no block back alone: what it is told to free stays until all of it goes\n",
    );
    let counted = |bill: &&Bill| bill.private_by_smaps == Some(bill.items.len() + bill.new_pages);
    let _ = writeln!(
        text,
        "pagemap and smaps agree on {} of {} bills",
        bills.iter().filter(counted).count(),
        bills.len()
    );
    if items {
        for bill in bills {
            list(&mut text, bill);
        }
    }
    text
}

fn list(text: &mut String, bill: &Bill) {
    let _ = writeln!(text, "\n{}, {}:", bill.allocator, bill.deed.name());
    for item in &bill.items {
        let cause = match item.cause {
            Cause::UserData => "user data",
            Cause::Metadata => "metadata",
        };
        let _ = writeln!(
            text,
            "  deed {:>4}, block {:>6}: page {:>5} of {}, {cause}",
            item.deed, item.block, item.page, item.mapping
        );
    }
}
