//! Runs demo 23.
fn main() -> std::process::ExitCode {
    demos::main_of("23")
}
