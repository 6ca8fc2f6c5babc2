//! The shape of what a call answers: which members there are and of which types, not what they hold. Asks no server.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::change::{Change, Class, names};
use super::normal::steady;
use crate::source::printable;

/// Members and their types by path: `.content[].text` is a `string`. Of the members that say what kind of thing the others
/// belong to, the value is kept.
type Shape = BTreeMap<String, BTreeSet<String>>;

/// Members whose value is part of the shape.
const KINDS: [&str; 4] = [".isError", ".resultType", ".content[].type", ".error.code"];
/// Paths that are kept, and items of a list that are looked at.
const PATHS: usize = 500;
const ITEMS: usize = 200;
/// What is said of a member that some items of a list have and others have not.
const ABSENT: &str = "absent";

/// The shape of an answer to `tools/call`: of its result, or of its error.
pub(super) fn shape(answer: &Value) -> Value {
    let mut shape = Shape::new();
    if let Some(result) = answer.get("result") {
        walk("", result, &mut shape);
        // To say nothing is to say that it went well.
        shape.entry(".isError".to_owned()).or_insert_with(|| BTreeSet::from(["false".to_owned()]));
    } else {
        walk(".error.code", &answer["error"]["code"], &mut shape);
    }
    json!(shape.into_iter().map(|(path, types)| (path, Vec::from_iter(types).join(" | "))).collect::<BTreeMap<_, _>>())
}

