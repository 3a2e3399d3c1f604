//! Runs demo 11.
fn main() -> std::process::ExitCode {
    demos::main_of("11")
}
