//! The arithmetic alone, against arithmetic that cannot wrap. Needs a nightly toolchain:
//! `cd arena-core && cargo +nightly fuzz run bump`.
#![no_main]

use std::alloc::Layout;

use arena_core::bump::{RANGE_END_MAX, place, place_exactly};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (usize, usize, usize, u8)| {
    let (bump, limit, size, shift) = input;
    let Ok(layout) = Layout::from_size_align(size, 1 << (shift % 63)) else {
        return;
    };
    if size != 0 {
        agree::<1>(bump, limit, layout);
        agree::<8>(bump, limit, layout);
        agree::<64>(bump, limit, layout);
    }
});

fn agree<const MIN_ALIGN: usize>(bump: usize, limit: usize, layout: Layout) {
    let bump = (bump % RANGE_END_MAX) / MIN_ALIGN * MIN_ALIGN;
    let limit = limit % RANGE_END_MAX;
    let wide = |n: usize| n as u128;
    let start = wide(bump).next_multiple_of(wide(layout.align()));
    let last = start + wide(layout.size());
    let end = last.next_multiple_of(wide(MIN_ALIGN));
    let ours = place::<MIN_ALIGN>(bump, limit, layout.size(), layout.align());
    let theirs = (end <= wide(limit)).then_some((start, end));
    assert_eq!(
        ours.map(|placed| (wide(placed.start), wide(placed.end))),
        theirs
    );
    let exact = place_exactly::<MIN_ALIGN>(bump, limit, layout.size(), layout.align());
    assert_eq!(exact.is_some(), last <= wide(limit));
}
