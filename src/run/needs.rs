//! Whether a target offers what a check needs. Reads capabilities and facts; the reason it gives is for people.

use serde_json::{Map, Value};

use crate::protocol::Requirement;
use crate::scenario::Needs;

/// The fact that a target wants authorization, which is no capability.
const AUTHORIZATION: &str = "authorization";

/// What a scenario misses, if it misses anything.
pub(super) fn missing(needs: &Needs, facts: &Map<String, Value>) -> Option<String> {
    if let Some(name) = needs.all.iter().find(|name| !offers(facts, name)) {
        return Some(format!("the target offers no {}", words(name)));
    }
    let unwanted = needs.none.iter().find(|name| offers(facts, name))?;
    Some(format!("only for targets without {}", words(unwanted)))
}

/// What a requirement misses (`|` any of, `,` all of), if it misses anything.
pub(super) fn missing_for(requirement: &Requirement, facts: &Map<String, Value>) -> Option<String> {
    let needs = requirement.needs.as_deref()?;
    let met = needs.split(", ").all(|group| group.split(" | ").any(|name| declares(facts, name)));
    if met {
        None
    } else {
        let wanted = needs.replace(" | ", " or ").replace(", ", " and ");
        let wanted = wanted.replace(AUTHORIZATION, "that it wants authorization");
        Some(format!("the target does not declare {wanted}"))
    }
}

fn offers(facts: &Map<String, Value>, name: &str) -> bool {
    declares(facts, name) || lookup(facts, name).is_some()
}

/// A capability, `a.b` for a member of it; `false` and `null` count as not declared.
fn declares(facts: &Map<String, Value>, name: &str) -> bool {
    if name == AUTHORIZATION {
        return facts.contains_key(name);
    }
    let Some(capabilities) = facts.get("capabilities") else { return false };
    if name.contains('/') {
        return capabilities.get("extensions").is_some_and(|extensions| extensions.get(name).is_some());
    }
    let value = name.split('.').try_fold(capabilities, |value, key| value.get(key));
    value.is_some_and(|value| !matches!(value, Value::Null | Value::Bool(false)))
}

fn lookup<'a>(facts: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    facts.get(name).or_else(|| {
        let (first, rest) = name.split_once('.')?;
        rest.split('.').try_fold(facts.get(first)?, |value, key| value.get(key))
    })
}

fn words(name: &str) -> String {
    let words = match name {
        "tool" | "tool.name" => "tool that may be called and answers",
        "tool.cased" => "callable tool whose name has letters",
        "tool.particular" => "callable tool with an input schema that can be broken in several ways",
        "tool.required" => "callable tool with a required argument",
        "tool.mirrored" => "callable tool with an argument that is mirrored in a header",
        "tool.unmirrored" => "callable tool that answers without an argument that would be mirrored in a header",
        "tool.no-arguments" => "callable tool without required arguments",
        "tool.progress" => "callable tool that reports progress",
        "tool.structured" => "callable tool with an output schema",
        "tool.typed" => "callable tool with a required argument of one type",
        "resource" => "listed resource that can be read",
        "template" => "listed resource template",
        "template.uri" => "resource template that can be read with made-up values",
        "task" | "task.tool" => "callable tool that becomes a task",
        "task.forbidden" => "callable tool that cannot be a task",
        "task.required" => "callable tool that must be a task",
        "authorization.token" => "way in: give it a token by --header 'Authorization: Bearer ...'",
        "authorization.oauth" => "sign of the authorization that the specification describes, but a scheme of its own",
        "authorization.opening" => "conversation that is kept from strangers",
        "authorization.prompts" => "list of prompts that is kept from strangers",
        "authorization.resources" => "list of resources that is kept from strangers",
        "authorization.tools" => "list of tools that is kept from strangers",
        "prompt" | "prompt.name" => "listed prompt that can be got",
        "prompt.required" => "listed prompt with a required argument",
        "prompt.with-argument" => "listed prompt with an argument",
        "session.id" => "HTTP session with an id",
        "target.local" => "endpoint on the loopback interface",
        "target.speaks-handshake" => "revisions with a handshake",
        "target.speaks-headerless" => "revisions that know no MCP-Protocol-Version",
        other => return format!("`{other}`"),
    };
    words.to_owned()
}
