//! The tools as data: names, schemas, and since when each exists. Calls nothing.

use std::sync::{LazyLock, OnceLock};

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::protocol::Revision;

use super::options::Features;

/// A tool of the built-in server.
pub(super) struct Tool {
    pub(super) name: &'static str,
    title: &'static str,
    about: &'static str,
    since: Revision,
    read_only: bool,
    input: Value,
    output: Option<Value>,
    /// Whether it can, or must, be called as a task.
    pub(super) tasks: Tasks,
    validator: OnceLock<Validator>,
}

/// Whether a tool can be called as a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tasks {
    Forbidden,
    Optional,
    Required,
}

/// The tool that is there only while the extras are.
const EXTRA: &str = "extra";

/// A picture of one pixel, used as icon too.
pub(super) const PIXEL: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// The icons of whatever may have some, from 2025-11-25 on.
pub(super) fn icons() -> Value {
    json!([{"src": format!("data:image/png;base64,{PIXEL}"), "mimeType": "image/png", "sizes": ["1x1"]}])
}

/// The tools that are there, in the order in which they are listed, as a revision shows them.
pub(super) fn listed(revision: Revision, features: Features, extras: bool) -> &'static [Value] {
    static ALL: [OnceLock<Vec<Value>>; Revision::ALL.len()] = [const { OnceLock::new() }; Revision::ALL.len()];
    let all = ALL[revision as usize]
        .get_or_init(|| TABLE.iter().filter(|tool| tool.since <= revision).map(|tool| tool.shown(revision)).collect());
    // The only tool of the small server is the first one, the one that comes and goes the last.
    match features {
        Features::ToolsOnly => &all[..1],
        Features::Nothing => &[],
        Features::All if extras => all,
        Features::All => &all[..all.len() - 1],
    }
}

/// More tools than any model takes, that can be listed only.
pub(super) fn more(revision: Revision) -> Vec<Value> {
    let one = &listed(revision, Features::ToolsOnly, false)[0];
    let named = |number: usize| {
        let mut tool = one.clone();
        tool["name"] = json!(format!("add_{number}"));
        tool
    };
    (0..128).map(named).collect()
}

/// The tool of this name, if it is there.
pub(super) fn find(name: &str, revision: Revision, features: Features, extras: bool) -> Option<&'static Tool> {
    TABLE.iter().find(|tool| tool.name == name && tool.is_there(revision, features, extras))
}

impl Tool {
    /// As [`listed`] has it.
    fn is_there(&self, revision: Revision, features: Features, extras: bool) -> bool {
        let offered = match features {
            Features::All => extras || self.name != EXTRA,
            Features::ToolsOnly => self.name == "add",
            Features::Nothing => false,
        };
        offered && self.since <= revision
    }

    /// The tool as a revision shows it: with the members that it knows.
    fn shown(&self, revision: Revision) -> Value {
        let mut input = self.input.clone();
        if revision < Revision::V2026_07_28 {
            remove_header_annotations(&mut input);
        }
        let mut tool = json!({"name": self.name, "description": self.about, "inputSchema": input});
        if revision >= Revision::V2025_03_26 {
            tool["annotations"] = json!({"title": self.title, "readOnlyHint": self.read_only, "openWorldHint": false});
            if !self.read_only {
                tool["annotations"]["destructiveHint"] = json!(false);
            }
        }
        if revision >= Revision::V2025_06_18 {
            tool["title"] = json!(self.title);
            if let Some(output) = &self.output {
                tool["outputSchema"] = output.clone();
            }
            tool["_meta"] = json!({"dev.mcp-litmus/example": true});
        }
        if revision >= Revision::V2025_11_25 {
            tool["icons"] = icons();
        }
        if revision == Revision::V2025_11_25 {
            match self.tasks {
                Tasks::Forbidden => {}
                Tasks::Optional => tool["execution"] = json!({"taskSupport": "optional"}),
                Tasks::Required => tool["execution"] = json!({"taskSupport": "required"}),
            }
        }
        tool
    }

