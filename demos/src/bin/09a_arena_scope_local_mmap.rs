//! Runs demo 09a.
fn main() -> std::process::ExitCode {
    demos::demo_09a::run()
}
