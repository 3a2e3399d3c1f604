use super::suppress::matches;
use crate::{Roots, Suppressions, TracedArena};

#[test]
fn leaks_are_grouped_by_site_the_largest_first() {
    let arena = TracedArena::new(arena_core::Arena::new());
    for _ in 0..3 {
        arena.alloc([0_u8; 10]);
    }
    arena.alloc([0_u8; 100]);
    let report = arena.report(&Roots::new().none());
    let groups: Vec<_> = report
        .leaks
        .iter()
        .map(|leak| (leak.blocks, leak.bytes))
        .collect();
    assert_eq!(groups, [(1, 100), (3, 30)]);
    let text = report.to_string();
    assert!(
        text.contains("definitely lost: 130 bytes in 4 blocks"),
        "{text}"
    );
    assert!(text.contains("bytes: 130 requested, "), "{text}");
}

#[test]
fn stars_stand_for_any_letters() {
    for (pattern, text, fits) in [
        ("", "", true),
        ("*", "", true),
        ("**", "any", true),
        ("a*a", "a", false),
        ("a*a", "aa", true),
        ("a*b*c", "a-b-b-c", true),
        ("a*b*c", "a-c-b", false),
        ("*ab*ab*", "abab", true),
        ("*ab*ab*", "aba", false),
        ("*🤡*", "Oops 🤡!", true),
        ("main.rs", "main.rs:7", false),
    ] {
        assert_eq!(matches(pattern, text), fits, "{pattern:?} {text:?}");
    }
    let (pattern, text) = ("*a".repeat(50) + "b", "a".repeat(10_000));
    assert!(!matches(&pattern, &text), "and at once");
}

#[test]
fn a_suppression_needs_a_reason_and_is_counted() {
    for (text, why) in [
        ("site x", "it gives no reason"),
        ("line x because y", "it begins neither"),
        ("site x because ", "it gives no reason"),
        ("symbol  because y", "is empty"),
    ] {
        let error = Suppressions::parse(text).unwrap_err();
        assert!(error.to_string().contains(why), "{text}: {error}");
    }
    let known = Suppressions::parse("# known\n\nsite *report/tests.rs:* because of old").unwrap();
    let arena = TracedArena::new(arena_core::Arena::new());
    arena.alloc([0_u8; 10]);
    let report = arena.report(&Roots::new().none()).without(&known);
    assert!(report.is_clean());
    assert_eq!(
        (report.suppressed[0].blocks, report.suppressed[0].bytes),
        (1, 10)
    );
    assert!(
        report.to_string().contains("10 bytes in 1 blocks"),
        "{report}"
    );
    let other = Suppressions::parse("site elsewhere* because of old").unwrap();
    assert!(
        !arena
            .report(&Roots::new().none())
            .without(&other)
            .is_clean()
    );
}

#[cfg(feature = "json")]
#[test]
fn json_has_what_the_text_has() {
    let arena = TracedArena::with(arena_core::Arena::new(), crate::Settings::new().quiet(true));
    let block = arena.alloc_layout(std::alloc::Layout::new::<[u8; 24]>());
    // SAFETY: in the red zone: the fault to be found.
    let behind = unsafe { block.add(24) };
    // SAFETY: as above.
    unsafe { behind.write(0x41) };
    let json = arena.report(&Roots::new()).to_json();
    assert_eq!(json["faults"][0]["violation"], "overflow");
    assert_eq!(
        json["faults"][0]["bytes"]["found"],
        serde_json::json!([0x41])
    );
    let line = json["faults"][0]["block"]["allocated"]["line"]
        .as_str()
        .unwrap();
    assert!(line.contains("report/tests.rs:"), "{line}");
    assert_eq!(
        (&json["clean"], &json["numbers"]["requested"]),
        (&false.into(), &24.into())
    );
}
