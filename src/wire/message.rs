//! Reads one JSON-RPC message leniently: what is wrong with it is for a judge to say. Never alters the bytes it was read from.

use std::sync::Arc;

use serde_json::Value;

use super::json::within_reach;

/// A JSON value that travels as one message, whatever it looks like.
///
/// A copy shares the value; so does an element of a batch with the whole.
#[derive(Debug, Clone)]
pub struct Message {
    value: Arc<Value>,
    /// Which element of the value it is, where that is a batch of which it is a part.
    part: Option<usize>,
}

impl PartialEq for Message {
    fn eq(&self, other: &Self) -> bool {
        self.value() == other.value()
    }
}

/// What a message is, by its members alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Has `method` and `id`.
    Request,
    /// Has `method` and no `id`.
    Notification,
    /// Has `result` or `error`, and no `method`.
    Response,
    /// A JSON array.
    Batch,
    /// Any other JSON value.
    Other,
}

/// Why bytes are no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAMessage {
    /// The bytes are not UTF-8.
    #[error("not UTF-8 from byte {0}")]
    NotUtf8(usize),
    /// The bytes are not JSON.
    #[error("not JSON: {0}")]
    NotJson(String),
    /// Together with what came before, more values than are kept in memory; says nothing about the sender.
    #[error("more JSON values than this harness keeps of one session")]
    TooMany,
    /// Nested deeper than can be judged; says nothing about the sender.
    #[error("nested deeper than {limit} levels", limit = Message::DEPTH_LIMIT)]
    TooDeep,
}

impl Message {
    /// Levels of nesting up to which a message is read.
    pub const DEPTH_LIMIT: usize = 127;

    /// Reads one message. White space around it is tolerated.
    pub fn read(bytes: &[u8]) -> Result<Self, NotAMessage> {
        let text = std::str::from_utf8(bytes).map_err(|e| NotAMessage::NotUtf8(e.valid_up_to()))?;
        match serde_json::from_str::<Value>(text) {
            Ok(value) => Ok(Self::from(value)),
            Err(e) if e.to_string().starts_with("recursion limit") => Err(NotAMessage::TooDeep),
            Err(e) => Err(NotAMessage::NotJson(e.to_string())),
        }
    }

    /// Reads one message that a target may have meant, though not every reader can hold it: half a surrogate pair is read as
    /// U+FFFD, a number that is too large as the largest.
    pub fn read_leniently(bytes: &[u8]) -> Result<Self, NotAMessage> {
        Self::read(bytes).or_else(|reason| match (&reason, std::str::from_utf8(bytes)) {
            (NotAMessage::NotJson(_), Ok(text)) => Self::read(within_reach(text).as_bytes()).map_err(|_| reason),
            _ => Err(reason),
        })
    }

    /// The whole value.
    pub fn value(&self) -> &Value {
        match self.part {
            Some(part) => &self.value[part],
            None => &self.value,
        }
    }

    /// The whole value, given up.
    pub fn into_value(self) -> Value {
        match self.part {
            Some(_) => self.value().clone(),
            None => Arc::unwrap_or_clone(self.value),
        }
    }

    /// What this message is.
    pub fn kind(&self) -> Kind {
        let Some(object) = self.value().as_object() else {
            return if self.value().is_array() { Kind::Batch } else { Kind::Other };
        };
        if object.contains_key("method") {
            if object.contains_key("id") { Kind::Request } else { Kind::Notification }
        } else if object.contains_key("result") || object.contains_key("error") {
            Kind::Response
        } else {
            Kind::Other
        }
    }

    /// The `id`, if the member is there (it may be `null`).
    pub fn id(&self) -> Option<&Value> {
        self.value().get("id")
    }

    /// The `method`, if it is a string.
    pub fn method(&self) -> Option<&str> {
        self.value().get("method")?.as_str()
    }

    /// The `params`, if the member is there.
    pub fn params(&self) -> Option<&Value> {
        self.value().get("params")
    }

    /// The `result`, if the member is there.
    pub fn result(&self) -> Option<&Value> {
        self.value().get("result")
    }

    /// The `error`, if the member is there.
    pub fn error(&self) -> Option<&Value> {
        self.value().get("error")
    }

    /// The messages in it: itself, or, for a batch, its elements.
    pub fn parts(&self) -> Vec<Message> {
        match self.value().as_array() {
            Some(parts) if self.part.is_none() => {
                let part = |part| Message { value: Arc::clone(&self.value), part: Some(part) };
                (0..parts.len()).map(part).collect()
            }
            _ => vec![self.clone()],
        }
    }
}

impl From<Value> for Message {
    fn from(value: Value) -> Self {
        Self { value: Arc::new(value), part: None }
    }
}

/// About how many JSON values are in a text: a parsed value takes some 70 bytes, however short its text is.
pub fn value_count(bytes: &[u8]) -> usize {
    // In parts whose count fits a byte, which are counted many at a time.
    let in_part = |part: &[u8]| part.iter().map(|byte| u8::from(matches!(byte, b',' | b'[' | b'{' | b':'))).sum::<u8>();
    bytes.chunks(255).map(|part| usize::from(in_part(part))).sum()
}

/// Whether two ids are the same: same JSON type and same value. `1` and `1.0` are one number, `1` and `"1"` are two ids.
pub fn same_id(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => x == y || x.as_f64() == y.as_f64(),
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn kind(value: Value) -> Kind {
        Message::from(value).kind()
    }

    #[test]
    fn tells_the_kinds_apart_by_members() {
        assert_eq!(kind(json!({"id": null, "method": "x"})), Kind::Request);
        assert_eq!(kind(json!({"method": "x"})), Kind::Notification);
        assert_eq!(kind(json!({"id": 1, "result": {}})), Kind::Response);
        assert_eq!(kind(json!({"error": {}})), Kind::Response);
        assert_eq!(kind(json!([])), Kind::Batch);
        assert_eq!(kind(json!(42)), Kind::Other);
        assert_eq!(kind(json!({"id": 1})), Kind::Other);
    }

    #[test]
    fn says_why_bytes_are_no_message() {
        assert_eq!(Message::read(b"{\"a\": \"\xff\"}"), Err(NotAMessage::NotUtf8(7)));
        assert!(matches!(Message::read(b"Listening on 8080"), Err(NotAMessage::NotJson(_))));
        assert!(matches!(Message::read(br#"{"id":"\ud800"}"#), Err(NotAMessage::NotJson(_))));
        assert_eq!(Message::read_leniently(br#"{"id":"\ud800"}"#), Message::read(br#"{"id":"\ufffd"}"#));
        assert!(matches!(Message::read_leniently(br#"{"id":"\ud800"#), Err(NotAMessage::NotJson(_))));
        assert_eq!(Message::read("[".repeat(100_000).as_bytes()), Err(NotAMessage::TooDeep));
    }

    #[test]
    fn ids_are_compared_by_type_and_value() {
        assert!(same_id(&json!(1), &json!(1.0)));
        assert!(!same_id(&json!(1), &json!("1")));
        assert!(same_id(&Value::Null, &Value::Null));
    }
}
