//! Runs demo 24.
fn main() -> std::process::ExitCode {
    demos::main_of("24")
}
