//! See `mcp_litmus_fuzz::scenario`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mcp_litmus_fuzz::scenario::run(bytes));
