//! Runs demo 20.
fn main() -> std::process::ExitCode {
    demos::main_of("20")
}
