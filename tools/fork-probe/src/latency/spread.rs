//! Repeated measurements of one thing.

/// Several measurements: where the middle is, and how far they lie apart.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Spread {
    /// The least.
    pub min: u64,
    /// A quarter lies below.
    pub lower: u64,
    /// Half lies below.
    pub median: u64,
    /// A quarter lies above.
    pub upper: u64,
    /// The most.
    pub max: u64,
    /// How many there were.
    pub runs: usize,
}

impl Spread {
    /// Sort measurements out.
    ///
    /// # Panics
    ///
    /// There are none.
    #[must_use]
    pub fn of(mut values: Vec<u64>) -> Self {
        assert!(!values.is_empty(), "a spread of no measurements");
        values.sort_unstable();
        let last = values.len() - 1;
        Self {
            min: values[0],
            lower: values[last / 4],
            median: values[last / 2],
            upper: values[last - last / 4],
            max: values[last],
            runs: values.len(),
        }
    }
}

#[cfg(test)]
mod tests;
