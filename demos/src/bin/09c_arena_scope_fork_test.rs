//! Runs demo 09c.
fn main() -> std::process::ExitCode {
    demos::main_of("09c")
}
