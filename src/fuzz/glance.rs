//! A look at a message that costs next to nothing: whose it is. Reads no more than that.

use serde::Deserialize;
use serde_json::Value;

/// The members of a message by which it is told whose it is; the rest is not looked at.
#[derive(Debug, Default)]
pub(super) struct Glance {
    /// Its id.
    pub(super) id: Option<Value>,
    /// Its method.
    pub(super) method: Option<String>,
    /// The messages of a batch.
    pub(super) parts: Option<Vec<Part>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Part {
    pub(super) id: Option<Value>,
    method: Option<Value>,
}

/// Reads as much of a message as tells whose it is.
pub(super) fn glance(text: &[u8]) -> Option<Glance> {
    let text = text.trim_ascii_start();
    if text.first() == Some(&b'[') {
        let parts: Vec<Part> = serde_json::from_slice(text).ok()?;
        return Some(Glance { parts: Some(parts), ..Glance::default() });
    }
    let part: Part = serde_json::from_slice(text).ok()?;
    let method = part.method.and_then(|method| method.as_str().map(str::to_owned));
    Some(Glance { id: part.id, method, parts: None })
}