    /// What is wrong with these arguments, in one sentence.
    pub(super) fn complaint(&self, arguments: &Value) -> Option<String> {
        let validator = self.validator.get_or_init(|| {
            jsonschema::draft202012::new(&self.input).expect("the schemas of the table are valid, as the tests show")
        });
        validator.iter_errors(arguments).next().map(|error| {
            let place = error.instance_path().to_string();
            if place.is_empty() { error.to_string() } else { format!("{error}, at {place}") }
        })
    }

    /// The JSON pointers of the arguments that are mirrored in HTTP headers, with the last part of the header's name.
    pub(super) fn mirrored(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        collect_header_annotations(&self.input, "", &mut found);
        found
    }
}

fn remove_header_annotations(schema: &mut Value) {
    if let Some(object) = schema.as_object_mut() {
        object.shift_remove("x-mcp-header");
        object.values_mut().for_each(remove_header_annotations);
    }
}

fn collect_header_annotations(schema: &Value, pointer: &str, found: &mut Vec<(String, String)>) {
    if let Some(header) = schema.get("x-mcp-header").and_then(Value::as_str) {
        found.push((pointer.to_owned(), header.to_owned()));
    }
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        for (name, property) in properties {
            collect_header_annotations(property, &format!("{pointer}/{name}"), found);
        }
    }
}

static TABLE: LazyLock<Vec<Tool>> = LazyLock::new(|| {
    let nothing = || json!({"type": "object", "additionalProperties": false});
    let object = |properties: Value, required: Value| json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false});
    let text = |about: &str| json!({"type": "string", "description": about, "maxLength": 10_000});
    let mut tools = vec![
        tool(
            "add",
            "Add",
            "Adds two numbers.",
            object(
                json!({"a": {"type": "number", "description": "The first number"},
                   "b": {"type": "number", "description": "The second number"}}),
                json!(["a", "b"]),
            ),
        ),
        tool("echo", "Echo", "Gives a text back.", object(json!({"text": text("What to say")}), json!(["text"]))),
        tool("version", "Version", "Tells the name and version of this server.", nothing()),
        tool("fail", "Fail", "Fails every time, to show how that looks.", nothing()),
        tool(
            "count",
            "Count",
            "Counts to a number, and tells how far it is.",
            object(json!({"to": {"type": "integer", "minimum": 1, "maximum": 10, "default": 3}}), json!([])),
        ),
        tool("log", "Log", "Logs a text, once at each level.", object(json!({"text": text("What to log")}), json!([]))),
        tool(
            "hold",
            "Hold",
            "Answers after so many further messages have come.",
            object(json!({"messages": {"type": "integer", "minimum": 0, "maximum": 100, "default": 0}}), json!([])),
        ),
        tool(
            "order",
            "Order",
            "Takes an order for pizza, and is particular about it.",
            object(
                json!({
                    "size": {"type": "string", "enum": ["small", "large"]},
                    "count": {"type": "integer", "minimum": 1, "maximum": 12},
                    "toppings": {"type": "array", "items": {"type": "string", "minLength": 1}, "maxItems": 3, "uniqueItems": true},
                    "address": {
                        "type": "object",
                        "properties": {"street": {"type": "string", "minLength": 1}, "number": {"type": "integer", "minimum": 1}},
                        "required": ["street"],
                    },
                }),
                json!(["size", "count"]),
            ),
        ),
        tool(
            "route",
            "Route",
            "Says where a request would be routed to.",
            object(
                json!({
                    "region": {"type": "string", "description": "Where to", "maxLength": 100, "x-mcp-header": "Region"},
                    "shard": {"type": "integer", "minimum": 0, "maximum": 1_000_000, "x-mcp-header": "Shard"},
                    "urgent": {"type": "boolean", "x-mcp-header": "Urgent"},
                    "options": {"type": "object", "properties": {"queue": {"type": "string", "x-mcp-header": "Queue"}}},
                }),
                json!(["region"]),
            ),
        ),
        tool("picture", "Picture", "Answers with an image.", nothing()),
        tool("sound", "Sound", "Answers with a sound.", nothing()).since(Revision::V2025_03_26),
        tool("document", "Document", "Answers with an embedded text and an embedded binary resource.", nothing()),
        tool("link", "Link", "Answers with a link to a resource.", nothing()).since(Revision::V2025_06_18),
        tool("ask_model", "Ask the model", "Asks the client's model a question.", nothing()),
        tool("ask_roots", "Ask for roots", "Asks the client for its roots, and counts them.", nothing()),
        tool("ask_name", "Ask for a name", "Asks the user for a name, and greets.", nothing())
            .since(Revision::V2025_06_18),
        tool("ask_page", "Ask to visit", "Asks the user to visit a page.", nothing()).since(Revision::V2025_11_25),
        tool("touch", "Touch", "Counts up the counter resource.", nothing()).writing(),
        tool(
            "toggle_extras",
            "Toggle the extras",
            "Adds a tool, a resource and a prompt, or takes them away again.",
            nothing(),
        )
        .writing(),
        tool(
            "errand",
            "Errand",
            "Does something that may take long, as a task if wanted.",
            object(
                json!({"fails": {"type": "boolean", "default": false}, "asks": {"type": "boolean", "default": false}}),
                json!([]),
            ),
        )
        .tasks(Tasks::Optional),
        tool("long_errand", "Long errand", "Does something that takes long, always as a task.", nothing())
            .tasks(Tasks::Required),
        tool(EXTRA, "Extra", "Is there only while the extras are.", nothing()),
    ];
    tools[0].output = Some(json!({
        "type": "object",
        "properties": {"sum": {"type": "number"}},
        "required": ["sum"],
        "additionalProperties": false,
    }));
    tools
});

