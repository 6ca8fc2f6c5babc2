//! Makes text from a target harmless to show: what would steer a terminal, a page or the reader's eye is spelled out.

use std::fmt::Write as _;

/// One line in which nothing is invisible: controls, line ends, direction marks and the like become `\u{…}` or `\n`.
pub(super) fn plain(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push_str("\\t"),
            _ if is_unseen(c) => {
                // Writing to a string cannot fail.
                let _ = write!(line, "\\u{{{:x}}}", u32::from(c));
            }
            _ => line.push(c),
        }
    }
    line
}

/// The same, cut to a number of characters; what is cut off is told by `…`.
pub(super) fn clipped(text: &str, limit: usize) -> String {
    let line = plain(text);
    if line.chars().nth(limit).is_none() {
        return line;
    }
    line.chars().take(limit.saturating_sub(1)).chain(['…']).collect()
}

fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
        || u32::from(c) & 0xfffe == 0xfffe
        || ('\u{fdd0}'..='\u{fdef}').contains(&c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spells_out_what_cannot_be_seen() {
        assert_eq!(plain("a\x1b[31m\0\u{202e}b\n\u{fffe}é日"), "a\\u{1b}[31m\\u{0}\\u{202e}b\\n\\u{fffe}é日");
    }

    #[test]
    fn cuts_at_characters() {
        assert_eq!(clipped("日本語です", 3), "日本…");
        assert_eq!(clipped("abc", 3), "abc");
    }
}
