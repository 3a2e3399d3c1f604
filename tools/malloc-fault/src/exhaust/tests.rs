use super::{Outcome, exhaust};
use crate::scoped::{fails, note};

/// Asks for one block and gives it back.
fn ask() -> Result<(), ()> {
    if fails(8) { Err(()) } else { Ok(()) }
}

#[test]
fn each_call_is_failed_once_and_for_ever() {
    let seen = exhaust(|| ask().and_then(|()| ask()));
    let points: Vec<_> = seen
        .points
        .iter()
        .map(|point| (point.number, point.persistent))
        .collect();
    assert_eq!(points, [(1, false), (1, true), (2, false), (2, true)]);
    seen.assert_propagated();
}

#[test]
fn a_retry_masks_what_fails_once() {
    let seen = exhaust(|| ask().or_else(|()| ask()));
    let outcomes: Vec<_> = seen
        .points
        .iter()
        .map(|point| point.outcome.clone())
        .collect();
    assert_eq!(outcomes, [Outcome::Masked, Outcome::Propagated]);
}

#[test]
fn what_is_ignored_is_swallowed() {
    let seen = exhaust(|| {
        let _ = ask();
        Ok::<(), ()>(())
    });
    assert_eq!(seen.count(|outcome| *outcome == Outcome::Swallowed), 2);
}

#[test]
fn a_panic_is_told_with_its_message() {
    let seen = exhaust(|| {
        ask().expect("room");
        Ok::<(), ()>(())
    });
    let Outcome::Panicked(message) = &seen.points[0].outcome else {
        panic!("{seen}")
    };
    assert!(message.starts_with("room"), "{message}");
}

#[test]
fn a_block_lost_on_the_error_path_is_a_leak() {
    let seen = exhaust(|| {
        ask()?;
        note(1, 8);
        ask()?;
        note(-1, -8);
        Ok::<(), ()>(())
    });
    assert_eq!(seen.points[0].outcome, Outcome::Propagated);
    assert_eq!(seen.points[2].outcome, Outcome::Leaked(1, 8));
}

#[test]
#[should_panic(expected = "nothing was tested")]
fn a_closure_without_calls_tests_nothing() {
    exhaust(|| Ok::<(), ()>(())).assert_propagated();
}

#[test]
#[should_panic(expected = "without any failure of ours")]
fn a_closure_that_fails_by_itself_is_refused() {
    exhaust(|| Err::<(), ()>(()));
}

#[test]
#[should_panic(expected = "only #1: Swallowed")]
fn assert_propagated_lists_what_was_not() {
    exhaust(|| {
        let _ = ask();
        Ok::<(), ()>(())
    })
    .assert_propagated();
}
