use std::alloc::Layout;
use std::ptr::NonNull;

use allocator_api2_02::alloc::{Allocator, Global};
use allocator_api2_02::{boxed::Box, vec::Vec};

use super::Traced;
use crate::{Method, Off, Roots, Settings};

const GUARDED: [Method; 2] = [Method::GuardAfter, Method::GuardBefore];
const METHODS: [Method; 3] = [Method::Canary, GUARDED[0], GUARDED[1]];

fn quiet(method: Method) -> Traced<Global> {
    Traced::with(Global, Settings::new().method(method).quiet(true))
}

/// Writes one byte near a block: the fault to be found.
fn write(block: NonNull<u8>, offset: isize) {
    // SAFETY: within the tracer's memory around the block.
    let at = unsafe { block.offset(offset) };
    // SAFETY: as above; no reference leads there.
    unsafe { at.write_volatile(0x41) };
}

fn seen<A>(heap: &Traced<A>) -> std::vec::Vec<&'static str> {
    heap.check();
    let report = heap.report(&Roots::new());
    report
        .faults
        .iter()
        .map(|fault| fault.violation.name())
        .collect()
}

#[test]
fn collections_work_as_on_the_allocator_itself() {
    for method in METHODS {
        let heap = quiet(method);
        let mut numbers = Vec::new_in(&heap);
        numbers.extend(0..500_u32);
        numbers.truncate(3);
        numbers.shrink_to_fit();
        let boxed = Box::new_in(String::from("Hello arena"), &heap);
        assert_eq!((&numbers[..], &**boxed), (&[0, 1, 2][..], "Hello arena"));
        drop((numbers, boxed));
        let report = heap.report(&Roots::new().none());
        assert!(report.is_clean(), "{method:?} {report}");
        assert_eq!(report.numbers.requested, 0);
        assert_eq!(report.numbers.frees, report.numbers.allocations);
    }
}

#[test]
fn every_alignment_and_size_is_served() {
    for method in METHODS {
        let heap = quiet(method);
        for align in (0..14).map(|log| 1 << log) {
            for size in [0, 1, 7, 64, 4095, 4096, 4097, 10_000] {
                let layout = Layout::from_size_align(size, align).unwrap();
                let block = heap.allocate(layout).unwrap().cast::<u8>();
                assert!(block.addr().get().is_multiple_of(align));
                // SAFETY: handed out for so many bytes.
                unsafe { block.write_bytes(1, size) };
                assert_eq!(heap.check(), 0, "{method:?} {layout:?}");
                // SAFETY: not used any more.
                unsafe { heap.deallocate(block, layout) };
            }
        }
        assert_eq!(heap.check(), 0);
    }
}

#[test]
fn alignments_that_no_address_space_has_are_refused() {
    for method in METHODS {
        let heap = quiet(method);
        for align in [1 << 50, 1 << 62, 1 << 63] {
            let layouts = [0, 1].map(|size| Layout::from_size_align(size, align));
            for layout in layouts.into_iter().flatten() {
                assert!(heap.allocate(layout).is_err(), "{method:?} {layout:?}");
            }
        }
        assert_eq!(heap.check(), 0);
    }
}

#[test]
fn overflow_into_slack_of_a_guarded_block() {
    for (method, at, name) in [
        (Method::GuardAfter, -1, "underflow"),
        (Method::GuardBefore, 24, "overflow"),
    ] {
        let heap = quiet(method);
        let block = heap
            .allocate(Layout::new::<[u8; 24]>())
            .unwrap()
            .cast::<u8>();
        write(block, at);
        assert_eq!(seen(&heap), [name]);
    }
}

#[test]
fn overflow_of_one_byte_in_alignment_padding() {
    let heap = quiet(Method::GuardAfter);
    let layout = Layout::from_size_align(9, 8).unwrap();
    let block = heap.allocate(layout).unwrap().cast::<u8>();
    write(block, 9);
    assert_eq!(seen(&heap), ["overflow"]);
}

