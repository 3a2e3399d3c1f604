//! Runs demo 12.
fn main() -> std::process::ExitCode {
    demos::main_of("12")
}
