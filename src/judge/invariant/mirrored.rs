//! Holds the `x-mcp-header` annotations of listed tools against the rules for them.

use serde_json::Value;

use crate::judge::always::evidence;
use crate::judge::compare::{Miss, shown};
use crate::judge::context::{Context, Judged, fold};
use crate::judge::traffic::Traffic;
use crate::scenario::Scenario;

const SYNTAX: &str = "tools.x-mcp-header.syntax";
const UNIQUE: &str = "tools.x-mcp-header.unique";
const PRIMITIVE: &str = "tools.x-mcp-header.primitive-only";
const RANGE: &str = "tools.x-mcp-header.integer-range";
const REACHABLE: &str = "tools.x-mcp-header.statically-reachable";
const SECRET: &str = "tools.x-mcp-header.not-sensitive";

/// The largest integer that every implementation can hold exactly.
const SAFE: f64 = 9_007_199_254_740_991.0;

/// Words in the name of an argument that tell of secrets and of persons.
const SENSITIVE: [&str; 9] =
    ["password", "passwd", "secret", "apikey", "accesstoken", "authtoken", "ssn", "email", "creditcard"];

/// Judges every annotation (specification: server/tools#x-mcp-header, basic/transports/streamable-http#schema-extension).
pub(super) fn judge(scenario: &Scenario, _: &Context, traffic: &Traffic<'_>) -> Vec<Judged> {
    let mut judged = Vec::new();
    for heard in traffic.heard.iter().filter(|heard| heard.method() == Some("tools/list")) {
        for tool in heard.result().and_then(|result| result["tools"].as_array()).into_iter().flatten() {
            let mut found = Vec::new();
            collect(&tool["inputSchema"], "", &mut found);
            for (index, annotation) in found.iter().enumerate() {
                for (requirement, expected, fault) in annotation.faults(&found[..index]) {
                    judged.push(match fault {
                        None => Judged::pass(requirement),
                        Some(fault) => {
                            let actual = format!("{fault}, at {} in {}", annotation.pointer, shown(&tool["name"]));
                            let miss = Miss { expected: expected.to_owned(), actual };
                            Judged::fail(requirement, evidence(scenario, 1, miss, heard, traffic))
                        }
                    });
                }
            }
        }
    }
    fold(judged)
}

/// A subschema with `x-mcp-header`.
struct Annotation<'a> {
    /// Where it stands in the input schema.
    pointer: String,
    schema: &'a Value,
}

impl Annotation<'_> {
    fn header(&self) -> &Value {
        &self.schema["x-mcp-header"]
    }

    /// Each requirement with what it asks for and what is wrong, if something is.
    fn faults(&self, earlier: &[Self]) -> [(&'static str, &'static str, Option<String>); 6] {
        let header = shown(self.header());
        let is_token = self.header().as_str().is_some_and(is_token);
        let lower = |value: &Value| value.as_str().map(str::to_ascii_lowercase);
        let again = earlier.iter().any(|other| lower(other.header()) == lower(self.header()));
        let kind = self.schema.get("type");
        // What the specification says of a union such as ["string", "null"] is not settled.
        let is_primitive = kind
            .is_some_and(|kind| kind.is_array() || ["string", "integer", "boolean"].iter().any(|word| kind == word));
        let is_reachable = self.is_reachable();
        let name = self.pointer.rsplit('/').next().unwrap_or_default();
        [
            (SYNTAX, "an HTTP token", (!is_token).then(|| format!("x-mcp-header {header}"))),
            (UNIQUE, "every header once, whatever its case", again.then(|| format!("x-mcp-header {header} again"))),
            (
                PRIMITIVE,
                "a string, an integer or a boolean",
                (!is_primitive)
                    .then(|| kind.map_or_else(|| "no type".to_owned(), |kind| format!("type {}", shown(kind)))),
            ),
            (RANGE, "integers within ±(2^53-1)", self.out_of_range()),
            (REACHABLE, "a place below `properties` only", (!is_reachable).then(|| format!("x-mcp-header {header}"))),
            (SECRET, "nothing secret or personal", is_sensitive(name).then(|| format!("x-mcp-header {header}"))),
        ]
    }

    /// Whether only `properties` and names of properties lead here.
    fn is_reachable(&self) -> bool {
        let keys: Vec<_> = self.pointer.split('/').skip(1).collect();
        !keys.is_empty() && keys.len().is_multiple_of(2) && keys.iter().step_by(2).all(|key| *key == "properties")
    }

    /// A value beyond the safe integers that an annotated integer allows in so many words.
    fn out_of_range(&self) -> Option<String> {
        if self.schema.get("type") != Some(&Value::from("integer")) {
            return None;
        }
        let single = ["const", "default", "minimum"].into_iter().filter_map(|key| self.schema.get(key));
        let listed = self.schema.get("enum").and_then(Value::as_array).into_iter().flatten();
        let beyond = single.chain(listed).find(|value| value.as_f64().is_some_and(|value| value.abs() > SAFE))?;
        Some(shown(beyond))
    }
}