#[test]
fn double_invalid_and_mismatched_frees_are_refused() {
    for method in METHODS {
        let heap = quiet(method);
        let layout = Layout::new::<[u8; 40]>();
        let block = heap.allocate(layout).unwrap().cast::<u8>();
        let other = heap.allocate(layout).unwrap().cast::<u8>();
        let mut mine = 0_u64;
        let foreign = NonNull::from(&mut mine).cast::<u8>();
        // SAFETY: `block` is not used any more; the others are refused.
        unsafe { heap.deallocate(block, layout) };
        // SAFETY: refused.
        unsafe { heap.deallocate(block, layout) };
        // SAFETY: within the block.
        let inside = unsafe { other.add(8) };
        // SAFETY: refused.
        unsafe { heap.deallocate(inside, layout) };
        // SAFETY: refused.
        unsafe { heap.deallocate(foreign, layout) };
        // SAFETY: not used any more.
        unsafe { heap.deallocate(other, Layout::new::<[u8; 41]>()) };
        let names = [
            "double free",
            "invalid free",
            "invalid free",
            "mismatched layout",
        ];
        assert_eq!(seen(&heap), names, "{method:?}");
    }
}

#[test]
fn use_after_free_is_seen_while_quarantined_and_when_leaving() {
    for quarantine in [1 << 20, 100] {
        let settings = Settings::new().quarantine(quarantine).quiet(true);
        let heap = Traced::with(Global, settings);
        let layout = Layout::new::<[u8; 40]>();
        let block = heap.allocate(layout).unwrap().cast::<u8>();
        // SAFETY: given up, and quarantined: still the tracer's memory.
        unsafe { heap.deallocate(block, layout) };
        write(block, 39);
        let next = heap.allocate(layout).unwrap().cast::<u8>();
        // SAFETY: not used any more.
        unsafe { heap.deallocate(next, layout) };
        assert_eq!(seen(&heap), ["use after free"]);
    }
}

#[test]
fn sites_are_those_of_the_caller() {
    let heap = quiet(Method::Canary);
    let line = line!() + 1;
    let block = heap.allocate(Layout::new::<u64>()).unwrap();
    let report = heap.report(&Roots::new().none());
    assert_eq!(report.leaks[0].allocated_at().unwrap().line(), line);
    // SAFETY: not used any more.
    unsafe { heap.deallocate(block.cast(), Layout::new::<u64>()) };
}

#[cfg(feature = "backtraces")]
#[test]
fn stacks_name_the_functions_on_the_way() {
    #[inline(never)]
    fn allocating_function(heap: &Traced<Global>) -> NonNull<[u8]> {
        std::hint::black_box(heap.allocate(Layout::new::<u64>()).unwrap())
    }
    let heap = Traced::with(Global, Settings::new().backtraces(true).quiet(true));
    let block = allocating_function(&heap);
    let text = heap.report(&Roots::new().none()).to_string();
    assert!(text.contains("allocating_function"), "{text}");
    // SAFETY: not used any more.
    unsafe { heap.deallocate(block.cast(), Layout::new::<u64>()) };
}

#[test]
fn threads_share_a_heap() {
    for method in METHODS {
        let heap = quiet(method);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for round in 0..200_usize {
                        let mut numbers = Vec::new_in(&heap);
                        numbers.extend(0..round % 50);
                    }
                });
            }
        });
        let report = heap.report(&Roots::new().none());
        assert!(report.is_clean(), "{report}");
    }
}

#[test]
fn blocks_go_back_to_the_allocator_underneath() {
    let bytes = Traced::with(Global, Settings::new().quarantine(0).quiet(true));
    {
        let heap = Traced::<_>::with(&bytes, Settings::new().quiet(true));
        let mut numbers = Vec::new_in(&heap);
        numbers.extend(0..1000);
    }
    assert_eq!(bytes.report(&Roots::new()).numbers.requested, 0);
}

#[test]
fn off_asks_the_allocator_only() {
    let heap = Traced::<_, Off>::in_mode(Global, Settings::new());
    let mut numbers = Vec::new_in(&heap);
    numbers.push(1);
    drop(numbers);
    assert_eq!(heap.report(&Roots::new()).numbers.allocations, 0);
}

#[test]
fn a_new_and_still_live_block_is_the_difference_of_two_marks() {
    let heap = quiet(Method::Canary);
    let old = heap.allocate(Layout::new::<u64>()).unwrap().cast();
    let mark = heap.mark();
    let new = heap.allocate(Layout::new::<u32>()).unwrap().cast();
    let report = heap.report(&Roots::new()).since(mark);
    assert_eq!(report.leaks.iter().map(|leak| leak.bytes).sum::<usize>(), 4);
    // SAFETY: not used any more.
    unsafe { heap.deallocate(old, Layout::new::<u64>()) };
    // SAFETY: not used any more.
    unsafe { heap.deallocate(new, Layout::new::<u32>()) };
}

