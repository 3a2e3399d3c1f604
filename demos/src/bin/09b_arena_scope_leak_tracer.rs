//! Runs demo 09b.
fn main() -> std::process::ExitCode {
    demos::main_of("09b")
}
