//! What 100,000 events cost. Times are held to their limits in a release build (`cargo xtask ci`), and printed in any.

mod common;

use common::busy;
use heap_view::{Action, BlockId, Buffer, Event, Extent, RegionId, Sink, Trace, html, json_lines};
use std::hint::black_box;
use std::mem::MaybeUninit;
use std::time::{Duration, Instant};

const EVENTS: usize = 100_000;

fn hold(what: &str, took: Duration, limit: Duration) {
    eprintln!("{what}: {took:?}, at most {limit:?}");
    if cfg!(not(debug_assertions)) {
        assert!(took <= limit, "{what}: {took:?}, at most {limit:?}");
    }
}

/// An event as a tracer makes it: with a site that it has looked up already, and a clock it has read.
fn event(number: u64) -> Event {
    let alloc = Action::Alloc {
        region: RegionId(0),
        block: BlockId(number),
        to: Extent::new(number * 64, 64).within(16, 16),
        align: 8,
        tag: None,
    };
    Event::new(alloc).at_time(number).on_thread(1)
}

/// The time of one event, in the best of a few runs: what else the machine does is not ours to measure.
fn time_of_one<S>(mut sink: impl FnMut() -> S, mut record: impl FnMut(&mut S, Event)) -> Duration {
    let runs = (0..5).map(|_| {
        let mut sink = sink();
        let start = Instant::now();
        for number in 0..EVENTS as u64 {
            record(&mut sink, black_box(event(number)));
        }
        let took = start.elapsed();
        black_box(sink);
        took
    });
    runs.min().unwrap_or_default() / EVENTS as u32
}

#[test]
fn one_event_is_recorded_in_less_than_150_ns() {
    let limit = Duration::from_nanos(150);
    // A new buffer that grows as it is filled, and whose pages are touched for the first time.
    let growing = time_of_one(|| Trace::new("growing"), Trace::record);
    hold("one event into a Trace", growing, limit);
    let began = Instant::now();
    let timed = time_of_one(
        || Trace::new("with a clock"),
        |trace, event| trace.record(event.at_time(began.elapsed().as_nanos() as u64)),
    );
    hold("one event with its time", timed, limit);

    let mut room = vec![MaybeUninit::uninit(); EVENTS];
    let mut buffer = Buffer::new(&mut room);
    let kept = time_of_one(
        || (),
        |(), event| {
            if buffer.events().len() == EVENTS {
                buffer.clear();
            }
            buffer.record(event);
        },
    );
    hold("one event into a Buffer", kept, limit);
    assert_eq!((buffer.events().len(), buffer.dropped()), (EVENTS, 0));
    eprintln!("an event has {} bytes", size_of::<Event>());
}

#[test]
fn a_hundred_thousand_events_are_a_page_in_less_than_two_seconds() {
    let mut file = Vec::new();
    json_lines::write(&busy(EVENTS), &mut file).expect("written");
    let start = Instant::now();
    let trace = json_lines::read(&file[..]).expect("its own file");
    let read = start.elapsed();
    let mut page = Vec::new();
    html::write(&trace, &mut page).expect("written");
    eprintln!(
        "{} bytes of events, {} of page; read in {read:?}",
        file.len(),
        page.len()
    );
    hold(
        "from the file to the page",
        start.elapsed(),
        Duration::from_secs(2),
    );
    assert!(page.len() < 10_000_000, "{} bytes", page.len());
}
