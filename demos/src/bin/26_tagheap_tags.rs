//! Runs demo 26.
fn main() -> std::process::ExitCode {
    demos::main_of("26")
}
