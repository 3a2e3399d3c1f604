use super::{is_mapped, minor_faults, resident};
use crate::by_hand::{HandArena, Sharing};
use arena_core::region::page_size;

#[test]
fn each_page_counts_once_it_is_written() {
    let page = page_size();
    let mut arena = HandArena::map(3 * page, Sharing::Private).expect("a mapping");
    let start = arena.at(0).base;
    assert_eq!(resident(start, 3 * page).ok(), Some(0));
    let before = minor_faults().expect("a count");
    arena.write(2 * page - 1, b"!");
    assert!(minor_faults().expect("a count") > before);
    assert_eq!(resident(start, 3 * page).ok(), Some(page));
    arena.write(0, b"!");
    assert_eq!(resident(start, 3 * page).ok(), Some(2 * page));
    assert_eq!(resident(start, page).ok(), Some(page));
}

#[test]
fn pages_at_both_sides_of_a_step_count() {
    let page = page_size();
    let len = (super::AT_ONCE + 1) * page;
    let mut arena = HandArena::map(len, Sharing::Private).expect("a mapping");
    for at in [0, (super::AT_ONCE - 1) * page, super::AT_ONCE * page] {
        arena.write(at, b"!");
    }
    assert_eq!(resident(arena.at(0).base, len).ok(), Some(3 * page));
}

#[test]
fn the_first_page_is_never_mapped_and_our_own_is() {
    assert_eq!(is_mapped(8).ok(), Some(false));
    let here = 0_u8;
    assert_eq!(is_mapped(std::ptr::from_ref(&here).addr()).ok(), Some(true));
    assert!(resident(0, 8).is_err());
}
