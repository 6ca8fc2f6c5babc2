//! What must not be shown: values of variables and headers, taken out of any text before it reaches a report. Knows no
//! report.

use serde_json::Value;

/// Values that are secret, each with what is shown instead.
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    /// Longest first, so that a secret within another does not uncover the rest of it.
    values: Vec<(String, String)>,
}

/// What is shown instead of a secret that has no name.
const LEFT_OUT: &str = "…";
/// Shorter values are no secrets, and would be found everywhere.
const SHORTEST: usize = 4;

impl Secrets {
    /// Adds a value, to be shown as another text; an empty one stands for `…`.
    pub fn add(&mut self, value: &str, shown: &str) {
        let shown = if shown.is_empty() { LEFT_OUT } else { shown };
        // As a message carries it, a text is escaped.
        let escaped = Value::from(value).to_string();
        // In an address it is encoded.
        let encoded: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
        for form in [value, &escaped[1..escaped.len() - 1], &encoded] {
            if form.len() >= SHORTEST && !self.values.iter().any(|(known, _)| known == form) {
                self.values.push((form.to_owned(), shown.to_owned()));
            }
        }
        self.values.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
    }

    /// Adds the value of a header or an environment variable, if its name says that it is secret.
    pub fn add_named(&mut self, name: &str, value: &str) {
        let name = name.to_ascii_lowercase();
        let words = ["authorization", "cookie", "token", "key", "secret", "password", "passwd", "credential", "auth"];
        if words.iter().any(|word| name.contains(word)) {
            self.add(value, "");
            // `Bearer abc`: the server may repeat the second part alone.
            if let Some((_, credentials)) = value.split_once(' ') {
                self.add(credentials.trim(), "");
            }
        }
    }

    /// Adds all of another list.
    pub fn join(&mut self, other: &Self) {
        other.values.iter().for_each(|(value, shown)| self.add(value, shown));
    }

    /// Whether there is nothing to hide.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The text without secrets; also without the beginning of one where the text was cut off, which `…` tells.
    pub fn redacted(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (value, shown) in &self.values {
            if text.contains(value.as_str()) {
                text = text.replace(value.as_str(), shown);
            }
        }
        if text.contains('…') { self.without_beginnings(&text) } else { text }
    }

    fn without_beginnings(&self, text: &str) -> String {
        let parts: Vec<&str> = text.split('…').collect();
        let (last, cut) = parts.split_last().map_or((text, [].as_slice()), |(last, cut)| (*last, cut));
        let mut whole: Vec<_> = cut.iter().map(|part| self.without_beginning(part)).collect();
        whole.push(last);
        whole.join("…")
    }

    fn without_beginning<'t>(&self, part: &'t str) -> &'t str {
        let beginnings = self.values.iter().flat_map(|(value, _)| {
            value.char_indices().map(|(at, _)| at).filter(|at| *at >= SHORTEST).map(move |at| &value[..at])
        });
        let longest = beginnings.filter(|beginning| part.ends_with(beginning)).map(str::len).max();
        &part[..part.len() - longest.unwrap_or_default()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_shown_by_name_wherever_they_stand() {
        let mut secrets = Secrets::default();
        secrets.add("s3cr\"et", "${KEY}");
        secrets.add("s3cr\"et-and-more", "${LONG}");
        secrets.add("1", "${ONE}");
        secrets.add_named("X-Api-Key", "Bearer abcdef");
        secrets.add_named("Accept", "text/plain");
        assert_eq!(secrets.redacted("a s3cr\"et-and-more b s3cr\"et 1"), "a ${LONG} b ${KEY} 1");
        assert_eq!(secrets.redacted(r#"{"k":"s3cr\"et"}"#), r#"{"k":"${KEY}"}"#);
        secrets.add("a+b/c==", "");
        assert_eq!(secrets.redacted("/mcp?access_token=a%2Bb%2Fc%3D%3D"), "/mcp?access_token=…");
        assert_eq!(secrets.redacted("got abcdef for text/plain"), "got … for text/plain");
        assert_eq!(secrets.redacted("cut off: abcde… (9 bytes more), s3cr… end"), "cut off: … (9 bytes more), … end");
    }
}
