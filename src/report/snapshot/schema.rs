//! Whether a schema accepts more or less than another, key word by key word. What it cannot tell it takes for a break.

use serde_json::Value;

use super::change::{Change, Class, names};
use crate::source::printable;

/// Which way the values go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// From the client: to accept less breaks.
    Input,
    /// To the client: to answer with more breaks.
    Output,
}

/// Compares the schemas of a tool's arguments or result; `place` says which.
pub(super) fn compare(place: &str, old: &Value, new: &Value, direction: Direction, found: &mut Vec<Change>) {
    Comparison { place, direction, found }.schemas(&mut Vec::new(), old, new);
}

struct Comparison<'a> {
    place: &'a str,
    direction: Direction,
    found: &'a mut Vec<Change>,
}

/// How a set of values changed.
enum Turn {
    Narrower,
    Wider,
    Other,
}

impl Comparison<'_> {
    fn schemas(&mut self, path: &mut Vec<String>, old: &Value, new: &Value) {
        if !old.is_object() || !new.is_object() {
            match (old, new) {
                _ if old == new => {}
                (_, Value::Bool(true) | Value::Null) => self.turned(path, &Turn::Wider, "the schema is dropped"),
                (Value::Bool(true) | Value::Null, _) => self.turned(path, &Turn::Narrower, "a schema is added"),
                (Value::Bool(false), _) => self.turned(path, &Turn::Wider, "what nothing satisfied has a schema"),
                (_, Value::Bool(false)) => self.turned(path, &Turn::Narrower, "nothing satisfies it any more"),
                _ => self.turned(path, &Turn::Other, "the schema changed"),
            }
            return;
        }
        for key in names(old, new).into_iter().filter(|key| old.get(*key) != new.get(*key)) {
            self.key_word(path, key, old, new);
        }
    }

    fn key_word(&mut self, path: &mut Vec<String>, key: &str, old: &Value, new: &Value) {
        let (before, after) = (old.get(key).unwrap_or(&Value::Null), new.get(key).unwrap_or(&Value::Null));
        match key {
            "title" | "description" | "examples" | "$comment" | "$schema" | "$id" => {
                self.tell(path, Class::Cosmetic, &format!("{key} changed"));
            }
            "default" | "deprecated" => self.tell(path, Class::Compatible, &format!("{key} changed")),
            "properties" => self.properties(path, old, new),
            "required" => self.required(path, old, new),
            "type" => {
                let turn = turn_of_sets(&types(before), &types(after));
                self.turned(path, &turn, &format!("type changed from {} to {}", shown(before), shown(after)));
            }
            "enum" => self.values(path, before, after),
            "anyOf" | "oneOf" if before.is_array() && after.is_array() => {
                let turn = turn_of_sets(&items(before), &items(after));
                self.turned(path, &turn, &format!("the alternatives of {key} changed"));
            }
            "items" | "additionalProperties" | "propertyNames" | "contains" => {
                path.push(format!("({key})"));
                self.schemas(path, before, after);
                path.pop();
            }
            "$defs" | "definitions" => {
                for name in names(before, after) {
                    // A definition that nobody names any more, or not yet, changes nothing by itself.
                    if let (Some(old), Some(new)) = (before.get(name), after.get(name)) {
                        path.push(format!("({key} {})", printable(name, 60)));
                        self.schemas(path, old, new);
                        path.pop();
                    }
                }
            }
            "minimum" | "exclusiveMinimum" | "minLength" | "minItems" | "minProperties" => {
                self.bound(path, key, before, after, |old, new| new > old);
            }
            "maximum" | "exclusiveMaximum" | "maxLength" | "maxItems" | "maxProperties" => {
                self.bound(path, key, before, after, |old, new| new < old);
            }
            _ => {
                let (turn, what) = match (before, after) {
                    (Value::Null, _) => (Turn::Narrower, "is added"),
                    (_, Value::Null) => (Turn::Wider, "is dropped"),
                    _ => (Turn::Other, "changed"),
                };
                self.turned(path, &turn, &format!("{} {what}", printable(key, 60)));
            }
        }
    }

    fn properties(&mut self, path: &mut Vec<String>, old: &Value, new: &Value) {
        for name in names(&old["properties"], &new["properties"]) {
            path.push(printable(name, 60));
            match (old["properties"].get(name), new["properties"].get(name)) {
                (Some(before), Some(after)) => self.schemas(path, before, after),
                (Some(_), None) => self.tell(path, Class::Breaking, "is removed"),
                (None, _) if self.direction == Direction::Input && requires(new, name) => {
                    self.tell(path, Class::Breaking, "is added and required");
                }
                (None, _) => self.tell(path, Class::Compatible, "is added"),
            }
            path.pop();
        }
    }

    /// Properties that are there before and after; of the others [`Self::properties`] tells.
    fn required(&mut self, path: &mut Vec<String>, old: &Value, new: &Value) {
        let both = |name: &&str| {
            let is_known = |schema: &Value| schema["properties"].get(*name).is_some();
            is_known(old) == is_known(new)
        };
        let listed = |schema: &Value| {
            let names = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            names.map(str::to_owned).collect::<Vec<_>>()
        };
        let (before, after) = (listed(old), listed(new));
        for name in before.iter().map(String::as_str).filter(|name| !requires(new, name)).filter(both) {
            path.push(printable(name, 60));
            self.turned(path, &Turn::Wider, "is no longer required");
            path.pop();
        }
        for name in after.iter().map(String::as_str).filter(|name| !requires(old, name)).filter(both) {
            path.push(printable(name, 60));
            self.turned(path, &Turn::Narrower, "is now required");
            path.pop();
        }
    }

    fn values(&mut self, path: &[String], old: &Value, new: &Value) {
        if old.is_null() || new.is_null() {
            let (turn, what) = if old.is_null() { (Turn::Narrower, "is added") } else { (Turn::Wider, "is dropped") };
            return self.turned(path, &turn, &format!("a list of values {what}"));
        }
        let (before, after) = (items(old), items(new));
        for value in before.iter().filter(|value| !after.contains(value)) {
            self.turned(path, &Turn::Narrower, &format!("value {} is removed", shown(value)));
        }
        for value in after.iter().filter(|value| !before.contains(value)) {
            self.turned(path, &Turn::Wider, &format!("value {} is added", shown(value)));
        }
    }

    /// An absent bound is none.
    fn bound(&mut self, path: &[String], key: &str, old: &Value, new: &Value, narrows: fn(f64, f64) -> bool) {
        let turn = match (old.as_f64(), new.as_f64()) {
            (Some(old), Some(new)) if narrows(old, new) => Turn::Narrower,
            (None, Some(_)) => Turn::Narrower,
            (Some(_), _) => Turn::Wider,
            (None, None) => Turn::Other,
        };
        self.turned(path, &turn, &format!("{key} changed"));
    }

    fn turned(&mut self, path: &[String], turn: &Turn, what: &str) {
        let class = match (turn, self.direction) {
            (Turn::Narrower, Direction::Output) | (Turn::Wider, Direction::Input) => Class::Compatible,
            _ => Class::Breaking,
        };
        self.tell(path, class, what);
    }

    fn tell(&mut self, path: &[String], class: Class, what: &str) {
        let path = if path.is_empty() { "schema".to_owned() } else { format!("`{}`", path.join(".")) };
        let separator = if what.starts_with("is ") { " " } else { ": " };
        self.found.push(Change::new(class, format!("{} {path}{separator}{what}", self.place)));
    }
}

