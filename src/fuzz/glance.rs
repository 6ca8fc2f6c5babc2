//! A first look at what came: whose it is. What is large is not read beyond that.

use serde::Deserialize;
use serde_json::Value;

use crate::wire::{Message, value_count};

/// The members of a message by which it is told whose it is; the rest is not looked at.
#[derive(Debug, Default)]
pub(super) struct Glance {
    /// Its id.
    pub(super) id: Option<Value>,
    /// Its method.
    pub(super) method: Option<String>,
    /// The messages of a batch.
    pub(super) parts: Option<Vec<Part>>,
    /// The whole message, where it is not large.
    pub(super) message: Option<Message>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Part {
    pub(super) id: Option<Value>,
    method: Option<Value>,
}

/// Values in a message that is read as a whole.
const WHOLE: usize = 10_000;

/// Reads as much of a message as tells whose it is, at least.
pub(super) fn glance(text: &[u8]) -> Option<Glance> {
    let message = if value_count(text) < WHOLE { Message::read(text).ok() } else { None };
    if let Some(message) = message {
        let parts = message.value().as_array();
        // An id that is null tells no more than none.
        let id = |value: &Value| value.get("id").filter(|id| !id.is_null()).cloned();
        let part = |value: &Value| Part { id: id(value), method: None };
        return Some(Glance {
            id: id(message.value()),
            method: message.method().map(str::to_owned),
            parts: parts.map(|parts| parts.iter().map(part).collect()),
            message: Some(message),
        });
    }
    let text = text.trim_ascii_start();
    if text.first() == Some(&b'[') {
        let parts: Vec<Part> = serde_json::from_slice(text).ok()?;
        return Some(Glance { parts: Some(parts), ..Glance::default() });
    }
    let part: Part = serde_json::from_slice(text).ok()?;
    let method = part.method.and_then(|method| method.as_str().map(str::to_owned));
    Some(Glance { id: part.id, method, ..Glance::default() })
}
