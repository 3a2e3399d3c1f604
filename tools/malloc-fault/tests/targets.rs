//! Programs that are out of the ordinary, and the options made for them. Each test starts processes of its own.

#![cfg(all(
    target_os = "linux",
    target_arch = "x86_64",
    target_env = "gnu",
    feature = "command"
))]

mod common;

use common::{ONE_CALL, assert_refused, compile, of_points, report, run, scratch, text};
use std::fs;
use std::process::{Command, Stdio};

/// The library by itself, as the build script made it.
const LIBRARY: &str = concat!(env!("OUT_DIR"), "/libmalloc_fault.so");

fn under_the_bare_library(program: &str, plan: &str) -> std::process::Output {
    Command::new(program)
        .env("LD_PRELOAD", LIBRARY)
        .env("MALLOC_FAULT", plan)
        .output()
        .expect("the program")
}

#[test]
fn the_bare_library_takes_its_plan_from_the_environment() {
    let program = compile("bare", ONE_CALL, &[]);
    assert_eq!(under_the_bare_library(&program, "").status.code(), Some(0));
    let failed = under_the_bare_library(&program, "at=1");
    assert_eq!(failed.status.code(), Some(3), "{}", text(&failed.stderr));
    assert!(failed.stderr.is_empty());
}

#[test]
fn the_bare_library_refuses_a_plan_without_sense() {
    let program = compile("bare_refused", ONE_CALL, &[]);
    for (plan, words) in [
        ("at=0", "the plan fails call 0"),
        ("at=1,count=0", "the plan fails 0 calls"),
        ("frequency=1", "a word that is none of at"),
        ("at=soon", "a value that is no number"),
    ] {
        let refused = under_the_bare_library(&program, plan);
        assert_refused(&refused, words);
        let said = text(&refused.stderr);
        assert!(said.starts_with("malloc-fault: MALLOC_FAULT: "), "{said}");
    }
}

#[test]
fn a_static_program_is_refused() {
    let program = compile("static_program", ONE_CALL, &["-static"]);
    assert_refused(&run(&["sweep", "--", &program]), "statically linked");
}

#[test]
fn a_program_with_a_sanitizer_is_refused() {
    let source = scratch("really_sanitized.c");
    fs::write(&source, ONE_CALL).expect("the source");
    let program = scratch("really_sanitized");
    let mut compiler = Command::new("cc");
    compiler
        .arg("-fsanitize=address")
        .arg(&source)
        .arg("-o")
        .arg(&program);
    let output = compiler.output().expect("a compiler");
    if !output.status.success() {
        return tests::skip("the sanitizer's library of gcc");
    }
    let program = program.to_str().expect("UTF-8");
    assert_refused(&run(&["sweep", "--", program]), "built with a sanitizer");
}

#[test]
fn gdb_opens_where_the_call_is_about_to_fail() {
    if Command::new("gdb")
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .is_err()
    {
        return tests::skip("gdb");
    }
    let program = compile("debugged", ONE_CALL, &[]);
    let output = run(&["sweep", "--gdb", "1", "--", &program]);
    let said = text(&output.stdout);
    assert!(
        said.contains("malloc_fault_failing"),
        "{said}{}",
        text(&output.stderr)
    );
    // With a line break before its place, where the path is long.
    assert!(
        said.contains("main ()") && said.contains("debugged.c:2"),
        "{said}"
    );
    assert_refused(
        &run(&["sweep", "--gdb", "9", "--", &program]),
        "there is no call 9",
    );
}

#[test]
fn follow_exec_counts_in_what_the_program_executes() {
    let source = include_str!("../corpus/executes_itself.c");
    let program = compile("followed", source, &[]);
    let alone = run(&["run", "--log", "--", &program]);
    assert_eq!(text(&alone.stdout), "done\n");
    let followed = run(&["run", "--log", "--follow-exec", "--", &program]);
    assert_eq!(text(&followed.stdout), "still preloaded\n");
    let count =
        |output: &std::process::Output| text(&output.stderr).matches("called (size=24)").count();
    assert_eq!((count(&alone), count(&followed)), (1, 2));
}

