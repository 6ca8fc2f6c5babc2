//! See `mcp_litmus_fuzz::frame`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mcp_litmus_fuzz::frame::run(bytes));
