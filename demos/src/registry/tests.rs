use super::{DEMOS, Unknown, find};

#[test]
fn a_number_is_found_however_it_is_typed() {
    for name in ["09a", "9a", "09A", " 09a ", "09a_arena_scope_local_mmap"] {
        assert_eq!(find(name).map(|demo| demo.number), Ok("09a"), "{name:?}");
    }
}

#[test]
fn an_unknown_number_names_the_nearest() {
    assert_eq!(find("09d").map(|d| d.number), Err(Unknown::Nearest("09c")));
    assert_eq!(find("10b").map(|d| d.number), Err(Unknown::Nearest("10")));
}

#[test]
fn the_start_of_several_numbers_names_them_all() {
    let several = Unknown::Several(vec!["09a", "09b", "09c"]);
    assert_eq!(find("09").map(|demo| demo.number), Err(several));
}

#[test]
fn words_that_are_no_number_are_unknown() {
    for name in ["", "malloc", "☃", "-1", "999999999999999999999"] {
        assert!(find(name).is_err(), "{name:?}");
    }
}

#[test]
fn numbers_and_binaries_are_unique_and_agree() {
    for (i, demo) in DEMOS.iter().enumerate() {
        assert!(demo.binary.starts_with(&format!("{}_", demo.number)));
        assert!(DEMOS[..i].iter().all(|other| other.number < demo.number));
        assert!(demo.question.right < demo.question.answers.len());
        assert!(demo.question.answers.len() >= 2);
    }
}