/// Whether the kernel can read a byte there for this process.
fn is_accessible(at: NonNull<u8>) -> bool {
    let mut ends = [0; 2];
    // SAFETY: two descriptors are written there.
    assert_eq!(unsafe { libc::pipe(ends.as_mut_ptr()) }, 0);
    // SAFETY: the kernel reads the byte, or refuses.
    let written = unsafe { libc::write(ends[1], at.as_ptr().cast(), 1) };
    for end in ends {
        // SAFETY: opened above.
        assert_eq!(unsafe { libc::close(end) }, 0);
    }
    written == 1
}

#[test]
fn a_freed_guarded_block_is_inaccessible() {
    for method in GUARDED {
        let heap = quiet(method);
        let layout = Layout::new::<[u8; 100]>();
        let [kept, freed] = [(); 2].map(|()| heap.allocate(layout).unwrap().cast::<u8>());
        assert!(is_accessible(kept) && is_accessible(freed));
        // SAFETY: not used any more.
        unsafe { heap.deallocate(freed, layout) };
        assert!(is_accessible(kept) && !is_accessible(freed), "{method:?}");
        // SAFETY: as above.
        unsafe { heap.deallocate(kept, layout) };
        assert!(!is_accessible(kept), "{method:?}");
    }
}

#[test]
fn guards_begin_on_the_page_behind_a_block_however_it_is_aligned() {
    for method in GUARDED {
        let heap = quiet(method);
        let layout = Layout::from_size_align(5000, 1 << 16).unwrap();
        let block = heap.allocate(layout).unwrap().cast::<u8>();
        let committed = || heap.report(&Roots::new()).numbers.committed;
        assert_eq!(committed(), 8192);
        let [inside, beyond] =
            [8191, 8192].map(|at| block.map_addr(|start| start.checked_add(at).unwrap()));
        assert!(
            is_accessible(inside) && !is_accessible(beyond),
            "{method:?}"
        );
        // SAFETY: not used any more.
        unsafe { heap.deallocate(block, layout) };
        assert!(
            !is_accessible(block) && !is_accessible(inside),
            "{method:?}"
        );
        assert_eq!(committed(), 0);
    }
}

#[cfg(feature = "events")]
#[test]
fn a_recording_is_what_was_done() {
    use heap_view::{Action, BlockId};
    for method in METHODS {
        let settings = Settings::new().method(method).quiet(true).record(100);
        let heap = Traced::with(Global, settings);
        let mut numbers = Vec::new_in(&heap);
        numbers.extend([1_u64, 2, 3, 4]);
        numbers.push(5);
        drop(numbers);
        let recording = heap.recording();
        let names = recording.events.iter().map(|event| match event.action {
            Action::Map { size, .. } => ("map", size),
            Action::Alloc { to, .. } => ("alloc", to.size),
            Action::Free {
                block: BlockId(id), ..
            } => ("free", id),
            _ => ("another", 0),
        });
        // A block that grows moves: the new one comes before the old one goes.
        let expected = [
            ("map", 0),
            ("alloc", 32),
            ("alloc", 64),
            ("free", 0),
            ("free", 1),
        ];
        assert_eq!(names.collect::<std::vec::Vec<_>>(), expected, "{method:?}");
        let site = recording.events[1]
            .site
            .and_then(|site| recording.site_of(site));
        assert!(site.is_some(), "a line, if of the collection");
        heap_view::history::History::of(&recording).expect("it makes sense");
    }
}

#[cfg(feature = "events")]
#[test]
fn events_without_a_place_are_counted_and_refusals_are_kept() {
    let arena = arena_core::Policy::new().reserve(1 << 16).build().unwrap();
    let heap = Traced::with(&arena, Settings::new().quiet(true).record(2));
    assert!(heap.allocate(Layout::new::<[u8; 1 << 20]>()).is_err());
    drop(Box::new_in(7, &heap));
    let recording = heap.recording();
    assert!(matches!(
        recording.events[1].action,
        heap_view::Action::Refuse { .. }
    ));
    assert_eq!((recording.events.len(), recording.dropped), (3, 1));
}
