//! Makes arguments for a tool from its input schema. What it makes is valid by that schema, or it makes nothing.

use serde_json::{Map, Value, json};

use super::Unstructured;

/// The longest text that is made to be too long, in characters.
const LONG: usize = 20_000;
/// Nesting up to which a schema is followed.
const DEPTH: usize = 12;

/// Arguments that a tool's input schema accepts, with the required members only; `None` where none could be found.
pub fn generate(schema: &Value) -> Option<Value> {
    let arguments = make(schema, schema, DEPTH)?;
    let arguments = if arguments.is_object() { arguments } else { json!({}) };
    let validator = jsonschema::draft202012::new(schema).ok()?;
    validator.is_valid(&arguments).then_some(arguments)
}

/// A value that is certainly not of a declared type; `None` where the declaration does not exclude one.
pub fn wrong_type(declared: &Value) -> Option<Value> {
    Some(match declared.as_str()? {
        "string" => json!({"not": "a string"}),
        "number" | "integer" | "boolean" => json!({"not": "a scalar"}),
        "array" | "object" => json!(17),
        _ => return None,
    })
}

/// Arguments that break an input schema in one place each, by the keyword that they break: made from arguments that it
/// accepts, by one change to a member.
pub fn invalid(schema: &Value, accepted: &Value) -> Map<String, Value> {
    let Ok(validator) = jsonschema::draft202012::new(schema) else { return Map::new() };
    let mut found = Map::new();
    let mut attempts = Vec::new();
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let mut arguments = accepted.clone();
        arguments.as_object_mut().map(|members| members.shift_remove(name));
        attempts.push(arguments);
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        for wrong in wrong_values(property) {
            let mut arguments = accepted.clone();
            arguments[name] = wrong;
            attempts.push(arguments);
        }
    }
    let mut surplus = accepted.clone();
    surplus["litmus_surplus"] = json!("litmus");
    attempts.push(surplus);
    for arguments in attempts {
        let mut errors = validator.iter_errors(&arguments);
        if let (Some(error), None) = (errors.next(), errors.next()) {
            let path = error.schema_path().to_string();
            let keyword = path.rsplit('/').next().unwrap_or_default();
            found.entry(keyword).or_insert_with(|| arguments.clone());
        }
    }
    found
}

/// Values that break a schema of a plain value, each in another way.
fn wrong_values(schema: &Value) -> Vec<Value> {
    let mut wrong: Vec<Value> = wrong_type(&schema["type"]).into_iter().collect();
    if schema.get("enum").is_some() {
        wrong.push(json!("litmus-no-such-choice"));
    }
    let number = |key: &str| schema.get(key).and_then(Value::as_i64);
    wrong.extend(number("minimum").and_then(|least| least.checked_sub(1)).map(Value::from));
    wrong.extend(number("maximum").and_then(|most| most.checked_add(1)).map(Value::from));
    if let Some(most) = number("maxLength").and_then(|most| usize::try_from(most).ok()).filter(|most| *most <= LONG) {
        wrong.push(json!("l".repeat(most + 1)));
    }
    if number("minLength").is_some_and(|least| least > 0) {
        wrong.push(json!(""));
    }
    wrong
}

/// Arguments drawn from bytes, which the schema accepts; `None` where none were found.
pub fn draw(schema: &Value, _u: &mut Unstructured<'_>) -> Option<Value> {
    generate(schema)
}

/// Arguments with one fault, made from arguments that the schema accepts, and the keyword that they break.
pub fn damage(schema: &Value, accepted: &Value, u: &mut Unstructured<'_>) -> Option<(Value, String)> {
    let mut all: Vec<_> = invalid(schema, accepted).into_iter().collect();
    let at = u.choose_index(all.len()).ok()?;
    let (keyword, arguments) = all.swap_remove(at);
    Some((arguments, keyword))
}

fn make(schema: &Value, root: &Value, depth: usize) -> Option<Value> {
    if depth == 0 || schema == &json!(false) {
        return None;
    }
    if let Some(value) = schema.get("const").or_else(|| schema.get("default")) {
        return Some(value.clone());
    }
    for key in ["enum", "examples"] {
        if let Some(value) = schema.get(key).and_then(Value::as_array).and_then(|values| values.first()) {
            return Some(value.clone());
        }
    }
    if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
        return make(root.pointer(target.strip_prefix('#')?)?, root, depth - 1);
    }
    for key in ["anyOf", "oneOf"] {
        if let Some(branches) = schema.get(key).and_then(Value::as_array) {
            return branches.iter().find_map(|branch| make(branch, root, depth - 1));
        }
    }
    if let Some(parts) = schema.get("allOf").and_then(Value::as_array) {
        let mut merged = schema.as_object().cloned().unwrap_or_default();
        merged.remove("allOf");
        for part in parts.iter().filter_map(Value::as_object) {
            merged.extend(part.clone());
        }
        return make(&Value::Object(merged), root, depth - 1);
    }
    let declared = match schema.get("type") {
        Some(Value::Array(types)) => types.first().and_then(Value::as_str),
        Some(Value::String(kind)) => Some(kind.as_str()),
        _ if schema.get("properties").is_some() => Some("object"),
        _ => None,
    };
    Some(match declared {
        Some("object") => object(schema, root, depth)?,
        Some("array") => array(schema, root, depth)?,
        Some("integer" | "number") => number(schema),
        Some("boolean") => json!(true),
        Some("null") => Value::Null,
        _ => json!(text(schema)),
    })
}