/// Every annotation of a schema, wherever it stands.
fn collect<'a>(schema: &'a Value, pointer: &str, found: &mut Vec<Annotation<'a>>) {
    match schema {
        Value::Object(members) => {
            // Below `properties` the word would be the name of an argument.
            if members.contains_key("x-mcp-header") && !is_names(pointer) {
                found.push(Annotation { pointer: pointer.to_owned(), schema });
            }
            for (key, member) in members {
                let is_data = ["const", "default", "enum", "examples", "x-mcp-header"].contains(&key.as_str());
                if !is_data || is_names(pointer) {
                    collect(member, &format!("{pointer}/{key}"), found);
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                collect(item, &format!("{pointer}/{index}"), found);
            }
        }
        _ => {}
    }
}

/// Whether the members of the object at a pointer are names of arguments: it is itself a `properties`.
fn is_names(pointer: &str) -> bool {
    pointer.split('/').skip(1).fold(false, |names, key| !names && key == "properties")
}

/// A token of HTTP (RFC 9110, section 5.6.2).
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

fn is_sensitive(name: &str) -> bool {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    plain == "token" || SENSITIVE.iter().any(|word| plain.contains(word))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faulty(schema: &Value) -> Vec<&'static str> {
        let mut found = Vec::new();
        collect(schema, "", &mut found);
        let faults = found.iter().enumerate().flat_map(|(index, one)| one.faults(&found[..index]));
        faults.filter_map(|(requirement, _, fault)| fault.map(|_| requirement)).collect()
    }

    fn property(name: &str, schema: &Value) -> Value {
        json!({"type": "object", "properties": {name: schema}})
    }

    #[test]
    fn sound_annotations_are_left_alone() {
        let deep = property("items", &property("x-mcp-header", &json!({"type": "integer", "x-mcp-header": "A-1"})));
        assert_eq!(faulty(&deep), [""; 0]);
        assert_eq!(faulty(&property("page_token", &json!({"type": ["string", "null"], "x-mcp-header": "P"}))), [""; 0]);
        assert_eq!(faulty(&property("x-mcp-header", &json!({"type": "string"}))), [""; 0]);
    }

    #[test]
    fn each_fault_has_its_requirement() {
        for header in ["", "My Region", "Région", "a:b"] {
            assert_eq!(faulty(&property("a", &json!({"type": "string", "x-mcp-header": header}))), [SYNTAX]);
        }
        let twice = json!({"properties": {"a": {"type": "string", "x-mcp-header": "R"}, "b": {"type": "string", "x-mcp-header": "r"}}});
        assert_eq!(faulty(&twice), [UNIQUE]);
        assert_eq!(faulty(&property("a", &json!({"type": "number", "x-mcp-header": "R"}))), [PRIMITIVE]);
        assert_eq!(faulty(&property("a", &json!({"x-mcp-header": "R"}))), [PRIMITIVE]);
        let large = json!({"type": "integer", "x-mcp-header": "R", "default": 9_007_199_254_740_993_u64});
        assert_eq!(faulty(&property("a", &large)), [RANGE]);
        let item = json!({"type": "array", "items": {"type": "string", "x-mcp-header": "R"}});
        assert_eq!(faulty(&property("a", &item)), [REACHABLE]);
        assert_eq!(faulty(&json!({"type": "string", "x-mcp-header": "R"})), [REACHABLE]);
        assert_eq!(faulty(&property("api_key", &json!({"type": "string", "x-mcp-header": "R"}))), [SECRET]);
    }
}
