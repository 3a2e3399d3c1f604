//! Stacks are walked whole through every kind of frame, and only blocks that nothing points at are lost.

#![cfg(all(
    target_os = "linux",
    target_arch = "x86_64",
    target_env = "gnu",
    feature = "command"
))]

mod common;

use common::{compile, run, text};
use serde_json::Value;

fn json(arguments: &[&str]) -> Vec<Value> {
    let output = run(arguments);
    let lines = text(&output.stdout);
    let lines = lines
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    let lines: Vec<Value> = lines.collect();
    assert!(!lines.is_empty(), "{}", text(&output.stderr));
    lines
}

/// The functions from the failed call up to `main`.
fn functions(stack: &Value) -> Vec<String> {
    let frames = stack.as_array().expect("a stack").iter();
    let mut names: Vec<String> = frames
        .map(|frame| frame["function"].as_str().expect("a name").to_owned())
        .collect();
    let main = names.iter().position(|name| name == "main");
    names.truncate(main.map_or(names.len(), |main| main + 1));
    names
}

/// A chain of functions, each with another kind of frame.
const FRAMES: &str = "#include <alloca.h>\n#include <signal.h>\n#include <stdlib.h>\n#include <string.h>\n\
    #define APART __attribute__((noinline, noclone))\n\
    static volatile int sink;\n\
    APART static void plain(void) { void *p = malloc(24); sink += p != 0; free(p); }\n\
    APART static void grows(int n) { char *room = alloca(n); memset(room, n, n); plain(); sink += room[n - 1]; }\n\
    APART static void aligned(int n) { _Alignas(64) char room[128]; memset(room, n, 128); grows(n); sink += room[n]; }\n\
    APART static void both(int n) { _Alignas(128) char room[128]; char *more = alloca(n); memset(more, n, n);\n\
        memset(room, n, 128); aligned(n); sink += room[n] + more[n - 1]; }\n\
    static void handle(int signal) { both(signal); sink++; }\n\
    APART static void raises(void) { signal(SIGUSR1, handle); raise(SIGUSR1); sink++; }\n\
    int main(void) { raises(); return sink == 0; }\n";

#[test]
fn every_kind_of_frame_is_walked() {
    for options in [
        ["-O2", "-fomit-frame-pointer"],
        ["-O2", "-fno-omit-frame-pointer"],
        ["-O0", "-fno-omit-frame-pointer"],
    ] {
        let program = compile("all_frames", FRAMES, &options);
        let runs = json(&["run", "--json", "--at", "1", "--", &program]);
        let seen = functions(&runs[0]["failures"][0]["stack"]);
        let known: Vec<&str> = seen
            .iter()
            .map(String::as_str)
            .filter(|name| {
                !name.starts_with('+') && !name.contains("raise") && !name.contains("pthread")
            })
            .collect();
        assert_eq!(
            known,
            ["plain", "grows", "aligned", "both", "handle", "main"],
            "{options:?} {seen:?}"
        );
        assert!(seen.contains(&"raises".to_owned()), "{options:?} {seen:?}");
    }
}

/// Faults at the first instruction of a function: a byte before it lies another.
const INTERRUPTED: &str = "#include <signal.h>\n#include <stdlib.h>\n#include <unistd.h>\n\
    int first(int *from);\n\
    asm(\".text\\n.type before,@function\\nbefore: .cfi_startproc\\nret\\n.cfi_endproc\\n.size before,.-before\\n\"\n\
        \".type first,@function\\nfirst: .cfi_startproc\\nmovl (%rdi), %eax\\nret\\n.cfi_endproc\\n.size first,.-first\\n\");\n\
    static void handle(int signal) { void *p = malloc(24); _exit(p ? 0 : 4); (void)signal; }\n\
    int main(void) { signal(SIGSEGV, handle); return first(0); }\n";

#[test]
fn an_interrupted_function_is_the_one_that_was_about_to_begin() {
    let program = compile("interrupted", INTERRUPTED, &["-O1"]);
    let runs = json(&["run", "--json", "--at", "1", "--", &program]);
    let seen = functions(&runs[0]["failures"][0]["stack"]);
    assert_eq!(seen.first().map(String::as_str), Some("handle"), "{seen:?}");
    assert_eq!(seen[seen.len() - 2..], ["first", "main"], "{seen:?}");
}

