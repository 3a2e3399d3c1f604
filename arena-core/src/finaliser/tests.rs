use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use crate::{Arena, Policy};

type Log = Arc<Mutex<Vec<u32>>>;

/// Notes its number when it is dropped, and panics then if that is 13.
struct Noted(Log, u32);

impl Drop for Noted {
    fn drop(&mut self) {
        self.0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
            .push(self.1);
        assert_ne!(self.1, 13, "unlucky");
    }
}

fn noted(log: &Log, number: u32) -> Noted {
    Noted(Arc::clone(log), number)
}

fn taken(log: &Log) -> Vec<u32> {
    std::mem::take(&mut log.lock().unwrap_or_else(|poisoned| poisoned.into_inner()))
}

#[test]
fn destructors_run_in_reverse_on_reset_and_again_on_drop() {
    let log = Log::default();
    let mut arena = Arena::new();
    for number in 1..=3 {
        arena.alloc_drop(noted(&log, number)).1 *= 10;
        arena.alloc([0_u8; 100]);
    }
    arena.reset();
    assert_eq!(taken(&log), [30, 20, 10]);
    arena.alloc_drop(noted(&log, 4));
    assert_eq!(taken(&log), []);
    drop(arena);
    assert_eq!(taken(&log), [4]);
}

#[test]
fn a_rewind_runs_those_above_the_checkpoint_only() {
    let log = Log::default();
    let arena = Arena::new();
    arena.alloc_drop(noted(&log, 1));
    let checkpoint = arena.checkpoint();
    arena.alloc_drop(noted(&log, 2));
    arena.alloc_drop(noted(&log, 3));
    // SAFETY: nothing allocated since is used again.
    unsafe { arena.rewind(checkpoint) };
    assert_eq!(taken(&log), [3, 2]);
    // SAFETY: as above.
    unsafe { arena.rewind(checkpoint) };
    assert_eq!(taken(&log), []);
    arena.check();
    drop(arena);
    assert_eq!(taken(&log), [1]);
}

#[test]
fn a_scope_runs_its_own_and_values_may_borrow_what_is_outside() {
    struct Borrows<'a>(&'a Mutex<String>, char);
    impl Drop for Borrows<'_> {
        fn drop(&mut self) {
            self.0.lock().unwrap().push(self.1);
        }
    }
    let text = Mutex::new(String::new());
    let mut arena = Arena::new();
    arena.scope(|outer| {
        let kept = outer.alloc_drop(Borrows(&text, 'a'));
        outer.scope(|inner| {
            inner.alloc_drop(Borrows(&text, 'b'));
            inner.alloc_drop(Borrows(kept.0, 'c'));
        });
        assert_eq!(*text.lock().unwrap(), "cb");
        outer.alloc_drop(Borrows(kept.0, 'd'));
    });
    assert_eq!(text.into_inner().unwrap(), "cbda");
    assert_eq!(arena.used(), 0);
}

#[test]
fn a_destructor_that_panics_does_not_keep_the_others_from_running() {
    let log = Log::default();
    let mut arena = Arena::new();
    for number in [1, 13, 2] {
        arena.alloc_drop(noted(&log, number));
    }
    assert!(catch_unwind(AssertUnwindSafe(|| arena.reset())).is_err());
    assert_eq!(taken(&log), [2, 13, 1]);
    assert_eq!(arena.used(), 0);
    arena.check();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        arena.scope(|scope| {
            scope.alloc_drop(noted(&log, 3));
            scope.alloc_drop(noted(&log, 13));
        });
    }));
    assert!(panicked.is_err());
    assert_eq!((taken(&log), arena.used()), (vec![13, 3], 0));
    for number in [13, 5] {
        arena.alloc_drop(noted(&log, number));
    }
    assert!(catch_unwind(AssertUnwindSafe(|| drop(arena))).is_err());
    assert_eq!(taken(&log), [5, 13]);
}

#[test]
fn a_forgotten_guard_owes_its_destructors_to_the_arena() {
    let log = Log::default();
    let mut arena = Arena::new();
    let mut guard = arena.scope_guard();
    guard.scope().alloc_drop(noted(&log, 1));
    std::mem::forget(guard);
    assert_eq!(taken(&log), []);
    arena.reset();
    assert_eq!(taken(&log), [1]);
}

#[test]
fn an_arena_that_becomes_a_region_runs_what_it_owes_first() {
    let log = Log::default();
    let arena = Arena::new();
    arena.alloc_drop(noted(&log, 1));
    let region = arena.into_region();
    assert_eq!(taken(&log), [1]);
    drop(region);
    assert_eq!(taken(&log), []);
}

#[test]
fn a_value_without_room_is_dropped_and_nothing_owed() {
    let log = Log::default();
    let arena = Policy::new().reserve(4096).limit(40).build().unwrap();
    assert!(arena.try_alloc_drop(noted(&log, 1)).is_ok());
    assert!(arena.try_alloc_drop(noted(&log, 2)).is_err());
    assert_eq!(taken(&log), [2]);
    drop(arena);
    assert_eq!(taken(&log), [1]);
}

#[test]
fn values_of_no_size_and_of_large_alignment_are_dropped_in_place() {
    static DROPS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    struct Nothing;
    impl Drop for Nothing {
        fn drop(&mut self) {
            DROPS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }
    #[repr(align(256))]
    struct Aligned(Log);
    impl Drop for Aligned {
        fn drop(&mut self) {
            let place = std::ptr::from_ref(self).addr();
            self.0
                .lock()
                .unwrap()
                .push(u32::from(place.is_multiple_of(256)));
        }
    }
    let log = Log::default();
    let arena = Policy::new().build_with_min_align::<1>().unwrap();
    arena.alloc_drop(Nothing);
    arena.alloc(1_u8);
    arena.alloc_drop(Aligned(Arc::clone(&log)));
    arena.alloc_drop(Nothing);
    drop(arena);
    assert_eq!(
        (
            taken(&log),
            DROPS.load(std::sync::atomic::Ordering::Relaxed)
        ),
        (vec![1], 2)
    );
}

#[test]
fn buffers_owe_destructors_too() {
    let log = Log::default();
    let mut buffer = [std::mem::MaybeUninit::uninit(); 256];
    let mut arena = Arena::in_buffer(&mut buffer);
    arena.alloc_drop(noted(&log, 1));
    arena.reset();
    arena.alloc_drop(noted(&log, 2));
    drop(arena);
    assert_eq!(taken(&log), [1, 2]);
}

#[test]
fn a_box_drops_its_value_and_nothing_else() {
    let log = Log::default();
    let arena = Arena::new();
    let boxed = arena.alloc_box(noted(&log, 1));
    let inner = arena.alloc_box(noted(&log, 2)).into_inner();
    let leaked = arena.alloc_box(noted(&log, 3)).leak();
    drop(boxed);
    assert_eq!(taken(&log), [1]);
    // Leaked, it is nobody's to drop: the test cleans up behind itself.
    // SAFETY: the value is in place, and not used again.
    unsafe { std::ptr::drop_in_place(leaked) };
    assert_eq!(taken(&log), [3]);
    drop(arena);
    assert_eq!(taken(&log), []);
    drop(inner);
    assert_eq!(taken(&log), [2]);
}
