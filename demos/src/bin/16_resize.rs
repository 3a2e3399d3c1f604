//! Runs demo 16.
fn main() -> std::process::ExitCode {
    demos::main_of("16")
}
