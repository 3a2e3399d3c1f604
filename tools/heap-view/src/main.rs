//! The command `heap-view`.
fn main() -> std::process::ExitCode {
    heap_view::command::run(std::env::args_os().skip(1))
}
