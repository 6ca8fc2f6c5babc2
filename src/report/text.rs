//! Text of strangers', ready to be shown: harmless, and no longer than a report can bear.

use crate::source::printable;

/// Bytes of one text that a report shows; nothing that a person reads is longer.
const LIMIT: usize = 16 << 10;

/// The text on one line, harmless; see [`printable`].
pub(super) fn plain(text: &str) -> String {
    printable(text, LIMIT)
}

/// The same, cut to a number of characters for a cell of a table.
pub(super) fn clipped(text: &str, limit: usize) -> String {
    let line = plain(text);
    if line.chars().nth(limit).is_none() {
        return line;
    }
    line.chars().take(limit.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_cut_at_characters() {
        assert_eq!(clipped("日本語です", 3), "日本…");
        assert_eq!(clipped("abc", 3), "abc");
    }
}
