//! When to try again: how critical is the call, and how often did the heap have to recover before?

/// How much is lost if a call fails, 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Criticality(pub u32);

impl Criticality {
    /// Of `malloc`.
    pub const MALLOC: Self = Self(75);
    /// Of `calloc`.
    pub const CALLOC: Self = Self(80);
    /// Of `strdup`.
    pub const STRDUP: Self = Self(85);
    /// Of `realloc`: a block that is in use must not be lost.
    pub const REALLOC: Self = Self(95);
}

/// Memory pressure, 0 to 100.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pressure(u32);

impl Pressure {
    /// What one attempt to recover adds.
    const STEP: u32 = 10;
    /// It does not rise above.
    const CAP: u32 = 100;

    /// The number.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }

    /// Counts an attempt to recover, and says whether it is to be made: the attempt is part of the pressure it is judged by.
    #[must_use]
    pub fn recommends(&mut self, call: Criticality) -> bool {
        self.0 = (self.0 + Self::STEP).min(Self::CAP);
        let above = match self.0 {
            91.. => 95,
            71.. => 80,
            _ => 50,
        };
        call.0 > above
    }
}