#[test]
fn each_run_starts_in_a_fresh_copy_of_the_scratch_folder() {
    let source = "#include <stdio.h>\n#include <stdlib.h>\nint main(void) {\n\
        FILE *seed = fopen(\"seed\", \"r\"); if (!seed) return 1;\n\
        if (fopen(\"mark\", \"r\")) return 2;\n\
        FILE *mark = fopen(\"mark\", \"w\"); if (!mark) return 3;\n\
        fclose(mark); fclose(seed); void *p = malloc(24); free(p); return 0; }\n";
    let program = compile("marks_its_folder", source, &[]);
    let folder = scratch("marked");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("seed"), "seed").expect("a file");
    let report = report(&["--scratch", folder.to_str().expect("UTF-8"), "--", &program]);
    assert_eq!(report["deterministic"], true);
    assert!(
        !folder.join("mark").exists(),
        "the folder itself was written to"
    );
    // The last call's failure changes nothing: had a run found the mark of another, it would have ended with 2.
    assert_eq!(
        of_points(&report, "verdict").last().map(String::as_str),
        Some("swallowed")
    );
}

#[test]
fn a_program_that_never_does_the_same_is_swept_and_named() {
    let source = "#include <stdio.h>\n#include <stdlib.h>\n#include <unistd.h>\nint main(void) {\n\
        for (int i = 0; i < 3; i++) { void *p = malloc(24 + getpid() % 64); if (!p) return 3; free(p); }\n\
        printf(\"%d\\n\", getpid()); return 0; }\n";
    let program = compile("never_the_same", source, &[]);
    let report = report(&["--count", "1", "--", &program]);
    assert_eq!(report["deterministic"], false);
    let verdicts = of_points(&report, "verdict");
    assert_eq!(
        verdicts
            .iter()
            .filter(|verdict| *verdict == "propagated")
            .count(),
        3,
        "{verdicts:?}"
    );
}

#[test]
fn a_mapping_of_which_little_is_touched_is_soon_searched_for_pointers() {
    // To read all of it takes a minute for each point.
    let source = "#include <stdlib.h>\n#include <sys/mman.h>\n\
        static char *volatile all;\n\
        static void *volatile lost;\n\
        int main(void) {\n\
        all = mmap(0, 256L << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);\n\
        if (all == MAP_FAILED) return 4;\n\
        void **far = (void **)(all + (200L << 30) + 4088);\n\
        *far = malloc(40); if (!*far) return 3;\n\
        lost = malloc(24); if (!lost) return 3;\n\
        void *last = malloc(48); if (!last) { lost = 0; return 3; }\n\
        free(last); free(lost); free(*far); return 0; }\n";
    let program = compile("vast", source, &["-O1"]);
    if Command::new(&program).status().expect("a program").code() == Some(4) {
        return tests::skip("256 GiB of address space");
    }
    let report = report(&["--count", "1", "--", &program]);
    let wanted = ["propagated", "propagated", "leaked"];
    assert_eq!(of_points(&report, "verdict"), wanted, "{report}");
}

#[test]
fn leaks_are_found_next_to_memory_that_the_program_maps() {
    // Of the kind that the interposer maps for itself: the kernel would join the two.
    let source = "#include <stdlib.h>\n#include <sys/mman.h>\n\
        static char *volatile mapped;\n\
        static void *volatile lost;\n\
        int main(void) {\n\
        for (int i = 0; i < 50; i++)\n\
        mapped = mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);\n\
        lost = malloc(24); if (!lost) return 3;\n\
        void *last = malloc(48); if (!last) { lost = 0; return 3; }\n\
        free(last); free(lost); return mapped ? 0 : 3; }\n";
    let program = compile("mapped_beside", source, &["-O1"]);
    let report = report(&["--count", "1", "--", &program]);
    let wanted = ["propagated", "leaked"];
    assert_eq!(of_points(&report, "verdict"), wanted, "{report}");
}
