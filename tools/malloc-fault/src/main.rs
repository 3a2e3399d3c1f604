//! The command `malloc-fault`.

fn main() -> std::process::ExitCode {
    malloc_fault::command::main(std::env::args_os().collect())
}
