//! The story of a refusal: what is given, which calls fail, how the target ends, how the source may.

use crate::input::{Given, Inputs, Key};
use crate::outcome::Outcome;
use crate::pair::Pair;
use crate::run::Event;
use crate::value::{ObjectId, Value};
use std::collections::BTreeMap;
use std::fmt;

/// A case in which the target ends as the source may not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// errno before.
    pub errno: i32,
    /// What else is given, as `(what, value)`.
    pub given: Vec<(String, String)>,
    /// Where pointers meet: errno, or each other's blocks.
    pub aliasing: Vec<String>,
    /// Under the semantics `Schedule`: which allocation calls fail, as far as a run asked.
    pub schedule: Vec<bool>,
    /// The calls of the target, in their order.
    pub target_calls: Vec<Step>,
    /// How the target ends.
    pub target: String,
    /// How the source may end: each way with its calls.
    pub source: Vec<(String, Vec<Step>)>,
}

/// A call in a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The line of the text.
    pub line: usize,
    /// The call with its arguments.
    pub call: String,
    /// Whether it succeeds, fails, or frees.
    pub did: String,
    /// What it wrote to errno, if anything.
    pub errno: Option<String>,
}

impl Witness {
    pub(crate) fn new(
        pair: &Pair,
        inputs: &Inputs,
        (target, calls): (Outcome, Vec<Event>),
        source: BTreeMap<String, Vec<Event>>,
    ) -> Self {
        let names: Vec<String> = pair
            .target
            .parameters
            .iter()
            .map(|p| p.name.clone())
            .collect();
        let readable = |text: String| named(&names, &text);
        let steps = |events: Vec<Event>| {
            events
                .into_iter()
                .map(|event| step(&names, event))
                .collect()
        };
        let mut witness = Self {
            errno: 0,
            given: Vec::new(),
            aliasing: Vec::new(),
            schedule: Vec::new(),
            target_calls: steps(calls),
            target: readable(target.to_string()),
            source: source
                .into_iter()
                .map(|(end, events)| (readable(end), steps(events)))
                .collect(),
        };
        for (key, given) in inputs.iter() {
            witness.take(&names, key, given);
        }
        witness
    }

    fn take(&mut self, names: &[String], key: &Key, given: &Given) {
        match (key, given) {
            (Key::Errno, Given::Value(Value::Int { bits, .. })) => self.errno = *bits as u32 as i32,
            (Key::Bit(index), Given::Truth(truth)) => {
                if self.schedule.len() <= *index {
                    self.schedule.resize(index + 1, false);
                }
                self.schedule[*index] = *truth;
            }
            (Key::Parameter(index), Given::Value(Value::Pointer(pointer))) => {
                let name = &names[*index];
                match pointer.object {
                    Some(ObjectId::Caller(own)) if own == *index && pointer.offset == 0 => {}
                    None => self.given.push((format!("%{name}"), "null".to_owned())),
                    Some(_) => {
                        self.aliasing
                            .push(named(names, &format!("%{name} is {pointer}")));
                    }
                }
            }
            // Nothing is amiss with what is aligned for everything.
            (Key::Align(_), Given::Align(4096)) => {}
            _ => self.given.push((
                named(names, &key.to_string()),
                named(names, &given.to_string()),
            )),
        }
    }
}

fn step(names: &[String], event: Event) -> Step {
    let arguments: Vec<_> = event.arguments.iter().map(Value::to_string).collect();
    let call = format!("{}({})", event.name, arguments.join(", "));
    Step {
        line: event.line,
        call: named(names, &call),
        did: event.did.to_owned(),
        errno: event.errno.map(|value| value.to_string()),
    }
}

/// Says `%p` where the model counts parameters.
fn named(names: &[String], text: &str) -> String {
    let mut text = text.to_owned();
    for (index, name) in names.iter().enumerate().rev() {
        text = text.replace(
            &format!("the caller's block #{index}"),
            &format!("the block of %{name}"),
        );
        text = text.replace(&format!("argument #{index}"), &format!("%{name}"));
    }
    text
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let block = |block: &usize| ObjectId::Caller(*block);
        match self {
            Self::Errno => write!(f, "errno before"),
            Self::Parameter(index) => write!(f, "argument #{index}"),
            Self::Reach { block: of, end } => write!(f, "{} has {end} bytes", block(of)),
            Self::Below { block: of, bytes } => {
                write!(f, "{} begins {bytes} bytes before", block(of))
            }
            Self::Content {
                block: of,
                offset,
                width,
            } => write!(f, "the {width} bits at {}{offset:+}", block(of)),
            Self::Align(object) => write!(f, "{object} is aligned to"),
            Self::Freeable(of) => write!(f, "{} is malloc's", block(of)),
            Self::Bit(call) => write!(f, "allocation call #{} fails", call + 1),
            Self::Pure {
                name, arguments, ..
            } => {
                let arguments: Vec<_> = arguments.iter().map(Value::to_string).collect();
                write!(f, "{name}({})", arguments.join(", "))
            }
            Self::Unknown { target, call } => {
                let side = if *target { "target" } else { "source" };
                write!(
                    f,
                    "what failing call #{} of the {side} leaves in errno",
                    call + 1
                )
            }
        }
    }
}

/// At most so many ends of the source are listed for people.
const LISTED: usize = 4;

impl fmt::Display for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "   given:  errno {}", self.errno)?;
        for line in &self.aliasing {
            write!(f, ", {line}")?;
        }
        for (what, value) in &self.given {
            write!(f, ", {what}: {value}")?;
        }
        writeln!(f)?;
        write!(f, "   target: ")?;
        end(f, &self.target_calls, &self.target)?;
        for (outcome, calls) in self.source.iter().take(LISTED) {
            write!(f, "   source: ")?;
            end(f, calls, outcome)?;
        }
        if let Some(more @ 1..) = self.source.len().checked_sub(LISTED) {
            writeln!(
                f,
                "           and {more} more ends, none of them the target's"
            )?;
        }
        Ok(())
    }
}

fn end(f: &mut fmt::Formatter<'_>, calls: &[Step], outcome: &str) -> fmt::Result {
    for step in calls {
        write!(f, "{step}; ")?;
    }
    writeln!(f, "{outcome}")
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.call, self.did)?;
        match &self.errno {
            Some(value) => write!(f, " and sets errno to {value}"),
            None => Ok(()),
        }
    }
}
