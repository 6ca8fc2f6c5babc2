//! Holds every `_meta` of a server against the grammar of keys, and trace contexts against the formats of the W3C.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::judge::always::evidence;
use crate::judge::compare::Miss;
use crate::judge::context::{Context, Judged, fold};
use crate::judge::traffic::Traffic;
use crate::protocol::Revision;
use crate::scenario::Scenario;

const PREFIX: &str = "meta.key.prefix";
const NAME: &str = "meta.key.name";
const REVERSE: &str = "meta.key.reverse-dns";
const TRACE: &str = "meta.trace-context.format";

/// Members that hold what is not of the protocol's making: a `_meta` in there is none.
const OPAQUE: [&str; 6] = ["inputSchema", "outputSchema", "structuredContent", "requestedSchema", "arguments", "data"];

/// Keys under reserved prefixes that the specification and the official extensions define.
const DEFINED: [&str; 8] = [
    "io.modelcontextprotocol/related-task",
    "io.modelcontextprotocol/model-immediate-response",
    "io.modelcontextprotocol/protocolVersion",
    "io.modelcontextprotocol/clientInfo",
    "io.modelcontextprotocol/clientCapabilities",
    "io.modelcontextprotocol/logLevel",
    "io.modelcontextprotocol/subscriptionId",
    "io.modelcontextprotocol/serverInfo",
];

/// Labels that open a name in reverse order, and close one in the usual order.
const TOP_LEVEL: [&str; 8] = ["com", "org", "net", "io", "dev", "ai", "app", "edu"];

/// Judges every key of every `_meta` that the server sent. A server that sends none passes.
pub(super) fn judge(scenario: &Scenario, context: &Context, traffic: &Traffic<'_>) -> Vec<Judged> {
    let reserved =
        if context.revision == Revision::V2025_06_18 { "meta.key.reserved.2025-06-18" } else { "meta.key.reserved" };
    let mut judged = Vec::new();
    if !traffic.heard.is_empty() {
        judged.extend([PREFIX, NAME, REVERSE, TRACE, reserved].map(Judged::pass));
    }
    for heard in &traffic.heard {
        let mut faults = Vec::new();
        each_meta(heard.message.value(), &mut |key, value| {
            let mut fault = |requirement: &'static str, expected: &str, actual: String| {
                faults.push((requirement, Miss { expected: expected.to_owned(), actual }));
            };
            let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
            if let Some(prefix) = prefix {
                if !LABELS.is_match(prefix) {
                    fault(PREFIX, "a prefix of labels with dots between", format!("the key `{key}`"));
                } else if is_reserved(prefix, context.revision) && !DEFINED.contains(&key) {
                    fault(reserved, "no keys of one's own under a reserved prefix", format!("the key `{key}`"));
                } else if is_forwards(prefix) {
                    fault(REVERSE, "a prefix in reverse DNS notation", format!("the key `{key}`"));
                }
            }
            if !WORD.is_match(name) {
                fault(NAME, "a name of letters, digits, and `-_.` between", format!("the key `{key}`"));
            }
            let well_formed = match key {
                "traceparent" => value.as_str().is_some_and(|text| PARENT.is_match(text)),
                "tracestate" | "baggage" => value.as_str().is_some_and(|text| MEMBERS.is_match(text)),
                _ => true,
            };
            if !well_formed {
                fault(TRACE, "the format that the W3C defines", format!("`{key}` is {value}"));
            }
        });
        for (requirement, miss) in faults {
            judged.push(Judged::fail(requirement, evidence(scenario, 1, miss, heard, traffic)));
        }
    }
    fold(judged)
}

static LABELS: LazyLock<Regex> =
    LazyLock::new(|| pattern("^[A-Za-z]([A-Za-z0-9-]*[A-Za-z0-9])?([.][A-Za-z]([A-Za-z0-9-]*[A-Za-z0-9])?)*$"));
static WORD: LazyLock<Regex> = LazyLock::new(|| pattern("^([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)?$"));
static PARENT: LazyLock<Regex> = LazyLock::new(|| pattern("^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"));
/// `key=value` with commas between; what a key and a value may be is left open.
static MEMBERS: LazyLock<Regex> = LazyLock::new(|| pattern("^[ \t]*([^=,]+=[^,]*)?([ \t]*,[ \t]*([^=,]+=[^,]*)?)*$"));

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the patterns of this file are valid, as its tests show")
}

/// Up to 2025-06-18 the label before the last one reserves a prefix, later the second one.
fn is_reserved(prefix: &str, revision: Revision) -> bool {
    let labels: Vec<_> = prefix.split('.').collect();
    let label = if revision == Revision::V2025_06_18 { labels.iter().rev().nth(1) } else { labels.get(1) };
    label.is_some_and(|label| ["modelcontextprotocol", "mcp"].contains(label))
}

/// Whether a prefix is certainly a domain name in its usual order.
fn is_forwards(prefix: &str) -> bool {
    let ends_in = |label: Option<&str>| label.is_some_and(|label| TOP_LEVEL.contains(&label));
    prefix.contains('.') && ends_in(prefix.rsplit('.').next()) && !ends_in(prefix.split('.').next())
}

/// Calls `see` with every member of every `_meta` in a message.
fn each_meta<'a>(value: &'a Value, see: &mut impl FnMut(&'a str, &'a Value)) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| each_meta(item, see)),
        Value::Object(members) => {
            for (key, member) in members {
                if key == "_meta"
                    && let Some(meta) = member.as_object()
                {
                    meta.iter().for_each(|(key, value)| see(key, value));
                } else if !OPAQUE.contains(&key.as_str()) {
                    each_meta(member, see);
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_examples_of_the_page() {
        let newest = Revision::V2026_07_28;
        for prefix in ["io.modelcontextprotocol", "dev.mcp", "org.modelcontextprotocol.api", "com.mcp.tools"] {
            assert!(is_reserved(prefix, newest) && LABELS.is_match(prefix), "{prefix}");
        }
        assert!(!is_reserved("com.example.mcp", newest) && !is_reserved("mcp", newest));
        for prefix in ["modelcontextprotocol.io", "mcp.dev", "api.modelcontextprotocol.org", "tools.mcp.com"] {
            assert!(is_reserved(prefix, Revision::V2025_06_18), "{prefix}");
        }
        assert!(is_forwards("example.com") && !is_forwards("com.example") && !is_forwards("example"));
        assert!(!LABELS.is_match("-x") && !LABELS.is_match("a..b") && !LABELS.is_match("1.com"));
    }

    #[test]
    fn names_and_trace_contexts() {
        for (name, good) in [("", true), ("a", true), ("a.b_c-d", true), ("_foo", false), ("a b", false)] {
            assert_eq!(WORD.is_match(name), good, "{name}");
        }
        assert!(
            PARENT.is_match("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01") && !PARENT.is_match("00-0AF")
        );
        assert!(MEMBERS.is_match("a=1,b=2;p, c=%20") && !MEMBERS.is_match("litmus"));
    }

    #[test]
    fn schemas_and_data_are_not_searched() {
        let message =
            json!({"result": {"_meta": {"a": 1}, "tools": [{"_meta": {"b": 1}, "inputSchema": {"_meta": {"c": 1}}}]}});
        let mut keys = Vec::new();
        each_meta(&message, &mut |key, _| keys.push(key.to_owned()));
        assert_eq!(keys, ["a", "b"]);
    }
}
