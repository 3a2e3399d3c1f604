use super::{Burst, Chance, FaultPlan, Filter, PERSISTENT, PlanError, Schedule, StackHit};
use proptest::prelude::*;

#[test]
fn a_plan_that_makes_no_sense_is_refused() {
    assert_eq!(FaultPlan::new(0, 1), Err(PlanError::AtZero));
    assert_eq!(FaultPlan::new(1, 0), Err(PlanError::CountZero));
    for (text, error) in [
        ("at=0", PlanError::AtZero),
        ("at=5,count=0", PlanError::CountZero),
        ("stack=0x1,hit=0", PlanError::HitZero),
        ("size=5..4", PlanError::EmptyRange),
        ("schedule=", PlanError::Schedule),
        ("schedule=012", PlanError::Schedule),
        ("chance=1000001", PlanError::Chance),
        ("frequency=1", PlanError::Word),
        ("at", PlanError::Word),
        ("at=one", PlanError::Number),
        ("at=-1", PlanError::Number),
        ("caller=0x1+0x2..0x2", PlanError::EmptyRange),
    ] {
        assert_eq!(FaultPlan::parse(text), Err(error), "{text}");
    }
}

#[test]
fn no_words_are_no_plan() {
    assert_eq!(FaultPlan::parse(" , "), Ok(FaultPlan::NONE));
    assert_eq!(FaultPlan::NONE.to_string(), "");
    assert!(FaultPlan::NONE.is_none());
}

#[test]
fn a_schedule_says_each_call() {
    let schedule = Schedule::parse("00101").expect("digits");
    let failing: Vec<u64> = (0..10).filter(|number| schedule.fails(*number)).collect();
    assert_eq!(failing, [3, 5]);
    assert!(Schedule::parse(&"1".repeat(Schedule::CAPACITY)).is_ok());
    assert_eq!(
        Schedule::parse(&"1".repeat(Schedule::CAPACITY + 1)),
        Err(PlanError::Schedule)
    );
}

fn plans() -> impl Strategy<Value = FaultPlan> {
    let counts = (0..9_u64, prop_oneof![1..9_u64, Just(PERSISTENT)]);
    let bursts = prop_oneof![
        Just(Burst::Consecutive),
        Just(Burst::Total),
        Just(Burst::Site)
    ];
    let stacks = proptest::option::of((any::<u64>(), 1..9_u64));
    let sizes = proptest::option::of((0..100_u64, 100..200_u64));
    let rest = (
        proptest::option::of(any::<u64>()),
        proptest::option::of((0..=1_000_000_u32, any::<u64>())),
        proptest::option::of("[01]{1,100}"),
        proptest::option::of(any::<i32>()),
        (0..4_u32, 0..4_u32, any::<bool>()),
    );
    (counts, bursts, stacks, sizes, rest).prop_map(|(counts, burst, stack, sizes, rest)| {
        let (ceiling, chance, schedule, noise, (thread, process, after_marker)) = rest;
        let (size_min, size_max) = sizes.unwrap_or((0, u64::MAX));
        FaultPlan {
            fail_at: counts.0,
            fail_count: counts.1,
            burst,
            stack: stack.map(|(hash, hit)| StackHit { hash, hit }),
            filter: Filter {
                size_min,
                size_max,
                thread,
                process,
                caller: None,
                after_marker,
            },
            ceiling,
            chance: chance.map(|(per_million, seed)| Chance { per_million, seed }),
            schedule: schedule
                .map(|digits| Schedule::parse(&digits).expect("digits"))
                .unwrap_or_default(),
            noise,
        }
    })
}

proptest! {
    #[test]
    fn what_a_plan_writes_is_read_back(plan in plans()) {
        prop_assert_eq!(FaultPlan::parse(&plan.to_string()), Ok(plan));
    }

    #[test]
    fn no_text_panics(text in ".{0,60}") {
        let _ = FaultPlan::parse(&text);
    }
}
