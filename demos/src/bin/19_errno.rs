//! Runs demo 19.
fn main() -> std::process::ExitCode {
    demos::main_of("19")
}
