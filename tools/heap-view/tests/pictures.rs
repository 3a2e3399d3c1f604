//! The pictures that need no browser: the terminal's map letter by letter, the SVG as XML, the page's parts.

mod common;

use common::{busy, story};
use heap_view::history::History;
use heap_view::map::{self, Look};
use heap_view::{Action, Event, RegionId, Snapshot, Span, State, Trace, html, picture, svg};

fn plain(columns: usize) -> Look {
    Look {
        columns,
        colour: false,
    }
}

/// What the documentation shows, too.
const MAP: &str = include_str!("expected/map.txt");

#[test]
fn the_map_of_a_story_is_this_one() {
    assert_eq!(map::render(&story(), 7, plain(80)).expect("drawn"), MAP);
}

#[test]
fn a_region_is_drawn_from_its_map_to_its_unmap() {
    let trace = story();
    let regions = |moment| {
        let map = map::render(&trace, moment, plain(80)).expect("drawn");
        map.lines().filter(|line| line.contains(": bytes ")).count()
    };
    assert_eq!([0, 1, 3, 4, 7, 8].map(regions), [0, 1, 1, 2, 2, 1]);
}

#[test]
fn a_map_honours_the_width_and_says_what_a_cell_is() {
    let trace = busy(2000);
    for columns in [20, 40, 80, 133, 300] {
        let map = map::render(&trace, 2000, plain(columns)).expect("drawn");
        for row in map
            .lines()
            .filter(|line| line.trim_start().starts_with('+'))
        {
            assert!(row.chars().count() <= columns, "{columns}: {row}");
        }
        assert!(map.lines().count() <= 18);
        assert!(map.starts_with("heap: bytes 0.."));
        assert!(!map.contains('\x1b'));
    }
    let look = Look {
        colour: true,
        ..plain(80)
    };
    let coloured = map::render(&trace, 2000, look).expect("drawn");
    assert!(coloured.contains("\x1b[0;34m") && coloured.contains("\x1b[0m\n"));
}

#[test]
fn every_state_of_a_snapshot_has_a_glyph_of_its_own() {
    let mut trace = Trace::new("states");
    let region = RegionId(0);
    let (base, size) = (0, 64);
    trace.record(Event::new(Action::Map { region, base, size }));
    let spans = State::ALL.into_iter().zip((0..).step_by(8));
    trace.snapshot(Snapshot {
        region,
        label: None,
        spans: spans.map(|(state, at)| Span::new(at, 8, state)).collect(),
    });
    let map = map::render(&trace, 1, plain(80)).expect("drawn");
    let row = "        +0  AAAAAAAA========--------········~~~~~~~~^^^^^^^^!!!!!!!!########\n";
    assert!(map.contains(row), "{map}");
    let legend = "= margin  - freed  · unused  ~ quarantined  ^ pinned  ! leaked  # corrupted\n";
    assert!(map.ends_with(legend), "{map}");
}

fn drawing(trace: &Trace, moment: usize) -> String {
    let mut out = Vec::new();
    svg::write(trace, moment, &mut out).expect("written");
    String::from_utf8(out).expect("text")
}

#[test]
fn the_drawing_of_a_story_is_xml_with_every_block_and_fault() {
    let text = drawing(&story(), 7);
    let document = roxmltree::Document::parse(&text).expect("XML");
    let root = document.root_element();
    assert_eq!(
        root.tag_name().namespace(),
        Some("http://www.w3.org/2000/svg")
    );
    let title = root.children().find(|node| node.has_tag_name("title"));
    assert_eq!(
        title.and_then(|node| node.text()),
        Some("demo </script><b>09b</b> & \"more\"")
    );
    let titles: Vec<_> = document
        .descendants()
        .filter(|node| node.has_tag_name("title"))
        .filter_map(|node| node.text())
        .collect();
    let with = |text: &str| titles.iter().filter(|title| title.contains(text)).count();
    assert_eq!(
        with("live, bytes 0 to 32: block 1, 32 bytes at 0 \"First block ok.\""),
        2
    );
    assert_eq!(with("live, bytes 33 to 64: block 2"), 1);
    assert_eq!(with("corrupted, bytes 32 to 33: block 1"), 1);
    assert_eq!(with("overflow: 1 bytes at 32"), 1);
    for node in document
        .descendants()
        .filter(|node| node.has_tag_name("rect"))
    {
        let width: f64 = node
            .attribute("width")
            .expect("a width")
            .parse()
            .expect("a number");
        assert!(width > 0.0, "{node:?}");
    }
}

