//! Planted: cuts text in the middle of a character.

use planted::{serve, tool};
use serde_json::json;

fn main() {
    let tools = [tool("shorten", json!({"text": {"type": "string"}}), &["text"])];
    serve("unicode", &tools, |_, arguments| {
        let text = arguments["text"].as_str().unwrap_or_default();
        format!("{} of {} bytes", text[..text.len().min(8)].len(), text.len())
    });
}
