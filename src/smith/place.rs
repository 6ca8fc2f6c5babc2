//! All that schemas say of one value: references followed, branches chosen. Says nothing of whether it can be satisfied.

use std::cell::OnceCell;
use std::collections::HashMap;

use serde_json::{Map, Value};

use super::Unstructured;
use super::choice::below;

/// Schemas that are looked at for one value.
const STEPS: usize = 128;

/// A schema with the names that its parts have.
pub(super) struct Root<'s> {
    schema: &'s Value,
    /// Looked up when a reference is by name, which is rare.
    named: OnceCell<HashMap<String, &'s Value>>,
}

/// The schemas of objects that a value has to satisfy, all of them.
#[derive(Default)]
pub(super) struct Place<'s> {
    /// What it has to satisfy, without the keywords that combine schemas.
    pub(super) parts: Vec<&'s Map<String, Value>>,
    /// What it must not satisfy.
    pub(super) not: Vec<&'s Value>,
    /// Nothing satisfies them.
    pub(super) is_impossible: bool,
}

impl<'s> Root<'s> {
    pub(super) fn new(schema: &'s Value) -> Self {
        Self { schema, named: OnceCell::new() }
    }

    /// What a value has to satisfy that satisfies some schemas, with choices where they leave some.
    pub(super) fn place(&self, schemas: &[&'s Value], is_deep: bool, u: &mut Unstructured<'_>) -> Place<'s> {
        let mut place = Place::default();
        self.add(&mut place, schemas, is_deep, u);
        place
    }

    /// Adds schemas to those of a place.
    pub(super) fn add(&self, place: &mut Place<'s>, schemas: &[&'s Value], is_deep: bool, u: &mut Unstructured<'_>) {
        let mut left: Vec<&'s Value> = schemas.iter().rev().copied().collect();
        for _ in 0..STEPS {
            let Some(schema) = left.pop() else { return };
            let Value::Object(members) = schema else {
                place.is_impossible |= schema == &Value::Bool(false);
                continue;
            };
            place.parts.push(members);
            place.not.extend(members.get("not"));
            for key in ["$ref", "$dynamicRef", "$recursiveRef"] {
                left.extend(members.get(key).and_then(Value::as_str).and_then(|address| self.resolve(address)));
            }
            left.extend(members.get("allOf").and_then(Value::as_array).into_iter().flatten());
            for key in ["anyOf", "oneOf"] {
                if let Some(branches) = members.get(key).and_then(Value::as_array).filter(|all| !all.is_empty()) {
                    let plain = || branches.iter().find(|branch| !refers(branch));
                    let deep = if is_deep { plain() } else { None };
                    left.push(deep.unwrap_or_else(|| &branches[below(u, branches.len())]));
                }
            }
            if let Some(condition) = members.get("if") {
                if below(u, 2) == 0 {
                    left.extend([Some(condition), members.get("then")].into_iter().flatten());
                } else {
                    place.not.push(condition);
                    left.extend(members.get("else"));
                }
            }
        }
        place.is_impossible = true;
    }

    fn resolve(&self, address: &str) -> Option<&'s Value> {
        let pointed = |schema: &'s Value, fragment: &str| {
            schema.pointer(&fragment.replace("%7E", "~").replace("%20", " ").replace("%24", "$").replace("%25", "%"))
        };
        if let Some(found) = address.strip_prefix('#').and_then(|fragment| pointed(self.schema, fragment)) {
            return Some(found);
        }
        let named = self.named.get_or_init(|| named(self.schema));
        let (base, fragment) = address.split_once('#').unwrap_or((address, ""));
        named.get(address).copied().or_else(|| pointed(named.get(base)?, fragment))
    }
}

/// The parts of a schema that have a name, by it; anchors with their `#`.
fn named(schema: &Value) -> HashMap<String, &Value> {
    let mut named = HashMap::new();
    let mut left = vec![schema];
    while let Some(part) = left.pop() {
        match part {
            Value::Object(members) => {
                for (key, mark) in [("$id", ""), ("id", ""), ("$anchor", "#"), ("$dynamicAnchor", "#")] {
                    if let Some(name) = members.get(key).and_then(Value::as_str) {
                        named.entry(format!("{mark}{name}")).or_insert(part);
                    }
                }
                left.extend(members.values().rev());
            }
            Value::Array(items) => left.extend(items.iter().rev()),
            _ => {}
        }
    }
    named
}

impl Place<'_> {
    /// The types that a value may have, as far as `type` says; `None` where nothing says anything.
    pub(super) fn types(&self) -> Option<Vec<&str>> {
        let mut common: Option<Vec<&str>> = None;
        for declared in self.parts.iter().filter_map(|part| part.get("type")) {
            let own: Vec<&str> = match declared {
                Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
                declared => declared.as_str().into_iter().collect(),
            };
            common = Some(match common {
                None => own,
                Some(types) => types.into_iter().filter_map(|one| narrowed(one, &own)).collect(),
            });
        }
        let excluded: Vec<&str> = self.not.iter().filter_map(|not| only(not, "type")?.as_str()).collect();
        common.map(|types| types.into_iter().filter(|one| !excluded.contains(one)).collect())
    }

    /// Whether a value is refused by a `not` that is simple enough to be seen.
    pub(super) fn excludes(&self, value: &Value) -> bool {
        self.not.iter().any(|not| {
            only(not, "const") == Some(value)
                || only(not, "enum").and_then(Value::as_array).is_some_and(|all| all.contains(value))
        })
    }

    /// The members that must not be there.
    pub(super) fn is_forbidden(&self, name: &str) -> bool {
        self.not.iter().any(|not| {
            only(not, "required").and_then(Value::as_array).is_some_and(|all| all.len() == 1 && all[0] == name)
        })
    }

    /// The values of a keyword in all schemas.
    pub(super) fn all(&self, keyword: &str) -> impl Iterator<Item = &Value> {
        self.parts.iter().filter_map(move |part| part.get(keyword))
    }
}

/// A type as far as others allow it: an integer is a number.
fn narrowed<'t>(one: &'t str, others: &[&'t str]) -> Option<&'t str> {
    match one {
        _ if others.contains(&one) => Some(one),
        "number" if others.contains(&"integer") => Some("integer"),
        "integer" if others.contains(&"number") => Some("integer"),
        _ => None,
    }
}

/// The value of a keyword, where a schema has no other.
fn only<'s>(schema: &'s Value, keyword: &str) -> Option<&'s Value> {
    schema.get(keyword).filter(|_| schema.as_object().is_some_and(|members| members.len() == 1))
}

/// Whether a schema refers to another one, which may be itself.
fn refers(schema: &Value) -> bool {
    match schema {
        Value::Object(members) => {
            members.iter().any(|(key, value)| key.ends_with("Ref") || key == "$ref" || refers(value))
        }
        Value::Array(items) => items.iter().any(refers),
        _ => false,
    }
}
