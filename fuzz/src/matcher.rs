//! Patterns match what they should: a value itself, and no value in which the place of a mismatch can be shown.

use mcp_litmus::wire::pattern::{first_mismatch, matches, merge_patch};
use serde_json::Value;

/// Takes a pattern and a value, one in each of two lines.
pub fn run(bytes: &[u8]) {
    let mut values = bytes.splitn(2, |byte| *byte == b'\n').map(serde_json::from_slice::<Value>);
    let (Some(Ok(pattern)), Some(Ok(value))) = (values.next(), values.next()) else { return };
    assert!(matches(&value, &value));
    let mismatch = first_mismatch(&pattern, &value);
    assert_eq!(matches(&pattern, &value), mismatch.is_none());
    if let Some((pointer, mismatch)) = mismatch {
        assert_eq!(pattern.pointer(&pointer), Some(mismatch.expected));
        assert_eq!(value.pointer(&pointer), mismatch.actual);
    }
    let mut patched = value.clone();
    merge_patch(&mut patched, &pattern);
    let once = patched.clone();
    merge_patch(&mut patched, &pattern);
    assert_eq!(once, patched, "a patch that was made before changes nothing");
}

#[test]
fn smoke() {
    for sample in crate::samples() {
        run(&sample);
    }
    for (pattern, value) in
        [("{}", "[]"), ("[1]", "[1.0]"), ("{\"a/b\":{\"~\":1}}", "{\"a/b\":{\"~\":2}}"), ("null", "null")]
    {
        run(format!("{pattern}\n{value}").as_bytes());
        run(format!("{value}\n{pattern}").as_bytes());
    }
}
