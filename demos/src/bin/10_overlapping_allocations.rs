//! Runs demo 10.
fn main() -> std::process::ExitCode {
    demos::main_of("10")
}
