//! Names of what is known of a server before a scenario runs. The survey finds the values.

/// Something about a server (or the run) that a scenario may use as `{{name}}`. A scenario that uses a fact which the server
/// does not offer is skipped; `needs: [tool.structured]` says the same for all facts that begin so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fact {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub about: &'static str,
}

/// Every fact there is, by name.
pub const FACTS: &[Fact] = &[
    fact("prompt.arguments", "arguments with which `prompt.name` can be got"),
    fact("prompt.name", "name of a prompt that can be got"),
    fact("prompt.required.argument", "name of an argument that `prompt.required.name` requires"),
    fact("prompt.required.name", "name of a prompt with a required argument"),
    fact("prompts", "the prompts, as listed"),
    fact("resource.uri", "URI of a resource that can be read"),
    fact("resources", "the resources, as listed"),
    fact("revision", "the revision of this run"),
    fact("template.uri", "a URI made from `template.uri-template` that can be read"),
    fact("template.uri-template", "a URI template, as listed"),
    fact("tool.arguments", "arguments that `tool.name` answers"),
    fact("tool.name", "name of a tool that may be called"),
    fact("tool.no-arguments.name", "name of a tool that may be called without arguments"),
    fact("tool.required.argument", "name of an argument that `tool.required.name` requires"),
    fact("tool.required.arguments", "arguments that `tool.required.name` answers"),
    fact("tool.required.name", "name of a tool that may be called and requires an argument"),
    fact("tool.structured.arguments", "arguments that `tool.structured.name` answers"),
    fact("tool.structured.name", "name of a tool that may be called and has an output schema"),
    fact("tool.typed.argument", "name of an argument for which `tool.typed.name` tells one type"),
    fact("tool.typed.arguments", "arguments that `tool.typed.name` answers"),
    fact("tool.typed.name", "name of a tool that may be called and has an argument of one told type"),
    fact("tool.typed.wrong-arguments", "the same arguments, with a value of another type in `tool.typed.argument`"),
    fact("tools", "the tools, as listed"),
];

/// Capabilities of servers, over all revisions, that `needs` and `without` may name, each with any path below it.
pub(super) const CAPABILITIES: [&str; 8] =
    ["completions", "experimental", "extensions", "logging", "prompts", "resources", "tasks", "tools"];

/// Whether `needs` and `without` may name this: a capability, a fact, or what several facts begin with (`tool.structured`).
pub(super) fn can_be_needed(name: &str) -> bool {
    let head = name.split('.').next().unwrap_or_default();
    CAPABILITIES.contains(&head) || FACTS.iter().any(|fact| is_below(fact.name, name))
}

fn is_below(fact: &str, name: &str) -> bool {
    fact.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

const fn fact(name: &'static str, about: &'static str) -> Fact {
    Fact { name, about }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_in_order_and_said_once() {
        assert!(FACTS.is_sorted_by(|a, b| a.name < b.name));
    }

    #[test]
    fn needs_are_capabilities_or_beginnings_of_facts() {
        for name in ["tools", "resources.subscribe", "tool", "tool.structured", "tool.name", "template"] {
            assert!(can_be_needed(name), "{name}");
        }
        for name in ["", "tol", "tool.", "tool.struct", "resource.subscribe"] {
            assert!(!can_be_needed(name), "{name}");
        }
    }
}
