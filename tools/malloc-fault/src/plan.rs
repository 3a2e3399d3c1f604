//! The plan: which allocation calls fail, and how it is written down.
//!
//! `core` only and without allocation, for the interposer compiles this file too.

use core::fmt;

/// Every call from the first one on: the count of a persistent failure.
pub const PERSISTENT: u64 = u64::MAX;

/// Which allocation calls fail.
///
/// Calls are numbered from 1 since the last reset. The text form, which [`FaultPlan::parse`] reads and `Display` writes, is a
/// list such as `at=5,count=2`; the fields below say the words.
///
/// ```
/// use malloc_fault::FaultPlan;
///
/// let plan = FaultPlan::new(5, 2)?; // calls 5 and 6
/// assert_eq!(FaultPlan::parse("at=5,count=2"), Ok(plan));
/// assert_eq!(plan.to_string(), "at=5,count=2");
/// assert!(FaultPlan::new(0, 1).is_err());
/// # Ok::<(), malloc_fault::PlanError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultPlan {
    /// `at=N`: the first call that fails, counted from 1; 0 if no number starts the failures.
    pub fail_at: u64,
    /// `count=K`: how many fail; `count=all`, [`PERSISTENT`], for every one from the first on.
    pub fail_count: u64,
    /// `burst=total`, `burst=site`: which calls the count is about.
    pub burst: Burst,
    /// `stack=HASH,hit=J`: failures start at the J-th call with this stack, in place of a number.
    pub stack: Option<StackHit>,
    /// Calls outside of the filter never fail.
    pub filter: Filter,
    /// `ceiling=BYTES`: calls fail that would bring the live bytes above it.
    pub ceiling: Option<u64>,
    /// `chance=PER_MILLION,seed=S`: each call fails with this probability, the same calls for the same seed.
    pub chance: Option<Chance>,
    /// `schedule=0010`: call k fails if and only if the k-th digit is 1.
    pub schedule: Schedule,
    /// `noise=ERRNO`: calls that succeed leave this in errno, as C allows.
    pub noise: Option<i32>,
}

/// Which calls a count of failures is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Burst {
    /// The first call and those that directly follow it, whoever makes them.
    #[default]
    Consecutive,
    /// So many calls that pass the filter, from the first on.
    Total,
    /// So many calls of the function that made the first, with the same functions above it.
    Site,
}

/// The stack of a call, as a hash over modules and offsets, and which of its calls is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StackHit {
    /// The hash that a trace shows.
    pub hash: u64,
    /// Counted from 1.
    pub hit: u64,
}

/// Which calls may fail at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter {
    /// `size=A..B`: the smallest size in bytes.
    pub size_min: u64,
    /// The largest size in bytes, itself included.
    pub size_max: u64,
    /// `thread=T`: the threads are counted from 1 in the order of their first calls; 0 for all.
    pub thread: u32,
    /// `process=P`: the program is 1, those that it forks follow in the order of their first calls; 0 for all.
    pub process: u32,
    /// `caller=HASH+START..END`: the direct caller lies in this part of this module.
    pub caller: Option<Caller>,
    /// `after=marker`: no call counts before the program passes its marker.
    pub after_marker: bool,
}

/// A part of a module's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// [`name_hash`] of the module's file name.
    pub module: u64,
    /// Offset of the first byte from the module's base.
    pub start: u64,
    /// Offset after the last.
    pub end: u64,
}

/// A probability that is the same in every run with the same seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chance {
    /// Of a million calls, so many fail.
    pub per_million: u32,
    /// Another seed, other calls.
    pub seed: u64,
}

/// An explicit list: call k fails if and only if digit k is 1. Calls after the last digit succeed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    bits: [u64; Schedule::CAPACITY / 64],
    len: usize,
}

impl Schedule {
    /// How many calls a schedule can speak of.
    pub const CAPACITY: usize = 1024;

    /// Reads digits such as `00101`.
    ///
    /// # Errors
    ///
    /// [`PlanError`] for a character that is neither 0 nor 1, for no digit, and for more than [`Schedule::CAPACITY`].
    pub fn parse(text: &str) -> Result<Self, PlanError> {
        if text.is_empty() || text.len() > Self::CAPACITY {
            return Err(PlanError::Schedule);
        }
        let mut schedule = Self {
            len: text.len(),
            ..Self::default()
        };
        for (index, digit) in text.bytes().enumerate() {
            match digit {
                b'0' => {}
                b'1' => schedule.bits[index / 64] |= 1 << (index % 64),
                _ => return Err(PlanError::Schedule),
            }
        }
        Ok(schedule)
    }

    /// How many calls it speaks of.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether the call with this number, counted from 1, fails.
    #[must_use]
    pub fn fails(&self, number: u64) -> bool {
        let index = number.wrapping_sub(1);
        index < self.len as u64 && self.bits[index as usize / 64] >> (index % 64) & 1 == 1
    }
}

