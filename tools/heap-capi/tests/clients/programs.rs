//! The test programs in C, each also as C++, with the library linked in either way.

use std::process::Command;

use crate::cc::{build, compilers, files, run, scratch};

fn run_all(shared: bool) {
    let scratch = scratch(if shared { "shared" } else { "static" });
    for source in files("tests/c", "c") {
        let name = source
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        for compiler in compilers() {
            let program = scratch.join(format!("{name}-{}", compiler.program));
            build(compiler, &source, &program, shared);
            let output = run(&mut Command::new(&program));
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(
                said.ends_with(&format!("{name}: all good\n")),
                "{name} ended with: {said}"
            );
        }
    }
}

#[test]
fn programs_with_the_static_library() {
    run_all(false);
}

#[test]
fn programs_with_the_shared_library() {
    run_all(true);
}
