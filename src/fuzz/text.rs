//! Looks at the text of a JSON message without giving up its bytes: where ids stand, whether a name comes twice. A message that
//! a parser would take apart and put together again would no longer be the one that was meant.

use std::ops::Range;

/// What stands at the top of a message.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Members {
    /// Where the value of `id` stands, if it stands there exactly once.
    pub(super) id: Option<Range<usize>>,
    /// How often `id` stands there.
    pub(super) ids: usize,
    /// Whether there is a `method`.
    pub(super) has_method: bool,
}

/// The members of each message in a text that has been seen to be JSON: of the object, or of the elements of an array.
pub(super) fn members(text: &[u8]) -> Vec<Members> {
    let mut found: Vec<Members> = Vec::new();
    let mut depth = 0_usize;
    let mut in_array = false;
    let mut at = 0;
    while at < text.len() {
        match text[at] {
            b'"' => {
                let end = end_of_text(text, at);
                let is_key = depth == 1 + usize::from(in_array) && after_space(text, end).1 == Some(b':');
                if is_key && let Some(current) = found.last_mut() {
                    let (colon, _) = after_space(text, end);
                    let (value, _) = after_space(text, colon + 1);
                    match &text[at + 1..end - 1] {
                        b"id" => {
                            let range = value..end_of_value(text, value);
                            // Of two it cannot be told which counts.
                            current.ids += 1;
                            current.id = if current.ids > 1 { None } else { Some(range) };
                        }
                        b"method" => current.has_method = true,
                        _ => {}
                    }
                }
                at = end;
            }
            open @ (b'{' | b'[') => {
                in_array |= depth == 0 && open == b'[';
                if open == b'{' && depth == usize::from(in_array) {
                    found.push(Members::default());
                }
                depth += 1;
                at += 1;
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                at += 1;
            }
            _ => at += 1,
        }
    }
    found
}

/// How many members all objects of a JSON text have together, a name that comes twice counted twice.
pub(super) fn member_count(text: &[u8]) -> usize {
    let (mut count, mut at) = (0, 0);
    while at < text.len() {
        match text[at] {
            b'"' => at = end_of_text(text, at),
            other => {
                count += usize::from(other == b':');
                at += 1;
            }
        }
    }
    count
}

/// The place after the closing quote of a text that begins here.
fn end_of_text(text: &[u8], from: usize) -> usize {
    let mut at = from + 1;
    while at < text.len() {
        match text[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

fn after_space(text: &[u8], from: usize) -> (usize, Option<u8>) {
    let skipped = text.get(from..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    (from + skipped, text.get(from + skipped).copied())
}

/// The end of the value that begins here.
fn end_of_value(text: &[u8], from: usize) -> usize {
    match text.get(from) {
        Some(b'"') => end_of_text(text, from),
        Some(b'{' | b'[') => {
            let (mut depth, mut at) = (0_usize, from);
            while at < text.len() {
                match text[at] {
                    b'"' => {
                        at = end_of_text(text, at);
                        continue;
                    }
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => depth -= 1,
                    _ => {}
                }
                at += 1;
                if depth == 0 {
                    break;
                }
            }
            at
        }
        _ => {
            let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']') || byte.is_ascii_whitespace();
            text[from..].iter().position(ends).map_or(text.len(), |length| from + length)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(text: &str) -> Vec<Option<&str>> {
        members(text.as_bytes()).into_iter().map(|found| found.id.map(|at| &text[at])).collect()
    }

    #[test]
    fn ids_are_found_where_they_stand() {
        assert_eq!(ids(r#"{"a": {"id": 1}, "id" : 7 , "b": "\"id\": 2"}"#), [Some("7")]);
        assert_eq!(
            ids(r#"[{"id":"x\"y"},{"method":"m"}, {"id":[1,{"id":2}]}]"#),
            [Some(r#""x\"y""#), None, Some(r#"[1,{"id":2}]"#)]
        );
        assert_eq!(ids(r#"{"id":1,"id":2}"#), [None]);
        assert_eq!(ids(r#"{"id":null}"#), [Some("null")]);
        assert_eq!(ids("42"), []);
    }

    #[test]
    fn names_that_come_twice_are_counted_twice() {
        assert_eq!(member_count(br#"{"a": 1, "a": {"b:": ":"}}"#), 3);
    }
}
