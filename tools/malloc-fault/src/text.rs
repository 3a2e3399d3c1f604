//! The text form of a plan: what stands in the environment, in a reproducer, in a report.
//!
//! `core` only and without allocation, for the interposer compiles this file too.

use crate::plan::{
    Burst, Caller, Chance, FaultPlan, Filter, PERSISTENT, PlanError, Schedule, StackHit,
};
use core::fmt;

impl FaultPlan {
    /// Reads a list such as `at=5,count=2`, separated by commas or blanks; an empty one is [`FaultPlan::NONE`].
    ///
    /// # Errors
    ///
    /// [`PlanError`] with what is wrong.
    pub fn parse(text: &str) -> Result<Self, PlanError> {
        let mut plan = Self::NONE;
        for word in text.split([',', ' ']).filter(|word| !word.is_empty()) {
            let (key, value) = word.split_once('=').ok_or(PlanError::Word)?;
            plan.set(key, value)?;
        }
        plan.check()
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), PlanError> {
        match key {
            "at" => {
                self.fail_at = number(value)?;
                if self.fail_at == 0 {
                    return Err(PlanError::AtZero);
                }
            }
            "count" if value == "all" => self.fail_count = PERSISTENT,
            "count" => self.fail_count = number(value)?,
            "burst" => self.burst = burst(value)?,
            "stack" => {
                let hit = self.stack.map_or(1, |stack| stack.hit);
                let hash = hexadecimal(value)?;
                self.stack = Some(StackHit { hash, hit });
            }
            "hit" => {
                let hash = self.stack.map_or(0, |stack| stack.hash);
                let hit = number(value)?;
                self.stack = Some(StackHit { hash, hit });
            }
            "size" => (self.filter.size_min, self.filter.size_max) = sizes(value)?,
            "thread" => self.filter.thread = narrow(value)?,
            "process" => self.filter.process = narrow(value)?,
            "caller" => self.filter.caller = Some(caller(value)?),
            "after" if value == "marker" => self.filter.after_marker = true,
            "ceiling" => self.ceiling = Some(number(value)?),
            "chance" => {
                let seed = self.chance.map_or(0, |chance| chance.seed);
                let per_million = narrow(value)?;
                self.chance = Some(Chance { per_million, seed });
            }
            "seed" => {
                let per_million = self.chance.map_or(0, |chance| chance.per_million);
                let seed = number(value)?;
                self.chance = Some(Chance { per_million, seed });
            }
            "schedule" => self.schedule = Schedule::parse(value)?,
            "noise" => self.noise = Some(value.parse().map_err(|_| PlanError::Number)?),
            _ => return Err(PlanError::Word),
        }
        Ok(())
    }
}

fn number(text: &str) -> Result<u64, PlanError> {
    text.parse().map_err(|_| PlanError::Number)
}

fn narrow(text: &str) -> Result<u32, PlanError> {
    text.parse().map_err(|_| PlanError::Number)
}

fn hexadecimal(text: &str) -> Result<u64, PlanError> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    u64::from_str_radix(digits, 16).map_err(|_| PlanError::Number)
}

fn burst(text: &str) -> Result<Burst, PlanError> {
    match text {
        "consecutive" => Ok(Burst::Consecutive),
        "total" => Ok(Burst::Total),
        "site" => Ok(Burst::Site),
        _ => Err(PlanError::Word),
    }
}

/// `A..B`, `A..`, `..B` or one size; both ends belong to the range.
fn sizes(text: &str) -> Result<(u64, u64), PlanError> {
    let Some((from, to)) = text.split_once("..") else {
        let size = number(text)?;
        return Ok((size, size));
    };
    let to = to.strip_prefix('=').unwrap_or(to);
    let min = if from.is_empty() { 0 } else { number(from)? };
    let max = if to.is_empty() { u64::MAX } else { number(to)? };
    Ok((min, max))
}

fn caller(text: &str) -> Result<Caller, PlanError> {
    let (module, part) = text.split_once('+').ok_or(PlanError::Word)?;
    let (start, end) = part.split_once("..").ok_or(PlanError::Word)?;
    Ok(Caller {
        module: hexadecimal(module)?,
        start: hexadecimal(start)?,
        end: hexadecimal(end)?,
    })
}

impl fmt::Display for FaultPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = List { f, empty: true };
        if self.fail_at != 0 {
            list.word(format_args!("at={}", self.fail_at))?;
        }
        if let Some(StackHit { hash, hit }) = self.stack {
            list.word(format_args!("stack={hash:#x},hit={hit}"))?;
        }
        if self.fail_count == PERSISTENT {
            list.word(format_args!("count=all"))?;
        } else if self.fail_at != 0 || self.fail_count != 1 {
            list.word(format_args!("count={}", self.fail_count))?;
        }
        match self.burst {
            Burst::Consecutive => {}
            Burst::Total => list.word(format_args!("burst=total"))?,
            Burst::Site => list.word(format_args!("burst=site"))?,
        }
        self.filter.write(&mut list)?;
        if let Some(ceiling) = self.ceiling {
            list.word(format_args!("ceiling={ceiling}"))?;
        }
        if let Some(Chance { per_million, seed }) = self.chance {
            list.word(format_args!("chance={per_million},seed={seed}"))?;
        }
        self.schedule.write(&mut list)?;
        if let Some(noise) = self.noise {
            list.word(format_args!("noise={noise}"))?;
        }
        Ok(())
    }
}

impl Filter {
    fn write(&self, list: &mut List<'_, '_>) -> fmt::Result {
        match (self.size_min, self.size_max) {
            (0, u64::MAX) => {}
            (min, u64::MAX) => list.word(format_args!("size={min}.."))?,
            (min, max) => list.word(format_args!("size={min}..{max}"))?,
        }
        if self.thread != 0 {
            list.word(format_args!("thread={}", self.thread))?;
        }
        if self.process != 0 {
            list.word(format_args!("process={}", self.process))?;
        }
        if let Some(Caller { module, start, end }) = self.caller {
            list.word(format_args!("caller={module:#x}+{start:#x}..{end:#x}"))?;
        }
        if self.after_marker {
            list.word(format_args!("after=marker"))?;
        }
        Ok(())
    }
}

impl Schedule {
    fn write(&self, list: &mut List<'_, '_>) -> fmt::Result {
        if self.is_empty() {
            return Ok(());
        }
        list.word(format_args!("schedule="))?;
        for number in 1..=self.len() as u64 {
            list.f
                .write_str(if self.fails(number) { "1" } else { "0" })?;
        }
        Ok(())
    }
}

/// Words with commas between them.
struct List<'a, 'b> {
    f: &'a mut fmt::Formatter<'b>,
    empty: bool,
}

impl List<'_, '_> {
    fn word(&mut self, word: fmt::Arguments<'_>) -> fmt::Result {
        if !self.empty {
            self.f.write_str(",")?;
        }
        self.empty = false;
        self.f.write_fmt(word)
    }
}
