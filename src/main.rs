//! The command line of attestar. See `cli` for what a terminal sees, and the library for what is done.

#![forbid(unsafe_code)]

mod cli;

/// The library leaves the allocator to whoever uses it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    cli::main()
}
