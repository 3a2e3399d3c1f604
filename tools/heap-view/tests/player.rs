//! The player in a real browser: it is scrubbed, searched and steered by keys, and asks nobody.

mod common;

use common::browser::{self, Browser};
use common::{busy, scratch, story};
use heap_view::history::History;
use heap_view::{
    Action, BlockId, Event, Extent, RegionId, Snapshot, Span, State, Trace, export, html, svg,
};
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

fn page(trace: &Trace, folder: &Path) -> PathBuf {
    let file = folder.join("player.html");
    html::write(trace, BufWriter::new(File::create(&file).expect("a file"))).expect("written");
    file
}

fn assert_quiet(browser: &Browser, file: &Path) {
    assert_eq!(browser.complaints, Vec::<String>::new());
    let url = format!("file://{}", file.display());
    assert_eq!(
        browser.requests,
        [url, "data:,".to_owned()][..browser.requests.len()]
    );
    assert!(!browser.requests.is_empty());
}

/// The bytes that a recording allocates in all.
fn allocated(trace: &Trace) -> u64 {
    let sizes = trace.events.iter().map(|event| match event.action {
        Action::Alloc { to, .. } => to.size,
        _ => 0,
    });
    sizes.sum()
}

#[test]
fn a_story_is_told_step_by_step_with_the_keyboard_alone() {
    let folder = scratch("player-story");
    let Some(mut browser) = browser::start(&folder) else {
        return;
    };
    let file = page(&story(), &folder);
    browser.open(&file);
    assert_eq!(
        browser.text("summary"),
        "8 events · 3 blocks · 2 regions · 1 fault"
    );
    assert!(browser.text("event").starts_with("🧹 unmap"));
    browser.press("Home");
    assert_eq!(browser.text("event"), "before the first event");
    let line = browser.value("heapView.describe(1)");
    let line = line.as_str().expect("a line").to_owned();
    assert!(
        line.starts_with("✅ alloc   32 B → base+0  #1  \"First block ok.\"  "),
        "{line}"
    );
    browser.press("ArrowRight");
    browser.press("ArrowRight");
    assert_eq!(browser.text("event"), line);
    assert_eq!(browser.text("moment"), "2 / 8 · 32 B live in 1 blocks");
    browser.press("]");
    let block = browser.text("block");
    assert!(
        block.contains("#1") && block.contains("greet (src/main.rs:7:20)"),
        "{block}"
    );
    browser.press("/");
    for letter in ["o", "v", "e", "r", "f"] {
        browser.press(letter);
    }
    browser.press("Enter");
    browser.press("Escape");
    let search = "const search = document.getElementById('search');";
    let left = format!(
        "(() => {{ {search} return [search.value, document.activeElement === search] }})()"
    );
    assert_eq!(browser.value(&left), serde_json::json!(["overf", false]));
    let found = browser.text("event");
    assert!(
        found.starts_with("🤡 overflow 1 B → base+32  #1"),
        "{found}"
    );
    assert_eq!(browser.text("matches"), "1 of 1");
    assert!(browser.text("block").contains("live, overflow"));
    for (query, moments) in [
        ("#1", "2,4,7,8"),
        ("#3", "5,8"),
        ("#4", ""),
        ("FIRST block", "2"),
    ] {
        browser.value(&format!("heapView.search({query:?})"));
        assert_eq!(
            browser.value("heapView.state.matches.join()"),
            moments,
            "{query}"
        );
    }
    for (moment, state) in [(1, "not yet there"), (2, "live"), (7, "live, overflow")] {
        let facts = format!("new Map(heapView.facts(0, {moment})).get('state')");
        assert_eq!(browser.value(&facts), state, "at {moment}");
    }
    browser.screenshot(&folder.join("story.png"));
    assert_quiet(&browser, &file);
}

#[test]
fn a_hundred_thousand_events_are_scrubbed_and_searched_without_stalling() {
    let folder = scratch("player-busy");
    let Some(mut browser) = browser::start(&folder) else {
        return;
    };
    let file = page(&busy(100_000), &folder);
    let size = fs::metadata(&file).expect("its size").len();
    assert!(size < 10_000_000, "{size} bytes");
    browser.open(&file);
    // As a hand would: thirty places all over the slider, each drawn.
    let scrub = "(async () => {
        const slider = document.getElementById('scrub');
        heapView.stats.worst = 0;
        for (let i = 0; i < 30; i++) {
            slider.value = (i * 61 % 100) * 1000;
            slider.dispatchEvent(new Event('input'));
            await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
        }
        return heapView.stats.worst;
    })()";
    let worst = browser.value(scrub).as_f64().expect("milliseconds");
    eprintln!("{size} bytes; the slowest of 30 frames took {worst} ms");
    let began = browser
        .value("performance.now()")
        .as_f64()
        .expect("milliseconds");
    browser.value("heapView.search('make_77')");
    let ended = browser
        .value("performance.now()")
        .as_f64()
        .expect("milliseconds");
    eprintln!("a search took {} ms", ended - began);
    browser.frame();
    browser.screenshot(&folder.join("busy.png"));
    assert_quiet(&browser, &file);
    if cfg!(not(debug_assertions)) {
        assert!(worst < 200.0, "a frame took {worst} ms");
        assert!(ended - began < 1000.0, "a search took {} ms", ended - began);
    }
}

