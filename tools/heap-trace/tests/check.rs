//! `check!()` in a test suite: each test answers for its own thread.

use heap_trace::TracedGlobal;

#[global_allocator]
static HEAP: TracedGlobal = TracedGlobal::new();

/// Runs in a frame of its own, whose remains are overwritten.
#[inline(never)]
fn away(body: impl FnOnce()) {
    body();
    std::hint::black_box(&mut [0_u8; 16 << 10]);
}

fn message(body: impl FnOnce() + std::panic::UnwindSafe) -> Option<String> {
    let panic = std::panic::catch_unwind(body).err()?;
    panic.downcast_ref::<String>().cloned()
}

#[test]
fn a_test_that_does_nothing_wrong_passes() {
    let held = vec![String::from("First block ok."); 3];
    heap_trace::check!();
    assert_eq!(held.len(), 3);
}

#[test]
fn a_test_that_leaks_is_told_where() {
    away(|| std::mem::forget(std::hint::black_box(vec![1_u8; 321])));
    let told = message(|| heap_trace::check!()).expect("it panics");
    assert!(
        told.contains("321 bytes in 1 blocks") && told.contains("check.rs:"),
        "{told}"
    );
    heap_trace::check!();
}

#[test]
fn a_leak_of_another_thread_is_not_this_tests() {
    std::thread::spawn(|| away(|| std::mem::forget(vec![1_u8; 55])))
        .join()
        .unwrap();
    heap_trace::check!();
}
