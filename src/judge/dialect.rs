//! Judges JSON Schemas that a target sends, each in the dialect that it declares. Follows no reference out of the schema and
//! compiles nothing that a meta-schema has not passed.

use jsonschema::Draft;
use jsonschema::error::ValidationErrorKind;
use serde_json::Value;

use crate::protocol::{dialect, validator};

/// What is wrong with a schema: nothing, or one clause. The dialect is the one that `$schema` names, 2020-12 where it names
/// none; of an unknown dialect nothing is known.
pub(super) fn fault(schema: &Value) -> Option<String> {
    if !schema.is_object() {
        return Some("it is no JSON object".to_owned());
    }
    let invalid = match dialect(schema)? {
        Draft::Draft4 => jsonschema::draft4::meta::validate(schema).err(),
        Draft::Draft6 => jsonschema::draft6::meta::validate(schema).err(),
        Draft::Draft7 => jsonschema::draft7::meta::validate(schema).err(),
        Draft::Draft201909 => jsonschema::draft201909::meta::validate(schema).err(),
        _ => jsonschema::draft202012::meta::validate(schema).err(),
    };
    // A regular expression is judged by another engine than the one it was written for: no proof.
    if let Some(error) = invalid.filter(|error| !matches!(error.kind(), ValidationErrorKind::Format { .. })) {
        let place = error.instance_path().to_string();
        return Some(if place.is_empty() {
            error.masked().to_string()
        } else {
            format!("{place}: {}", error.masked())
        });
    }
    dangling(schema, schema)
}

/// Where an instance breaks a schema: nowhere, or one clause. A schema that is wrong, or that cannot be used without what it
/// refers to elsewhere, convicts nobody. `format` is a note.
pub(super) fn violation(schema: &Value, instance: &Value) -> Option<String> {
    let validator = validator(schema)?;
    let error = validator.iter_errors(instance).next()?;
    let place = error.instance_path().to_string();
    Some(if place.is_empty() { error.masked().to_string() } else { format!("{place}: {}", error.masked()) })
}

/// A reference into the schema itself that leads nowhere.
fn dangling(part: &Value, root: &Value) -> Option<String> {
    // What an identifier re-bases cannot be told by looking at the root.
    if part.get("$id").is_some() || part.get("id").is_some_and(Value::is_string) {
        return None;
    }
    match part {
        Value::Array(items) => items.iter().find_map(|item| dangling(item, root)),
        Value::Object(members) => {
            if let Some(pointer) = members.get("$ref").and_then(Value::as_str).and_then(|r| r.strip_prefix('#'))
                && (pointer.is_empty() || pointer.starts_with('/'))
                && !pointer.contains('%')
                && root.pointer(pointer).is_none()
            {
                return Some(format!("`$ref` to #{pointer}, where nothing is"));
            }
            let data = ["const", "default", "enum", "examples"];
            let schemas = members.iter().filter(|(key, _)| !data.contains(&key.as_str()));
            schemas.map(|(_, member)| member).find_map(|member| dangling(member, root))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schema_is_judged_in_its_dialect() {
        assert_eq!(fault(&json!({"type": "object"})), None);
        assert!(fault(&json!(true)).is_some() && fault(&Value::Null).is_some());
        assert!(fault(&json!({"type": "objekt"})).is_some());
        let old = json!({"type": "object", "properties": {"p": {"type": "array", "items": [{"type": "string"}]}}});
        assert!(fault(&old).expect("2020-12 has no such items").starts_with("/properties/p/items"));
        let mut declared = old.clone();
        declared["$schema"] = json!("http://json-schema.org/draft-07/schema#");
        assert_eq!(fault(&declared), None);
        declared["$schema"] = json!("https://example.com/mine");
        assert_eq!(fault(&declared), None);
        assert_eq!(fault(&json!({"properties": {"p": {"pattern": "^[\\w-.]+(?<!x)$"}}})), None);
    }

    #[test]
    fn references_lead_somewhere() {
        let schema = json!({"$ref": "#/$defs/a", "$defs": {"a": {"items": {"$ref": "#"}}}});
        assert_eq!(fault(&schema), None);
        assert!(fault(&json!({"properties": {"p": {"$ref": "#/$defs/a"}}})).is_some());
        assert_eq!(fault(&json!({"properties": {"$ref": {"type": "string"}}, "default": {"$ref": "#/x"}})), None);
        assert_eq!(fault(&json!({"properties": {"p": {"$ref": "https://example.com/s.json"}}})), None);
    }

    #[test]
    fn what_cannot_be_judged_convicts_nobody() {
        let schema = json!({"type": "object", "properties": {"at": {"format": "date"}, "n": {"type": "number"}}});
        assert_eq!(violation(&schema, &json!({"at": "tomorrow", "n": 1})), None);
        assert!(violation(&schema, &json!({"n": "1"})).expect("no number").starts_with("/n"));
        assert_eq!(violation(&json!({"$ref": "https://example.com/s.json"}), &json!(1)), None);
        assert_eq!(violation(&json!({"type": "objekt"}), &json!(1)), None);
    }
}
