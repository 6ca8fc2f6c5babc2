//! The first inputs for a target: one for each thing that it offers.

use serde_json::{Value, json};

use super::message::{piece, request};
use super::{Input, World, arguments};
use crate::protocol::Profile;

/// Conversations that are valid and reach what the target offers.
pub fn seeds(world: &World) -> Vec<Input> {
    let mut all = Vec::new();
    let mut add = |method: &str, params: Value| all.push(Input::from(vec![piece(&request(world, method, &params))]));
    let profile = Profile::of(world.revision);
    add(&profile.alive, json!({}));
    for method in profile.requests.keys().filter(|method| method.ends_with("/list")) {
        add(method, json!({}));
    }
    for tool in &world.tools {
        let given = tool["name"].as_str().and_then(|name| world.arguments.get(name)).cloned();
        if let Some(arguments) = given.or_else(|| arguments::generate(&tool["inputSchema"])) {
            add("tools/call", json!({"name": tool["name"], "arguments": arguments}));
        }
    }
    for resource in &world.resources {
        add("resources/read", json!({"uri": resource["uri"]}));
    }
    for prompt in &world.prompts {
        add("prompts/get", json!({"name": prompt["name"], "arguments": {}}));
    }
    all
}
