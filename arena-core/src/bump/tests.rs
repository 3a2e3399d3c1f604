use core::alloc::Layout;

use proptest::prelude::*;

use super::*;

/// The same rules in numbers so wide that nothing can wrap.
fn naive(min_align: u128, bump: u128, limit: u128, layout: Layout) -> Option<(u128, u128)> {
    let align = layout.align() as u128;
    let start = bump.div_ceil(align.max(min_align)) * align.max(min_align);
    let start = if align <= min_align { bump } else { start };
    let end = (start + layout.size() as u128).div_ceil(min_align) * min_align;
    (end <= limit).then_some((start, end))
}

fn any_layout() -> impl Strategy<Value = Layout> {
    let size = prop_oneof![
        1usize..300,
        1usize..=isize::MAX as usize,
        Just(isize::MAX as usize)
    ];
    (size, 0u32..63).prop_filter_map("no such layout", |(size, shift)| {
        Layout::from_size_align(size, 1 << shift).ok()
    })
}

fn any_address() -> impl Strategy<Value = usize> {
    prop_oneof![
        0usize..10_000,
        0usize..=RANGE_END_MAX,
        (RANGE_END_MAX - 10_000)..=RANGE_END_MAX
    ]
}

fn agree<const MIN_ALIGN: usize>(bump: usize, limit: usize, layout: Layout) {
    let bump = round_down(bump, MIN_ALIGN);
    let ours = place::<MIN_ALIGN>(bump, limit, layout.size(), layout.align())
        .map(|p| (p.start as u128, p.end as u128));
    assert_eq!(
        ours,
        naive(MIN_ALIGN as u128, bump as u128, limit as u128, layout)
    );
    let exact = place_exactly::<MIN_ALIGN>(bump, limit, layout.size(), layout.align());
    let last =
        naive(1, bump as u128, u128::MAX, layout).map(|(start, _)| start + layout.size() as u128);
    assert_eq!(
        exact.is_some(),
        last.is_some_and(|last| last <= limit as u128)
    );
    if let Some(p) = exact {
        assert!(p.start % layout.align() == 0 && p.end % MIN_ALIGN == 0);
        assert!(p.end - p.start >= layout.size() && p.end - p.start - layout.size() < MIN_ALIGN);
    }
}

proptest! {
    #[test]
    fn placement_equals_the_arithmetic_that_cannot_wrap(
        bump in any_address(), limit in any_address(), layout in any_layout()
    ) {
        agree::<1>(bump, limit, layout);
        agree::<8>(bump, limit, layout);
        agree::<16>(bump, limit, layout);
        agree::<MIN_ALIGN_MAX>(bump, limit, layout);
    }
}

#[test]
fn a_block_may_end_exactly_at_the_limit_and_not_one_byte_later() {
    assert_eq!(
        place::<8>(64, 128, 64, 8),
        Some(Placement {
            start: 64,
            end: 128
        })
    );
    assert_eq!(place::<8>(64, 127, 64, 8), None);
    assert_eq!(
        place_exactly::<8>(96, 100, 4, 1),
        Some(Placement {
            start: 96,
            end: 104
        })
    );
    assert_eq!(place_exactly::<8>(96, 100, 5, 1), None);
}

#[test]
fn the_largest_layouts_are_refused_at_the_highest_address() {
    let size = isize::MAX as usize;
    assert_eq!(place::<1>(RANGE_END_MAX, RANGE_END_MAX, size, 1), None);
    let bump = round_down(RANGE_END_MAX, MIN_ALIGN_MAX);
    assert_eq!(place::<MIN_ALIGN_MAX>(bump, RANGE_END_MAX, size, 1), None);
    assert_eq!(
        place::<8>(round_down(bump, 8), RANGE_END_MAX, 1, 1 << 62),
        None
    );
}
