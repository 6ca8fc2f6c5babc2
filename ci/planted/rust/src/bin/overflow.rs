//! Planted: counts in numbers that are too small for what its schema allows.

use planted::{serve, tool};
use serde_json::json;

fn main() {
    let side = json!({"type": "integer", "minimum": 0, "maximum": 100_000});
    let tools = [tool("area", json!({"width": side, "height": side}), &["width", "height"])];
    serve("overflow", &tools, |_, arguments| {
        let side = |key: &str| u32::try_from(arguments[key].as_u64().unwrap_or_default()).unwrap_or_default();
        format!("{} square metres", side("width") * side("height"))
    });
}
