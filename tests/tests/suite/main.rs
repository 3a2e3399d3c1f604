//! The suite tested: it passes sound allocators, and catches each fault of toys that
//! misbehave on purpose, inside a buffer of their own.

use tests::Subject;
use tests::conformance::{Failure, Property, run};

mod faults_of_arenas;
mod faults_of_heaps;
mod sound;
mod toys;

/// Checks that a property fails, and that a run of the whole suite therefore does.
fn caught<S: Subject>(make: impl Fn() -> S, property: Property) -> Failure {
    assert!(
        run(&make).is_err(),
        "a run of the suite passes a faulty toy"
    );
    match property.check(make) {
        Err(failure) => failure,
        Ok(outcome) => panic!("{}: {outcome:?} for a faulty toy", property.name()),
    }
}

/// Checks which violation a failure is about; shows the failure where it is another.
macro_rules! assert_violation {
    ($failure:expr, $pattern:pat $(if $guard:expr)?) => {{
        let failure = $failure;
        assert!(
            matches!(*failure.broken.violation, $pattern $(if $guard)?),
            "expected {}, found {failure}",
            stringify!($pattern)
        );
    }};
}

use assert_violation;
