//! On a kernel without the queries that the interposer likes best, a sweep finds the same by the texts of `/proc`.
//!
//! The command and all that it starts run under a filter of system calls, which answers as such a kernel does.

#![cfg(all(
    target_os = "linux",
    target_arch = "x86_64",
    target_env = "gnu",
    feature = "command"
))]

mod common;

use common::{command, compile, of_points};
use serde_json::Value;
use std::io;
use std::os::unix::process::CommandExt as _;

/// What Linux before 6.11 does not know of `/proc/self/maps`.
const PROCMAP_QUERY: u32 = 0xc068_6611;

/// What Linux before 6.7 does not know of `/proc/self/pagemap`.
const PAGEMAP_SCAN: u32 = 0xc060_6610;

/// Answers those queries with ENOTTY, and `unshare` and `sched_setaffinity` with EPERM, as some sandboxes do.
fn become_older() -> io::Result<()> {
    use libc::{BPF_ABS, BPF_JEQ, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W};
    const NUMBER: u32 = 0;
    const SECOND_ARGUMENT: u32 = 24;
    let step = |code, jt, jf, k| libc::sock_filter {
        code: code as u16,
        jt,
        jf,
        k,
    };
    let load = |from| step(BPF_LD | BPF_W | BPF_ABS, 0, 0, from);
    let is = |value, jt, jf| step(BPF_JMP | BPF_JEQ | BPF_K, jt, jf, value);
    let answer = |value| step(BPF_RET | BPF_K, 0, 0, value);
    let mut steps = [
        load(NUMBER),
        is(libc::SYS_unshare as u32, 5, 0),
        is(libc::SYS_sched_setaffinity as u32, 4, 0),
        is(libc::SYS_ioctl as u32, 0, 5),
        load(SECOND_ARGUMENT),
        is(PROCMAP_QUERY, 2, 0),
        is(PAGEMAP_SCAN, 1, 2),
        answer(libc::SECCOMP_RET_ERRNO | libc::EPERM as u32),
        answer(libc::SECCOMP_RET_ERRNO | libc::ENOTTY as u32),
        answer(libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog {
        len: steps.len() as u16,
        filter: steps.as_mut_ptr(),
    };
    // SAFETY: changes this process alone.
    if unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let mode = libc::SECCOMP_MODE_FILTER;
    // SAFETY: the kernel copies the steps.
    match unsafe { libc::prctl(libc::PR_SET_SECCOMP, mode, &raw const program) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// A sweep as on this kernel, and one as on an older.
fn reports(arguments: &[&str]) -> [Value; 2] {
    [false, true].map(|older| {
        let mut sweep = command(&["sweep", "--json", "--count", "1"]);
        sweep.args(arguments);
        if older {
            // SAFETY: two system calls, and no allocation.
            unsafe { sweep.pre_exec(become_older) };
        }
        let output = sweep.output().expect("a filter may be set");
        serde_json::from_slice(&output.stdout).expect("one object")
    })
}

#[test]
fn mappings_are_told_by_the_text() {
    let source = "#include <stdlib.h>\n#include <sys/mman.h>\n\
        static char *kept;\n\
        static void *volatile own;\n\
        int main(void) { kept = malloc(40); if (!kept) return 3;\n\
        own = malloc(24); if (!own) return 3;\n\
        char *more = malloc(32); if (!more) { own = 0; return 3; }\n\
        int *sum = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);\n\
        void *last = malloc(48); munmap(sum, 4096);\n\
        free(last); free(more); free(own); free(kept); return last ? 0 : 3; }\n";
    let program = compile("older_kernel_mappings", source, &["-O1"]);
    for report in reports(&["--", &program]) {
        // Without roots the second would have lost `kept`; the fourth is made while memory is shared.
        let verdicts = of_points(&report, "verdict");
        let wanted = ["propagated", "propagated", "leaked", "propagated"];
        assert_eq!(verdicts, wanted, "{report}");
        let why = of_points(&report, "run_from_the_start");
        assert_eq!(why, ["-", "-", "-", "mapped"], "{report}");
    }
}

#[test]
fn touched_pages_are_told_by_the_entry_of_each() {
    let source = "#include <stdlib.h>\n#include <sys/mman.h>\n\
        static char *volatile all;\n\
        static void *volatile own;\n\
        int main(void) {\n\
        all = mmap(0, 1L << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);\n\
        void **far = (void **)(all + (900L << 20) + 4088);\n\
        *far = malloc(40); if (!*far) return 3;\n\
        own = malloc(24); if (!own) return 3;\n\
        void *last = malloc(32); if (!last) { own = 0; return 3; }\n\
        free(last); free(own); free(*far); return 0; }\n";
    let program = compile("older_kernel_touched", source, &["-O1"]);
    for report in reports(&["--", &program]) {
        let verdicts = of_points(&report, "verdict");
        let wanted = ["propagated", "propagated", "leaked"];
        assert_eq!(verdicts, wanted, "{report}");
    }
}

#[test]
fn threads_are_told_by_the_folder_of_tasks() {
    let source = "#include <pthread.h>\n#include <stdlib.h>\n#include <unistd.h>\n\
        static int ends[2];\n\
        static void *wait(void *none) { char byte; read(ends[0], &byte, 1); return none; }\n\
        int main(void) { void *first = malloc(24); if (!first) return 3; free(first);\n\
        if (pipe(ends)) return 4; pthread_t thread; if (pthread_create(&thread, 0, wait, 0)) return 3;\n\
        void *second = malloc(40); write(ends[1], \"\", 1); pthread_join(thread, 0);\n\
        free(second); return second ? 0 : 3; }\n";
    let program = compile("older_kernel_threads", source, &["-pthread"]);
    for report in reports(&["--size", "24..40", "--", &program]) {
        let why = of_points(&report, "run_from_the_start");
        assert_eq!(why, ["-", "threads"], "{report}");
    }
}
