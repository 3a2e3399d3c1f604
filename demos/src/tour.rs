//! The tour: the demos in order, what is done and what is next.

use crate::launcher::run_in_own_process;
use crate::registry::{self, DEMOS};
use crate::stage::out::{self, Out};
use crate::stage::paint::Paint;
use crate::stage::progress::Progress;
use crate::stage::{Demo, Options, Symbol};
use serde_json::json;
use std::io::{self, BufRead, IsTerminal};
use std::process::ExitCode;

/// Opens the tour: step by step on a terminal, elsewhere all demos in order as plain text.
#[must_use]
pub fn open(options: &Options) -> ExitCode {
    let mut out = Out::default();
    if options.json {
        return run_all(options, &mut out);
    }
    let mut progress = Progress::load();
    // Saved before the first demo, so that one note at the start says whether progress can be kept.
    progress.save();
    if let Some(note) = progress.take_note() {
        out::note(&note);
    }
    print_map(&mut out, &progress);
    if io::stdin().is_terminal() && io::stdout().is_terminal() {
        guide(options, &mut out)
    } else {
        run_all(options, &mut out)
    }
}

/// Prints the demos with what is done and what is next.
#[must_use]
pub fn list(options: &Options) -> ExitCode {
    let mut out = Out::default();
    let mut progress = Progress::load();
    if let Some(note) = progress.take_note() {
        out::note(&note);
    }
    if options.json {
        for demo in DEMOS {
            let row = json!({
                "demo": demo.number,
                "binary": demo.binary,
                "title": demo.title,
                "question": demo.question.text,
                "done": progress.is_done(demo.number),
            });
            out.line(&row.to_string());
        }
    } else {
        print_map(&mut out, &progress);
    }
    status(&mut out, true)
}

/// Runs every demo, each in a process of its own, and says how many saw what their chapters say.
#[must_use]
pub fn run_all(options: &Options, out: &mut Out) -> ExitCode {
    let mut good = 0;
    for demo in DEMOS {
        if !options.json {
            out.line(&format!("\n{}\n", "─".repeat(RULE)));
        }
        if out.is_closed() {
            // Nobody reads: the rest would be work for no one.
            return ExitCode::SUCCESS;
        }
        good += usize::from(run_one(demo, options));
    }
    if !options.json {
        out.line(&format!(
            "\n{good} of {} demos saw what their chapters say.",
            DEMOS.len()
        ));
    }
    status(out, good == DEMOS.len())
}

/// Leads a reader at a terminal from demo to demo.
fn guide(options: &Options, out: &mut Out) -> ExitCode {
    let predict = Options {
        predict: true,
        ..options.clone()
    };
    let mut next = first_undone(&Progress::load());
    let mut typed = String::new();
    loop {
        out.write(&prompt(next));
        typed.clear();
        match io::stdin().lock().read_line(&mut typed) {
            Ok(0) | Err(_) => {
                out.line("");
                break;
            }
            Ok(_) => {}
        }
        match (typed.trim(), next) {
            ("q" | "quit", _) | ("", None) => break,
            ("", Some(demo)) => {
                run_one(demo, &predict);
                next = after(demo);
            }
            ("l" | "list", _) => print_map(out, &Progress::load()),
            (name, _) => match registry::find(name) {
                Ok(demo) => {
                    run_one(demo, &predict);
                    next = after(demo);
                }
                Err(unknown) => out.line(&format!("No demo {name:?}; {unknown}.")),
            },
        }
        out.line("");
    }
    status(out, true)
}

fn run_one(demo: &Demo, options: &Options) -> bool {
    run_in_own_process(demo, options).unwrap_or_else(|why| {
        out::note(&format!("❌ {why}"));
        false
    })
}

fn prompt(next: Option<&Demo>) -> String {
    match next {
        Some(demo) => {
            format!(
                "Enter runs {}, a number runs that demo, l lists them, q quits: ",
                demo.number
            )
        }
        None => "That was the last one. A number runs that demo again, Enter or q quits: ".into(),
    }
}

fn print_map(out: &mut Out, progress: &Progress) {
    let paint = Paint::detect();
    let next = first_undone(progress).map(|demo| demo.number);
    out.line(&paint.bold("Own the Heap: the demos"));
    out.line("");
    for demo in DEMOS {
        let mark = match demo.number {
            number if progress.is_done(number) => "done",
            number if next == Some(number) => "next",
            _ => "",
        };
        out.line(&format!("{mark:>6}  {:<4} {}", demo.number, demo.title));
    }
    out.line("");
    out.line(&paint.dim(Symbol::LEGEND));
}

/// The first demo that was not seen to its end.
fn first_undone(progress: &Progress) -> Option<&'static Demo> {
    let mut undone = DEMOS.iter().filter(|demo| !progress.is_done(demo.number));
    undone.next().copied()
}

/// The demo that follows in the order of the course.
fn after(demo: &Demo) -> Option<&'static Demo> {
    let mut from_here = DEMOS.iter().skip_while(|other| other.number != demo.number);
    from_here.nth(1).copied()
}

fn status(out: &mut Out, good: bool) -> ExitCode {
    match out.take_failure() {
        Some(error) => {
            out::note(&format!("❌ the output was lost: {error}"));
            ExitCode::FAILURE
        }
        None if good => ExitCode::SUCCESS,
        None => ExitCode::FAILURE,
    }
}

/// The length of the line between two demos.
const RULE: usize = 78;