impl Default for Filter {
    fn default() -> Self {
        Self {
            size_min: 0,
            size_max: u64::MAX,
            thread: 0,
            process: 0,
            caller: None,
            after_marker: false,
        }
    }
}

/// A plan that makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlanError {
    /// `at=0`: calls are counted from 1.
    AtZero,
    /// `count=0`: a plan that fails nothing.
    CountZero,
    /// `hit=0`: the calls of a stack are counted from 1.
    HitZero,
    /// A size range that holds no size.
    EmptyRange,
    /// A schedule that is not 1 to [`Schedule::CAPACITY`] digits 0 and 1.
    Schedule,
    /// More than a million in a million.
    Chance,
    /// A word that is no `key=value` known here.
    Word,
    /// A value that is no number.
    Number,
}

impl PlanError {
    /// What is wrong, and what to write instead.
    #[must_use]
    pub fn message(self) -> &'static str {
        match self {
            Self::AtZero => "the plan fails call 0: calls are counted from 1",
            Self::CountZero => "the plan fails 0 calls: give a count of at least 1",
            Self::HitZero => "the plan names hit 0 of a stack: hits are counted from 1",
            Self::EmptyRange => "the plan's range of sizes is empty: write it as SMALLEST..LARGEST",
            Self::Schedule => "the plan's schedule is not 1 to 1024 digits 0 and 1, such as 00101",
            Self::Chance => "the plan's chance is above 1000000 in a million",
            Self::Word => {
                "the plan has a word that is none of at, count, burst, stack, hit, size, thread, process, caller, \
                 after, ceiling, chance, seed, schedule, noise"
            }
            Self::Number => "the plan has a value that is no number",
        }
    }
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl core::error::Error for PlanError {}

impl Default for FaultPlan {
    fn default() -> Self {
        Self::NONE
    }
}

impl FaultPlan {
    /// The plan under which nothing fails.
    pub const NONE: Self = Self {
        fail_at: 0,
        fail_count: 1,
        burst: Burst::Consecutive,
        stack: None,
        filter: Filter {
            size_min: 0,
            size_max: u64::MAX,
            thread: 0,
            process: 0,
            caller: None,
            after_marker: false,
        },
        ceiling: None,
        chance: None,
        schedule: Schedule {
            bits: [0; Schedule::CAPACITY / 64],
            len: 0,
        },
        noise: None,
    };

    /// Fails call `fail_at` and the `fail_count - 1` calls after it.
    ///
    /// # Errors
    ///
    /// [`PlanError`] if either is 0.
    pub fn new(fail_at: u64, fail_count: u64) -> Result<Self, PlanError> {
        let plan = Self {
            fail_at,
            fail_count,
            ..Self::NONE
        };
        if fail_at == 0 {
            return Err(PlanError::AtZero);
        }
        plan.check()
    }

    /// Fails call `fail_at` and every call after it.
    ///
    /// # Errors
    ///
    /// [`PlanError`] if it is 0.
    pub fn persistent(fail_at: u64) -> Result<Self, PlanError> {
        Self::new(fail_at, PERSISTENT)
    }

    /// Fails call k if and only if the k-th digit of `digits` is 1.
    ///
    /// # Errors
    ///
    /// As [`Schedule::parse`].
    pub fn scheduled(digits: &str) -> Result<Self, PlanError> {
        Ok(Self {
            schedule: Schedule::parse(digits)?,
            ..Self::NONE
        })
    }

    /// Refuses what can fail nothing.
    ///
    /// # Errors
    ///
    /// [`PlanError`] with the reason.
    pub fn check(self) -> Result<Self, PlanError> {
        if self.fail_count == 0 {
            return Err(PlanError::CountZero);
        }
        if self.stack.is_some_and(|stack| stack.hit == 0) {
            return Err(PlanError::HitZero);
        }
        let caller = self.filter.caller;
        if self.filter.size_min > self.filter.size_max
            || caller.is_some_and(|part| part.start >= part.end)
        {
            return Err(PlanError::EmptyRange);
        }
        if self
            .chance
            .is_some_and(|chance| chance.per_million > 1_000_000)
        {
            return Err(PlanError::Chance);
        }
        Ok(self)
    }

    /// Whether any call may fail under it, or get another errno.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::NONE
    }
}

/// A hash of a module's file name, the same in every run: FNV-1a.
#[must_use]
pub fn name_hash(name: &[u8]) -> u64 {
    name.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    })
}

/// Folds one more word into a hash, order included.
#[must_use]
pub fn mix(hash: u64, word: u64) -> u64 {
    let mixed = (hash.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ mixed >> 29
}

#[cfg(test)]
#[path = "plan/tests.rs"] // the interposer mounts this file elsewhere
mod tests;