#[test]
fn the_page_adds_up_as_the_library_does() {
    let folder = scratch("player-sums");
    let Some(mut browser) = browser::start(&folder) else {
        return;
    };
    for (name, trace) in [
        ("story", story()),
        ("busy", busy(3000)),
        ("moves", moves()),
        ("empty", Trace::default()),
    ] {
        browser.open(&page(&trace, &folder));
        let history = History::of(&trace).expect("it fits");
        for (sums, column) in [
            (&history.live_bytes, "liveBytes"),
            (&history.live_blocks, "liveBlocks"),
        ] {
            let seen = browser.value(&format!("Array.from(heapView.{column})"));
            let seen: Vec<u64> = serde_json::from_value(seen).expect("numbers");
            assert_eq!((seen[0], &seen[1..]), (0, &sums[..]), "{name}: {column}");
        }
        for moment in [0, trace.events.len() / 2, trace.events.len()] {
            browser.value(&format!("heapView.seek({moment})"));
            browser.frame();
            let live =
                browser.value("heapView.maps.reduce((sum, map) => sum + map.live.length, 0)");
            // A map that a snapshot draws has no blocks.
            let snapshots = trace.snapshots.iter().any(|(after, _)| *after <= moment);
            let expected = history.live_at(moment).count();
            assert!(
                live == expected || snapshots,
                "{name} at {moment}: {live}, not {expected}"
            );
        }
    }
    assert_eq!(browser.complaints, Vec::<String>::new());
}

/// Blocks that grow, move, are rewound and reset, and a region that only a snapshot describes.
fn moves() -> Trace {
    let mut trace = Trace::new("moves");
    let (region, block, other) = (RegionId(0), BlockId(1), RegionId(1));
    let alloc = |block, at, size| Action::Alloc {
        region,
        block: BlockId(block),
        to: Extent::new(at, size).within(8, 0),
        align: 8,
        tag: Some(3),
    };
    let map = |region| Action::Map {
        region,
        base: 0,
        size: 4096,
    };
    let steps = [
        map(region),
        alloc(1, 8, 64),
        alloc(2, 200, 64),
        Action::Realloc {
            region,
            block,
            to: Extent::new(400, 128).within(8, 0),
        },
        Action::Move {
            region,
            block,
            to: 300,
        },
        Action::Rewind { region, to: 200 },
        alloc(1, 8, 32),
        Action::Refuse {
            region,
            size: 9999,
            align: 8,
        },
        Action::Reset { region },
        map(other),
    ];
    for action in steps {
        trace.record(Event::new(action));
    }
    let label = Some(trace.label("as its allocator walks it"));
    trace.snapshot(Snapshot {
        region: other,
        label,
        spans: vec![
            Span::new(0, 24, State::Margin),
            Span::new(24, 100, State::Pinned),
        ],
    });
    trace.record(Event::new(Action::Note));
    trace
}

#[test]
fn thousands_of_short_lived_arenas_are_shown_while_they_are_there() {
    let folder = scratch("player-arenas");
    let mut trace = Trace::new("arenas");
    for number in 0..3000 {
        let region = RegionId(number);
        let (base, size) = (u64::from(number) << 20, 4096);
        let to = Extent::new(0, 100);
        let (block, align, tag) = (BlockId(1), 8, None);
        trace.record(Event::new(Action::Map { region, base, size }));
        trace.record(Event::new(Action::Alloc {
            region,
            block,
            to,
            align,
            tag,
        }));
        trace.record(Event::new(Action::Unmap { region }));
    }
    let mut drawing = Vec::new();
    svg::write(&trace, 2, &mut drawing).expect("written");
    let drawing = String::from_utf8(drawing).expect("text");
    assert!(drawing.contains("and 2960 more, which the page has"));
    let Some(mut browser) = browser::start(&folder) else {
        return;
    };
    browser.open(&page(&trace, &folder));
    for (moment, shown) in [(0, 0), (5000, 1), (9000, 0)] {
        browser.value(&format!("heapView.seek({moment})"));
        browser.frame();
        let figures = browser.value("document.querySelectorAll('figure:not([hidden])').length");
        assert_eq!(figures, shown, "at {moment}");
    }
    assert_eq!(browser.complaints, Vec::<String>::new());
}