fn walk(path: &str, value: &Value, shape: &mut Shape) {
    if shape.len() >= PATHS {
        return;
    }
    let kind = match value {
        _ if KINDS.contains(&path) => value.to_string().trim_matches('"').to_owned(),
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "boolean".to_owned(),
        Value::Number(_) => "number".to_owned(),
        Value::String(_) => "string".to_owned(),
        Value::Array(_) => "array".to_owned(),
        Value::Object(_) => "object".to_owned(),
    };
    if !path.is_empty() {
        shape.entry(path.to_owned()).or_default().insert(kind);
    }
    match value {
        Value::Object(members) => members.iter().for_each(|(name, member)| walk(&below(path, name), member, shape)),
        Value::Array(items) => {
            let items = &items[..items.len().min(ITEMS)];
            let names: BTreeSet<_> = items.iter().filter_map(Value::as_object).flat_map(|item| item.keys()).collect();
            for item in items {
                walk(&format!("{path}[]"), item, shape);
                for name in names.iter().filter(|name| item.is_object() && item.get(**name).is_none()) {
                    shape.entry(below(&format!("{path}[]"), name)).or_default().insert(ABSENT.to_owned());
                }
            }
        }
        // Many servers put JSON into their texts.
        Value::String(text) if path == ".content[].text" => {
            if let Ok(inner @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(text) {
                walk(&format!("{path}(JSON)"), &inner, shape);
            }
        }
        _ => {}
    }
}

fn below(path: &str, name: &str) -> String {
    let mut name = name.to_owned();
    steady(&mut name);
    format!("{path}.{name}")
}

/// What changed in the results of calls.
pub(super) fn results(old: &Value, new: &Value, found: &mut Vec<Change>) {
    for tool in names(old, new) {
        let place = format!("result of tool `{}`", printable(tool, 120));
        match (&old[tool], &new[tool]) {
            (Value::Object(_), Value::Null) => {
                found.push(Change::new(Class::Cosmetic, format!("{place} is no longer asked for")));
            }
            (Value::Null, Value::Object(_)) => {
                found.push(Change::new(Class::Compatible, format!("{place} is recorded")));
            }
            (before, after) => members(&place, before, after, found),
        }
    }
}

fn members(place: &str, old: &Value, new: &Value, found: &mut Vec<Change>) {
    let types = |value: &Value| -> BTreeSet<String> {
        value.as_str().unwrap_or_default().split(" | ").map(str::to_owned).collect()
    };
    let mut told: Vec<String> = Vec::new();
    for path in names(old, new).into_iter().filter(|path| old.get(*path) != new.get(*path)) {
        // What lies below a member has come or gone with it.
        if told.iter().any(|above| path.strip_prefix(&**above).is_some_and(|rest| rest.starts_with(['.', '[', '(']))) {
            continue;
        }
        let shown = printable(path, 200);
        let (class, what) = match (old.get(path), new.get(path)) {
            (Some(_), None) if path.ends_with("[]") => (Class::Cosmetic, format!("`{shown}`: the list is empty")),
            (None, Some(_)) if path.ends_with("[]") => (Class::Cosmetic, format!("`{shown}`: the list is not empty")),
            (Some(_), None) => (Class::Breaking, format!("`{shown}` is gone")),
            (None, _) => (Class::Compatible, format!("`{shown}` is added")),
            (Some(before), Some(after)) => {
                let is_narrower = types(after).is_subset(&types(before)) || path == ".isError" && after == "false";
                let class = if is_narrower { Class::Compatible } else { Class::Breaking };
                let (before, after) = (before.as_str().unwrap_or_default(), after.as_str().unwrap_or_default());
                let change = format!("`{shown}` changed from {} to {}", printable(before, 120), printable(after, 120));
                found.push(Change::new(class, format!("{place}: {change}")));
                continue;
            }
        };
        told.push(path.to_owned());
        found.push(Change::new(class, format!("{place}: {what}")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(old: &Value, new: &Value) -> Vec<String> {
        let mut found = Vec::new();
        results(
            &json!({"t": shape(&json!({"result": old}))}),
            &json!({"t": shape(&json!({"result": new}))}),
            &mut found,
        );
        let place = "result of tool `t`: ";
        found.iter().map(|change| format!("{} {}", change.class, change.what.replace(place, ""))).collect()
    }

    #[test]
    fn what_is_held_is_left_out_and_what_it_is_called_is_kept() {
        let answer = json!({"result": {
            "content": [{"type": "text", "text": "secret"}, {"type": "text", "text": "{\"a\": [1, null], \"b\": {}}"}],
            "structuredContent": {"123e4567-e89b-12d3-a456-426614174000": 1.5,
                "list": [{"x": 1}, {"x": "y", "z": true}], "none": []}}});
        assert_eq!(
            shape(&answer),
            json!({
                ".content": "array", ".content[]": "object", ".content[].type": "text", ".content[].text": "string",
                ".content[].text(JSON)": "object", ".content[].text(JSON).a": "array",
                ".content[].text(JSON).a[]": "null | number", ".content[].text(JSON).b": "object", ".isError": "false",
                ".structuredContent": "object", ".structuredContent.[uuid]": "number", ".structuredContent.list": "array",
                ".structuredContent.list[]": "object", ".structuredContent.list[].x": "number | string",
                ".structuredContent.list[].z": "absent | boolean", ".structuredContent.none": "array",
            })
        );
        assert_eq!(shape(&json!({"error": {"code": -32602, "message": "secret"}})), json!({".error.code": "-32602"}));
    }

    #[test]
    fn to_take_away_breaks_and_to_add_does_not() {
        let old = json!({"content": [], "structuredContent": {"a": {"b": 1}, "c": 1, "d": [1], "e": [1, "x"]}});
        assert_eq!(told(&old, &old), [""; 0]);
        let new =
            json!({"content": [], "isError": true, "structuredContent": {"c": null, "d": [], "e": [1], "f": {"g": 1}}});
        assert_eq!(
            told(&old, &new),
            [
                "breaking `.isError` changed from false to true",
                "breaking `.structuredContent.a` is gone",
                "breaking `.structuredContent.c` changed from number to null",
                "cosmetic `.structuredContent.d[]`: the list is empty",
                "compatible `.structuredContent.e[]` changed from number | string to number",
                "compatible `.structuredContent.f` is added",
            ]
        );
        let none = json!({"content": [], "structuredContent": {"list": []}});
        let some = json!({"content": [], "structuredContent": {"list": [{"a": 1}]}});
        assert_eq!(told(&some, &none), ["cosmetic `.structuredContent.list[]`: the list is empty"]);
        assert_eq!(told(&none, &some), ["cosmetic `.structuredContent.list[]`: the list is not empty"]);
    }
}
