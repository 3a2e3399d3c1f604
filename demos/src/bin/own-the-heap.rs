//! Opens the tour of the demos, or runs the one that is named.
fn main() -> std::process::ExitCode {
    demos::launch()
}
