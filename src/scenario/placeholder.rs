//! `{{name}}` in the texts of a scenario: where they are. Fills nothing in.

use std::ops::Range;

/// A placeholder in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placeholder<'a> {
    /// The name in it.
    pub name: &'a str,
    /// Where it stands, braces included.
    pub range: Range<usize>,
}

/// The placeholders of a text, in order. A name is letters, digits, `.`, `-` and `_`; other braces are just braces.
pub fn placeholders(text: &str) -> impl Iterator<Item = Placeholder<'_>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let start = from + text[from..].find("{{")?;
            let rest = &text[start + 2..];
            let length = rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')))?;
            if length > 0 && rest[length..].starts_with("}}") {
                from = start + 2 + length + 2;
                return Some(Placeholder { name: &rest[..length], range: start..from });
            }
            // Of `{{{name}}` the inner braces count.
            from = start + 1;
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<&str> {
        placeholders(text).map(|p| p.name).collect()
    }

    #[test]
    fn finds_names_and_leaves_other_braces() {
        assert_eq!(names("{{a}} {{b.c-d}}{{e_1}}"), ["a", "b.c-d", "e_1"]);
        assert_eq!(names("{{{a}}} {{ a }} {{}} {{\"a\"}} {{a} }} {{ä}}"), ["a"]);
        assert_eq!(names("{{a}"), [""; 0]);
        assert_eq!(names("{{"), [""; 0]);
        assert_eq!(names(&"{{".repeat(10_000)), [""; 0]);
    }
}
