//! Runs demo 17.
fn main() -> std::process::ExitCode {
    demos::main_of("17")
}
