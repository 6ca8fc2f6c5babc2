//! What a target offers, as parameters of requests. Of tools it knows only those that may be called.

use serde_json::{Map, Value, json};

use super::choice::{below, one_in, pick};
use super::{Unstructured, World, arguments};

/// Parameters that are taken from what the target offers, never from the schema alone.
pub(super) const HELD: &[&str] = &[
    "name",
    "arguments",
    "uri",
    "ref",
    "argument",
    "context",
    "cursor",
    "taskId",
    "task",
    "inputResponses",
    "requestState",
];

/// Values that are tried where they fit, of one message.
const POOL: usize = 6;

/// Whether the target offers what a method is about.
pub(super) fn has_something_for(world: &World, method: &str) -> bool {
    match method {
        "tools/call" => !world.tools.is_empty(),
        "resources/read" | "resources/subscribe" | "resources/unsubscribe" => {
            !(world.resources.is_empty() && world.templates.is_empty() && world.mined.uris.is_empty())
        }
        "prompts/get" => !world.prompts.is_empty(),
        "completion/complete" => !(world.prompts.is_empty() && world.templates.is_empty()),
        _ => true,
    }
}

/// Whether a method is about a thing that the target offers, rather than a list of them.
pub(super) fn is_about_something(method: &str) -> bool {
    matches!(method, "tools/call" | "resources/read" | "prompts/get" | "completion/complete")
}

/// The parameters of a request that depend on the target; `None` where a method has none such.
pub(super) fn parameters(world: &World, method: &str, u: &mut Unstructured<'_>) -> Option<Map<String, Value>> {
    let parameters = match method {
        "tools/call" => call(world, pick(u, &world.tools)?, u),
        "resources/read" | "resources/subscribe" | "resources/unsubscribe" => json!({"uri": uri(world, u)?}),
        "prompts/get" => prompt(pick(u, &world.prompts)?, world, u),
        "completion/complete" => completion(world, u)?,
        "tasks/get" | "tasks/result" | "tasks/cancel" => json!({"taskId": task(world, u)}),
        "tasks/update" => json!({"taskId": task(world, u), "inputResponses": {}}),
        _ if method.ends_with("/list") => match pick(u, &world.mined.cursors) {
            Some(cursor) if one_in(u, 3) => json!({"cursor": cursor}),
            _ => json!({}),
        },
        _ => return None,
    };
    parameters.as_object().cloned()
}

/// The parameters of a call.
pub(super) fn call(world: &World, tool: &Value, u: &mut Unstructured<'_>) -> Value {
    let given = tool["name"].as_str().and_then(|name| world.arguments.get(name));
    let drawn = |u: &mut Unstructured<'_>| arguments::drawn(&tool["inputSchema"], &pool(world, u), u);
    let arguments = match given {
        Some(given) if u.is_empty() || one_in(u, 3) => given.clone(),
        given => drawn(u).or_else(|| given.cloned()).unwrap_or_else(|| json!({})),
    };
    json!({"name": tool["name"], "arguments": arguments})
}

/// The parameters that get a prompt; its arguments are texts.
pub(super) fn prompt(prompt: &Value, world: &World, u: &mut Unstructured<'_>) -> Value {
    let mut given = Map::new();
    for argument in prompt["arguments"].as_array().into_iter().flatten() {
        let Some(name) = argument["name"].as_str() else { continue };
        if argument["required"] == true || below(u, 2) == 1 {
            given.insert(name.to_owned(), text(world, u).into());
        }
    }
    json!({"name": prompt["name"], "arguments": given})
}

fn completion(world: &World, u: &mut Unstructured<'_>) -> Option<Value> {
    let of_template = world.prompts.is_empty() || !world.templates.is_empty() && below(u, 2) == 1;
    let (reference, names): (Value, Vec<&str>) = if of_template {
        let template = pick(u, &world.templates)?["uriTemplate"].as_str()?;
        (json!({"type": "ref/resource", "uri": template}), variables(template))
    } else {
        let prompt = pick(u, &world.prompts)?;
        let names =
            prompt["arguments"].as_array().into_iter().flatten().filter_map(|argument| argument["name"].as_str());
        (json!({"type": "ref/prompt", "name": prompt["name"]}), names.collect())
    };
    let name = pick(u, &names).copied().unwrap_or("litmus");
    let value = if below(u, 2) == 0 { String::new() } else { text(world, u) };
    Some(json!({"ref": reference, "argument": {"name": name, "value": value}}))
}

fn uri(world: &World, u: &mut Unstructured<'_>) -> Option<String> {
    let listed = world.resources.iter().filter_map(|resource| resource["uri"].as_str());
    let expanded = world.templates.iter().filter_map(|template| template["uriTemplate"].as_str());
    let all: Vec<&str> = listed.chain(expanded).chain(world.mined.uris.iter().map(String::as_str)).collect();
    let uri = *pick(u, &all)?;
    Some(if uri.contains('{') { expand(uri, world, u) } else { uri.to_owned() })
}

fn task(world: &World, u: &mut Unstructured<'_>) -> Value {
    let known = world.mined.ids.iter().filter(|id| id.is_string()).collect::<Vec<_>>();
    pick(u, &known).map_or_else(|| json!("litmus-no-such-task"), |id| (*id).clone())
}

/// A text that the target may know.
pub(super) fn text(world: &World, u: &mut Unstructured<'_>) -> String {
    let known: Vec<&str> =
        world.mined.texts.iter().map(String::as_str).chain(world.dictionary.iter().filter_map(Value::as_str)).collect();
    match pick(u, &known) {
        Some(text) if one_in(u, 2) => (*text).to_owned(),
        _ => (*pick(u, &["1", "litmus", "", "0", "a b", "ü", "en"]).unwrap_or(&"1")).to_owned(),
    }
}

/// Some of the values that the target compares with, or has shown.
pub(super) fn pool(world: &World, u: &mut Unstructured<'_>) -> Vec<Value> {
    let mut pool = Vec::new();
    if u.is_empty() {
        return pool;
    }
    for _ in 0..POOL {
        pool.extend(pick(u, &world.dictionary).cloned());
        pool.extend(pick(u, &world.mined.texts).map(|text| json!(text)));
    }
    pool
}

/// A URI template with texts for its variables.
pub(super) fn expand(template: &str, world: &World, u: &mut Unstructured<'_>) -> String {
    let mut uri = String::new();
    let mut rest = template;
    while let Some((before, (_, after))) = rest.split_once('{').and_then(|(b, r)| Some((b, r.split_once('}')?))) {
        uri.push_str(before);
        uri.extend(text(world, u).chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }));
        rest = after;
    }
    uri + rest
}

/// The variables of a URI template (RFC 6570).
fn variables(template: &str) -> Vec<&str> {
    let expressions = template.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0));
    let names = expressions.flat_map(|names| names.trim_start_matches(['+', '#', '.', '/', ';', '?', '&']).split(','));
    names.filter_map(|name| name.split([':', '*']).next()).filter(|name| !name.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_uri_templates() {
        assert_eq!(variables("demo://{id}/x{?q,limit:3}"), ["id", "q", "limit"]);
        assert_eq!(variables("demo://plain{"), Vec::<&str>::new());
    }
}
