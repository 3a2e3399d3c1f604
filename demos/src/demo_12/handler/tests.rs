use super::Message;

fn text(message: &Message) -> &[u8] {
    &message.bytes[..message.len]
}

#[test]
fn numbers_are_said_in_full() {
    let mut message = Message::new();
    message.number(0).text(" ").number(4096).text(" ");
    message.number(usize::MAX);
    let expected = format!("0 4096 {}", usize::MAX);
    assert_eq!(text(&message), expected.as_bytes());
}

#[test]
fn what_does_not_fit_is_lost_and_nothing_else() {
    let mut message = Message::new();
    message.text(&"a".repeat(126)).text("bcd").number(7);
    assert_eq!(message.len, 128);
    assert_eq!(text(&message)[125..], *b"abc");
}
