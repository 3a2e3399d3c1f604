//! Runs demo 15.
fn main() -> std::process::ExitCode {
    demos::main_of("15")
}
