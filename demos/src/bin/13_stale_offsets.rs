//! Runs demo 13.
fn main() -> std::process::ExitCode {
    demos::main_of("13")
}
