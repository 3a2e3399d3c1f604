//! glibc itself: what `Quiet` says, and where glibc is louder.

use crate::build;
use std::process::Command;

/// Runs a C program and returns what it printed.
fn said(source: &str) -> String {
    let folder = build::scratch();
    let program = build::c_program(&folder, "program", source);
    let output = Command::new(&program)
        .env_remove("LD_PRELOAD")
        .output()
        .expect("the program runs");
    assert!(
        output.status.success(),
        "{}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

const HEAD: &str = r#"
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>
"#;

#[test]
fn failing_calls_set_enomem_and_posix_memalign_returns_it() {
    let program = r#"
#define SHOW(name, call) do { errno = 77; long r = (long)(call); printf("%s %ld %d\n", name, r, errno); } while (0)
int main(void) {
    size_t huge = (size_t)1 << 62;
    void *block = malloc(8), *out = NULL;
    SHOW("malloc", malloc(huge));
    SHOW("calloc", calloc(huge, 8));
    SHOW("realloc", realloc(block, huge));
    SHOW("aligned_alloc", aligned_alloc(64, huge));
    SHOW("posix_memalign", posix_memalign(&out, 64, huge));
}"#;
    let expected = "malloc 0 12\ncalloc 0 12\nrealloc 0 12\naligned_alloc 0 12\nposix_memalign 12 ";
    let text = said(&format!("{HEAD}{program}"));
    // glibc's posix_memalign returns its error and leaves errno to whatever a call within made of it.
    assert!(text.starts_with(expected), "{text}");
}

#[test]
fn succeeding_calls_leave_errno_while_brk_can_grow() {
    let program = r#"
int main(void) {
    errno = 77;
    void *block = malloc(100), *other = calloc(10, 10), *more = NULL;
    block = realloc(block, 5000);
    int code = posix_memalign(&more, 64, 100);
    int kept = errno;
    free(block); free(other); free(more); free(NULL);
    printf("%d %d %d %d\n", block && other && more, code, kept, errno);
}"#;
    assert_eq!(said(&format!("{HEAD}{program}")), "1 0 77 77\n");
}

#[test]
fn a_success_may_leave_enomem_where_brk_cannot_grow() {
    // With no room for data, brk is refused with ENOMEM; mmap serves the request instead, and nobody restores errno.
    let program = r#"
int main(void) {
    struct rlimit none = { 0, 0 };
    void *first = malloc(100);
    mallopt(M_MMAP_THRESHOLD, 1 << 25);
    if (setrlimit(RLIMIT_DATA, &none)) return 1;
    errno = 77;
    void *block = malloc(1 << 20);
    printf("%d %d\n", block != NULL, errno);
    (void)first;
}"#;
    let text = said(&format!("{HEAD}{program}"));
    // A kernel that counts private mappings as data refuses both ways; then there is no success to look at.
    assert!(["1 12\n", "0 12\n"].contains(&text.as_str()), "{text}");
}

#[test]
fn errno_is_per_thread() {
    let program = r#"
static void *other(void *huge) { errno = 5; void *p = malloc((size_t)huge); return (void *)(long)(errno * 2 + !p); }
int main(void) {
    errno = 77;
    pthread_t thread; void *back;
    if (pthread_create(&thread, NULL, other, (void *)((size_t)1 << 62))) return 1;
    if (pthread_join(thread, &back)) return 1;
    printf("%ld %d\n", (long)back, errno);
}"#;
    assert_eq!(
        said(&format!("{HEAD}{program}")),
        "25 77\n",
        "ENOMEM and null there, 77 here"
    );
}
