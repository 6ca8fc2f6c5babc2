//! `{{name}}` in the texts of a scenario: where they are, and what becomes of them. Knows no names itself.

use std::ops::Range;

use serde_json::{Map, Value};

/// A placeholder in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placeholder<'a> {
    /// The name in it.
    pub name: &'a str,
    /// Where it stands, braces included.
    pub range: Range<usize>,
}

/// A name to which nothing is bound.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("nothing is bound to `{0}`")]
pub struct Unbound(pub String);

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

/// A value with its placeholders filled in, keys left alone. A text that is one placeholder becomes the value; inside a longer
/// text a value becomes text (a text as it is, all else as JSON).
pub fn fill(value: &Value, lookup: &dyn Fn(&str) -> Option<Value>) -> Result<Value, Unbound> {
    Ok(match value {
        Value::String(text) => fill_string(text, lookup)?,
        Value::Array(items) => Value::Array(items.iter().map(|item| fill(item, lookup)).collect::<Result<_, _>>()?),
        Value::Object(members) => {
            let filled = members.iter().map(|(key, value)| Ok((key.clone(), fill(value, lookup)?)));
            Value::Object(filled.collect::<Result<Map<_, _>, _>>()?)
        }
        other => other.clone(),
    })
}

/// A text in which each placeholder becomes JSON, for bytes that are JSON or nearly so: `{"method": {{name}}}`.
pub fn fill_json(text: &str, lookup: &dyn Fn(&str) -> Option<Value>) -> Result<String, Unbound> {
    replace(text, lookup, &|value| value.to_string())
}

fn fill_string(text: &str, lookup: &dyn Fn(&str) -> Option<Value>) -> Result<Value, Unbound> {
    if let Some(whole) = placeholders(text).next().filter(|p| p.range == (0..text.len())) {
        return lookup(whole.name).ok_or_else(|| Unbound(whole.name.to_owned()));
    }
    let shown = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    replace(text, lookup, &shown).map(Value::String)
}

fn replace(
    text: &str,
    lookup: &dyn Fn(&str) -> Option<Value>,
    show: &dyn Fn(Value) -> String,
) -> Result<String, Unbound> {
    let mut filled = String::with_capacity(text.len());
    let mut from = 0;
    for placeholder in placeholders(text) {
        let value = lookup(placeholder.name).ok_or_else(|| Unbound(placeholder.name.to_owned()))?;
        filled.push_str(&text[from..placeholder.range.start]);
        filled.push_str(&show(value));
        from = placeholder.range.end;
    }
    filled.push_str(&text[from..]);
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn names(text: &str) -> Vec<&str> {
        placeholders(text).map(|p| p.name).collect()
    }

    fn lookup(name: &str) -> Option<Value> {
        match name {
            "n" => Some(json!(5)),
            "t" => Some(json!("a\"b")),
            "o" => Some(json!({"x": [1]})),
            _ => None,
        }
    }

    #[test]
    fn finds_names_and_leaves_other_braces() {
        assert_eq!(names("{{a}} {{b.c-d}}{{e_1}}"), ["a", "b.c-d", "e_1"]);
        assert_eq!(names("{{{a}}} {{ a }} {{}} {{\"a\"}} {{a} }} {{ä}}"), ["a"]);
        assert_eq!(names("{{a}"), [""; 0]);
        assert_eq!(names("{{"), [""; 0]);
        assert_eq!(names(&"{{".repeat(10_000)), [""; 0]);
    }

    #[test]
    fn a_whole_text_becomes_the_value() {
        let filled = fill(&json!({"a": "{{n}}", "b": ["{{o}}", "n={{n}} t={{t}} o={{o}}"], "{{n}}": null}), &lookup);
        assert_eq!(filled, Ok(json!({"a": 5, "b": [{"x": [1]}, "n=5 t=a\"b o={\"x\":[1]}"], "{{n}}": null})));
        assert_eq!(fill(&json!(["{{nobody}}"]), &lookup), Err(Unbound("nobody".into())));
    }

    #[test]
    fn in_raw_text_values_become_json() {
        assert_eq!(fill_json("{\"id\":{{n}},\"m\":{{t}}}", &lookup), Ok(r#"{"id":5,"m":"a\"b"}"#.into()));
    }
}
