//! One recorded workload on every allocator of the workspace, and on malloc.

mod common;

use arena_core::{Arena, Policy};
use common::busy;
use heap_view::rep::Rep;
use heap_view::replay::{Malloc, OnAllocator, OnTagHeap, Stopped, replay};
use tagheap::{Options, Tag, TagHeap};

fn workload() -> Rep {
    Rep::of(&busy(20_000)).expect("it fits")
}

#[test]
fn one_workload_runs_on_all_of_them_and_every_byte_survives() {
    let rep = workload();
    assert_eq!(rep.operations.len(), 19_999);
    let on_malloc = replay(&rep, &mut Malloc);
    assert_eq!((on_malloc.done, &on_malloc.stopped), (19_999, &None));
    assert_eq!(on_malloc.most_live, rep.heap_size);

    let arena = Arena::new();
    let scoped = Policy::new().build().expect("an arena");
    let shared = Policy::new().build_sync().expect("an arena");
    let outcomes = [
        replay(&rep, &mut OnAllocator(&arena)),
        scoped_replay(scoped, &rep),
        replay(&rep, &mut OnAllocator(&shared)),
        on_tag_heap(&rep, 8 << 20).0,
    ];
    for outcome in outcomes {
        assert_eq!((outcome.done, outcome.stopped), (19_999, None));
        assert_eq!(outcome.most_live, on_malloc.most_live);
    }
    // An arena takes back the newest block alone.
    assert!(arena.high_water_mark() as u64 > 2 * rep.heap_size);
}

fn scoped_replay(mut arena: Arena, rep: &Rep) -> heap_view::replay::Outcome {
    let outcome = arena.scope(|scope| replay(rep, &mut OnAllocator(&*scope)));
    assert_eq!(arena.used(), 0);
    outcome
}

fn on_tag_heap(rep: &Rep, bytes: usize) -> (heap_view::replay::Outcome, usize) {
    let options = Options::new().handles(rep.ids);
    let mut control = vec![0; options.control_len(bytes)];
    let mut blocks = vec![0; bytes];
    let heap = TagHeap::create_apart(&mut control, &mut blocks, &options).expect("a heap");
    let mut subject = OnTagHeap::new(&heap, Tag::head(1).expect("a tag"));
    let outcome = replay(rep, &mut subject);
    heap.validate().expect("a sound heap");
    assert_eq!(heap.live(), 0, "a block was left behind");
    (outcome, subject.defragmented())
}

#[test]
fn a_tagheap_with_little_room_defragments_and_goes_on() {
    let rep = workload();
    // Just the payloads, their headers, and a few per cent.
    let most = rep.heap_size as usize;
    let (mut live, mut most_blocks) = (0_usize, 0);
    for operation in &rep.operations {
        match operation {
            heap_view::rep::Operation::Alloc { .. } => live += 1,
            heap_view::rep::Operation::Free { .. } => live -= 1,
            heap_view::rep::Operation::Realloc { .. } => {}
        }
        most_blocks = most_blocks.max(live);
    }
    let tight = most + most_blocks * 32 + most / 50;
    let (outcome, defragmented) = on_tag_heap(&rep, tight);
    assert_eq!(outcome.stopped, None);
    assert!(defragmented > 0);
}

#[test]
fn a_heap_that_is_too_small_says_at_which_operation() {
    let rep = workload();
    let arena = Policy::new()
        .reserve(1 << 20)
        .limit(100_000)
        .build()
        .expect("an arena");
    let outcome = replay(&rep, &mut OnAllocator(&arena));
    let Some(Stopped::Refused { operation, .. }) = outcome.stopped else {
        panic!("{outcome:?}");
    };
    assert_eq!(operation, outcome.done);
    assert!(outcome.most_live <= 100_000);
}
