use super::{Criticality, Planned, Pressure, TrackedHeap};
use crate::exhaust::exhaust;
use crate::plan::FaultPlan;
use crate::scoped::{Tally, with_faults};
use std::ptr::NonNull;

type Heap = TrackedHeap<Planned>;

fn heap() -> Heap {
    TrackedHeap::over(Planned::default())
}

fn under<T>(plan: &str, closure: impl FnOnce() -> T) -> (T, Tally) {
    with_faults(FaultPlan::parse(plan).expect("a plan"), closure)
}

#[test]
fn the_whole_table_of_recommendations() {
    let calls = [
        Criticality::MALLOC,
        Criticality::CALLOC,
        Criticality::STRDUP,
        Criticality::REALLOC,
    ];
    let mut table = Vec::new();
    for attempts_before in 0..12 {
        let row = calls.map(|call| {
            let mut pressure = Pressure::default();
            for _ in 0..attempts_before {
                let _ = pressure.recommends(Criticality(0));
            }
            let retries = pressure.recommends(call);
            assert_eq!(pressure.get(), (10 * (attempts_before + 1)).min(100));
            retries
        });
        table.push(row);
    }
    let (all, texts, none) = ([true; 4], [false, false, true, true], [false; 4]);
    // Pressure 10 to 70, 80 and 90, 100 and beyond.
    assert_eq!(
        table,
        [
            all, all, all, all, all, all, all, texts, texts, none, none, none
        ]
    );
}

#[test]
fn the_eighth_attempt_is_the_first_malloc_that_is_not_retried() {
    let ((), tally) = under("at=1,count=all", || {
        let mut heap = heap();
        for attempt in 1..=8 {
            assert!(heap.malloc(24, "block").is_none());
            assert_eq!(heap.report().totals().retries, attempt.min(7));
        }
        assert_eq!(heap.pressure().get(), 80);
        heap.reset();
        assert!(heap.malloc(24, "block").is_none());
        assert_eq!(heap.report().totals().retries, 8);
    });
    assert_eq!(tally.calls, 7 * 2 + 1 + 2);
}

#[test]
fn a_success_takes_no_pressure_away() {
    under("schedule=10", || {
        let mut heap = heap();
        let block = heap.malloc(24, "block").expect("the retry");
        assert_eq!(heap.pressure().get(), 10);
        let other = heap.malloc(24, "block").expect("memory");
        assert_eq!(heap.pressure().get(), 10);
        free_all(&mut heap, [block, other]);
    });
}

fn free_all<const N: usize>(heap: &mut Heap, blocks: [NonNull<u8>; N]) {
    for block in blocks {
        // SAFETY: the block is not used any more.
        unsafe { heap.free(block) };
    }
}

#[test]
fn each_call_retries_when_its_row_says() {
    // Whether the call is retried shows in the number of calls that a persistent failure sees.
    let tries = |call: fn(&mut Heap)| under("at=1,count=all", || call(&mut heap())).1.calls;
    assert_eq!(tries(|heap| assert!(heap.malloc(0, "empty").is_none())), 1);
    assert_eq!(tries(|heap| assert!(heap.malloc(1, "least").is_none())), 2);
    assert_eq!(
        tries(|heap| assert!(heap.malloc(1023, "largest").is_none())),
        2
    );
    assert_eq!(
        tries(|heap| assert!(heap.malloc(1024, "too large").is_none())),
        1
    );
    assert_eq!(
        tries(|heap| assert!(heap.calloc(0, 8, "empty").is_none())),
        1
    );
    assert_eq!(
        tries(|heap| assert!(heap.calloc(1000, 8, "any").is_none())),
        2
    );
    assert_eq!(
        tries(|heap| assert!(heap.strdup(c"", "empty").is_none())),
        2
    );
}

#[test]
fn a_product_that_overflows_is_a_failure_and_no_call() {
    let (block, tally) = under("", || heap().calloc(usize::MAX / 2, 3, "wraps"));
    assert!(block.is_none());
    assert_eq!(tally.calls, 0);
}

#[test]
fn a_failing_record_fails_the_call_and_frees_its_block() {
    let (totals, tally) = under("at=2", || {
        let mut heap = heap();
        assert!(heap.malloc(24, "block").is_none());
        assert_eq!(heap.pressure().get(), 0, "records are never retried");
        heap.report().totals()
    });
    assert_eq!(
        (totals.live_blocks, totals.failures, totals.retries),
        (0, 1, 0)
    );
    assert_eq!((tally.calls, tally.live_blocks), (2, 0));
}

