//! `check!()`: what this thread has done wrong since it began.

use std::cell::Cell;

use super::the;
use crate::reach::{self, Class, Roots};
use crate::record::Origin;
use crate::thread;

thread_local! {
    /// The number of the first block and of the first fault that the next check of this thread is
    /// about, and how many faults had not been kept.
    static SINCE: Cell<(u64, usize, u64)> = const { Cell::new((0, 0, 0)) };
}

/// Panic with the report if this thread has done anything wrong since its last check.
///
/// # Panics
///
/// As `check!()`.
#[track_caller]
pub fn check_here() {
    let Some(shared) = the() else {
        panic!(
            "check!() without an argument needs a program whose #[global_allocator] is a TracedGlobal"
        );
    };
    if shared.is_off() {
        return;
    }
    let roots = Roots::new().of_process();
    let me = thread::number();
    let Some(inside) = thread::enter_to_report() else {
        return;
    };
    let mut ledger = shared.ledger.take();
    ledger.check(Origin::NONE);
    let mut report = ledger.report("this thread", &roots);
    let (first_block, first_fault, dropped) = SINCE.get();
    SINCE.set((ledger.next_id(), report.faults.len(), report.faults_dropped));
    drop(ledger);
    report.faults.drain(..first_fault.min(report.faults.len()));
    report.faults.retain(|fault| {
        fault
            .block
            .map_or(fault.thread == me, |block| block.thread == me)
    });
    // Whose those are is not known: better told to one too many than to nobody.
    report.faults_dropped -= dropped;
    report.blocks.retain(|(class, block)| {
        block.thread == me
            && block.id >= first_block
            && matches!(class, Class::DefinitelyLost | Class::IndirectlyLost)
    });
    report.leaks = reach::grouped(&report.blocks);
    let text = (!report.is_clean()).then(|| report.to_string());
    drop(report);
    drop(inside);
    if let Some(text) = text {
        panic!("{text}");
    }
}