fn tool(name: &'static str, title: &'static str, about: &'static str, input: Value) -> Tool {
    Tool {
        name,
        title,
        about,
        since: Revision::V2024_11_05,
        read_only: true,
        input,
        output: None,
        tasks: Tasks::Forbidden,
        validator: OnceLock::new(),
    }
}

impl Tool {
    fn since(self, since: Revision) -> Self {
        Self { since, ..self }
    }

    fn writing(self) -> Self {
        Self { read_only: false, ..self }
    }

    fn tasks(self, tasks: Tasks) -> Self {
        Self { tasks, since: Revision::V2025_11_25, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_is_valid_and_every_name_unique() {
        let mut names = Vec::new();
        for tool in TABLE.iter() {
            assert!(tool.complaint(&json!(1)).is_some(), "{}", tool.name);
            assert!(!names.contains(&tool.name), "{}", tool.name);
            names.push(tool.name);
        }
    }

    #[test]
    fn a_revision_shows_only_what_it_knows() {
        let first = listed(Revision::V2024_11_05, Features::All, false);
        assert!(first.iter().all(|tool| tool.as_object().is_some_and(|members| members.len() == 3)));
        assert!(!first.iter().any(|tool| tool["name"] == "sound" || tool["name"] == "errand"));
        let newest = listed(Revision::V2026_07_28, Features::All, true);
        assert!(newest.iter().any(|tool| tool["name"] == EXTRA));
        assert!(!newest.iter().any(|tool| tool.get("execution").is_some()));
        assert_eq!(listed(Revision::V2025_11_25, Features::ToolsOnly, true).len(), 1);
    }

    #[test]
    fn mirrored_arguments_are_found_at_depth() {
        let route = find("route", Revision::V2026_07_28, Features::All, false).expect("it is in the table");
        assert!(route.mirrored().contains(&("/options/queue".to_owned(), "Queue".to_owned())));
        assert!(!route.shown(Revision::V2025_11_25).to_string().contains("x-mcp-header"));
    }
}
