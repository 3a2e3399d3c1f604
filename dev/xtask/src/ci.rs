//! The checks behind the tests: one line each, in the words a person would type.

use std::process::Command;
use std::time::Instant;

use crate::instrumented::{self, Sanitizer};
use crate::run::{Outcome, command, display, need, root, run};
use crate::{bench, book, corpus, fault, install, leaks, planted};

/// Set for tests that need a tool: in CI a missing one is a failure, not a skip.
const REQUIRE_TOOLS: &str = "OWN_THE_HEAP_REQUIRE_TOOLS";

struct Check {
    name: &'static str,
    run: fn() -> Outcome,
    /// A program and its Debian package, or a toolchain, that the check cannot do without.
    needs: Option<fn() -> Outcome>,
}

const CHECKS: &[Check] = &[
    Check {
        name: "format",
        run: || cargo("fmt --all --check"),
        needs: None,
    },
    Check {
        name: "lints",
        run: || cargo("clippy --quiet --workspace --all-targets -- --deny warnings"),
        needs: None,
    },
    Check {
        name: "lints, every set of features of arena-core",
        run: || {
            for features in [
                "",
                "allocator-api2-02",
                "allocator-api2-04",
                "std,failure-hook",
            ] {
                cargo(&format!(
                    "clippy --quiet --package arena-core --no-default-features --features={features} -- --deny warnings"
                ))?;
            }
            Ok(())
        },
        needs: None,
    },
    Check {
        name: "lints, heap-trace with the least and with all features",
        run: || {
            for features in ["--no-default-features", "--all-features"] {
                cargo(&format!(
                    "clippy --quiet --package heap-trace {features} -- --deny warnings"
                ))?;
            }
            Ok(())
        },
        needs: None,
    },
    Check {
        name: "lints, fork-probe without its command",
        run: || {
            cargo("clippy --quiet --package fork-probe --no-default-features -- --deny warnings")
        },
        needs: None,
    },
    Check {
        name: "lints, heap-view without its command",
        run: || cargo("clippy --quiet --package heap-view --all-targets -- --deny warnings"),
        needs: None,
    },
    Check {
        name: "lints, every set of features of tagheap, and the bench of heaps",
        run: || {
            for features in ["", "typed", "region", "walker"] {
                cargo(&format!(
                    "clippy --quiet --package tagheap --no-default-features --features={features} -- --deny warnings"
                ))?;
            }
            cargo("clippy --quiet --package bench --features heaps --bin heaps -- --deny warnings")
        },
        needs: None,
    },
    Check {
        name: "docs",
        run: docs,
        needs: None,
    },
    Check {
        name: "stamps and links",
        run: || book::run(true),
        needs: None,
    },
    Check {
        name: "C headers are current",
        run: || headers(true),
        needs: None,
    },
    Check {
        name: "arena-core: without std",
        run: || {
            cargo("test --quiet --package arena-core --no-default-features --lib --test in_buffer")
        },
        needs: None,
    },
    Check {
        name: "arena-core: core's own Allocator",
        run: || {
            cargo(
                "+nightly test --quiet --package arena-core --features nightly --lib --target-dir target/nightly",
            )
        },
        needs: Some(nightly),
    },
    Check {
        name: "arena-core under AddressSanitizer",
        run: || under_address_sanitizer("--package arena-core --features failure-hook --lib"),
        needs: Some(nightly),
    },
    Check {
        name: "tagheap under AddressSanitizer: white box, misuse, damage, images",
        run: || {
            under_address_sanitizer("--package tagheap --lib --test white_box")?;
            under_address_sanitizer("--package tests --test tagheap -- misuse damage images guards")
        },
        needs: Some(nightly),
    },
    Check {
        name: "arena-core under ThreadSanitizer",
        run: || instrumented::test(Sanitizer::Thread, "--quiet --package arena-core --lib"),
        needs: Some(instrumented::available),
    },
    Check {
        name: "arena-core under MemorySanitizer",
        run: || instrumented::test(Sanitizer::Memory, "--quiet --package arena-core --lib"),
        needs: Some(instrumented::available),
    },
    Check {
        name: "arena-core: every order of three threads",
        run: loom,
        needs: None,
    },
    Check {
        name: "arenas under valgrind, and as guests",
        run: || {
            let mut test = command("cargo test --quiet --package tests --test arena_core guest");
            test.env(REQUIRE_TOOLS, "1");
            run(test)
        },
        needs: Some(|| need("valgrind", "valgrind")),
    },
    Check {
        name: "the conformance suite, with blocks as tools are told them",
        run: || {
            cargo(
                "test --quiet --package tests --test arena_core --target-dir target/told \
                 --features arena-core/asan,arena-core/valgrind conformance",
            )
        },
        needs: None,
    },
    Check {
        name: "planted faults: valgrind sees inside",
        run: planted::under_valgrind,
        needs: Some(|| need("valgrind", "valgrind")),
    },
    Check {
        name: "planted faults: AddressSanitizer sees inside",
        run: planted::under_address_sanitizer,
        needs: Some(|| nightly().and_then(|()| leaks::need_symbolizer())),
    },
    Check {
        name: "heap-view: the player in Chromium, the export in DHAT's viewer, 100,000 events in time",
        run: || {
            let mut test = command(
                "cargo test --quiet --release --package heap-view --test player --test large \
                 -- --test-threads=1",
            );
            test.env(REQUIRE_TOOLS, "1");
            run(test)
        },
        needs: Some(|| {
            need("chromium", "chromium")?;
            need("valgrind", "valgrind")
        }),
    },
    Check {
        name: "errno-check: a hundred thousand random pairs",
        run: || {
            let mut test =
                command("cargo test --quiet --package errno-check --test second_opinion");
            test.env("ERRNO_CHECK_PAIRS", "100000");
            println!("   ERRNO_CHECK_PAIRS=100000 {}", display(&test));
            run(test)
        },
        needs: None,
    },
    Check {
        name: "errno-check: machine and model agree on every witness",
        run: || {
            let mut test = command("cargo test --quiet --package tests --test errno");
            test.env(REQUIRE_TOOLS, "1");
            println!("   {REQUIRE_TOOLS}=1 {}", display(&test));
            run(test)
        },
        needs: Some(|| need("llc-22", "llvm-22")),
    },
    Check {
        name: "demo 20 asks both tools",
        run: || {
            let mut test = command("cargo test --quiet --package demos --test tools_of_demo_20");
            test.env(REQUIRE_TOOLS, "1");
            run(test)
        },
        needs: Some(|| need("valgrind", "valgrind").and_then(|()| need("cc", "gcc"))),
    },
    Check {
        name: "the fault corpus under every tool",
        run: || corpus::run(true),
        needs: Some(|| {
            nightly()?;
            leaks::need_symbolizer()?;
            need("valgrind", "valgrind")
        }),
    },
    Check {
        name: "malloc-fault's interposer, which no workspace check sees",
        run: interposer,
        needs: None,
    },
    Check {
        name: "malloc-fault: gdb, the sanitizer and odd targets",
        run: || {
            let mut test = command("cargo test --quiet --package malloc-fault --test targets");
            test.env(REQUIRE_TOOLS, "1");
            run(test)
        },
        needs: Some(|| need("gdb", "gdb").and_then(|()| need("cc", "gcc"))),
    },
    Check {
        name: "malloc-fault: installed, and run without its sources",
        run: fault::check_installed,
        needs: None,
    },
    Check {
        name: "C border: programs, planted faults that every tool must report, and its tests under valgrind",
        run: leaks::check_border,
        needs: Some(|| {
            need("valgrind", "valgrind")?;
            leaks::need_compilers()?;
            instrumented::available()
        }),
    },
    Check {
        name: "C border: installed, and its examples built by pkg-config",
        run: install::check,
        needs: Some(|| need("pkg-config", "pkg-config")),
    },
    Check {
        name: "C border: gcc and clang, C99 and C++17",
        run: || {
            let mut test = command("cargo test --quiet --package heap-capi --test clients");
            test.env(REQUIRE_TOOLS, "1");
            run(test)
        },
        needs: Some(|| {
            need("g++", "g++")?;
            need("clang", "clang")
        }),
    },
    Check {
        name: "instruction counts",
        run: || bench::run_bench(true),
        needs: Some(|| need("valgrind", "valgrind")),
    },
];

