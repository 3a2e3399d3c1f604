//! malloc-fault's interposer obeys `Quiet`, function by function: a failure sets ENOMEM, a success leaves errno, and
//! posix_memalign returns its error and leaves errno either way.

use crate::build;
use malloc_fault::{FaultPlan, Launch};
use std::time::Duration;

/// Calls each function that the interposer counts once, with errno 77 before; then `free`.
const PROGRAM: &str = r#"
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static long got[12]; static int after[12]; static int calls;
#define CALL(call) do { errno = 77; got[calls] = (long)(call); after[calls++] = errno; } while (0)

int main(void) {
    void *out = NULL, *block = malloc(8), *table = malloc(8);
    void (*marker)(void) = (void (*)(void))dlsym(RTLD_DEFAULT, "malloc_fault_marker");
    if (!marker) return 1;
    marker();
    CALL(malloc(24));
    CALL(calloc(3, 8));
    CALL(realloc(block, 24));
    CALL(reallocarray(table, 3, 8));
    CALL(strdup("Hello arena"));
    CALL(strndup("Hello arena", 5));
    CALL(aligned_alloc(64, 64));
    CALL(memalign(64, 24));
    CALL(valloc(24));
    CALL(pvalloc(24));
    CALL(posix_memalign(&out, 64, 24));
    errno = 77; free(malloc_usable_size(table) && got[3] == 0 ? table : NULL); free(NULL);
    int freed = errno;
    char text[400]; int length = 0;
    for (int i = 0; i < calls; i++)
        length += snprintf(text + length, sizeof text - length, "%d %d\n", got[i] != 0, after[i]);
    length += snprintf(text + length, sizeof text - length, "free %d %d\n", (int)got[calls - 1], freed);
    _exit(write(1, text, length) != length);
}
"#;

/// How many calls the program makes between the marker and free.
const CALLS: usize = 11;

fn lines(plan: FaultPlan) -> Vec<String> {
    let folder = build::scratch();
    let program = build::c_program(&folder, "program", PROGRAM);
    let mut plan = plan;
    plan.filter.after_marker = true;
    let launch = Launch::new(&program)
        .expect("the program")
        .plan(plan)
        .captured();
    let run = launch
        .time_limit(Duration::from_secs(20))
        .run()
        .expect("it runs");
    let text = String::from_utf8_lossy(run.stdout()).into_owned();
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), CALLS + 1, "{}: {text:?}", run.status());
    lines
}

#[test]
fn every_call_that_succeeds_leaves_errno() {
    let lines = lines(FaultPlan::NONE);
    assert_eq!(
        lines[..CALLS - 1],
        vec!["1 77"; CALLS - 1],
        "a pointer, and errno as it was"
    );
    assert_eq!(lines[CALLS - 1..], ["0 77", "free 0 77"]);
}

#[test]
fn every_call_that_fails_sets_enomem() {
    let lines = lines(FaultPlan::persistent(1).expect("a plan"));
    assert_eq!(
        lines[..CALLS - 1],
        vec!["0 12"; CALLS - 1],
        "null, and ENOMEM"
    );
    assert_eq!(
        lines[CALLS - 1..],
        ["1 77", "free 12 77"],
        "posix_memalign returns ENOMEM and leaves errno"
    );
}
