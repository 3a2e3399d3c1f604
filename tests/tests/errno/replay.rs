//! Each pair that errno-check rejects under `Schedule` comes with a witness: which calls fail, what errno was, where
//! pointers point. Both functions of the pair, compiled from the same text, run under malloc-fault with that schedule,
//! and must end as the model says.

use crate::build;
use errno_check::{Pair, Semantics, Verdict, Witness, check};
use malloc_fault::{FaultPlan, Launch};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);

fn pairs() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tools/errno-check/pairs");
    let entries = fs::read_dir(folder).expect("the pairs");
    let mut found: Vec<_> = entries.map(|entry| entry.expect("a pair").path()).collect();
    found.sort();
    found
}

#[test]
fn machine_and_model_agree_on_every_witness_under_schedule() {
    let Some(llc) = build::llc() else { return };
    let folder = build::scratch();
    let driver = build::c_program(&folder, "driver", include_str!("driver.c"));
    let (mut replayed, mut undefined) = (0, 0);
    for path in pairs() {
        let text = fs::read_to_string(&path).expect("text");
        let pair = Pair::from_text("pair", &text).unwrap_or_else(|refusal| panic!("{refusal}"));
        let Verdict::No(witness) = check(&pair, Semantics::Schedule).verdict else {
            continue;
        };
        let name = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let library = build::object(&folder, llc, &path);
        let [(source, _)] = witness.source.as_slice() else {
            panic!("{name}: under a schedule a program has one end");
        };
        for (function, model) in [("src", source), ("tgt", &witness.target)] {
            // A machine may do anything then, and does.
            if model.contains("undefined") || model.contains("poison") {
                undefined += 1;
                continue;
            }
            let machine = run(&driver, &library, &text, function, &witness);
            assert_eq!(machine, simple(model), "{name}, @{function}: {witness:#?}");
            replayed += 1;
        }
    }
    assert!(replayed >= 70, "{replayed} replayed, {undefined} undefined");
}

/// The end in the model's words, without which call gave a block and without the caller's memory.
fn simple(model: &str) -> String {
    let mut words = model.to_owned();
    for call in 1..=3 {
        words = words.replace(&format!("&the block of call #{call}"), "a block");
    }
    let end = words.find("errno ").map_or(words.len(), |at| {
        words[at..]
            .find(',')
            .map_or(words.len(), |comma| at + comma)
    });
    words[..end].to_owned()
}

/// Runs a function of a pair in the case that a witness names, and says how it ended as the model would.
fn run(driver: &Path, library: &Path, text: &str, function: &str, witness: &Witness) -> String {
    let header = text
        .split("define ")
        .find(|part| part.contains(&format!("@{function}(")))
        .expect("the function");
    let (returns, rest) = header.split_once(" @").expect("a name");
    let parameters =
        &rest[rest.find('(').expect("parameters") + 1..rest.find(") {").expect("a body")];
    let digits: String = witness
        .schedule
        .iter()
        .map(|fails| if *fails { '1' } else { '0' })
        .collect();
    let mut plan = match digits.as_str() {
        "" => FaultPlan::NONE,
        digits => FaultPlan::scheduled(digits).expect("a schedule"),
    };
    plan.filter.after_marker = true;
    let launch = Launch::new(driver)
        .expect("the driver")
        .arg(library)
        .arg(function)
        .arg(witness.errno.to_string());
    let launch = launch
        .args(arguments(parameters, witness))
        .plan(plan)
        .captured()
        .time_limit(PATIENCE);
    let run = launch.run().expect("the driver runs");
    let said = String::from_utf8_lossy(run.stdout()).into_owned();
    let numbers: Vec<i128> = said
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    let [first, second, errno] = numbers[..] else {
        panic!(
            "the driver said {said:?} and {:?}",
            String::from_utf8_lossy(run.stderr())
        );
    };
    format!(
        "returns{}, errno {}",
        value(returns.trim(), first, second),
        number(errno)
    )
}

fn number(value: i128) -> String {
    if value == i128::from(libc::ENOMEM) {
        "ENOMEM".to_owned()
    } else {
        value.to_string()
    }
}

/// A returned value in the words of a witness.
fn value(of: &str, first: i128, second: i128) -> String {
    let scalar = |of: &str, value: i128| match of {
        "i1" => (value & 1 == 1).to_string(),
        "i32" => number(i128::from(value as u32 as i32)),
        "ptr" if value == 0 => "null".to_owned(),
        "ptr" => "a block".to_owned(),
        of => panic!("no {of} is returned by a pair"),
    };
    match of.strip_prefix("{ ").and_then(|of| of.strip_suffix(" }")) {
        Some(fields) => {
            let (one, other) = fields.split_once(", ").expect("two fields");
            format!(" {{ {}, {} }}", scalar(one, first), scalar(other, second))
        }
        None if of == "void" => String::new(),
        None => format!(" {}", scalar(of, first)),
    }
}

/// What the driver is to hand over for each parameter.
fn arguments(parameters: &str, witness: &Witness) -> Vec<String> {
    let names: Vec<&str> = parameters
        .split_whitespace()
        .filter(|word| word.starts_with('%'))
        .collect();
    let names: Vec<&str> = names
        .iter()
        .map(|name| name.trim_end_matches(','))
        .collect();
    let given = |wanted: &str| {
        witness
            .given
            .iter()
            .find(|(what, _)| what == wanted)
            .map(|(_, value)| value.as_str())
    };
    let pointer = |name: &str| {
        parameters
            .split(',')
            .any(|one| one.contains("ptr") && one.ends_with(name))
    };
    names
        .iter()
        .map(|name| {
            let meets = witness
                .aliasing
                .iter()
                .find_map(|line| line.strip_prefix(&format!("{name} is &")));
            match (meets, given(name)) {
                (Some("errno"), _) => "errno".to_owned(),
                (Some(other), _) => {
                    let index = names
                        .iter()
                        .position(|known| other == format!("the block of {known}"));
                    format!("same:{}", index.expect("a parameter"))
                }
                (None, Some("true")) => "1".to_owned(),
                (None, Some("ENOMEM")) => libc::ENOMEM.to_string(),
                (None, Some("false")) => "0".to_owned(),
                (None, Some(value)) => value.to_owned(),
                (None, None)
                    if given(&format!("the block of {name} is malloc's")) == Some("yes") =>
                {
                    "heap".to_owned()
                }
                (None, None) if pointer(name) => "block".to_owned(),
                // Nobody looked at it.
                (None, None) => "0".to_owned(),
            }
        })
        .collect()
}
