//! Compiles the interposer and hands it to the library as bytes.
//!
//! It is no crate of the workspace: a `no_std` shared library there breaks `cargo test --workspace`, and a `malloc` with that
//! name in a library of Rust would serve whoever links it.

use std::env;
use std::path::PathBuf;
use std::process::Command;

/// Where the interposer's assembly and its table of registers are right.
fn is_supported(variable: impl Fn(&str) -> String) -> bool {
    variable("CARGO_CFG_TARGET_OS") == "linux"
        && variable("CARGO_CFG_TARGET_ARCH") == "x86_64"
        && variable("CARGO_CFG_TARGET_ENV") == "gnu"
}

fn main() {
    let variable = |name: &str| env::var(name).unwrap_or_default();
    println!("cargo::rerun-if-changed=interposer");
    for shared in ["channel", "decide", "plan", "text"] {
        println!("cargo::rerun-if-changed=src/{shared}.rs");
    }
    println!("cargo::rustc-check-cfg=cfg(interposer)");
    if !is_supported(variable) {
        return;
    }
    println!("cargo::rustc-cfg=interposer");
    let library = PathBuf::from(variable("OUT_DIR")).join("libmalloc_fault.so");
    let mut rustc = Command::new(variable("RUSTC"));
    rustc
        .arg("interposer/lib.rs")
        .args([
            "--crate-name",
            "malloc_fault_interposer",
            "--crate-type",
            "cdylib",
        ])
        .args(["--edition", "2024", "--target", &variable("TARGET")])
        .args([
            "-C",
            "panic=abort",
            "-C",
            "opt-level=3",
            "-C",
            "strip=debuginfo",
        ])
        // Without it, what core is precompiled with asks for a handler of panics that unwind.
        .args(["-C", "lto=fat", "-C", "codegen-units=1"])
        // Its initialiser runs before those of other libraries, so that their calls count.
        .args(["-C", "link-arg=-Wl,-z,initfirst", "-C", "link-arg=-lc"])
        // Each page that it writes costs every forked child a copy, so its data begin on a page of their own, nothing else writes
        // there, and no child has to look for a function by its name.
        .args(["-C", "link-arg=-nostartfiles", "-C", "relro-level=off"])
        .args(["-C", "link-arg=-Wl,-z,separate-loadable-segments,-z,now"])
        .arg("-o")
        .arg(&library);
    if let Ok(linker) = env::var("RUSTC_LINKER") {
        rustc.arg("-C").arg(format!("linker={linker}"));
    }
    let status = rustc
        .status()
        .expect("the compiler that cargo names can be started");
    assert!(
        status.success(),
        "the interposer does not compile: {status}"
    );
}