#[test]
fn a_pointer_over_a_block_shows_it_and_a_drag_over_the_timeline_scrubs() {
    let folder = scratch("player-mouse");
    let Some(mut browser) = browser::start(&folder) else {
        return;
    };
    browser.open(&page(&story(), &folder));
    browser.press("ArrowLeft");
    // A quarter into the first row: in the first block.
    browser.point("figure canvas", 0.3, 0.1, "mouseMoved");
    let block = browser.text("block");
    assert!(
        block.contains("#1") && block.contains("First block ok."),
        "{block}"
    );
    browser.point("figure canvas", 0.8, 0.1, "mouseMoved");
    assert!(browser.text("block").contains("Second block too."));
    browser.point("#timeline", 0.01, 0.5, "mousePressed");
    assert_eq!(browser.text("event"), "before the first event");
    browser.point("#timeline", 0.99, 0.5, "mouseMoved");
    assert!(browser.text("moment").starts_with("8 / 8"));
    browser.point("#timeline", 0.99, 0.5, "mouseReleased");
    browser.open(&page(&moves(), &folder));
    browser.frame();
    // The last map is the one that a snapshot draws: a header of 24 bytes, then 100 that are pinned.
    browser.point("figure:last-of-type canvas", 0.5, 0.1, "mouseMoved");
    let span = browser.text("block");
    assert!(
        span.contains("pinned") && span.contains("100 B") && span.contains("+24"),
        "{span}"
    );
    // Nothing but a span of the snapshot, which is taken after the tenth event, has this state and size.
    for query in ["pinned", "=100", "=24"] {
        browser.press("Home");
        browser.value(&format!("heapView.search({query:?})"));
        browser.value("heapView.goToMatch(1)");
        assert_eq!(browser.text("matches"), "1 of 1", "{query}");
        assert!(browser.text("moment").starts_with("10 / 11"), "{query}");
    }
    assert_eq!(browser.complaints, Vec::<String>::new());
}

#[test]
fn keys_play_zoom_choose_and_explain() {
    let folder = scratch("player-keys");
    let Some(mut browser) = browser::start(&folder) else {
        return;
    };
    browser.open(&page(&busy(2000), &folder));
    browser.press("Home");
    browser.press("PageDown");
    assert!(browser.text("moment").starts_with("100 / 2000"));
    browser.press_with("ArrowRight", 8);
    assert!(browser.text("moment").starts_with("200 / 2000"));
    let caption = "document.querySelector('figcaption').textContent";
    browser.press("]");
    browser.frame();
    let all = browser.value(caption);
    browser.press("+");
    browser.frame();
    let zoomed = browser.value(caption);
    assert_ne!(zoomed, all);
    let chosen = browser.text("block");
    assert!(chosen.contains("live"), "{chosen}");
    browser.press("b");
    let born = browser.text("event");
    assert!(born.starts_with("✅ alloc"), "{born}");
    browser.press("0");
    browser.frame();
    let again = browser.value(
        "heapView.maps[0].view.join() === [heapView.maps[0].from, heapView.maps[0].to].join()",
    );
    assert_eq!(again, true);
    for (query, found) in [
        ("#1", true),
        ("tag:3", true),
        (">=490", true),
        ("main (src/part_3.rs", true),
        ("nothing such", false),
    ] {
        browser.value(&format!("heapView.search({query:?})"));
        let matches = browser.value("heapView.state.matches.length");
        assert_eq!(
            matches.as_u64().expect("a number") > 0,
            found,
            "{query}: {matches}"
        );
    }
    browser.press("?");
    assert_eq!(browser.value("document.getElementById('keys').open"), true);
    browser.press("Escape");
    assert_eq!(browser.value("document.getElementById('keys').open"), false);
    browser.press("Home");
    browser.press(" ");
    assert_eq!(browser.value("heapView.state.playing"), true);
    browser.value_when("String(heapView.state.moment > 20)", "true");
    browser.press(" ");
    assert_eq!(browser.value("heapView.state.playing"), false);
    assert_eq!(browser.complaints, Vec::<String>::new());
}

/// Where Debian's valgrind has DHAT's viewer.
const DHAT_VIEWER: &str = "/usr/libexec/valgrind/dh_view.html";

#[test]
fn dhats_own_viewer_opens_the_export() {
    let folder = scratch("player-dhat");
    if !Path::new(DHAT_VIEWER).exists() {
        return tests::skip(&format!("{DHAT_VIEWER} (Debian package valgrind)"));
    }
    let Some(mut browser) = browser::start(&folder) else {
        return;
    };
    browser.open(Path::new(DHAT_VIEWER));
    for (name, trace) in [
        ("story", story()),
        ("busy", busy(5000)),
        ("empty", Trace::default()),
    ] {
        let file = folder.join(format!("{name}.json"));
        export::dhat(&trace, File::create(&file).expect("a file")).expect("written");
        browser.choose_file("input[type=file]", &file);
        let shown = browser.value_when("document.body.innerText", "Times {");
        let shown = shown.as_str().expect("a text");
        assert!(!shown.contains("Error"), "{name}: {shown}");
        let total: u64 = allocated(&trace);
        assert!(
            shown
                .replace(',', "")
                .contains(&format!("Total:     {total} bytes")),
            "{name}: {shown}"
        );
    }
    browser.screenshot(&folder.join("dhat.png"));
    assert_eq!(browser.complaints, Vec::<String>::new());
}
