//! See `mcp_litmus_fuzz::http_answer`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mcp_litmus_fuzz::http_answer::run(bytes));
