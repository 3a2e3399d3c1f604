//! A tagged heap in one region: two sides, tags, defragmentation.
