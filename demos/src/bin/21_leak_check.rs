//! Runs demo 21.
fn main() -> std::process::ExitCode {
    demos::main_of("21")
}
