//! Tests under the sanitizers that need every instruction instrumented, the standard library's too.
//!
//! No toolchain carries such a library. Debian's compiler, which comes with the library's source,
//! builds one on the way, and the nightly toolchain lends the sanitizer's runtime: both are of LLVM
//! 22. The runtime has to stand before the C library on the linker's line. Without an instrumented
//! library ThreadSanitizer reports races that are none, and MemorySanitizer cannot be used at all.

use std::process::Command;

use crate::run::{Outcome, command, display, need, output, run};

/// A sanitizer that is of no use without an instrumented standard library.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sanitizer {
    Thread,
    Memory,
}

impl Sanitizer {
    /// What the compiler calls it, and what the runtime's file does.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Thread => ("thread", "tsan"),
            Self::Memory => ("memory", "msan"),
        }
    }

    /// Where cargo puts what it builds for it.
    pub(crate) fn folder(self) -> String {
        format!("target/{}", self.names().1)
    }
}

/// Make sure that Debian's compiler and the nightly toolchain's runtime are there.
pub(crate) fn available() -> Outcome {
    need("/usr/bin/cargo", "cargo-web rustc-web rust-web-src")?;
    runtime(Sanitizer::Thread).map(drop)
}

/// The tests ask for the impossible: NULL is the answer, not a report. And some fault on purpose, in
/// children that are judged by their signals.
pub(crate) const OPTIONS: &str = "allocator_may_return_null=1:handle_segv=0:handle_sigbus=0";

/// heap-trace is optimised, which each program of the corpus runs in: a look for leaks through all roots took it 7
/// seconds instrumented and not optimised. All the rest is not: to optimise the standard library takes longer
/// than it saves.
const OPTIMISED: &str = "--config profile.dev.package.heap-trace.opt-level=2";

/// Run `cargo test ARGUMENTS` under a sanitizer.
pub(crate) fn test(sanitizer: Sanitizer, arguments: &str) -> Outcome {
    let (name, _) = sanitizer.names();
    let test = command_for(sanitizer, "test", arguments)?;
    println!("   RUSTFLAGS='-Zsanitizer={name} …' {}", display(&test));
    run(test)
}

/// The command that runs `cargo VERB ARGUMENTS` for a sanitizer.
pub(crate) fn command_for(sanitizer: Sanitizer, verb: &str, arguments: &str) -> Outcome<Command> {
    let (name, _) = sanitizer.names();
    let runtime = runtime(sanitizer)?;
    let mut cargo = command(&format!(
        "/usr/bin/cargo {verb} -Zbuild-std --target x86_64-unknown-linux-gnu \
         --target-dir {} {OPTIMISED} {arguments}",
        sanitizer.folder()
    ));
    // The toolchains' own programs are in the way of Debian's.
    cargo
        .env("PATH", "/usr/bin:/bin")
        .env("RUSTC", "/usr/bin/rustc")
        .env("RUSTC_BOOTSTRAP", "1")
        .envs(environment())
        // The sanitizer sees what the C library is asked, not what the kernel is: rustix has to ask
        // the C library, or an address that is mapped again looks like a race with its last use.
        .env(
            "RUSTFLAGS",
            format!(
                "-Zsanitizer={name} --cfg rustix_use_libc -Zexternal-clangrt \
                 -Zpre-link-arg=-Wl,--whole-archive -Zpre-link-arg={runtime} \
                 -Zpre-link-arg=-Wl,--no-whole-archive"
            ),
        );
    Ok(cargo)
}

/// What the tests are told.
pub(crate) fn environment() -> [(&'static str, String); 5] {
    [
        ("OWN_THE_HEAP_SANITIZED", "1".to_owned()),
        ("TSAN_OPTIONS", OPTIONS.to_owned()),
        ("MSAN_OPTIONS", OPTIONS.to_owned()),
        // To name the frames of an expected panic takes such a program a minute.
        ("RUST_BACKTRACE", "0".to_owned()),
        // Instrumented frames are large.
        ("RUST_MIN_STACK", (64 << 20).to_string()),
    ]
}

/// The nightly toolchain's runtime of a sanitizer.
pub(crate) fn runtime(sanitizer: Sanitizer) -> Outcome<String> {
    let mut asked = Command::new("rustc");
    asked.args(["+nightly", "--print", "target-libdir"]);
    let said = output(asked).map_err(|why| format!("needs a nightly toolchain: {why}"))?;
    let dir = String::from_utf8_lossy(&said.stdout).trim().to_owned();
    let (_, short) = sanitizer.names();
    Ok(format!("{dir}/librustc-nightly_rt.{short}.a"))
}
