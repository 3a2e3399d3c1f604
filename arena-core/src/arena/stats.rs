//! What an arena counts.

/// The numbers of an arena at one moment, in bytes.
///
/// `used` is at most `high_water_mark` and `committed`, and both of these at most `capacity`. `limit`
/// may be set below `used`, and bounds the last byte of a block, not its rounding. How much of it is resident is for the OS to
/// say: see [`Arena::resident`](crate::Arena::resident).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// Handed out, padding included.
    pub used: usize,
    /// The largest `used` ever.
    pub high_water_mark: usize,
    /// Usable without asking the OS again.
    pub committed: usize,
    /// Allowed by the policy.
    pub limit: usize,
    /// Reserved.
    pub capacity: usize,
}
