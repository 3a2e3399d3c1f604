//! The table of handles: generations, claims from many threads, objects that panic at their end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::{Claim, HandleError, Kind, Parts, claim, create, locate};

/// Counts its ends.
#[derive(Debug)]
struct Counted<'a>(&'a AtomicUsize);

impl Kind for Counted<'static> {
    const TAG: u8 = 0xc7;
    const NAME: &'static str = "test object";
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn claimed(handle: *mut u8) -> Result<Claim<Counted<'static>>, HandleError> {
    claim(handle)
}

#[test]
fn indexes_fill_the_chunks_without_a_gap() {
    let mut expected = (0, 0);
    for index in 0..100_000 {
        assert_eq!(locate(index), expected);
        expected.1 += 1;
        if expected.1 == 64 << expected.0 {
            expected = (expected.0 + 1, 0);
        }
    }
}

#[test]
fn a_handle_is_refused_for_good_once_its_object_is_gone() {
    static ENDS: AtomicUsize = AtomicUsize::new(0);
    let mut old = Vec::new();
    for round in 0..1000 {
        let handle = create::<_, u8>(Counted(&ENDS)).unwrap();
        assert!(!old.contains(&handle));
        claimed(handle).unwrap().destroy();
        assert_eq!(ENDS.load(Ordering::Relaxed), round + 1);
        old.push(handle);
        for &handle in &old {
            let refused = claimed(handle).unwrap_err();
            assert!(matches!(refused, HandleError::Destroyed { .. }));
        }
    }
}

#[test]
fn a_generation_that_was_not_reached_is_no_handle() {
    static ENDS: AtomicUsize = AtomicUsize::new(0);
    let handle = create::<_, u8>(Counted(&ENDS)).unwrap();
    let mut parts = Parts::of(handle.addr());
    parts.generation += 1;
    let forged = core::ptr::without_provenance_mut::<u8>(parts.bits());
    let refused = claimed(forged).unwrap_err();
    assert!(matches!(refused, HandleError::Unknown { .. }));
    claimed(handle).unwrap().destroy();
}

#[test]
fn one_thread_at_a_time_is_in_an_object() {
    static ENDS: AtomicUsize = AtomicUsize::new(0);
    static INSIDE: AtomicUsize = AtomicUsize::new(0);
    let handle = create::<_, u8>(Counted(&ENDS)).unwrap().addr();
    let start = Barrier::new(4);
    let (claims, refusals) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                start.wait();
                for _ in 0..10_000 {
                    match claimed(core::ptr::without_provenance_mut(handle)) {
                        Ok(claim) => {
                            assert_eq!(INSIDE.fetch_add(1, Ordering::Relaxed), 0);
                            claims.fetch_add(1, Ordering::Relaxed);
                            INSIDE.fetch_sub(1, Ordering::Relaxed);
                            drop(claim);
                        }
                        Err(HandleError::Busy { .. }) => {
                            refusals.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(other) => panic!("{other}"),
                    }
                }
            });
        }
    });
    assert_eq!(claims.into_inner() + refusals.into_inner(), 40_000);
    claimed(core::ptr::without_provenance_mut(handle))
        .unwrap()
        .destroy();
}

#[test]
fn of_many_threads_that_destroy_one_object_one_does() {
    static ENDS: AtomicUsize = AtomicUsize::new(0);
    for round in 1..200 {
        let handle = create::<_, u8>(Counted(&ENDS)).unwrap().addr();
        let destroyed = AtomicUsize::new(0);
        thread::scope(|threads| {
            for _ in 0..3 {
                threads.spawn(|| {
                    if let Ok(claim) = claimed(core::ptr::without_provenance_mut(handle)) {
                        claim.destroy();
                        destroyed.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        assert_eq!(destroyed.into_inner(), 1);
        assert_eq!(ENDS.load(Ordering::Relaxed), round);
    }
}

#[test]
fn a_panic_in_a_call_leaves_the_object_to_the_next_one() {
    static ENDS: AtomicUsize = AtomicUsize::new(0);
    let handle = create::<_, u8>(Counted(&ENDS)).unwrap();
    let result = catch_unwind(AssertUnwindSafe(|| {
        let _claim = claimed(handle).unwrap();
        assert!(matches!(
            claimed(handle).unwrap_err(),
            HandleError::Busy { .. }
        ));
        panic!("on purpose");
    }));
    assert!(result.is_err());
    claimed(handle).unwrap().destroy();
    assert_eq!(ENDS.load(Ordering::Relaxed), 1);
}

#[derive(Debug)]
struct PanicsAtItsEnd(u64);

impl Kind for PanicsAtItsEnd {
    const TAG: u8 = 0xd7;
    const NAME: &'static str = "test object";
}

impl Drop for PanicsAtItsEnd {
    fn drop(&mut self) {
        panic!("on purpose: {}", self.0);
    }
}

#[test]
fn an_object_whose_end_panics_is_gone_all_the_same() {
    let handle = create::<_, u8>(PanicsAtItsEnd(1)).unwrap();
    let object: Claim<PanicsAtItsEnd> = claim(handle).unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| object.destroy())).is_err());
    let again: Result<Claim<PanicsAtItsEnd>, _> = claim(handle);
    assert!(matches!(again, Err(HandleError::Destroyed { .. })));
}
