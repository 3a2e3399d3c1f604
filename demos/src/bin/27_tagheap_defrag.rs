//! Runs demo 27.
fn main() -> std::process::ExitCode {
    demos::main_of("27")
}
