//! Lines of a story, and the events that they become.

use super::*;

/// Two regions side by side, as the kernel likes to map them.
const A: Place = Place {
    name: "A",
    base: 0x2000,
    offset: 0,
};
const B: Place = Place {
    name: "B",
    base: 0x1000,
    offset: 0,
};

fn at(place: Place, offset: usize) -> Place {
    Place { offset, ..place }
}

#[track_caller]
fn line(heap: &mut Recording, symbol: Symbol, verb: &'static str, size: usize, place: Place) {
    let line = Line::new(symbol, verb)
        .bytes(size)
        .at(place)
        .note("\"a note\"");
    heap.line(&line, Location::caller());
}

fn recording(tell: impl FnOnce(&mut Recording)) -> Vec<String> {
    let mut heap = Recording::new("a story".to_owned(), false);
    tell(&mut heap);
    heap_view::history::History::of(heap.trace()).expect("events that fit each other");
    let events = heap.trace().events.iter();
    events.map(|event| said(heap.trace(), event)).collect()
}

/// An event in a few words.
fn said(trace: &Trace, event: &Event) -> String {
    let label = event.label.and_then(|id| trace.label_of(id));
    let label = label.unwrap_or_default();
    match event.action {
        Action::Map { region, size, .. } => format!("map {} {size} {label}", region.0),
        Action::Unmap { region } => format!("unmap {}", region.0),
        Action::Alloc {
            region, block, to, ..
        } => {
            format!(
                "alloc {}#{} {}+{} {label}",
                region.0, block.0, to.at, to.size
            )
        }
        Action::Realloc { region, block, to } => {
            format!("realloc {}#{} {}+{}", region.0, block.0, to.at, to.size)
        }
        Action::Move { region, block, to } => format!("move {}#{} {to}", region.0, block.0),
        Action::Free { region, block } => format!("free {}#{}", region.0, block.0),
        Action::Reset { region } => format!("reset {}", region.0),
        Action::Rewind { region, to } => format!("rewind {} {to}", region.0),
        Action::Write { region, at, size } => format!("write {} {at}+{size}", region.0),
        Action::Read { region, at, size } => format!("read {} {at}+{size}", region.0),
        Action::Refuse { region, size, .. } => format!("refuse {} {size} {label}", region.0),
        Action::Fault {
            violation,
            region,
            at,
            size,
            block,
        } => {
            let block = block.map_or(0, |block| block.0);
            format!("{} {} {at}+{size} of #{block}", violation.name(), region.0)
        }
        Action::Note => format!("note {label}"),
        Action::Fork { .. } => "fork".to_owned(),
    }
}

#[test]
fn a_story_of_one_arena_becomes_its_events() {
    let events = recording(|heap| {
        heap.part("By hand");
        line(heap, Symbol::Alloc, "map", 4096, A);
        line(heap, Symbol::Alloc, "alloc", 64, A);
        line(heap, Symbol::Alloc, "alloc", 64, at(A, 64));
        line(heap, Symbol::Refused, "alloc", 4000, at(A, 128));
        line(heap, Symbol::Target, "strcpy", 12, at(A, 60));
        line(heap, Symbol::Corrupted, "hit", 1, at(A, 64));
        line(heap, Symbol::Leak, "leak", 64, A);
        line(heap, Symbol::Plain, "free", 64, at(A, 64));
        line(heap, Symbol::Picture, "dump", 64, A);
        line(heap, Symbol::Plain, "reset", 0, A);
        line(heap, Symbol::Unmap, "unmap", 4096, A);
    });
    let expected = [
        "note By hand",
        "map 0 4096 A",
        "note a note",
        "alloc 0#1 0+64 a note",
        "alloc 0#2 64+64 a note",
        "refuse 0 4000 alloc \"a note\"",
        "write 0 60+12",
        "untracked change 0 64+1 of #2",
        "leak 0 0+64 of #1",
        "free 0#2",
        "read 0 0+64",
        "reset 0",
        "unmap 0",
    ];
    assert_eq!(events, expected);
}