fn object(schema: &Value, root: &Value, depth: usize) -> Option<Value> {
    let mut members = Map::new();
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let property = schema["properties"].get(name).unwrap_or(&Value::Bool(true));
        members.insert(name.to_owned(), make(property, root, depth - 1)?);
    }
    Some(Value::Object(members))
}

fn array(schema: &Value, root: &Value, depth: usize) -> Option<Value> {
    let wanted = schema["minItems"].as_u64().unwrap_or(0).min(16);
    let item = schema.get("items").unwrap_or(&Value::Bool(true));
    (0..wanted).map(|_| make(item, root, depth - 1)).collect()
}

fn number(schema: &Value) -> Value {
    let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
    let least = bound("minimum").or_else(|| bound("exclusiveMinimum").map(|least| least + 1.0));
    let most = bound("maximum").or_else(|| bound("exclusiveMaximum").map(|most| most - 1.0));
    let mut value = match (least, most) {
        (Some(least), _) if least > 1.0 => least.ceil(),
        (_, Some(most)) if most < 1.0 => most.floor(),
        _ => 1.0,
    };
    if let Some(step) = bound("multipleOf").filter(|step| *step > 0.0) {
        value = (value / step).ceil() * step;
    }
    #[expect(clippy::cast_possible_truncation, reason = "the value is a small whole number where it has no fraction")]
    if value.fract() == 0.0 && value.abs() < 1e15 { json!(value as i64) } else { json!(value) }
}

fn text(schema: &Value) -> String {
    match schema["format"].as_str() {
        Some("date-time") => return "2026-01-01T00:00:00Z".to_owned(),
        Some("date") => return "2026-01-01".to_owned(),
        Some("time") => return "00:00:00Z".to_owned(),
        Some("email") => return "a@example.com".to_owned(),
        Some("uri" | "url") => return "https://example.com/".to_owned(),
        Some("uuid") => return "00000000-0000-4000-8000-000000000000".to_owned(),
        _ => {}
    }
    let least = schema["minLength"].as_u64().unwrap_or(1).clamp(1, 4096);
    let most = schema["maxLength"].as_u64().unwrap_or(4096);
    "litmus".chars().cycle().take(usize::try_from(least.max(6).min(most)).unwrap_or(6)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makes_what_the_schema_accepts_or_nothing() {
        let schema = json!({"type": "object", "required": ["a", "n", "mode", "list"], "properties": {
            "a": {"type": "string", "minLength": 9}, "n": {"type": "integer", "minimum": 5, "multipleOf": 4},
            "mode": {"enum": ["x", "y"]}, "list": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/point"}},
            "optional": {"type": "string"}},
            "$defs": {"point": {"type": "object", "required": ["x"], "properties": {"x": {"type": "number", "exclusiveMaximum": 0}}}}});
        let arguments = generate(&schema).expect("it can be satisfied");
        assert_eq!(arguments, json!({"a": "litmuslit", "n": 8, "mode": "x", "list": [{"x": -1}]}));
        assert_eq!(
            generate(
                &json!({"type": "object", "required": ["p"], "properties": {"p": {"type": "string", "pattern": "^z+$"}}})
            ),
            None
        );
        assert_eq!(generate(&json!({"type": "object"})), Some(json!({})));
    }

    #[test]
    fn what_is_invalid_breaks_one_keyword() {
        let schema = json!({"type": "object", "required": ["n"], "additionalProperties": false, "properties": {
            "n": {"type": "integer", "minimum": 1, "maximum": 5}, "mode": {"enum": ["x", "y"]},
            "name": {"type": "string", "maxLength": 3}, "any": {}}});
        let invalid = invalid(&schema, &json!({"n": 1}));
        let mut keywords: Vec<_> = invalid.keys().map(String::as_str).collect();
        keywords.sort_unstable();
        assert_eq!(keywords, ["additionalProperties", "enum", "maxLength", "maximum", "minimum", "required", "type"]);
        assert_eq!(invalid["required"], json!({}));
        assert_eq!(invalid["maximum"], json!({"n": 6}));
        assert_eq!(super::invalid(&json!({"type": "object"}), &json!({})), Map::new());
    }
}