/// Run every check whose name contains `only`, also after a failure, and say which failed.
pub(crate) fn run_all(allow_missing: bool, only: &str) -> Outcome {
    let mut faults = Vec::new();
    let mut lines = Vec::new();
    let chosen = CHECKS.iter().filter(|check| check.name.contains(only));
    for check in chosen {
        println!("\n── {}", check.name);
        let start = Instant::now();
        let result = match check.needs.map(|needed| needed()) {
            Some(Err(missing)) if allow_missing => Err(Stop::Skipped(missing)),
            Some(Err(missing)) => Err(Stop::Failed(missing)),
            _ => (check.run)().map_err(Stop::Failed),
        };
        let seconds = start.elapsed().as_secs();
        lines.push(match result {
            Ok(()) => format!("ok       {:>4} s  {}", seconds, check.name),
            Err(Stop::Skipped(why)) => format!("skipped          {}: {why}", check.name),
            Err(Stop::Failed(why)) => {
                eprintln!("{why}");
                faults.push(check.name);
                format!("FAILED   {:>4} s  {}", seconds, check.name)
            }
        });
    }
    if lines.is_empty() {
        let names = CHECKS.iter().map(|check| check.name).collect::<Vec<_>>();
        return Err(format!(
            "no check's name contains {only:?}; there are:\n  {}",
            names.join("\n  ")
        ));
    }
    println!("\n{}", lines.join("\n"));
    if faults.is_empty() {
        Ok(())
    } else {
        Err(format!("failed: {}", faults.join("; ")))
    }
}