fn requires(schema: &Value, name: &str) -> bool {
    schema["required"].as_array().is_some_and(|names| names.iter().any(|one| one == name))
}

fn items(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

/// The types that are accepted, `number` with the integers in it; an absent key word accepts all.
fn types(value: &Value) -> Vec<Value> {
    let mut types = match value {
        Value::Array(types) => types.clone(),
        Value::Null => ["string", "number", "boolean", "array", "object", "null"].map(Value::from).to_vec(),
        one => vec![one.clone()],
    };
    if types.iter().any(|kind| kind == "number") {
        types.push(Value::from("integer"));
    }
    types
}

fn turn_of_sets(old: &[Value], new: &[Value]) -> Turn {
    let within = |few: &[Value], many: &[Value]| few.iter().all(|value| many.contains(value));
    match (within(new, old), within(old, new)) {
        (true, _) => Turn::Narrower,
        (_, true) => Turn::Wider,
        _ => Turn::Other,
    }
}

fn shown(value: &Value) -> String {
    if value.is_null() { "any".to_owned() } else { printable(&value.to_string(), 80) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(old: &Value, new: &Value, direction: Direction) -> Vec<String> {
        let mut found = Vec::new();
        compare("argument", old, new, direction, &mut found);
        found.into_iter().map(|change| format!("{} {}", change.class, change.what)).collect()
    }

    #[test]
    fn every_key_word_is_classed() {
        let cases = [
            (
                json!({"type": "number"}),
                json!({"type": "integer"}),
                "breaking argument `a`: type changed from \"number\" to \"integer\"",
            ),
            (
                json!({"type": "string"}),
                json!({"type": ["null", "string"]}),
                "compatible argument `a`: type changed from \"string\" to [\"null\",\"string\"]",
            ),
            (json!({}), json!({"type": "string"}), "breaking argument `a`: type changed from any to \"string\""),
            (json!({"enum": ["x", "y"]}), json!({"enum": ["x"]}), "breaking argument `a`: value \"y\" is removed"),
            (json!({"enum": ["x"]}), json!({"enum": ["x", "y"]}), "compatible argument `a`: value \"y\" is added"),
            (json!({"minimum": 1}), json!({"minimum": 2}), "breaking argument `a`: minimum changed"),
            (json!({"minimum": 1}), json!({"minimum": 0}), "compatible argument `a`: minimum changed"),
            (json!({"minimum": 1}), json!({}), "compatible argument `a`: minimum changed"),
            (json!({}), json!({"minimum": 1}), "breaking argument `a`: minimum changed"),
            (json!({"maxLength": 9}), json!({"maxLength": 8}), "breaking argument `a`: maxLength changed"),
            (json!({"maxLength": 9}), json!({}), "compatible argument `a`: maxLength changed"),
            (json!({}), json!({"maxLength": 9}), "breaking argument `a`: maxLength changed"),
            (json!({}), json!({"pattern": "x"}), "breaking argument `a`: pattern is added"),
            (json!({"format": "uri"}), json!({}), "compatible argument `a`: format is dropped"),
            (json!({"description": "x"}), json!({"description": "y"}), "cosmetic argument `a`: description changed"),
            (json!({"default": 1}), json!({"default": 2}), "compatible argument `a`: default changed"),
            (
                json!({}),
                json!({"additionalProperties": false}),
                "breaking argument `a.(additionalProperties)`: a schema is added",
            ),
            (
                json!({"items": {"type": "string"}}),
                json!({"items": {}}),
                "compatible argument `a.(items)`: type changed from \"string\" to any",
            ),
            (
                json!({"anyOf": [{}, true]}),
                json!({"anyOf": [true]}),
                "breaking argument `a`: the alternatives of anyOf changed",
            ),
            (json!({"$ref": "#/a"}), json!({"$ref": "#/b"}), "breaking argument `a`: $ref changed"),
        ];
        for (old, new, expected) in cases {
            let with = |schema: Value| json!({"properties": {"a": schema}});
            assert_eq!(told(&with(old), &with(new), Direction::Input), [expected]);
        }
    }

    #[test]
    fn properties_come_and_go() {
        let old = json!({"properties": {"a": {}, "b": {}, "c": {}}, "required": ["a"]});
        let new = json!({"properties": {"a": {}, "b": {}, "d": {}, "e": {}}, "required": ["b", "d"]});
        assert_eq!(
            told(&old, &new, Direction::Input),
            [
                "breaking argument `c` is removed",
                "breaking argument `d` is added and required",
                "compatible argument `e` is added",
                "compatible argument `a` is no longer required",
                "breaking argument `b` is now required",
            ]
        );
        assert_eq!(
            told(&old, &new, Direction::Output),
            [
                "breaking argument `c` is removed",
                "compatible argument `d` is added",
                "compatible argument `e` is added",
                "breaking argument `a` is no longer required",
                "compatible argument `b` is now required",
            ]
        );
    }
}
