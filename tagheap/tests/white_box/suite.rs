//! The tests, once for each index.
//!
//! The numbers are those of the suite's list; number 14 repeats 11 and has no test of its own.

mod allocation;
mod checked;
mod defragmentation;
mod freeing;
mod reallocation;
mod th;

/// Tell whether these are the tests of heaps with a table.
fn has_table() -> bool {
    module_path!().ends_with("::table")
}
