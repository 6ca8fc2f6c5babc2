//! Names of what is known of a server before a scenario runs. The survey finds the values.

/// Something about a server (or the run) that a scenario may use as `{{name}}`, and may name in its `needs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fact {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub about: &'static str,
}

/// Every fact there is, by name. Where a fact is a whole object or list, what is in it may be asked for as well.
pub const FACTS: &[Fact] = &[
    fact("alive.method", "the cheapest request of the era: ping, or server/discover"),
    fact("authorization", "the server wants a token"),
    fact("authorization.method", "a method that it refuses without one"),
    fact("authorization.oauth", "it shows signs of the authorization that the specification describes"),
    fact("authorization.opening", "it opens a conversation for those only who have one"),
    fact("authorization.prompts", "it lists prompts to those only who have one"),
    fact("authorization.resources", "it lists resources to those only who have one"),
    fact("authorization.token", "the user has given a bearer token for it"),
    fact("authorization.tools", "it lists tools to those only who have one"),
    fact("capabilities", "the capabilities, as declared"),
    fact("prompt", "listed prompts"),
    fact("prompt.arguments", "arguments with which it can be got"),
    fact("prompt.name", "name of a prompt that can be got"),
    fact("prompt.name-base64", "the same in Base64"),
    fact("prompt.required", "a prompt with a required argument"),
    fact("prompt.required.argument", "name of the required argument"),
    fact("prompt.required.name", "its name"),
    fact("prompt.with-argument", "a prompt that declares an argument"),
    fact("prompt.with-argument.argument", "name of that argument"),
    fact("prompt.with-argument.name", "its name"),
    fact("prompts", "the prompts, as listed"),
    fact("resource", "a resource that can be read"),
    fact("resource.uri", "its URI"),
    fact("resource.uri-base64", "the same in Base64"),
    fact("resourceTemplates", "the resource templates, as listed"),
    fact("resources", "the resources, as listed"),
    fact("revision", "the revision of this run"),
    fact("session.id", "the id that the server gave to the HTTP session"),
    fact("target.local", "the target is reached over the loopback interface"),
    fact("target.speaks-handshake", "a revision with handshake that the target speaks"),
    fact("target.speaks-headerless", "a revision that the target speaks and that knows no MCP-Protocol-Version"),
    fact("task", "tools and tasks, where the server offers those"),
    fact("task.arguments", "arguments with which it becomes one"),
    fact("task.forbidden", "a tool that cannot be called as a task"),
    fact("task.forbidden.arguments", "arguments of its"),
    fact("task.forbidden.tool", "its name"),
    fact("task.required", "a tool that can be called as a task only"),
    fact("task.required.arguments", "arguments of its"),
    fact("task.required.tool", "its name"),
    fact("task.tool", "a tool whose call becomes a task"),
    fact("template", "a listed resource template"),
    fact("template.uri", "a URI made from it that can be read"),
    fact("template.uri-template", "its URI template"),
    fact("template.variable", "the first variable in it"),
    fact("tool", "tools that may be called and answer"),
    fact("tool.arguments", "arguments that it answers"),
    fact("tool.cased", "one whose name in the other case is no tool"),
    fact("tool.cased.arguments", "arguments that it answers"),
    fact("tool.cased.name", "its name"),
    fact("tool.cased.other-name", "the same in the other case"),
    fact("tool.mirrored", "one that has a text among its arguments mirrored in a header"),
    fact("tool.mirrored.arguments", "arguments that it answers"),
    fact("tool.mirrored.header", "the name of that header"),
    fact("tool.mirrored.name", "its name"),
    fact("tool.mirrored.value", "the text"),
    fact("tool.mirrored.value-base64", "the same in Base64"),
    fact("tool.name", "name of one"),
    fact("tool.name-base64", "the same in Base64"),
    fact("tool.no-arguments", "one without required arguments"),
    fact("tool.no-arguments.arguments", "an empty object"),
    fact("tool.no-arguments.name", "its name"),
    fact("tool.particular", "one whose input schema can be broken in two ways or more"),
    fact("tool.particular.arguments", "arguments that it answers"),
    fact("tool.particular.invalid", "arguments that break one keyword each, by the keyword"),
    fact("tool.particular.name", "its name"),
    fact("tool.progress", "one that reports progress"),
    fact("tool.progress.arguments", "arguments that it answers"),
    fact("tool.progress.name", "its name"),
    fact("tool.required", "one with a required argument"),
    fact("tool.required.argument", "name of the required argument"),
    fact("tool.required.arguments", "arguments that it answers"),
    fact("tool.required.name", "its name"),
    fact("tool.structured", "one with an output schema"),
    fact("tool.structured.arguments", "arguments that it answers"),
    fact("tool.structured.name", "its name"),
    fact("tool.typed", "one with a required argument of a plain type"),
    fact("tool.typed.argument", "name of that argument"),
    fact("tool.typed.arguments", "arguments that it answers"),
    fact("tool.typed.name", "its name"),
    fact("tool.typed.wrong-arguments", "the same, with a value of another type in that one"),
    fact("tool.unmirrored", "one that has an argument mirrored in a header, and answers without that argument"),
    fact("tool.unmirrored.arguments", "arguments that it answers"),
    fact("tool.unmirrored.name", "its name"),
    fact("tools", "the tools, as listed"),
];

/// Capabilities of servers, over all revisions, that `needs` and `without` may name, each with any path below it. The name of
/// an extension, with its slash, may be named as well.
pub(super) const CAPABILITIES: [&str; 8] =
    ["completions", "experimental", "extensions", "logging", "prompts", "resources", "tasks", "tools"];

/// Whether a placeholder may ask for this fact.
pub(super) fn is_fact(name: &str) -> bool {
    name.starts_with("capabilities.") || FACTS.iter().any(|fact| fact.name == name)
}

/// Whether `needs` and `without` may name this: a capability or a fact.
pub(super) fn can_be_needed(name: &str) -> bool {
    let head = name.split('.').next().unwrap_or_default();
    CAPABILITIES.contains(&head) || name.contains('/') || is_fact(name)
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
    fn needs_are_capabilities_or_facts() {
        for name in ["tools", "resources.subscribe", "tool", "tool.structured", "template.variable", "com.example/x"] {
            assert!(can_be_needed(name), "{name}");
        }
        for name in ["", "tol", "tool.", "tool.struct", "resource.subscribe"] {
            assert!(!can_be_needed(name), "{name}");
        }
    }
}
