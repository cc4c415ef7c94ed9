//! The command line of attestar. See `cli` for what a terminal sees, and the library for what is done.

#![forbid(unsafe_code)]

mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
