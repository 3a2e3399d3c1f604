use super::{c_string, changed, printable, ranges};

#[test]
fn only_printable_ascii_is_shown_as_itself() {
    assert_eq!(printable(b"a~ \x7f\x1f\0\xff"), "a~ ....");
    assert_eq!(printable("🤡".as_bytes()), "....");
}

#[test]
fn a_c_string_ends_at_its_nul() {
    assert_eq!(c_string(b"one\0two\0"), "one");
    assert_eq!(c_string(b"\0one"), "");
    assert_eq!(c_string(b"no end"), "no end");
}

#[test]
fn changed_bytes_are_named_by_offset() {
    assert_eq!(changed(b"abcd", b"aXcY"), [1, 3]);
    assert!(changed(b"same", b"same").is_empty());
}

#[test]
fn offsets_that_follow_each_other_become_a_range() {
    assert_eq!(ranges(&[1, 2, 3, 7, 9, 10]), "1..=3, 7, 9..=10");
    assert_eq!(ranges(&[]), "none");
}
