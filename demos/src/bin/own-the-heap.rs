//! The launcher.
fn main() -> std::process::ExitCode {
    demos::demo_09a::run()
}
