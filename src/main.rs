//! The `mcp-litmus` binary: parse, run, exit.

use std::process::ExitCode;

/// A fuzzer spends a quarter of its time on memory with the allocator of libc.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    mcp_litmus::cli::main(std::env::args_os())
}
