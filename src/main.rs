//! The `mcp-litmus` binary: parse, run, exit.

use std::process::ExitCode;

fn main() -> ExitCode {
    mcp_litmus::cli::main(std::env::args_os())
}
