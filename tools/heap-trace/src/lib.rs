//! Leaks, overflows and uses after free, each with the line that allocated the block.
