//! Brings what a server offers into the form in which it is kept: sorted, and without what varies from start to start.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::shape::shape;

/// The same offer, whatever the order in which the server tells it, the time, the port and the ids that it makes up.
pub fn normal(offer: &Value) -> Value {
    let mut offer = offer.clone();
    for (list, key) in
        [("tools", "name"), ("resources", "uri"), ("resourceTemplates", "uriTemplate"), ("prompts", "name")]
    {
        sort_by(&mut offer, list, key);
    }
    for prompt in offer.get_mut("prompts").and_then(Value::as_array_mut).into_iter().flatten() {
        sort_by(prompt, "arguments", "name");
    }
    for resource in offer.get_mut("resources").and_then(Value::as_array_mut).into_iter().flatten() {
        // The size of a file is its content's affair.
        resource.as_object_mut().map(|resource| resource.remove("size"));
    }
    for tool in offer.get_mut("tools").and_then(Value::as_array_mut).into_iter().flatten() {
        for name in ["inputSchema", "outputSchema"] {
            tool.get_mut(name).map(sort_sets);
        }
    }
    for answer in offer.get_mut("results").and_then(Value::as_object_mut).into_iter().flat_map(|all| all.values_mut()) {
        *answer = shape(answer);
    }
    redact(&mut offer);
    offer.sort_all_objects();
    offer
}

fn sort_by(object: &mut Value, list: &str, key: &str) {
    if let Some(items) = object.get_mut(list).and_then(Value::as_array_mut) {
        items.sort_by(|a, b| a[key].as_str().cmp(&b[key].as_str()));
    }
}

/// Sorts what is a set in a schema, though it is written as a list.
fn sort_sets(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            for (key, member) in members {
                match (key.as_str(), member) {
                    ("required" | "enum" | "type", Value::Array(items)) => items.sort_by_cached_key(Value::to_string),
                    ("default" | "const" | "examples", _) => {}
                    (_, member) => sort_sets(member),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(sort_sets),
        _ => {}
    }
}

/// What differs from start to start, and what stands for it.
static VARYING: LazyLock<[(Regex, &str); 4]> = LazyLock::new(|| {
    [
        (r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}", "[uuid]"),
        (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?", "[time]"),
        (r"\b[0-9a-f]{32,}\b", "[hex]"),
        (r"\b(?P<host>localhost|127\.0\.0\.1):\d{2,5}\b", "$host:[port]"),
    ]
    .map(|(pattern, word)| (Regex::new(pattern).expect("a test uses every pattern"), word))
});

/// A text without what differs from start to start.
pub(super) fn steady(text: &mut String) {
    for (pattern, word) in &*VARYING {
        if let Cow::Owned(redacted) = pattern.replace_all(text, *word) {
            *text = redacted;
        }
    }
}

fn redact(value: &mut Value) {
    match value {
        Value::String(text) => steady(text),
        Value::Array(items) => items.iter_mut().for_each(redact),
        Value::Object(members) => members.values_mut().for_each(redact),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn order_does_not_matter_and_what_varies_is_left_out() {
        let one = json!({"tools": [{"name": "b"}, {"name": "a", "inputSchema": {"required": ["y", "x"], "type": "object"}}],
            "instructions": "Started 2026-11-21T02:00:00Z as 123e4567-e89b-12d3-a456-426614174000 on http://127.0.0.1:3412/.",
            "resources": [{"uri": "a:1", "size": 4, "name": "0123456789abcdef0123456789abcdef"}]});
        let other = json!({"resources": [{"name": "fedcba98765432100123456789abcdef", "uri": "a:1"}],
            "instructions": "Started 2025-01-01T00:00:00.123+02:00 as 00000000-e89b-12d3-a456-426614174000 on http://127.0.0.1:99/.",
            "tools": [{"inputSchema": {"type": "object", "required": ["x", "y"]}, "name": "a"}, {"name": "b"}]});
        assert_eq!(normal(&one).to_string(), normal(&other).to_string());
        assert_eq!(normal(&one)["instructions"], "Started [time] as [uuid] on http://127.0.0.1:[port]/.");
        assert_eq!(normal(&one)["resources"][0]["name"], "[hex]");
    }
}
