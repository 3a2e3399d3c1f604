//! Runs demo 09a.
fn main() -> std::process::ExitCode {
    demos::main_of("09a")
}
