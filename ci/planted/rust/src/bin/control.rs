//! Nothing is wrong with this one.

use planted::{serve, tool};
use serde_json::json;

fn main() {
    let side = json!({"type": "integer", "minimum": 0, "maximum": 100_000});
    let tools = [
        tool("area", json!({"width": side, "height": side}), &["width", "height"]),
        tool("shorten", json!({"text": {"type": "string"}}), &["text"]),
    ];
    serve("control", &tools, |name, arguments| match name {
        "area" => {
            let side = |key: &str| arguments[key].as_u64().unwrap_or_default();
            format!("{} square metres", side("width") * side("height"))
        }
        _ => {
            arguments["text"].as_str().unwrap_or_default().chars().take(8).filter(char::is_ascii_alphanumeric).collect()
        }
    });
}
