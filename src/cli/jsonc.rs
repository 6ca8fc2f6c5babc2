//! JSON as editors write it (comments, tabs) becomes JSON that every reader takes. Keeps every byte's place.

/// The text with comments and tabs blanked out; what stands in strings stays.
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let length = match next {
            '"' => string(rest),
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest[2..].find("*/").map_or(rest.len(), |end| end + 4),
            _ => next.len_utf8(),
        };
        let (part, behind) = rest.split_at(length);
        match next {
            '/' if part.len() > 1 => plain.extend(part.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' })),
            '\t' => plain.push(' '),
            _ => plain.push_str(part),
        }
        rest = behind;
    }
    plain
}

/// Length of the string that begins here, with its quotes.
fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            b'"' if !escaped => return at + 1,
            b'\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_tabs_are_blank_and_strings_stay() {
        let text = "{\n\t// a \"comment\"\n\t\"url\": \"http://x\\\"//y\", /* ü\n */ \"b\": 1 }";
        let (before, inside) = (" ".repeat(15), " ".repeat(6));
        let expected = format!("{{\n{before}\n \"url\": \"http://x\\\"//y\",{inside}\n    \"b\": 1 }}");
        assert_eq!(plain(text), expected);
        assert_eq!(plain(text).len(), text.len());
        for open in ["\"abc", "/* abc", "// abc", "/", "\"\\"] {
            assert_eq!(plain(open).len(), open.len());
        }
    }
}