enum Stop {
    Skipped(String),
    Failed(String),
}

fn cargo(arguments: &str) -> Outcome {
    let command = command(&format!("cargo {arguments}"));
    println!("   {}", display(&command));
    run(command)
}

/// Make the C headers, or compare them; a crate of its own has cbindgen.
pub(crate) fn headers(check: bool) -> Outcome {
    cargo(if check {
        "run --quiet --package headers -- --check"
    } else {
        "run --quiet --package headers"
    })
}

fn docs() -> Outcome {
    let mut doc = command("cargo doc --quiet --workspace --no-deps");
    doc.env("RUSTDOCFLAGS", "--deny warnings");
    println!("   RUSTDOCFLAGS='--deny warnings' {}", display(&doc));
    run(doc)
}

/// The target is named so that build scripts and macros stay as they are.
fn under_address_sanitizer(arguments: &str) -> Outcome {
    let mut test = command(&format!(
        "cargo +nightly test --quiet --target x86_64-unknown-linux-gnu --target-dir target/asan \
         {arguments}"
    ));
    test.env("RUSTFLAGS", "-Zsanitizer=address");
    println!("   RUSTFLAGS=-Zsanitizer=address {}", display(&test));
    run(test)
}

/// The model checker runs the cursor of a shared arena through every interleaving.
fn loom() -> Outcome {
    let mut test = command(
        "cargo test --quiet --package arena-core --lib cursor --release --target-dir target/loom",
    );
    test.env("RUSTFLAGS", "--cfg loom");
    println!("   RUSTFLAGS='--cfg loom' {}", display(&test));
    run(test)
}

/// The build script compiles it by itself, with the compiler's own lints only.
fn interposer() -> Outcome {
    let source = "tools/malloc-fault/interposer/lib.rs";
    for line in [
        format!("rustfmt --check --edition 2024 {source}"),
        format!(
            "clippy-driver {source} --crate-name interposer --crate-type cdylib --edition 2024 --emit metadata \
             --out-dir target -Cpanic=abort -Dwarnings -Dclippy::undocumented_unsafe_blocks \
             -Dclippy::multiple_unsafe_ops_per_block"
        ),
    ] {
        println!("   {line}");
        run(command(&line))?;
    }
    Ok(())
}

fn nightly() -> Outcome {
    let there = Command::new("cargo")
        .args(["+nightly", "--version"])
        .current_dir(root())
        .output();
    match there {
        Ok(output) if output.status.success() => Ok(()),
        _ => Err("needs a nightly toolchain: install one with rustup".to_owned()),
    }
}
