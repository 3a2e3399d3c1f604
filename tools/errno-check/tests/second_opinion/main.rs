//! A second evaluator decides random small pairs by plain enumeration, and the checker must say the same.
//!
//! It shares nothing with the checker but the text of the pair: its own programs, its own machine, numbers in the place
//! of names, every input decided before the run, no case left out. What both get right only by luck is not found; what
//! one of them shares or prunes wrongly is.

mod evaluate;
mod inputs;
mod program;

use errno_check::{Pair, Semantics, check};
use program::{Program, Random};
use std::{env, thread};

/// Pairs for each of the two threads, unless [`ASKED`] says how many: a sample, for time.
const PAIRS: u64 = 2_000;

/// `cargo xtask ci` asks for a hundred thousand pairs.
const ASKED: &str = "ERRNO_CHECK_PAIRS";

#[derive(Default, Debug)]
struct Tally {
    ok: u64,
    no: u64,
    undecided: u64,
}

fn compare(seed: u64, pairs: u64) -> Tally {
    let mut random = Random::new(seed);
    let mut tally = Tally::default();
    while tally.ok + tally.no < pairs {
        let semantics = Semantics::ALL[random.below(9) as usize];
        let (source, target) = Program::pair(&mut random, semantics);
        let text = program::text(&source, &target);
        let Some(plain) = evaluate::allows(&source, &target, semantics) else {
            tally.undecided += 1;
            continue;
        };
        let pair = Pair::from_text("random.ll", &text)
            .unwrap_or_else(|refusal| panic!("{refusal}\n{text}"));
        let answer = check(&pair, semantics);
        let word = answer.verdict.word();
        let expected = if plain { "ok" } else { "no" };
        assert_eq!(
            word, expected,
            "seed {seed}, {semantics}\n{text}\n{answer:#?}"
        );
        if plain {
            tally.ok += 1;
        } else {
            tally.no += 1;
        }
    }
    tally
}

#[test]
fn checker_agrees_with_plain_enumeration() {
    let asked = env::var(ASKED)
        .ok()
        .map(|text| text.parse::<u64>().expect(ASKED) / 2);
    let pairs = asked.unwrap_or(PAIRS);
    let other = thread::spawn(move || compare(0x5eed_0001, pairs));
    let one = compare(0x5eed_0002, pairs);
    let two = other
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    println!("{one:?} {two:?}");
    // A comparison of one kind of verdict alone would be none.
    for tally in [one, two] {
        assert!(tally.ok > pairs / 10 && tally.no > pairs / 10, "{tally:?}");
    }
}
