use super::{Line, Place, Symbol};
use crate::stage::paint::Paint;

const BASE: Place = Place {
    name: "base",
    base: 0x7000_0000_0000,
    offset: 128,
};

fn plain(line: &Line, raw: bool) -> String {
    // Tests write into a pipe or a file, never in colour; NO_COLOR is not needed for that.
    line.render(raw, Paint::detect())
}

#[test]
fn a_line_has_symbol_verb_size_arrow_place_note() {
    let line = Line::new(Symbol::Alloc, "alloc")
        .bytes(64)
        .at(BASE)
        .note("\"text\"");
    assert_eq!(
        plain(&line, false),
        "✅ alloc     64 B → base+128   \"text\""
    );
}

#[test]
fn raw_addresses_appear_only_on_request() {
    let line = Line::new(Symbol::Unmap, "unmap").bytes(4096).at(BASE);
    assert!(!plain(&line, false).contains("0x"));
    assert!(plain(&line, true).contains("→ 0x700000000080 (base+128)"));
}

#[test]
fn a_line_without_parts_has_no_trailing_blanks() {
    let line = Line::new(Symbol::Picture, "dump");
    assert_eq!(plain(&line, false), "📦 dump");
}

#[test]
fn only_whole_mib_and_gib_are_said_as_such() {
    for (bytes, words) in [
        (0, "0 B"),
        (1 << 20, "1 MiB"),
        ((1 << 20) + 1, "1048577 B"),
        (1 << 30, "1 GiB"),
        (3 << 29, "1536 MiB"),
        (64 << 30, "64 GiB"),
    ] {
        assert_eq!(super::in_words(bytes), words);
    }
}
