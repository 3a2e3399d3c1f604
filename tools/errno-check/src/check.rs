//! The question itself: for every input, is every end of the target an end of the source?

use crate::choice::{Choices, Numbers};
use crate::input::Inputs;
use crate::ir::Function;
use crate::outcome::{Done, Outcome, Strictness, allows};
use crate::pair::Pair;
use crate::refusal::Refusal;
use crate::run::{Case, Event, Result, Side, Stop, run};
use crate::semantics::Semantics;
use crate::witness::Witness;
use std::collections::{BTreeMap, HashMap};

/// The most runs of both sides before a pair is refused as too large.
const MOST_RUNS: u64 = 3_000_000;

/// The most numbers that free choices are made among.
const MOST_NUMBERS: usize = 200;

/// What the checker says of a pair under one semantics.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The assumption.
    pub semantics: Semantics,
    /// Whether the target may stand for the source.
    pub verdict: Verdict,
    /// How many cases were told apart: inputs, as far as a run looked at them.
    pub cases: u64,
    /// How many runs of either side that took.
    pub runs: u64,
}

/// Whether the target may stand for the source.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// Every end of the target is one that the source allows.
    Ok,
    /// Here is an end that the source does not allow.
    No(Box<Witness>),
    /// Something was met that the model does not know.
    Unsupported(Refusal),
}

impl Verdict {
    /// The word for it: `ok`, `no` or `unsupported`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::No(_) => "no",
            Self::Unsupported(_) => "unsupported",
        }
    }
}

/// Decides a pair under one semantics.
///
/// ```
/// use errno_check::{Pair, Semantics, check};
///
/// let pair = Pair::from_text("drop.ll", "
///     declare ptr @malloc(i64)
///     define void @src() {
///       %p = call ptr @malloc(i64 24)
///       ret void
///     }
///     define void @tgt() {
///       ret void
///     }").unwrap();
/// assert_eq!(check(&pair, Semantics::Quiet).verdict.word(), "ok");
/// // Where the schedule has the call fail, errno tells whether it was made.
/// assert_eq!(check(&pair, Semantics::Schedule).verdict.word(), "no");
/// ```
#[must_use]
pub fn check(pair: &Pair, semantics: Semantics) -> Answer {
    let mut checker = Checker {
        pair,
        semantics,
        cases: 0,
        runs: 0,
    };
    let verdict = match checker.all() {
        Ok(None) => Verdict::Ok,
        Ok(Some(witness)) => Verdict::No(Box::new(witness)),
        Err(refusal) => Verdict::Unsupported(*refusal),
    };
    Answer {
        semantics,
        verdict,
        cases: checker.cases,
        runs: checker.runs,
    }
}

struct Checker<'a> {
    pair: &'a Pair,
    semantics: Semantics,
    cases: u64,
    runs: u64,
}

/// All ends of one side in one case, with a run that leads to each.
enum Ends {
    Undefined,
    Done(HashMap<Done, Vec<Event>>),
}

impl Checker<'_> {
    /// Splits cases until no run asks for more.
    fn all(&mut self) -> std::result::Result<Option<Witness>, Box<Refusal>> {
        let mut open = vec![Inputs::default()];
        while let Some(inputs) = open.pop() {
            match self.case(&inputs) {
                Ok(None) => self.cases += 1,
                Ok(Some(witness)) => return Ok(Some(witness)),
                Err(Stop::Ask(question)) => {
                    let answers = question.answers.into_iter().rev();
                    open.extend(answers.map(|given| inputs.with(question.key.clone(), given)));
                }
                Err(Stop::Refused(refusal)) => return Err(refusal),
                Err(Stop::Undefined(why)) => {
                    return Err(Box::new(Refusal::new(0, "undefined", why)));
                }
            }
        }
        Ok(None)
    }

    /// Decides one case, again with more numbers to choose among until no run comes to a new one.
    fn case(&mut self, inputs: &Inputs) -> Result<Option<Witness>> {
        let mut numbers = Numbers::of(&self.pair.facts, inputs);
        loop {
            let mut met = numbers.clone();
            let case = Case {
                facts: &self.pair.facts,
                semantics: self.semantics,
                inputs,
                numbers: &numbers,
            };
            let found = self.round(case, &mut met)?;
            met.fill();
            if met == numbers {
                return Ok(found);
            }
            if met.len() > MOST_NUMBERS {
                return Err(self
                    .too_large("numbers that would have to be told apart")
                    .into());
            }
            numbers = met;
        }
    }

    fn round(&mut self, case: Case<'_>, met: &mut Numbers) -> Result<Option<Witness>> {
        let pair = self.pair;
        let source = match self.ends(case, &pair.source, Side::Source, met)? {
            Ends::Undefined => return Ok(None),
            Ends::Done(ends) => ends,
        };
        let mut choices = Choices::default();
        loop {
            self.count()?;
            let (outcome, events) = run(case, &pair.target, Side::Target, &mut choices, met)
                .map_err(|stop| named(stop, &pair.files[1]))?;
            let allowed = match &outcome {
                Outcome::Undefined(_) => false,
                Outcome::Done(done) => self.allowed(case, &source, done)?,
            };
            if !allowed {
                let source: BTreeMap<String, Vec<Event>> = source
                    .into_iter()
                    .map(|(done, events)| (done.to_string(), events))
                    .collect();
                return Ok(Some(Witness::new(
                    pair,
                    case.inputs,
                    (outcome, events),
                    source,
                )));
            }
            if !choices.advance() {
                return Ok(None);
            }
        }
    }

    fn ends(
        &mut self,
        case: Case<'_>,
        function: &Function,
        side: Side,
        met: &mut Numbers,
    ) -> Result<Ends> {
        let mut ends = HashMap::new();
        let mut choices = Choices::default();
        loop {
            self.count()?;
            let (outcome, events) = run(case, function, side, &mut choices, met)
                .map_err(|stop| named(stop, &self.pair.files[0]))?;
            match outcome {
                Outcome::Undefined(_) => return Ok(Ends::Undefined),
                Outcome::Done(done) => ends.insert(*done, events),
            };
            if !choices.advance() {
                return Ok(Ends::Done(ends));
            }
        }
    }

    fn allowed(
        &self,
        case: Case<'_>,
        source: &HashMap<Done, Vec<Event>>,
        target: &Done,
    ) -> Result<bool> {
        if source.contains_key(target) {
            return Ok(true);
        }
        let any = |strictness| -> Result<bool> {
            for source in source.keys() {
                if allows(case.facts, case.inputs, source, target, strictness)? {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        if any(Strictness::Exact)? {
            return Ok(true);
        }
        if any(Strictness::Loose)? {
            let said = "a verdict would depend on arithmetic of a value that is chosen freely";
            return Err(Refusal::new(self.pair.target.line, "@tgt", said)
                .in_file(&self.pair.files[1])
                .into());
        }
        Ok(false)
    }

    fn count(&mut self) -> Result<()> {
        self.runs += 1;
        if self.runs > MOST_RUNS {
            return Err(self.too_large("runs").into());
        }
        Ok(())
    }

    fn too_large(&self, what: &str) -> Refusal {
        let said = format!("the pair is too large to enumerate: too many {what}");
        Refusal::new(self.pair.source.line, "define", said).in_file(&self.pair.files[0])
    }
}

fn named(stop: Stop, file: &str) -> Stop {
    match stop {
        Stop::Refused(refusal) => Stop::Refused(Box::new(refusal.in_file(file))),
        stop => stop,
    }
}
