use super::{WIDTH, wrap};

#[test]
fn a_short_text_is_one_line() {
    assert_eq!(wrap("Q: ", "how many?"), ["Q: how many?"]);
    assert_eq!(wrap("", ""), [""]);
}

#[test]
fn a_long_text_is_broken_at_blanks_and_indented() {
    let text = "word ".repeat(60);
    let lines = wrap("Q: ", &text);
    assert!(lines.len() > 2);
    assert!(lines.iter().all(|line| line.chars().count() <= WIDTH));
    assert!(lines[1..].iter().all(|line| line.starts_with("   word")));
    let words = lines.join(" ").matches("word").count();
    assert_eq!(words, 60);
}

#[test]
fn a_word_longer_than_a_line_stays_whole() {
    let long = "x".repeat(2 * WIDTH);
    assert_eq!(wrap("", &format!("a {long} b")), ["a", long.as_str(), "b"]);
}
