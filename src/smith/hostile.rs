//! Values that parsers, interpreters and file systems trip over, as JSON text that need not be JSON.

use super::Unstructured;
use super::choice::{below, one_in, pick, weighted};

/// Numbers at the edges of what languages hold.
const NUMBERS: &[&str] = &[
    "9007199254740992",
    "9007199254740993",
    "-9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "18446744073709551616",
    "2147483647",
    "2147483648",
    "-2147483649",
    "4294967296",
    "1e308",
    "1e309",
    "1e400",
    "-1e400",
    "1e-400",
    "5e-324",
    "-0",
    "-0.0",
    "0.1",
    "1.0",
    "1E+2",
    "0.30000000000000004",
    "123456789012345678901234567890",
    "1e1000000",
    "-1",
    "65536",
    "255",
    "256",
    // No JSON.
    "NaN",
    "Infinity",
    "-Infinity",
    "0x10",
    "01",
    "+1",
    ".5",
    "1.",
    "1_000",
    "--1",
];

/// Texts of JSON strings between their quotation marks.
const TEXTS: &[&str] = &[
    r"\ud800",
    r"\udc00\ud800",
    r"a\ud83d",
    r"\u0000",
    r"a\u0000b",
    r"\u0007\u001b[2J\u001b]0;litmus\u0007",
    r"\u202e",
    r"\ufeff",
    r"\uffff",
    r"\u2028\u2029",
    r"\r\n",
    r"a\nb\n{}",
    "../../../../../../etc/passwd",
    r"..\\..\\..\\windows\\win.ini",
    "/etc/passwd",
    "/dev/zero",
    "/proc/self/environ",
    "file:///etc/passwd",
    "C:\\\\",
    "~root",
    "%2e%2e%2f",
    "a/../../b",
    "\\\\\\\\host\\\\share",
    "__proto__",
    "constructor",
    "prototype",
    "toString",
    "hasOwnProperty",
    "valueOf",
    "then",
    "__class__",
    "__init__",
    "__globals__",
    "%s%s%s%n",
    "{0.__class__}",
    "${jndi:ldap://127.0.0.1/a}",
    "${7*7}",
    "{{7*7}}",
    "<script>alert(1)</script>",
    "' OR '1'='1",
    r#"\"; --"#,
    "$(true)",
    "`true`",
    "; true",
    "| true",
    "-rf",
    "--help",
    "@litmus",
    "http://127.0.0.1:1/",
    "data:text/plain,litmus",
    "javascript:1",
    "http://[::1",
    "://",
    "a:b:c",
    "\u{FDFA}\u{FDFA}",
    "ﬀ",
    "İıſK",
    "e\u{301}\u{301}\u{301}\u{301}",
    "\u{1F468}\u{200D}\u{1F469}",
    "null",
    "undefined",
    "NaN",
    "true",
    "0",
    "",
    " ",
    "9999999999999999999999",
    "2026-02-30T25:61:61Z",
    "(a+)+$",
    "[",
    "*",
    "?",
];

/// Whole values.
const VALUES: &[&str] = &[
    r#"{"__proto__":{"litmus":true}}"#,
    r#"{"constructor":{"prototype":{"litmus":true}}}"#,
    r#"{"a":1,"a":2}"#,
    r#"{"toString":null,"valueOf":1}"#,
    r#"{"then":{}}"#,
    r#"{"length":-1}"#,
    r##"{"$ref":"#"}"##,
    r#"{"":""}"#,
    "[]",
    "{}",
    "null",
    "true",
    "false",
    "[null]",
    "[[[]]]",
    r#"[1,"1",true,null]"#,
    // No JSON.
    "undefined",
    "[1,]",
    r#"{"a":1,}"#,
    "{'a':1}",
    "{a:1}",
    "[1 2]",
    "/* litmus */1",
    "",
    "nul",
    "\"a",
    "[",
    "{",
    "}",
    "tru\u{0}",
];

