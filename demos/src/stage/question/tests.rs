use super::Question;

const QUESTION: Question = Question {
    text: "how many?",
    answers: &["one", "two", "three"],
    right: 1,
    why: "because",
};

#[test]
fn letters_and_numbers_choose_an_answer() {
    for typed in ["b", "B", "2", " b \n", "b)", "2."] {
        assert_eq!(QUESTION.parse(typed), Some(1), "{typed:?}");
    }
}

#[test]
fn anything_else_chooses_none() {
    for typed in ["", "d", "0", "4", "ab", "🤡", "-1", "two"] {
        assert_eq!(QUESTION.parse(typed), None, "{typed:?}");
    }
}

#[test]
fn the_reader_is_asked_again_until_an_answer_or_a_pass() {
    let ask = |typed: &str| QUESTION.ask(|_| (), &mut typed.as_bytes());
    assert_eq!(ask("x\n\u{fffd}\n3\n"), Some(2));
    assert_eq!(ask("x\n\n3\n"), None);
    assert_eq!(ask(""), None);
    assert_eq!(ask("x"), None);
}

#[test]
fn input_that_is_no_text_passes() {
    let mut input: &[u8] = b"\xff\xfe\n";
    assert_eq!(QUESTION.ask(|_| (), &mut input), None);
}