#[test]
fn a_drawing_of_a_large_heap_stays_small_enough_to_open() {
    let text = drawing(&busy(100_000), 70_000);
    roxmltree::Document::parse_with_options(
        &text,
        roxmltree::ParsingOptions {
            nodes_limit: 1 << 20,
            ..Default::default()
        },
    )
    .expect("XML");
    assert!(text.len() < 5_000_000, "{} bytes", text.len());
}

fn page(trace: &Trace) -> String {
    let mut out = Vec::new();
    html::write(trace, &mut out).expect("written");
    String::from_utf8(out).expect("text")
}

#[test]
fn the_page_is_whole_and_loads_nothing() {
    let page = page(&story());
    assert!(page.starts_with("<!DOCTYPE html>"));
    assert!(page.trim_end().ends_with("</html>"));
    assert!(!page.contains("{{") && !page.contains("http://") && !page.contains("https://"));
    assert!(page.contains("default-src 'none'"));
    // The title that closes a script is only a title.
    assert_eq!(page.matches("</script>").count(), 2);
    assert!(page.contains(
        "<title>demo &lt;/script&gt;&lt;b&gt;09b&lt;/b&gt; &amp; &quot;more&quot;</title>"
    ));
    assert!(page.contains("demo \\u003c/script>\\u003cb>09b\\u003c/b> & \\\"more\\\""));
}

#[test]
fn an_empty_recording_has_pictures_too() {
    let trace = Trace::default();
    let history = History::of(&trace).expect("nothing to misfit");
    assert_eq!(picture::best_moment(&history), 0);
    assert_eq!(map::render(&trace, 0, plain(80)).expect("drawn"), "");
    assert!(drawing(&trace, 0).contains("after 0 of 0 events"));
    assert!(page(&trace).contains("a heap"));
}

#[test]
fn a_story_without_memory_is_drawn_as_its_steps() {
    let mut trace = Trace::new("steps");
    for step in ["errno <is> 0", "malloc fails", "errno is 12"] {
        let label = trace.label(step);
        trace.record(Event::new(Action::Note).labelled(label));
    }
    let text = drawing(&trace, 3);
    roxmltree::Document::parse(&text).expect("XML");
    assert!(text.contains(">errno &lt;is&gt; 0</text>") && text.contains(">errno is 12</text>"));
    assert!(!text.contains(" more</text>"));
    for _ in 0..60 {
        trace.record(trace.events[0]);
    }
    assert!(drawing(&trace, 3).contains(">and 3 more</text>"));
}

#[test]
fn what_does_not_fit_is_refused_by_every_renderer() {
    let mut trace = Trace::default();
    let region = RegionId(3);
    trace.record(Event::new(Action::Note));
    trace.record(Event::new(Action::Reset { region }));
    let said = "event 1 does not fit those before it: region 3 was never mapped";
    let refused = |result: Result<(), heap_view::DrawError>| {
        assert_eq!(result.expect_err("a misfit").to_string(), said);
    };
    refused(map::render(&trace, 2, plain(80)).map(drop));
    refused(svg::write(&trace, 2, Vec::new()));
    refused(html::write(&trace, Vec::new()));
}

#[test]
fn a_writer_that_fails_is_said() {
    let mut room = [0; 1000];
    let error = html::write(&story(), &mut room[..]).expect_err("no room");
    assert!(matches!(error, heap_view::DrawError::Io(_)));
    let error = svg::write(&story(), 7, &mut room[..]).expect_err("no room");
    assert!(matches!(error, heap_view::DrawError::Io(_)));
}
