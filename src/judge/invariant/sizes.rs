//! How many tools there are, and how large their schemas are, against what clients and models are known to take.

use serde_json::Value;

use super::proves;
use crate::judge::always::evidence;
use crate::judge::compare::Miss;
use crate::judge::context::{Context, Judged, fold};
use crate::judge::traffic::{Heard, Traffic};
use crate::scenario::Scenario;

/// The most tools, by requirement.
const COUNTS: [(&str, usize); 2] = [("profile-openai.tools.count", 128), ("profile-vscode.tools.count", 128)];

const STRICT: &str = "profile-openai.strict.size";
const PROPERTIES: usize = 5000;
const LEVELS: usize = 10;
const VALUES: usize = 1000;

/// A schema nested deeper than this is not looked into: it is too deep for anybody.
const DEEPEST: usize = 64;

/// Judges each walk over the list of tools.
pub(super) fn judge(scenario: &Scenario, _: &Context, traffic: &Traffic<'_>) -> Vec<Judged> {
    let mut judged = Vec::new();
    let mut known = 0;
    for heard in traffic.heard.iter().filter(|heard| heard.method() == Some("tools/list")) {
        let Some(tools) = heard.result().and_then(|result| result["tools"].as_array()) else { continue };
        known = if is_further_page(heard) { known + tools.len() } else { tools.len() };
        let mut settle = |requirement: &str, holds: bool, expected: String, actual: String| {
            judged.push(if holds {
                Judged::pass(requirement)
            } else {
                Judged::fail(requirement, evidence(scenario, 1, Miss { expected, actual }, heard, traffic))
            });
        };
        for (requirement, most) in COUNTS {
            settle(requirement, known <= most, format!("{most} tools at most"), format!("{known} tools"));
        }
        for tool in tools {
            let Size { properties, levels, values } = Size::of(&tool["inputSchema"]);
            let holds = properties <= PROPERTIES && levels <= LEVELS && values <= VALUES;
            let expected =
                format!("{PROPERTIES} properties, {LEVELS} levels of objects and {VALUES} values of enums at most");
            let actual = format!("{properties} properties, {levels} levels and {values} values in {}", tool["name"]);
            settle(STRICT, holds, expected, actual);
        }
    }
    let mut judged = fold(judged);
    judged.retain(|one| proves(scenario).contains(&one.requirement));
    judged
}

fn is_further_page(heard: &Heard<'_>) -> bool {
    let request = heard.request.as_ref().map(|request| request.message.value());
    request.is_some_and(|request| request.pointer("/params/cursor").is_some())
}

/// How large a schema is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Size {
    properties: usize,
    /// Objects within one another, itself included.
    levels: usize,
    values: usize,
}

impl Size {
    fn of(schema: &Value) -> Self {
        let mut size = Self::default();
        size.walk(schema, 0, 0);
        size
    }

    fn walk(&mut self, value: &Value, level: usize, depth: usize) {
        if depth > DEEPEST {
            return;
        }
        match value {
            Value::Array(parts) => parts.iter().for_each(|part| self.walk(part, level, depth + 1)),
            Value::Object(members) => {
                let properties = members.get("properties").and_then(Value::as_object);
                let level = level + usize::from(properties.is_some());
                self.levels = self.levels.max(level);
                self.properties += properties.map_or(0, serde_json::Map::len);
                self.values += members.get("enum").and_then(Value::as_array).map_or(0, Vec::len);
                properties.into_iter().flatten().for_each(|(_, property)| self.walk(property, level, depth + 1));
                // What is under these is no schema, or was walked through.
                let others = members.iter().filter(|(key, _)| {
                    !["properties", "enum", "const", "default", "examples", "required"].contains(&key.as_str())
                });
                others.for_each(|(_, part)| self.walk(part, level, depth + 1));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn schemas_are_measured() {
        let schema = json!({"type": "object", "properties": {
            "a": {"enum": [1, 2, 3]},
            "b": {"type": "array", "items": {"type": "object", "properties": {"c": {"anyOf": [{"enum": ["x"]}, {"type": "null"}]}}}}},
            "default": {"properties": {"not": "a schema"}}});
        assert_eq!(Size::of(&schema), Size { properties: 3, levels: 2, values: 4 });
        let deep = (0..500).fold(json!({}), |inner, _| json!({"properties": {"a": inner}}));
        assert!(Size::of(&deep).levels > LEVELS);
    }
}
