use crate::Arena;

#[test]
fn padding_is_printed_without_being_read_as_a_value() {
    #[repr(C)]
    struct Padded {
        a: u8,
        b: u32,
    }
    let mut arena = Arena::new();
    arena.alloc(Padded {
        a: b'A',
        b: u32::from_le_bytes(*b"BCDE"),
    });
    let text = arena.dump().to_string();
    assert_eq!((&text[..1], &text[4..]), ("A", "BCDE\n"));
}

#[test]
fn rows_break_at_64_and_16_bytes_and_blocks_are_marked() {
    let mut arena = Arena::new();
    arena.alloc_slice_fill_copy(72, b'x');
    let text = arena.dump().to_string();
    assert_eq!(text.lines().map(str::len).collect::<Vec<_>>(), [64, 8]);
    let hex = arena.dump().hex().blocks(&[0, 8, 64]).to_string();
    assert_eq!(hex.lines().count(), 5);
    assert_eq!(
        hex.lines().next().unwrap(),
        "00000000 [78 78 78 78 78 78 78 78[78 78 78 78 78 78 78 78  |xxxxxxxxxxxxxxxx|"
    );
    assert_eq!(
        hex.lines().last().unwrap(),
        "00000040 [78 78 78 78 78 78 78 78                          |xxxxxxxx|"
    );
}

#[test]
fn an_empty_arena_prints_nothing() {
    assert_eq!(Arena::new().dump().to_string(), "");
}
