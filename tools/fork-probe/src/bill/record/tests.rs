use super::*;

#[test]
fn a_page_is_noted_when_it_becomes_own_and_counted_apart_when_it_is_new() {
    let (shared, own) = (PRESENT, PRESENT | OWN);
    let mut words = Words::default();
    let mut items = [0; 4];
    let before = [shared, shared, 0, own, 0];
    let after = [own, shared, own, own, shared];
    words.note(&before, &after, &mut items, 7);
    assert_eq!((words.items, words.new_pages), (1, 1));
    assert_eq!(items[0], 7 << 32);
    words.note(
        &[shared; 5],
        &[shared, own, shared, shared, shared],
        &mut items,
        8,
    );
    assert_eq!((words.items, items[1]), (2, 8 << 32 | 1));
}

#[test]
fn the_parts_do_not_overlap() {
    let mut record = Record::new(3).unwrap();
    let parts = record.parts();
    parts.words.items = 1;
    parts.items.fill(2);
    parts.before.fill(3);
    parts.after.fill(4);
    parts.smaps_before.fill(5);
    parts.smaps_after.fill(6);
    let parts = record.parts();
    assert_eq!((parts.words.refused, parts.words.items), (0, 1));
    assert_eq!(
        (
            parts.items[2],
            parts.before[0],
            parts.before[2],
            parts.after[0]
        ),
        (2, 3, 3, 4)
    );
    assert_eq!((parts.after[2], parts.smaps_before[0]), (4, 5));
    assert_eq!(parts.smaps_before.last(), Some(&5));
    assert_eq!(parts.smaps_after[0], 6);
}
