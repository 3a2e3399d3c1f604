//! Runs demo 08.
fn main() -> std::process::ExitCode {
    demos::main_of("08")
}
