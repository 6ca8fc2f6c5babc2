//! See `mcp_litmus_fuzz::matcher`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mcp_litmus_fuzz::matcher::run(bytes));
