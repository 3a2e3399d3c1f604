use super::{fails, note, with_faults};
use crate::plan::FaultPlan;
use std::panic::catch_unwind;

fn first() -> FaultPlan {
    FaultPlan::new(1, 1).expect("a plan")
}

#[test]
fn nothing_fails_outside() {
    assert!(!fails(1));
}

#[test]
fn the_plan_ends_with_the_closure_also_by_panic() {
    let caught = catch_unwind(|| with_faults(first(), || panic!("on purpose")));
    assert!(caught.is_err());
    assert!(!fails(1));
}

#[test]
fn an_inner_plan_counts_alone_and_the_outer_comes_back() {
    let plan = FaultPlan::new(2, 1).expect("a plan");
    let (seen, tally) = with_faults(plan, || {
        let before = fails(1);
        let ((), inner) = with_faults(first(), || assert!(fails(1)));
        assert_eq!(inner.calls, 1);
        [before, fails(1)]
    });
    assert_eq!(seen, [false, true]);
    assert_eq!(tally.calls, 2);
}

#[test]
fn other_threads_are_left_alone() {
    let plan = FaultPlan::persistent(1).expect("a plan");
    let (elsewhere, tally) = with_faults(plan, || {
        std::thread::scope(|scope| scope.spawn(|| fails(1)).join().expect("no panic"))
    });
    assert!(!elsewhere);
    assert_eq!(tally.failures, 0);
}

#[test]
fn a_ceiling_looks_at_what_is_live() {
    let plan = FaultPlan::parse("ceiling=100").expect("a plan");
    let (seen, _) = with_faults(plan, || {
        note(1, 80);
        let above = fails(21);
        note(-1, -80);
        [above, fails(21)]
    });
    assert_eq!(seen, [true, false]);
}
