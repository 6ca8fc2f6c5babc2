//! The `mcp-litmus` binary: parse, run, exit.

fn main() {}
