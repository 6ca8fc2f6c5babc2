//! Planted: dies where three nested values are what it asks for, one within the other.

use planted::{serve, tool};
use serde_json::json;

fn main() {
    let options = json!({"type": "object", "properties": {"depth": {"type": "integer"}, "tag": {"type": "string"}}});
    let tools = [tool("grade", json!({"mode": {"type": "string"}, "options": options}), &["mode", "options"])];
    serve("nested", &tools, |_, arguments| {
        if arguments["mode"] == "admin" {
            let options = &arguments["options"];
            if options["depth"] == 3 && options["tag"].as_str().is_some_and(|tag| tag == "zz9") {
                std::process::exit(9);
            }
        }
        "graded".to_owned()
    });
}
