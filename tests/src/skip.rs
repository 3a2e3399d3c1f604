//! Tests that need what is not everywhere.

use std::env;
use std::io::{Write, stderr};

/// Say that the calling test is skipped for lack of `needs`, and return; the test then returns too.
///
/// The line `skipped: needs …` goes past the test runner's capture, so that a test which has not
/// run never looks like one that has passed. Where the environment variable
/// `OWN_THE_HEAP_REQUIRE_TOOLS` is set, as in CI, nothing may be missing.
///
/// # Panics
///
/// `OWN_THE_HEAP_REQUIRE_TOOLS` is set.
///
/// ```
/// # if std::env::var_os("OWN_THE_HEAP_REQUIRE_TOOLS").is_none() {
/// tests::skip("a tool that nobody has");
/// # }
/// ```
#[track_caller]
pub fn skip(needs: &str) {
    let required = env::var_os("OWN_THE_HEAP_REQUIRE_TOOLS").is_some();
    assert!(!required, "needs {needs}");
    // Nobody to tell: no reason to fail.
    let _ = writeln!(stderr(), "skipped: needs {needs}");
}
