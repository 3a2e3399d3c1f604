//! What a forked child does is not seen by its parent nor by the next child, and what cannot be parted is run from the start.

#![cfg(all(
    target_os = "linux",
    target_arch = "x86_64",
    target_env = "gnu",
    feature = "command"
))]

mod common;

use common::{command, compile, of_points, report};
use serde_json::Value;
use std::fs::File;
use std::io::Write as _;

fn all(values: &[String], wanted: &str) -> bool {
    !values.is_empty() && values.iter().all(|value| value == wanted)
}

#[test]
fn positions_in_files_are_a_childs_own() {
    let source = "#include <stdio.h>\n#include <stdlib.h>\n#include <unistd.h>\nint main(void) {\n\
        char text[16] = {0};\n\
        for (int i = 0; i < 6; i++) { free(malloc(24)); if (read(0, text + 2 * i, 2) != 2) return 1; }\n\
        write(1, text, 12); return 0; }\n";
    let program = compile("reads_between", source, &[]);
    let input = common::scratch("reads_between.txt");
    File::create(&input)
        .and_then(|mut file| file.write_all(b"abcdefghijkl"))
        .expect("a file");
    let output = command(&["sweep", "--json", "--count", "1", "--", &program])
        .stdin(File::open(&input).expect("the file"))
        .output()
        .expect("the command");
    let report: Value = serde_json::from_slice(&output.stdout).expect("one object");
    assert_eq!(report["disturbed"], false);
    assert!(all(&of_points(&report, "run_from_the_start"), "-"));
    assert!(all(&of_points(&report, "verdict"), "swallowed"), "{report}");
}

#[test]
fn an_open_file_that_is_written_is_not_shared() {
    let source = "#include <stdio.h>\n#include <stdlib.h>\n#include <unistd.h>\n#include <fcntl.h>\nint main(void) {\n\
        free(malloc(24)); char name[] = \"/tmp/isolationXXXXXX\"; int file = mkstemp(name); if (file < 0) return 1;\n\
        unlink(name); write(file, \"a\", 1); free(malloc(32)); write(file, \"b\", 1);\n\
        int len = lseek(file, 0, SEEK_END); close(file); free(malloc(40)); return len != 2; }\n";
    let program = compile("writes_between", source, &[]);
    let report = report(&["--count", "1", "--", &program]);
    assert_eq!(report["disturbed"], false);
    assert_eq!(
        of_points(&report, "run_from_the_start"),
        ["-", "shared", "-"]
    );
    assert!(all(&of_points(&report, "verdict"), "swallowed"), "{report}");
}

#[test]
fn a_pipe_and_shared_memory_are_not_shared() {
    let source = "#include <stdlib.h>\n#include <sys/mman.h>\n#include <unistd.h>\nint main(void) {\n\
        int ends[2]; if (pipe(ends)) return 1; free(malloc(24)); close(ends[0]); close(ends[1]);\n\
        int *sum = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);\n\
        ++*sum; free(malloc(32)); int good = ++*sum == 2; munmap(sum, 4096); free(malloc(40)); return !good; }\n";
    let program = compile("shares", source, &[]);
    let report = report(&["--count", "1", "--", &program]);
    assert_eq!(
        of_points(&report, "run_from_the_start"),
        ["shared", "mapped", "-"]
    );
    assert!(all(&of_points(&report, "verdict"), "swallowed"), "{report}");
}

#[test]
fn what_outlives_a_point_prints_into_no_other() {
    // The first failure leaves a process behind that prints on and on.
    let source = "#include <stdlib.h>\n#include <unistd.h>\nint main(void) {\n\
        void *first = malloc(24);\n\
        if (!first) { if (fork() == 0) for (int i = 0; i < 3000; i++) { write(1, \"noise\", 5); usleep(500); } return 3; }\n\
        for (int i = 0; i < 200; i++) free(malloc(32));\n\
        write(1, \"done\", 4); free(first); return 0; }\n";
    let program = compile("leaves_noise", source, &[]);
    for jobs in ["1", "2"] {
        let report = report(&["--count", "1", "--jobs", jobs, "--", &program]);
        let verdicts = of_points(&report, "verdict");
        assert_eq!(verdicts.len(), 201);
        assert!(verdicts.contains(&"propagated".to_owned()));
        let others = verdicts.iter().filter(|verdict| *verdict != "propagated");
        assert!(
            others.clone().count() == 200 && others.clone().all(|verdict| verdict == "swallowed"),
            "{verdicts:?}"
        );
    }
}

#[test]
fn each_child_has_the_output_that_was_there_before() {
    let source = "#include <stdlib.h>\n#include <unistd.h>\nint main(void) {\n\
        for (int i = 0; i < 5; i++) { char letter = 'a' + i; write(1, &letter, 1); write(2, &letter, 1); free(malloc(24)); }\n\
        return 0; }\n";
    let program = compile("prints_between", source, &[]);
    let report = report(&["--count", "1", "--", &program]);
    assert!(all(&of_points(&report, "verdict"), "swallowed"), "{report}");
}

#[test]
fn the_program_sees_its_own_processors_and_signals() {
    // Looked at by the parent between its points, and by each child behind its failure.
    let source = "#define _GNU_SOURCE\n#include <sched.h>\n#include <signal.h>\n#include <stdlib.h>\n#include <string.h>\n\
        struct seen { cpu_set_t processors; sigset_t signals; };\n\
        static void look(struct seen *to) { memset(to, 0, sizeof *to);\n\
            if (sched_getaffinity(0, sizeof to->processors, &to->processors) || sigprocmask(SIG_BLOCK, 0, &to->signals)) abort(); }\n\
        int main(void) { struct seen first, now; sigset_t one; sigemptyset(&one); sigaddset(&one, SIGUSR2);\n\
        sigprocmask(SIG_BLOCK, &one, 0); look(&first);\n\
        for (int i = 0; i < 20; i++) { void *block = malloc(24); look(&now);\n\
            if (memcmp(&first, &now, sizeof now)) abort(); if (!block) return 3; free(block); }\n\
        return 0; }\n";
    let program = compile("looks_at_its_processors", source, &[]);
    for jobs in ["1", "2"] {
        let report = report(&["--count", "1", "--jobs", jobs, "--", &program]);
        assert_eq!(report["disturbed"], false);
        assert!(all(&of_points(&report, "run_from_the_start"), "-"));
        assert!(
            all(&of_points(&report, "verdict"), "propagated"),
            "{report}"
        );
    }
}
