//! Fills in the placeholders of rules: `{{id}}`, `{{progressToken}}` and `{{revision}}`. Knows no rules.

use serde_json::{Map, Value};

/// What placeholders stand for.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) id: Value,
    token: Value,
    pub(super) revision: Value,
}

impl Facts {
    /// Those of a message, which may name another revision than its session.
    pub(super) fn of(message: &Value, revision: &Value) -> Self {
        let at = |pointer| message.pointer(pointer).cloned().unwrap_or(Value::Null);
        let token = match at("/params/_meta/progressToken") {
            Value::Null => at("/params/progressToken"),
            token => token,
        };
        let revision = match at("/params/_meta/io.modelcontextprotocol~1protocolVersion") {
            Value::Null => revision.clone(),
            revision => revision,
        };
        Self { id: at("/id"), token, revision }
    }

    /// A value with its placeholders filled in.
    pub(super) fn fill(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => self.fill_text(text),
            Value::Array(parts) => parts.iter().map(|part| self.fill(part)).collect(),
            Value::Object(members) => {
                members.iter().map(|(name, member)| (name.clone(), self.fill(member))).collect::<Map<_, _>>().into()
            }
            other => other.clone(),
        }
    }

    fn fill_text(&self, text: &str) -> Value {
        let known = [("{{id}}", &self.id), ("{{progressToken}}", &self.token), ("{{revision}}", &self.revision)];
        if let Some((_, value)) = known.iter().find(|(placeholder, _)| *placeholder == text) {
            return (*value).clone();
        }
        let mut filled = text.to_owned();
        for (placeholder, value) in known {
            if filled.contains(placeholder) {
                let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                filled = filled.replace(placeholder, &shown);
            }
        }
        Value::String(filled)
    }
}
