//! Hands the wheel to libFuzzer, inside this executable: its corpus and its schedule choose, our mutator thinks, and what the target
//! shows counts as coverage. Knows neither target nor oracle.
#![expect(unsafe_code, reason = "libFuzzer is C++, and calls back by C functions of fixed names")]

use std::cell::RefCell;
use std::ffi::{CString, c_char, c_int, c_uint};
use std::ptr;
use std::sync::atomic::{AtomicU8, Ordering};

// Brings libFuzzer itself.
use libfuzzer_sys as _;

/// What libFuzzer drives.
pub(super) trait Driven {
    /// Another input, which may come of the one given; `None` ends it all.
    fn propose(&mut self, given: &[u8], chance: u32) -> Option<Vec<u8>>;
    /// Tries an input, and says which features it has shown.
    fn attempt(&mut self, input: &[u8]) -> Vec<u32>;
    /// Is told that nothing follows.
    fn finish(&mut self);
}

/// Features that libFuzzer tells apart; it looks at all of them after each input.
const COUNTERS: usize = 1 << 16;

/// Taken by libFuzzer for counters of code that was reached.
#[unsafe(link_section = "__libfuzzer_extra_counters")]
static SHOWN: [AtomicU8; COUNTERS] = [const { AtomicU8::new(0) }; COUNTERS];

thread_local! {
    static DRIVEN: RefCell<Option<Box<dyn Driven>>> = const { RefCell::new(None) };
}

unsafe extern "C" {
    fn LLVMFuzzerRunDriver(
        count: *mut c_int,
        arguments: *mut *mut *mut c_char,
        callback: extern "C" fn(*const u8, usize) -> c_int,
    ) -> c_int;
}

/// Lets libFuzzer drive. Ends the process when what is driven proposes nothing more, and never returns before.
pub(super) fn drive(driven: Box<dyn Driven>, seed: u64, folder: &str) -> String {
    DRIVEN.set(Some(driven));
    // A seed of nothing would be drawn from the time.
    let seed = seed % u64::from(u32::MAX) + 1;
    let words = [
        "mcp-litmus".to_owned(),
        format!("-seed={seed}"),
        format!("-artifact_prefix={folder}/"),
        "-max_len=4194304".to_owned(),
        "-len_control=0".to_owned(),
        "-cross_over=0".to_owned(),
        "-reduce_inputs=0".to_owned(),
        "-timeout=0".to_owned(),
        "-rss_limit_mb=0".to_owned(),
        "-detect_leaks=0".to_owned(),
        "-verbosity=0".to_owned(),
    ];
    let words: Vec<CString> = words.into_iter().filter_map(|word| CString::new(word).ok()).collect();
    let mut pointers: Vec<*mut c_char> = words.iter().map(|word| word.as_ptr().cast_mut()).collect();
    let mut count = c_int::try_from(pointers.len()).unwrap_or_default();
    pointers.push(ptr::null_mut());
    let mut arguments = pointers.as_mut_ptr();
    // Found by libFuzzer by their names; named here so that no linker leaves them out.
    std::hint::black_box((LLVMFuzzerCustomMutator as *const (), rust_fuzzer_test_input as *const ()));
    // SAFETY: count and arguments are those of a C main: as many strings as counted, then a null pointer, all of which live
    // until this call returns.
    let code = unsafe { LLVMFuzzerRunDriver(&raw mut count, &raw mut arguments, test_one_input) };
    format!("libFuzzer has ended by itself (code {code})")
}

/// Calls with what is driven.
fn with<T>(of: impl FnOnce(&mut dyn Driven) -> T) -> Option<T> {
    DRIVEN.with_borrow_mut(|driven| driven.as_mut().map(|driven| of(driven.as_mut())))
}

fn attempt(input: &[u8]) {
    for feature in with(|driven| driven.attempt(input)).unwrap_or_default() {
        SHOWN[feature as usize % COUNTERS].store(1, Ordering::Relaxed);
    }
}

extern "C" fn test_one_input(data: *const u8, size: usize) -> c_int {
    // SAFETY: libFuzzer hands over so many bytes, which it leaves alone until this returns. Of an empty input the pointer may
    // be null.
    let input = if size == 0 { &[] } else { unsafe { std::slice::from_raw_parts(data, size) } };
    attempt(input);
    0
}

/// Asked for by `libfuzzer-sys`, whose own way in is not the one that is used.
#[unsafe(no_mangle)]
#[expect(improper_ctypes_definitions, reason = "declared so by libfuzzer-sys, and called by nobody else")]
extern "C" fn rust_fuzzer_test_input(input: &[u8]) -> i32 {
    attempt(input);
    0
}

/// Called by libFuzzer for each new input. Writes what is proposed over what is given.
#[unsafe(no_mangle)]
extern "C" fn LLVMFuzzerCustomMutator(data: *mut u8, size: usize, most: usize, seed: c_uint) -> usize {
    // SAFETY: libFuzzer hands over a buffer of `most` bytes, the first `size` of which hold an input.
    let buffer = unsafe { std::slice::from_raw_parts_mut(data, most) };
    if let Some(Some(mut proposed)) = with(|driven| driven.propose(&buffer[..size], seed)) {
        proposed.truncate(most);
        buffer[..proposed.len()].copy_from_slice(&proposed);
        return proposed.len();
    }
    with(|driven| driven.finish());
    // Between two inputs libFuzzer takes the end of the process for what it is.
    #[expect(clippy::exit, reason = "the loop is libFuzzer's, and it has no other end")]
    std::process::exit(0)
}