/// Bytes that are no UTF-8, or no character that may stand in a string.
const BYTES: &[&[u8]] = &[
    b"\"\xff\"",
    b"\"\xc0\xaf\"",
    b"\"\xed\xa0\x80\"",
    b"\"\xf4\x90\x80\x80\"",
    b"\"\xe2\x82\"",
    b"\"a\0b\"",
    b"\"a\tb\"",
    b"\"\x1b[2J\"",
    b"\"\xef\xbb\xbf\"",
    b"\"\x7f\x80\"",
];

/// Nesting, and lengths of texts.
const DEPTHS: &[usize] = &[32, 100, 128, 500, 1_000, 2_000, 10_000];
const LENGTHS: &[usize] = &[100, 255, 256, 1_000, 1_024, 4_096, 8_192, 16_384, 40_000];

/// The text of a hostile value, below 64 KiB.
pub(super) fn value(u: &mut Unstructured<'_>) -> Vec<u8> {
    let of = |texts: &[&str], u: &mut Unstructured<'_>| pick(u, texts).copied().unwrap_or("null").as_bytes().to_vec();
    match weighted(u, &[6, 4, 4, 3, 2, 2, 1]) {
        0 => [b"\"".as_slice(), &of(TEXTS, u), b"\""].concat(),
        1 => of(NUMBERS, u),
        2 => of(VALUES, u),
        3 => pick(u, BYTES).copied().unwrap_or(b"null").to_vec(),
        4 => nested(u),
        5 => long(u),
        _ => wide(u),
    }
}

/// The text of a hostile value that every parser of JSON reads, and most of them alike.
pub(super) fn readable(u: &mut Unstructured<'_>) -> serde_json::Value {
    serde_json::from_slice(&value(u))
        .unwrap_or_else(|_| serde_json::Value::from(pick(u, TEXTS).copied().unwrap_or_default()))
}

fn nested(u: &mut Unstructured<'_>) -> Vec<u8> {
    let depth = pick(u, DEPTHS).copied().unwrap_or(32);
    let (open, middle, close) = match below(u, 3) {
        0 => ("[", "", "]"),
        1 => ("{\"a\":", "1", "}"),
        _ => ("[{\"\":", "null", "}]"),
    };
    // Some are never closed.
    let closed = if one_in(u, 6) { depth / 2 } else { depth };
    let depth = depth.min((48 << 10) / (open.len() + close.len()));
    format!("{}{middle}{}", open.repeat(depth), close.repeat(closed.min(depth))).into_bytes()
}

fn long(u: &mut Unstructured<'_>) -> Vec<u8> {
    let length = pick(u, LENGTHS).copied().unwrap_or(100);
    let part = *pick(u, &["a", "0", "\\u0000", "\\\\", "é", "\u{1F600}", " ", "a/", "../"]).unwrap_or(&"a");
    let text = part.repeat(length / part.len());
    if part == "0" { format!("1{text}").into_bytes() } else { format!("\"{text}\"").into_bytes() }
}

/// Many items or members; some of the same name.
fn wide(u: &mut Unstructured<'_>) -> Vec<u8> {
    let count = [100, 1_000, 4_000][below(u, 3)];
    match below(u, 3) {
        0 => format!("[{}0]", "0,".repeat(count)),
        1 => format!("{{{}\"z\":0}}", "\"a\":1,".repeat(count)),
        _ => format!("{{{}\"z\":0}}", (0..count).map(|at| format!("\"k{at}\":0,")).collect::<String>()),
    }
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn hostile_values_are_bounded(bytes in prop::collection::vec(any::<u8>(), 0..12)) {
            prop_assert!(value(&mut Unstructured::new(&bytes)).len() < 60 << 10);
        }
    }

    #[test]
    fn texts_are_strings_of_json_at_least_to_lenient_parsers() {
        for text in TEXTS {
            let quoted = format!("\"{text}\"");
            let read: Result<serde_json::Value, _> = serde_json::from_str(&quoted);
            assert!(read.is_ok() || quoted.contains("\\ud"), "{quoted}");
        }
    }
}
