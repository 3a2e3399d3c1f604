//! Runs demo 25.
fn main() -> std::process::ExitCode {
    demos::main_of("25")
}
