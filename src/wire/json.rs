//! JSON that serde cannot hold, made such that it can: RFC 8259 allows a `\u` escape of half a surrogate pair (section 8.2) and a
//! number beyond those of IEEE 754 (section 6), so neither makes a text something else than JSON.

use std::borrow::Cow;

/// What stands for a number that is too large.
const LARGEST: &str = "1.7976931348623157e308";

/// The text with U+FFFD for each lone surrogate, and the largest number for each that is larger; as it is where it has neither.
pub(super) fn within_reach(text: &str) -> Cow<'_, str> {
    let mut changed = String::new();
    let mut from = 0;
    let mut at = 0;
    let mut in_string = false;
    let bytes = text.as_bytes();
    while at < bytes.len() {
        let (end, instead) = match bytes[at] {
            b'"' => {
                in_string = !in_string;
                (at + 1, None)
            }
            b'\\' if in_string => escape(bytes, at),
            b'0'..=b'9' if !in_string => number(text, at),
            _ => (at + 1, None),
        };
        if let Some(instead) = instead {
            changed.push_str(&text[from..at]);
            changed.push_str(instead);
            from = end;
        }
        at = end;
    }
    if from == 0 {
        return Cow::Borrowed(text);
    }
    changed.push_str(&text[from..]);
    Cow::Owned(changed)
}

/// Where an escape ends, the other half of a pair included; and what stands for it, if it is half a pair.
fn escape(bytes: &[u8], at: usize) -> (usize, Option<&'static str>) {
    match (unit(bytes, at), unit(bytes, at + 6)) {
        (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => (at + 12, None),
        (Some(0xd800..=0xdfff), _) => (at + 6, Some("\\ufffd")),
        // Whatever is escaped, it does not end the string. What lies behind the text's end is somebody else's mistake.
        _ => ((at + 2).min(bytes.len()), None),
    }
}

/// The number in a `\u` escape.
fn unit(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    digits.iter().all(u8::is_ascii_hexdigit).then_some(())?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// Where a number without its sign ends, and what stands for it, if it is too large.
fn number(text: &str, at: usize) -> (usize, Option<&'static str>) {
    let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
    let length = text.as_bytes()[at..].iter().take_while(|byte| is_part(byte)).count();
    let is_too_large = text[at..at + length].parse().is_ok_and(f64::is_infinite);
    (at + length, is_too_large.then_some(LARGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_cannot_be_held_is_changed() {
        for text in [r#"{"a":"\ud83d\ude00","b":[1.5,-0,"\\ud800","é"]}"#, r#""\"#, r#""\ud8"#, "-", "[1e5", ""] {
            assert!(matches!(within_reach(text), Cow::Borrowed(same) if same == text), "{text}");
        }
        assert_eq!(
            within_reach(r#"["\ud800","a\uDC00\ud800\ud800\udc00b"]"#),
            r#"["\ufffd","a\ufffd\ufffd\ud800\udc00b"]"#
        );
        assert_eq!(
            within_reach(r#"{"1e999":[1e400,-1e400,"1e400"]}"#),
            format!(r#"{{"1e999":[{LARGEST},-{LARGEST},"1e400"]}}"#)
        );
    }
}
