//! The planted faults of arena-core, under the tools that must report them.

use std::process::Command;

use crate::run::{Outcome, command, display, root, run};

/// A tool: how to build for it, how to run under it, and what it says of a fault.
struct Tool {
    name: &'static str,
    build: &'static str,
    flags: Option<(&'static str, &'static str)>,
    program: &'static str,
    under: &'static [&'static str],
    /// Said of every fault.
    report: &'static str,
    /// Whether the tool is told what is a block.
    told: bool,
}

const VALGRIND: &[&str] = &[
    "valgrind",
    "--quiet",
    "--leak-check=full",
    // The C library keeps the stacks of threads that have ended: "possibly lost".
    "--show-leak-kinds=definite",
    "--errors-for-leak-kinds=definite",
    "--error-exitcode=9",
];

const ASAN_FLAGS: Option<(&str, &str)> = Some(("RUSTFLAGS", "-Zsanitizer=address"));
const ASAN_PROGRAM: &str = "target/asan/x86_64-unknown-linux-gnu/debug/examples/planted";

/// Told, memcheck reports every fault and nothing else; untold, it is blind.
pub(crate) fn under_valgrind() -> Outcome {
    let tool = Tool {
        name: "valgrind",
        build: "cargo build --quiet --package arena-core --example planted --target-dir target/told --features valgrind",
        flags: None,
        program: "target/told/debug/examples/planted",
        under: VALGRIND,
        report: "Invalid ",
        told: true,
    };
    check(&tool)?;
    check(&Tool {
        name: "valgrind, untold",
        build: "cargo build --quiet --package arena-core --example planted --target-dir target/untold",
        program: "target/untold/debug/examples/planted",
        told: false,
        ..tool
    })
}

/// Told, AddressSanitizer reports every fault and nothing else; untold, it is blind.
pub(crate) fn under_address_sanitizer() -> Outcome {
    let tool = Tool {
        name: "AddressSanitizer",
        build: "cargo +nightly build --quiet --package arena-core --example planted --features asan \
                --target x86_64-unknown-linux-gnu --target-dir target/asan",
        flags: ASAN_FLAGS,
        program: ASAN_PROGRAM,
        under: &[],
        report: "AddressSanitizer: use-after-poison",
        told: true,
    };
    check(&tool)?;
    check(&Tool {
        name: "AddressSanitizer, untold",
        build: "cargo +nightly build --quiet --package arena-core --example planted \
                --target x86_64-unknown-linux-gnu --target-dir target/asan-untold",
        program: "target/asan-untold/x86_64-unknown-linux-gnu/debug/examples/planted",
        told: false,
        ..tool
    })
}

fn check(tool: &Tool) -> Outcome {
    let mut build = command(tool.build);
    build.envs(tool.flags);
    println!("   {}", display(&build));
    run(build)?;
    let faults = String::from_utf8_lossy(&said(&[], tool, "")?.1).into_owned();
    for fault in faults.lines() {
        let (code, said) = said(tool.under, tool, fault)?;
        let said = String::from_utf8_lossy(&said);
        let at_its_line = said.contains("planted.rs:");
        let reported = code != Some(0) && said.contains(tool.report) && at_its_line;
        if reported != tool.told {
            let verb = if reported {
                "reported"
            } else {
                "did not report"
            };
            return Err(format!(
                "{} {verb} {fault}; it ended with {code:?} and said:\n{said}",
                tool.name
            ));
        }
        println!(
            "   {}: {fault}: {}",
            tool.name,
            if reported { "reported" } else { "not seen" }
        );
    }
    // Untold, LeakSanitizer does not know that blocks keep what they refer to alive.
    if tool.told {
        let (code, said) = said(tool.under, tool, "clean")?;
        if code != Some(0) {
            return Err(format!(
                "{} reports a clean program:\n{}",
                tool.name,
                String::from_utf8_lossy(&said)
            ));
        }
        println!("   {}: clean: nothing to report", tool.name);
    }
    Ok(())
}

/// Run the program with one fault; return its exit status, and what it said.
fn said(under: &[&str], tool: &Tool, fault: &str) -> Outcome<(Option<i32>, Vec<u8>)> {
    let mut words = under.iter().copied().chain([tool.program, fault]);
    let mut program = Command::new(words.next().expect("the program is always there"));
    program
        .args(words.filter(|word| !word.is_empty()))
        .current_dir(root());
    let line = display(&program);
    let output = program
        .output()
        .map_err(|error| format!("`{line}` did not start: {error}"))?;
    Ok((
        output.status.code(),
        [output.stdout, output.stderr].concat(),
    ))
}
