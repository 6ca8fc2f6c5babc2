//! Fills placeholders in: `"{{name}}"` alone becomes the value, inside a longer text its text. Knows values, not checks.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::scenario::{FACTS, Placeholder, placeholders};

/// Values by name: facts, the case's, and what steps have bound. Later ones hide earlier ones.
#[derive(Debug, Clone, Default)]
pub(super) struct Bindings {
    facts: Arc<Map<String, Value>>,
    values: Map<String, Value>,
}

/// A placeholder without a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{{{{{0}}}}}` has no value")]
pub(super) struct Unbound(pub String);

impl Bindings {
    /// Starts with these facts.
    pub(super) fn new(facts: &Arc<Map<String, Value>>) -> Self {
        Self { facts: Arc::clone(facts), values: Map::new() }
    }

    /// Gives a name a value.
    pub(super) fn bind(&mut self, name: &str, value: Value) {
        self.values.insert(name.to_owned(), value);
    }

    /// The value of a name; `a.b` looks into an object where no such name is bound whole.
    pub(super) fn value(&self, name: &str) -> Option<&Value> {
        let whole = |name: &str| self.values.get(name).or_else(|| self.facts.get(name));
        whole(name).or_else(|| {
            let (first, rest) = name.split_once('.')?;
            rest.split('.').try_fold(whole(first)?, |value, key| value.get(key))
        })
    }

    /// A JSON value with its placeholders filled in.
    pub(super) fn fill(&self, value: &Value) -> Result<Value, Unbound> {
        Ok(match value {
            Value::String(text) => match whole_placeholder(text) {
                Some(name) => self.value(name).cloned().ok_or_else(|| Unbound(name.to_owned()))?,
                None => Value::String(self.fill_text(text, plain)?),
            },
            Value::Array(items) => items.iter().map(|item| self.fill(item)).collect::<Result<_, _>>()?,
            Value::Object(members) => {
                let members = members.iter().map(|(key, value)| Ok((self.fill_text(key, plain)?, self.fill(value)?)));
                Value::Object(members.collect::<Result<_, Unbound>>()?)
            }
            other => other.clone(),
        })
    }

    /// A text with its placeholders filled in as text.
    pub(super) fn fill_plain(&self, text: &str) -> Result<String, Unbound> {
        self.fill_text(text, plain)
    }

    /// A text of JSON, or near JSON, with its placeholders filled in as JSON.
    pub(super) fn fill_json_text(&self, text: &str) -> Result<String, Unbound> {
        self.fill_text(text, Value::to_string)
    }

    fn fill_text(&self, text: &str, write: impl Fn(&Value) -> String) -> Result<String, Unbound> {
        let mut filled = String::with_capacity(text.len());
        let mut from = 0;
        for Placeholder { name, range } in placeholders(text) {
            filled.push_str(&text[from..range.start]);
            filled.push_str(&write(self.value(name).ok_or_else(|| Unbound(name.to_owned()))?));
            from = range.end;
        }
        filled.push_str(&text[from..]);
        Ok(filled)
    }
}

/// Whether a name is that of a fact, so that a target which lacks it just offers nothing to exercise.
pub(super) fn is_fact(name: &str) -> bool {
    name.starts_with("capabilities.") || FACTS.iter().any(|fact| fact.name == name)
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn whole_placeholder(text: &str) -> Option<&str> {
    placeholders(text).next().filter(|first| first.range == (0..text.len())).map(|first| first.name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn bindings() -> Bindings {
        let mut bindings = Bindings::default();
        bindings.bind("id", json!(7));
        bindings.bind("tool", json!({"name": "echo", "arguments": {"text": "a"}}));
        bindings
    }

    #[test]
    fn a_lone_placeholder_becomes_the_value() {
        let filled = bindings().fill(&json!({"id": "{{id}}", "a": ["{{tool.arguments}}", "no {{id}} {{tool.name}}"]}));
        assert_eq!(filled, Ok(json!({"id": 7, "a": [{"text": "a"}, "no 7 echo"]})));
        assert_eq!(bindings().fill(&json!("{{nothing}}")), Err(Unbound("nothing".to_owned())));
    }

    #[test]
    fn text_of_json_gets_json() {
        let filled = bindings().fill_json_text(r#"{"id":{{id}},"n":{{tool.name}},"x":{"y":{}}}"#);
        assert_eq!(filled.as_deref(), Ok(r#"{"id":7,"n":"echo","x":{"y":{}}}"#));
    }
}
