//! What AddressSanitizer and valgrind say in demo 20, where they are installed.

#![cfg(target_os = "linux")]

mod common;

use common::{assert_good, by_number, run, stdout};

#[test]
fn untold_tools_are_blind_and_told_ones_report() {
    let output = run("tools-of-demo-20", by_number("20"), &["--json"]);
    assert_good(&output);
    let facts: serde_json::Value = serde_json::from_str(&stdout(&output)).expect("one JSON object");
    for tool in ["addresssanitizer", "valgrind"] {
        let said =
            ["untold", "told"].map(|state| facts["facts"][format!("{tool}_{state}")].clone());
        if said == ["missing", "missing"] {
            tests::skip(&format!("{tool}, and a C compiler"));
        } else {
            assert_eq!(said, ["blind", "reported"], "{tool}");
        }
    }
}
