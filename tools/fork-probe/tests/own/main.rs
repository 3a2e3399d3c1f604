//! What forks, drops privileges, or loses its `/proc` runs in a process of its own: this binary again,
//! with one test.

mod cells;
mod hazards;
mod process;
mod refused;