#[test]
fn a_failed_realloc_leaves_the_block_alive_and_tracked() {
    under("at=3,count=all", || {
        let mut heap = heap();
        let block = heap.malloc(4, "numbers").expect("memory");
        // SAFETY: the block has 4 bytes.
        unsafe { block.cast::<u32>().write(7) };
        // SAFETY: the old pointer is used only because this fails.
        assert!(unsafe { heap.realloc(block, 400, "numbers") }.is_none());
        // SAFETY: still live.
        assert_eq!(unsafe { block.cast::<u32>().read() }, 7);
        let seen: Vec<_> = heap
            .report()
            .blocks()
            .map(|seen| (seen.block, seen.size))
            .collect();
        assert_eq!(seen, [(block, 4)]);
        free_all(&mut heap, [block]);
        assert!(heap.report().is_clean());
    });
}

#[test]
fn realloc_keeps_one_record_and_the_bytes() {
    let ((), tally) = under("", || {
        let mut heap = heap();
        let block = heap.malloc(4, "numbers").expect("memory");
        // SAFETY: the block has 4 bytes.
        unsafe { block.cast::<u32>().write(7) };
        // SAFETY: the old pointer is not used any more.
        let moved = unsafe { heap.realloc(block, 4000, "more numbers") }.expect("memory");
        // SAFETY: the first 4 bytes are the old ones.
        assert_eq!(unsafe { moved.cast::<u32>().read() }, 7);
        let report = heap.report();
        assert_eq!(
            (report.totals().live_blocks, report.totals().live_bytes),
            (1, 4000)
        );
        // SAFETY: not used any more.
        assert!(unsafe { heap.realloc(moved, 0, "nothing") }.is_none());
        assert!(heap.report().is_clean());
    });
    assert_eq!((tally.calls, tally.live_blocks), (3, 0));
}

#[test]
fn double_free_where_the_heap_knows_the_block() {
    let mut heap = heap();
    let block = heap.malloc(8, "block").expect("memory");
    free_all(&mut heap, [block, block]);
    let mut local = 0_u8;
    // SAFETY: refused, for it is not this heap's.
    assert!(unsafe { heap.realloc(NonNull::from(&mut local), 8, "foreign") }.is_none());
    let totals = heap.report().totals();
    assert_eq!((totals.frees, totals.refused), (1, 2));
}

#[test]
fn the_report_names_each_leak_and_lists_intended_ones_apart() {
    let mut heap = heap();
    let wanted = heap.malloc(8, "kept for the test").expect("memory");
    let lost = heap.strdup(c"path", "path").expect("memory").cast();
    heap.intend_leak(wanted);
    let report = heap.report().to_string();
    let lines: Vec<_> = report.lines().collect();
    assert_eq!(
        lines[0],
        "2 calls, 0 failures, 0 retries, 0 frees, 0 refused; live: 2 blocks, 13 bytes"
    );
    assert!(
        lines[1].starts_with("leak: 5 bytes, \"path\", allocated at"),
        "{report}"
    );
    assert!(lines[1].contains("heap/tests.rs:"), "{report}");
    assert!(
        lines[2].starts_with("intended leak: 8 bytes, \"kept for the test\""),
        "{report}"
    );
    assert!(!heap.report().is_clean());
    free_all(&mut heap, [lost]);
    assert!(heap.report().is_clean());
    free_all(&mut heap, [wanted]);
}

#[test]
fn every_failure_of_a_small_program_is_an_error_without_a_leak() {
    let seen = exhaust(|| {
        let mut heap = heap();
        let result = program(&mut heap);
        let clean = heap.report().totals().live_blocks == 0;
        assert!(clean, "{}", heap.report());
        result
    });
    assert_eq!(seen.calls, 5);
    seen.assert_propagated();
}

/// Allocates, copies a text, grows, and frees all on every path.
fn program(heap: &mut Heap) -> Result<(), &'static str> {
    let block = heap.malloc(2000, "buffer").ok_or("buffer")?;
    let Some(text) = heap.strdup(c"text", "text") else {
        free_all(heap, [block]);
        return Err("text");
    };
    // SAFETY: on success the old pointer is not used any more.
    let grown = unsafe { heap.realloc(block, 4000, "buffer") };
    free_all(heap, [grown.unwrap_or(block), text.cast()]);
    grown.map(drop).ok_or("larger buffer")
}
