//! The player in a real browser: it is scrubbed, searched and steered by keys, and asks nobody.

mod common;

use common::browser::{self, Browser};
use common::{busy, scratch, story};
use heap_view::{Action, Trace, export, html};
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
    let found = browser.text("event");
    assert!(
        found.starts_with("🤡 overflow 1 B → base+32  #1"),
        "{found}"
    );
    assert_eq!(browser.text("matches"), "1 of 1");
    assert!(browser.text("block").contains("live, overflow"));
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
        assert!(worst < 100.0, "a frame took {worst} ms");
        assert!(ended - began < 1000.0, "a search took {} ms", ended - began);
    }
}

/// Where Debian's valgrind has DHAT's viewer.
const DHAT_VIEWER: &str = "/usr/libexec/valgrind/dh_view.html";

#[test]
fn dhats_own_viewer_opens_the_export() {
    let folder = scratch("player-dhat");
    let required = std::env::var_os("OWN_THE_HEAP_REQUIRE_TOOLS").is_some();
    if !Path::new(DHAT_VIEWER).exists() {
        assert!(
            !required,
            "needs {DHAT_VIEWER}: install the package valgrind"
        );
        eprintln!("skipped: needs {DHAT_VIEWER}");
        return;
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