/// Keeps a block in each way that counts, and loses four.
const KEPT: &str = "#include <pthread.h>\n#include <stdlib.h>\n#include <sys/mman.h>\n\
    static void *in_static; static char *inside; static void **chain; static char *behind; static __thread void *in_thread;\n\
    __attribute__((noinline)) static void lose(void) {\n\
        *(volatile char *)malloc(100) = 1; *(volatile char *)malloc(100) = 1;\n\
        void **a = malloc(200), **b = malloc(200); *a = b; *b = a; }\n\
    __attribute__((noinline)) static void wipe(void) { volatile char room[4096]; for (int i = 0; i < 4096; i++) room[i] = 0; }\n\
    int main(void) {\n\
        lose(); wipe();\n\
        in_static = malloc(16); inside = (char *)malloc(64) + 20; behind = (char *)malloc(40) + 40; in_thread = malloc(48);\n\
        chain = malloc(8); *chain = malloc(8); *(void **)*chain = malloc(8);\n\
        void **mapped = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);\n\
        mapped[1000] = malloc(56); void *volatile on_stack = malloc(72); (void)on_stack;\n\
        exit(0); }\n";

#[test]
fn only_what_nothing_points_at_is_lost() {
    let program = compile("keeps_and_loses", KEPT, &["-O0"]);
    let runs = json(&["run", "--json", "--leaks", "--", &program]);
    assert_eq!(
        (&runs[0]["lost_blocks"], &runs[0]["lost_bytes"]),
        (&4.into(), &600.into()),
        "{}",
        runs[0]
    );
}

#[test]
fn a_forked_child_scans_what_it_mapped_itself() {
    // The mapping that keeps the block is made after the failure: no parent could know it.
    let source = "#include <stdlib.h>\n#include <sys/mman.h>\nint main(void) {\n\
        void *first = malloc(24); free(first);\n\
        void **mapped = mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);\n\
        mapped[7] = malloc(32); mapped = 0;\n\
        if (!first) { *(volatile char *)malloc(64) = 1; }\n\
        exit(0); }\n";
    let program = compile("maps_late", source, &["-O0"]);
    let report = common::report(&["--count", "1", "--", &program]);
    let point = &report["points"][0];
    assert_eq!(
        (
            &point["verdict"],
            &point["lost_blocks"],
            &point["lost_bytes"]
        ),
        (&"leaked".into(), &1.into(), &64.into()),
        "{report}"
    );
}

#[test]
fn places_that_share_a_slot_have_rules_of_their_own() {
    // Of so many places with frames of so many sizes, dozens are kept where another one was.
    const PLACES: usize = 1_000;
    let mut source =
        "#include <stdlib.h>\n#include <string.h>\nstatic volatile int sink;\n".to_owned();
    let mut calls = String::new();
    for place in 0..PLACES {
        let len = 16 * (1 + place % 97);
        source += &format!(
            "__attribute__((noinline)) static void place_{place}(int n) {{ char room[{len}]; memset(room, n, {len});\n\
             void *p = malloc(24); sink += room[n] + (p != 0); free(p); }}\n"
        );
        calls += &format!("place_{place}(count);\n");
    }
    source += &format!(
        "int main(int count, char **words) {{ (void)words; for (int i = 0; i < 2; i++) {{ {calls} }} return 0; }}\n"
    );
    let program = compile("many_places", &source, &["-O1", "-fomit-frame-pointer"]);
    let traced = json(&["trace", "--json", "--", &program]);
    let calls = traced[0]["calls"].as_array().expect("a list");
    let seen: Vec<Vec<String>> = calls.iter().map(|call| functions(&call["stack"])).collect();
    let known: Vec<Vec<String>> = (0..2 * PLACES)
        .map(|call| vec![format!("place_{}", call % PLACES), "main".to_owned()])
        .collect();
    assert!(
        seen == known,
        "{:?}",
        seen.iter().zip(&known).find(|(seen, known)| seen != known)
    );
}
