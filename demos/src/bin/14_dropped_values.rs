//! Runs demo 14.
fn main() -> std::process::ExitCode {
    demos::main_of("14")
}