#[test]
fn neighbouring_regions_are_told_apart() {
    let events = recording(|heap| {
        heap.map(B, 4096, "");
        heap.map(A, 4096, "");
        heap.alloc(A, 64, "");
        heap.alloc(B, 64, "");
        // The end of B is the start of A, and is meant as B's.
        line(heap, Symbol::Refused, "alloc", 64, at(B, 4096));
        heap.unmap(A, "");
        heap.unmap(B, "");
    });
    let expected = [
        "map 0 4096 B",
        "map 1 4096 A",
        "alloc 1#1 0+64 ",
        "alloc 0#1 0+64 ",
        "refuse 0 64 alloc \"a note\"",
        "unmap 1",
        "unmap 0",
    ];
    assert_eq!(events, expected);
}

#[test]
fn a_pointer_into_a_region_that_is_gone_leads_to_that_region() {
    let events = recording(|heap| {
        heap.map(A, 4096, "");
        heap.alloc(at(A, 64), 64, "");
        heap.unmap(A, "");
        line(heap, Symbol::Refused, "read", 1, at(A, 64));
        line(heap, Symbol::Target, "mmap", 4096, A);
        line(heap, Symbol::Picture, "read", 64, at(A, 64));
    });
    let expected = [
        "use after reset 0 64+1 of #1",
        "map 1 4096 A",
        "note a note",
        "read 1 64+64",
    ];
    assert_eq!(events[3..], expected);
}

#[test]
fn a_region_that_no_line_mapped_is_another_in_each_part() {
    let events = recording(|heap| {
        heap.alloc(A, 64, "");
        heap.alloc(A, 96, "");
        heap.part("next");
        heap.alloc(A, 64, "");
    });
    let expected = [
        "map 0 0 A",
        "alloc 0#1 0+64 ",
        "reset 0",
        "alloc 0#2 0+96 ",
        "unmap 0",
        "note next",
        "map 1 0 A",
        "alloc 1#1 0+64 ",
    ];
    assert_eq!(events, expected);
}

#[test]
fn what_grows_stays_the_same_block_also_where_it_moves() {
    let events = recording(|heap| {
        heap.map(A, 4096, "");
        line(heap, Symbol::Picture, "vec", 64, A);
        line(heap, Symbol::Picture, "vec", 128, A);
        line(heap, Symbol::Alloc, "alloc", 64, at(A, 128));
        line(heap, Symbol::Target, "grow", 256, at(A, 192));
        heap.moved(at(A, 192), A);
        heap.rewound(at(A, 64), "");
    });
    let expected = [
        "alloc 0#1 0+64 a note",
        "realloc 0#1 0+128",
        "alloc 0#2 128+64 a note",
        "realloc 0#1 192+256",
        "move 0#1 0",
        "rewind 0 64",
    ];
    assert_eq!(events[1..], expected);
}

#[test]
fn a_mapping_over_a_region_that_is_there_ends_it_and_one_inside_replaces_bytes() {
    let events = recording(|heap| {
        heap.map(A, 4096, "");
        line(heap, Symbol::Target, "mmap", 64, at(A, 64));
        line(heap, Symbol::Alloc, "map", 8192, A);
        line(heap, Symbol::Alloc, "map", 64, at(A, 8192));
    });
    let expected = [
        "map 0 4096 A",
        "write 0 64+64",
        "unmap 0",
        "map 1 8192 A",
        "note a note",
        "map 2 64 A+8192",
        "note a note",
    ];
    assert_eq!(events, expected);
}

#[test]
fn addresses_are_kept_only_if_they_may_be_seen() {
    for (addresses, expected) in [(false, 0), (true, 0x2000)] {
        let mut heap = Recording::new(String::new(), addresses);
        heap.map(A, 4096, "");
        let Action::Map { base, .. } = heap.trace().events[0].action else {
            panic!("{:?}", heap.trace().events);
        };
        assert_eq!(base, expected);
    }
}

#[test]
fn a_line_is_recorded_with_the_line_of_code_that_shows_it() {
    let mut heap = Recording::new(String::new(), false);
    line(&mut heap, Symbol::Alloc, "alloc", 64, A);
    let site = heap.trace().events.last().and_then(|event| event.site);
    let site = site
        .and_then(|id| heap.trace().site_of(id))
        .expect("a site");
    assert!(site.to_string().contains("record/tests.rs:"), "{site}");
}
