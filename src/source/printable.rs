//! Makes any text harmless to show, on one line: in a terminal, in XML, in a page. Does not quote for a format: a page still
//! escapes its `<`.

use std::fmt::Write as _;

/// A text of a stranger's, on one line and without anything that a terminal or a reader would obey: control characters,
/// escape sequences, marks that turn the direction of writing, characters that cannot be seen. They become `\n`, `\t`, `\u{1b}`.
/// Of a text longer than `limit` bytes the rest is counted: `… (N bytes more)`.
pub fn printable(text: &str, limit: usize) -> String {
    let kept = &text[..text.floor_char_boundary(limit)];
    let mut shown = String::with_capacity(kept.len());
    for c in kept.chars() {
        push(&mut shown, c);
    }
    push_rest(&mut shown, text.len() - kept.len());
    shown
}

/// The same for bytes that need not be UTF-8; what is not becomes `\xff`.
pub fn printable_bytes(bytes: &[u8], limit: usize) -> String {
    let mut end = bytes.len().min(limit);
    // A character that the limit would cut in two is left out whole.
    while end < bytes.len() && end > limit.saturating_sub(3) && bytes[end] & 0xc0 == 0x80 {
        end -= 1;
    }
    let mut shown = String::with_capacity(end);
    for chunk in bytes[..end].utf8_chunks() {
        chunk.valid().chars().for_each(|c| push(&mut shown, c));
        for byte in chunk.invalid() {
            write!(shown, "\\x{byte:02x}").expect("writing to a String never fails");
        }
    }
    push_rest(&mut shown, bytes.len() - end);
    shown
}

fn push(shown: &mut String, c: char) {
    match c {
        '\n' => shown.push_str("\\n"),
        '\r' => shown.push_str("\\r"),
        '\t' => shown.push_str("\\t"),
        '\0' => shown.push_str("\\0"),
        c if is_hostile(c) => shown.extend(c.escape_unicode()),
        c => shown.push(c),
    }
}

fn push_rest(shown: &mut String, rest: usize) {
    if rest > 0 {
        write!(shown, "… ({rest} bytes more)").expect("writing to a String never fails");
    }
}

fn is_hostile(c: char) -> bool {
    let is_noncharacter = u32::from(c) & 0xfffe == 0xfffe;
    c.is_control()
        || is_noncharacter
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}'
            // Zero width, direction of writing, line and paragraph separators. Joiners stay: scripts and emoji need them.
            | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fdd0}'..='\u{fdef}'
            // Tags: a whole alphabet that cannot be seen.
            | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn shows_what_cannot_be_seen() {
        let cases = [
            ("plain ümläut 日本 🦀", "plain ümläut 日本 🦀"),
            ("\u{1b}[31mred\u{1b}[0m", "\\u{1b}[31mred\\u{1b}[0m"),
            ("a\0b\r\n\tc\u{7f}", "a\\0b\\r\\n\\tc\\u{7f}"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("\u{202e}gnp.exe\u{202c}", "\\u{202e}gnp.exe\\u{202c}"),
            ("\u{2066}\u{2069}\u{200e}\u{200f}\u{61c}", "\\u{2066}\\u{2069}\\u{200e}\\u{200f}\\u{61c}"),
            ("\u{fffe}\u{ffff}\u{1ffff}\u{feff}", "\\u{fffe}\\u{ffff}\\u{1ffff}\\u{feff}"),
            ("\u{2028}\u{e0041}", "\\u{2028}\\u{e0041}"),
            ("👩\u{200d}🔬", "👩\u{200d}🔬"),
        ];
        for (hostile, shown) in cases {
            assert_eq!(printable(hostile, 1000), shown);
            assert_eq!(printable_bytes(hostile.as_bytes(), 1000), shown);
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_shown() {
        assert_eq!(printable_bytes(b"a\xff\xfe\xc3", 100), "a\\xff\\xfe\\xc3");
        assert_eq!(printable_bytes(&[0x80; 9], 4), "\\x80… (8 bytes more)");
    }

    #[test]
    fn what_is_long_is_counted() {
        assert_eq!(printable("abcdef", 4), "abcd… (2 bytes more)");
        assert_eq!(printable("abcä", 4), "abc… (2 bytes more)");
        assert_eq!(printable_bytes("abcä".as_bytes(), 4), "abc… (2 bytes more)");
        assert_eq!(printable("abc", 3), "abc");
    }

    proptest! {
        #[test]
        fn nothing_hostile_is_left(bytes in proptest::collection::vec(any::<u8>(), 0..64), text in any::<String>(), limit in 0usize..80) {
            for shown in [printable(&text, limit), printable_bytes(&bytes, limit), printable_bytes(text.as_bytes(), limit)] {
                prop_assert!(!shown.chars().any(is_hostile), "{shown:?}");
                prop_assert_eq!(printable(&shown, 10_000), shown);
            }
        }
    }
}
