//! Runs demo 22.
fn main() -> std::process::ExitCode {
    demos::main_of("22")
}
