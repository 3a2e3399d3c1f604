//! Runs demo 18.
fn main() -> std::process::ExitCode {
    demos::main_of("18")
}
