use super::*;

const YES: Option<bool> = Some(true);
const NO: Option<bool> = Some(false);

#[test]
fn bytes_tell_the_copies_that_the_script_made_and_no_more() {
    let states = |parent_saw: &[bool], child_saw: &[bool]| {
        let mut map = [PageState::Unknown; 4];
        let source = draw(&mut map, &[], parent_saw, child_saw);
        assert_eq!(source, Source::Bytes);
        map.map(PageState::letter).iter().collect::<String>()
    };
    assert_eq!(states(&[false; 4], &[false; 4]), "cpc=");
    assert_eq!(states(&[true, false, true, false], &[true; 4]), "====");
    assert_eq!(states(&[], &[]), "????");
    assert_eq!(states(&[false; 4], &[]), "c?c?");
}

#[test]
fn what_was_found_before_stays() {
    let mut map = [PageState::Zeroed, PageState::Absent];
    draw(&mut map, &[], &[false; 2], &[false; 2]);
    assert_eq!(map, [PageState::Zeroed, PageState::Absent]);
}

#[test]
fn a_page_is_charged_to_the_side_after_whose_writes_it_is_no_longer_the_same() {
    assert_eq!(by_changes(&[YES, NO, NO]), PageState::CopiedByChild);
    assert_eq!(by_changes(&[YES, YES, NO]), PageState::CopiedByParent);
    assert_eq!(by_changes(&[YES, YES, YES]), PageState::Shared);
    assert_eq!(by_changes(&[YES]), PageState::Shared);
    assert_eq!(by_changes(&[NO, NO, NO]), PageState::Unknown);
    assert_eq!(by_changes(&[None, YES, NO]), PageState::Unknown);
}
