//! Random programs, shrunk to the smallest one that fails.

use std::cell::RefCell;
use std::env;

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use super::{Found, Outcome};
use crate::drive::{Broken, Driver, Watch};
use crate::program::Program;
use crate::subject::Subject;

/// Programs in a run, unless `PROPTEST_CASES` says otherwise.
const PROGRAMS: u32 = 64;

/// Operations in a program, at most.
const MAX_OPS: usize = 64;

/// The generator starts from the same state in each run: a suite that fails today and
/// passes tomorrow is no help. More programs are had with `PROPTEST_CASES`.
pub(super) fn random_programs_break_no_rule<S: Subject>(
    make: &dyn Fn() -> S,
) -> Result<Outcome, Found> {
    let mut config = Config {
        failure_persistence: None,
        max_shrink_iters: 4096,
        ..Config::default()
    };
    if env::var_os("PROPTEST_CASES").is_none() {
        config.cases = PROGRAMS;
    }
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    // The last failure seen while shrinking is that of the smallest program.
    let last: RefCell<Option<Broken>> = RefCell::new(None);
    let result = runner.run(&Program::strategy(MAX_OPS), |program| {
        perform(make(), &program).map_err(|broken| {
            let reason = broken.to_string();
            last.replace(Some(broken));
            TestCaseError::fail(reason)
        })
    });
    match (result, last.into_inner()) {
        (Ok(()), _) => Ok(Outcome::Held),
        (Err(TestError::Fail(_, program)), Some(broken)) => Err(Found {
            broken,
            program: Some(program),
        }),
        (Err(TestError::Fail(reason, program)), None) => {
            panic!("the subject panicked: {reason}\nsmallest program found:\n{program}")
        }
        (Err(TestError::Abort(reason)), _) => panic!("no programs could be made: {reason}"),
    }
}

fn perform<S: Subject>(subject: S, program: &Program) -> Result<(), Broken> {
    let mut driver = Driver::new(subject, Watch::EveryOperation);
    driver.run(program)?;
    driver.finish()
}
