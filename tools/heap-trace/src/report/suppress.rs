//! Suppressions: what is known, and need not be told again.

use std::fmt;

use crate::fault::{Fault, Site};
use crate::reach::{self, Leak};
use crate::record::Origin;
use crate::report::Report;
use crate::stack;

/// What a report leaves out, each with a reason.
///
/// One a line: `site PATTERN because REASON` is about the allocating line, `symbol PATTERN because
/// REASON` about any function of its stack (which needs backtraces). `*` in a pattern stands for any
/// letters. Lines that are empty or begin with `#` are skipped.
///
/// ```
/// use heap_trace::{Roots, Suppressions, TracedArena};
///
/// let known = Suppressions::parse("site *.rs:* because it lives as long as the program")?;
/// let arena = TracedArena::new(arena_core::Arena::new());
/// arena.alloc(1);
/// let report = arena.report(&Roots::new().none()).without(&known);
/// assert!(report.is_clean());
/// assert!(report.to_string().contains("it lives as long as the program"));
/// # Ok::<(), heap_trace::BadSuppression>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Suppressions {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone)]
struct Rule {
    by: By,
    pattern: String,
    reason: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Site,
    Symbol,
}

/// A line that is no suppression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadSuppression {
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: &'static str,
}

impl fmt::Display for BadSuppression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, why } = self;
        write!(
            f,
            "line {line} of the suppressions: {why}; write `site PATTERN because REASON`"
        )
    }
}

impl std::error::Error for BadSuppression {}

/// What one suppression took out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppressed {
    /// Its pattern.
    pub pattern: String,
    /// Its reason.
    pub reason: String,
    /// Blocks it took out.
    pub blocks: usize,
    /// Their bytes.
    pub bytes: usize,
    /// Faults it took out.
    pub faults: usize,
}

impl fmt::Display for Suppressed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            pattern,
            reason,
            blocks,
            bytes,
            faults,
        } = self;
        write!(
            f,
            "{bytes} bytes in {blocks} blocks, {faults} faults by {pattern}: {reason}"
        )
    }
}

impl Suppressions {
    /// Read suppressions.
    ///
    /// # Errors
    ///
    /// A line has another form, no pattern, or no reason.
    pub fn parse(text: &str) -> Result<Self, BadSuppression> {
        let mut rules = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let bad = |why| BadSuppression {
                line: index + 1,
                why,
            };
            let (by, rest) = match line.split_once(' ') {
                Some(("site", rest)) => (By::Site, rest),
                Some(("symbol", rest)) => (By::Symbol, rest),
                _ => return Err(bad("it begins neither with `site` nor with `symbol`")),
            };
            let (pattern, reason) = rest
                .split_once(" because ")
                .ok_or(bad("it gives no reason"))?;
            let (pattern, reason) = (pattern.trim().to_owned(), reason.trim().to_owned());
            if pattern.is_empty() || reason.is_empty() {
                return Err(bad("its pattern or its reason is empty"));
            }
            rules.push(Rule {
                by,
                pattern,
                reason,
            });
        }
        Ok(Self { rules })
    }

    pub(super) fn apply(&self, report: &mut Report) {
        for rule in &self.rules {
            let mut taken = Suppressed {
                pattern: rule.pattern.clone(),
                reason: rule.reason.clone(),
                blocks: 0,
                bytes: 0,
                faults: 0,
            };
            let leaks: Vec<Leak> = reach::grouped(&report.blocks);
            let known: Vec<bool> = leaks.iter().map(|leak| rule.names(leak.origin)).collect();
            let is_known = |origin: Origin| {
                leaks
                    .iter()
                    .zip(&known)
                    .any(|(leak, &known)| known && leak.origin.is(origin))
            };
            report.blocks.retain(|(_, block)| {
                let known = is_known(block.allocated());
                taken.blocks += usize::from(known);
                taken.bytes += if known { block.size } else { 0 };
                !known
            });
            report.faults.retain(|fault| {
                let known = rule.names_fault(fault);
                taken.faults += usize::from(known);
                !known
            });
            if taken.blocks + taken.faults > 0 {
                report.suppressed.push(taken);
            }
        }
        report.leaks = reach::grouped(&report.blocks);
    }
}

impl Rule {
    fn names_fault(&self, fault: &Fault) -> bool {
        fault
            .block
            .is_some_and(|block| self.names(block.allocated()))
    }

    fn names(&self, origin: Origin) -> bool {
        match self.by {
            By::Site => {
                let site = Site(origin).to_string();
                let line = site.lines().next().unwrap_or_default();
                matches(&self.pattern, line.strip_prefix("at ").unwrap_or(line))
            }
            By::Symbol => stack::frames(origin.stack).iter().any(|frame| {
                frame
                    .function
                    .as_deref()
                    .is_some_and(|name| matches(&self.pattern, name))
            }),
        }
    }
}

/// Tell whether a text has the form of a pattern in which `*` stands for any letters.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(text) = text.strip_prefix(start) else {
        return false;
    };
    let Some((middle, end)) = rest.rsplit_once('*') else {
        return text.ends_with(rest);
    };
    let Some(mut text) = text.strip_suffix(end) else {
        return false;
    };
    // Each part as early as it can be: that leaves the most to those behind it.
    middle.split('*').all(|part| {
        let found = text.find(part);
        text = found.map_or("", |at| &text[at + part.len()..]);
        found.is_some()
    })
}
