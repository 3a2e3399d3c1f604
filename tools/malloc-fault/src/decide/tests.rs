use super::{Call, Counters};
use crate::plan::{Burst, Chance, FaultPlan, Filter, Schedule};
use std::sync::atomic::Ordering::Relaxed;

/// The numbers of the calls that fail, of as many as there are sizes.
fn failing(plan: &FaultPlan, calls: &[Call]) -> Vec<u64> {
    let counters = Counters::new();
    let verdicts = calls.iter().map(|call| counters.decide(plan, call));
    verdicts
        .filter(|verdict| verdict.failure.is_some())
        .map(|verdict| verdict.number)
        .collect()
}

fn calls(count: usize) -> Vec<Call> {
    vec![Call::default(); count]
}

fn of_sizes(sizes: &[u64]) -> Vec<Call> {
    let call = |size: &u64| Call {
        size: *size,
        ..Call::default()
    };
    sizes.iter().map(call).collect()
}

fn at_sites(sites: &[u64]) -> Vec<Call> {
    let call = |site: &u64| Call {
        site: *site,
        stack: *site,
        ..Call::default()
    };
    sites.iter().map(call).collect()
}

#[test]
fn the_nth_call_and_those_after_it_fail() {
    let plan = FaultPlan::new(5, 2).expect("a plan");
    assert_eq!(failing(&plan, &calls(9)), [5, 6]);
    assert_eq!(failing(&FaultPlan::NONE, &calls(9)), [0_u64; 0]);
    let persistent = FaultPlan::persistent(7).expect("a plan");
    assert_eq!(failing(&persistent, &calls(9)), [7, 8, 9]);
}

#[test]
fn failures_are_counted_from_one() {
    let plan = FaultPlan::new(2, 2).expect("a plan");
    let counters = Counters::new();
    let failures: Vec<_> = calls(4)
        .iter()
        .map(|call| counters.decide(&plan, call).failure)
        .collect();
    assert_eq!(failures, [None, Some(1), Some(2), None]);
}

#[test]
fn reset_numbers_anew_and_fails_anew() {
    let plan = FaultPlan::new(2, 1).expect("a plan");
    let counters = Counters::new();
    let mut numbers = Vec::new();
    for _ in 0..2 {
        for call in calls(3) {
            let verdict = counters.decide(&plan, &call);
            numbers.push((verdict.number, verdict.failure));
        }
        counters.reset();
    }
    let round = [(1, None), (2, Some(1)), (3, None)];
    assert_eq!(numbers, [round, round].concat());
}

#[test]
fn a_filter_keeps_calls_out_and_does_not_renumber() {
    let mut plan = FaultPlan::new(2, 1).expect("a plan");
    plan.filter = Filter {
        size_min: 10,
        size_max: 20,
        ..Filter::default()
    };
    assert_eq!(failing(&plan, &of_sizes(&[15, 5, 9, 10, 20])), [4]);
    plan.burst = Burst::Total;
    plan.fail_count = 2;
    assert_eq!(
        failing(&plan, &of_sizes(&[15, 5, 9, 10, 21, 20, 15])),
        [4, 6]
    );
}

#[test]
fn a_burst_at_one_site_leaves_the_others_alone() {
    let mut plan = FaultPlan::new(2, 2).expect("a plan");
    plan.burst = Burst::Site;
    assert_eq!(failing(&plan, &at_sites(&[7, 8, 7, 8, 7, 8])), [2, 4]);
}

#[test]
fn a_stack_starts_the_failures_at_its_hit() {
    let plan = FaultPlan::parse("stack=0x8,hit=2").expect("a plan");
    assert_eq!(failing(&plan, &at_sites(&[8, 7, 8, 8])), [3]);
}

#[test]
fn a_schedule_decides_alone() {
    let plan = FaultPlan {
        schedule: Schedule::parse("0110").expect("digits"),
        ..FaultPlan::NONE
    };
    assert_eq!(failing(&plan, &calls(6)), [2, 3]);
}

#[test]
fn a_ceiling_fails_what_would_pass_it() {
    let plan = FaultPlan::parse("ceiling=100").expect("a plan");
    let counters = Counters::new();
    let fails = |size| {
        let call = Call {
            size,
            ..Call::default()
        };
        counters.decide(&plan, &call).failure.is_some()
    };
    assert!(!fails(100));
    counters.live.store(60, Relaxed);
    assert!(fails(41));
    assert!(!fails(40));
}

#[test]
fn a_chance_is_the_same_for_the_same_seed_and_about_as_likely() {
    let plan = |seed| FaultPlan {
        chance: Some(Chance {
            per_million: 100_000,
            seed,
        }),
        ..FaultPlan::NONE
    };
    let first = failing(&plan(1), &calls(10_000));
    assert_eq!(first, failing(&plan(1), &calls(10_000)));
    assert_ne!(first, failing(&plan(2), &calls(10_000)));
    assert!((800..1200).contains(&first.len()), "{}", first.len());
    let all = FaultPlan::parse("chance=1000000").expect("a plan");
    assert_eq!(failing(&all, &calls(1000)).len(), 1000);
}

#[test]
fn nothing_counts_before_the_marker() {
    let plan = FaultPlan::parse("at=1,after=marker").expect("a plan");
    let counters = Counters::new();
    assert_eq!(counters.decide(&plan, &Call::default()).number, 0);
    counters.marked.store(true, Relaxed);
    let verdict = counters.decide(&plan, &Call::default());
    assert_eq!((verdict.number, verdict.failure), (1, Some(1)));
}

#[test]
fn threads_that_start_a_burst_together_fail_as_many_as_it_says() {
    let mut plan = FaultPlan::new(10, 5).expect("a plan");
    plan.filter.size_max = 1;
    let counters = Counters::new();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..1000 {
                    counters.decide(&plan, &Call::default());
                }
            });
        }
    });
    assert_eq!(counters.calls.load(Relaxed), 4000);
    assert_eq!(counters.failed.load(Relaxed), 5);
}
