use core::ptr::NonNull;
use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::control::Geometry;
use crate::options::Options;
use crate::words::Words;

proptest! {
    #[test]
    fn searches_and_the_largest_are_those_of_a_list(
        granules in prop_oneof![1_u32..40, 240_u32..300, 500_u32..520],
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0_u32..50), 1..60),
        need in 1_u32..50,
    ) {
        let geometry = Geometry::new(granules * GRANULE, &Options::new());
        let mut memory = vec![0_u32; geometry.control_dwords() as usize];
        let base = NonNull::from(&mut memory[..]).cast();
        // SAFETY: the memory is borrowed for as long as the control block is used here.
        let words = unsafe { Words::new(base, geometry.control_dwords()) };
        let control = Control::create(words, geometry, 1);
        let mut list = vec![0; granules as usize];
        for (index, size) in changes {
            let number = index.index(list.len());
            list[number] = size;
            control.set_largest_in(control.granule(number as u32).unwrap(), size);
        }
        prop_assert_eq!(control.check_tree(), Ok(()));
        prop_assert_eq!(Some(control.largest()), list.iter().copied().max());
        let fitting: Vec<_> = (0..granules).filter(|&n| list[n as usize] >= need).collect();
        let number = |found: Result<Option<Granule>, Damage>| found.unwrap().map(Granule::number);
        prop_assert_eq!(number(control.first_of_all(need)), fitting.first().copied());
        for bound in 0..=granules {
            let first = fitting.iter().copied().find(|&n| n >= bound);
            let last = fitting.iter().copied().rfind(|&n| n < bound);
            prop_assert_eq!(number(control.first_from(bound, need)), first);
            prop_assert_eq!(number(control.last_before(bound, need)), last);
        }
    }
}

#[test]
fn the_levels_of_a_large_tree_begin_with_cache_lines_and_nothing_is_between_them() {
    let geometry = Geometry::new((ALIGNED_FROM + 5) * GRANULE, &Options::new());
    let levels = geometry.tree.levels();
    assert_eq!(levels.len(), 3);
    assert!(levels.iter().all(|(at, _)| at % FAN == 0));
    let gaps: Vec<_> = geometry.tree.gaps().collect();
    let lens = levels.iter().map(|(_, len)| len).sum::<u32>();
    assert_eq!(
        geometry.tree.end() - geometry.tree.start - lens,
        gaps.len() as u32
    );
    let mut memory = vec![0_u32; geometry.control_dwords() as usize];
    let base = NonNull::from(&mut memory[..]).cast();
    // SAFETY: the memory is borrowed for as long as the control block is used here.
    let words = unsafe { Words::new(base, geometry.control_dwords()) };
    let control = Control::create(words, geometry, 1);
    let last = control.granule(ALIGNED_FROM + 4).unwrap();
    control.set_largest_in(last, 7);
    control.set_largest_in(control.granule(0).unwrap(), 9);
    control.set_largest_in(last, 3);
    assert_eq!(control.check_tree(), Ok(()));
    assert_eq!(control.first_of_all(8), Ok(control.granule(0)));
    assert_eq!(control.last_before(u32::MAX, 3), Ok(Some(last)));
    for gap in gaps {
        words.set(gap, 1);
        assert_eq!(control.check_tree(), Err(damage(0, What::Index)), "{gap}");
        words.set(gap, 0);
    }
}
