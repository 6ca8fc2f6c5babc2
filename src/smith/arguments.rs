//! Makes arguments for a tool from its input schema. What it calls valid is valid by that schema, or it makes nothing.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Map, Value, json};

use super::place::Root;
use super::{Unstructured, draw};
use crate::protocol;

pub use super::fault::damage;

/// The longest text that is made to be too long, in characters.
const LONG: usize = 20_000;
/// Validators that are kept.
const KEPT: usize = 512;
/// Arguments are an object, whether the schema says so or not.
static OBJECT: LazyLock<Value> = LazyLock::new(|| json!({"type": "object"}));

/// Arguments that a tool's input schema accepts, the plainest: with the required members only, and what the schema itself
/// gives as defaults, choices and examples. `None` where none could be found.
pub fn generate(schema: &Value) -> Option<Value> {
    draw(schema, &mut Unstructured::new(&[]))
}

/// Arguments drawn from bytes, which the schema accepts; `None` where none could be found.
pub fn draw(schema: &Value, u: &mut Unstructured<'_>) -> Option<Value> {
    drawn(schema, &[], u)
}

/// The same, with values that are used where they fit.
pub(super) fn drawn(schema: &Value, pool: &[Value], u: &mut Unstructured<'_>) -> Option<Value> {
    let validator = validator(schema)?;
    draw::accepted(&Root::new(schema), &[&OBJECT, schema], pool, u, |arguments| validator.is_valid(arguments))
}

/// A validator for a schema, which is compiled once.
pub(super) fn validator(schema: &Value) -> Option<Rc<Validator>> {
    type Compiled = HashMap<Value, Option<Rc<Validator>>>;
    thread_local! { static COMPILED: RefCell<Compiled> = RefCell::default(); }
    COMPILED.with_borrow_mut(|compiled| {
        if let Some(known) = compiled.get(schema) {
            return known.clone();
        }
        if compiled.len() == KEPT {
            compiled.clear();
        }
        let new = protocol::validator(schema).map(Rc::new);
        compiled.insert(schema.clone(), new.clone());
        new
    })
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
    let Some(validator) = validator(schema).filter(|_| accepted.is_object()) else { return Map::new() };
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::choice::{below, noise};
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
        let pattern =
            json!({"type": "object", "required": ["p"], "properties": {"p": {"type": "string", "pattern": "^z+$"}}});
        assert_eq!(generate(&pattern), Some(json!({"p": "z"})));
        assert_eq!(generate(&json!({"type": "object", "required": ["p"], "properties": {"p": false}})), None);
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

    fn collection() -> Vec<(String, Value)> {
        let text = include_str!("../../tests/data/input-schemas.json");
        serde_json::from_str::<Map<String, Value>>(text).expect("it is JSON").into_iter().collect()
    }

    /// By another road than the one that the generator takes.
    fn is_valid(schema: &Value, arguments: &Value) -> bool {
        jsonschema::options().build(schema).expect("it compiles").is_valid(arguments)
    }

    #[test]
    fn every_schema_of_the_collection_has_its_plainest_arguments() {
        for (name, schema) in collection() {
            let arguments = generate(&schema).unwrap_or_else(|| panic!("{name}: nothing found"));
            assert!(is_valid(&schema, &arguments), "{name}: {arguments}");
            assert_eq!(generate(&schema).as_ref(), Some(&arguments), "{name}: the same again");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_drawn_is_accepted(at in 0..collection().len(), bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let (name, schema) = &collection()[at];
            let drawn = draw(schema, &mut Unstructured::new(&bytes));
            prop_assert!(drawn.is_some(), "{}: nothing found", name);
            let arguments = drawn.unwrap_or_default();
            prop_assert!(is_valid(schema, &arguments), "{}: {}", name, arguments);
            prop_assert!(arguments.to_string().len() < 64 << 10);
        }

        #[test]
        fn what_is_damaged_breaks_the_keyword_that_is_named(
            at in 0..collection().len(),
            bytes in prop::collection::vec(any::<u8>(), 0..400),
        ) {
            let (name, schema) = &collection()[at];
            let u = &mut Unstructured::new(&bytes);
            let accepted = draw(schema, u).unwrap_or_default();
            if let Some((arguments, keyword)) = damage(schema, &accepted, u) {
                let validator = protocol::validator(schema).expect("it compiles");
                let errors: Vec<_> = validator.iter_errors(&arguments).collect();
                prop_assert_eq!(errors.len(), 1, "{}: {}", name, arguments);
                prop_assert!(errors[0].schema_path().to_string().ends_with(&keyword), "{name}: {keyword}");
            }
        }

        #[test]
        fn any_schema_ends(bytes in prop::collection::vec(any::<u8>(), 0..300), text in "\\PC{0,8}") {
            let u = &mut Unstructured::new(&bytes);
            let (_, keywords) = &collection()[below(u, collection().len())];
            let mut schema = keywords.clone();
            schema["properties"][&text] = json!({"$ref": "#", "pattern": text, "minLength": 3, "multipleOf": 0.3});
            schema["items"] = json!({"$ref": "#/properties"});
            if let Some(arguments) = draw(&schema, u) {
                damage(&schema, &arguments, u);
            }
        }
    }

    #[test]
    fn damage_knows_many_keywords() {
        let mut keywords = std::collections::BTreeSet::new();
        for (_, schema) in collection() {
            let accepted = draw(&schema, &mut Unstructured::new(&noise(7, 300))).expect("a test draws it");
            for seed in 0..64 {
                let bytes = noise(seed, 16);
                keywords.extend(damage(&schema, &accepted, &mut Unstructured::new(&bytes)).map(|(_, keyword)| keyword));
            }
        }
        for keyword in [
            "type",
            "required",
            "enum",
            "minimum",
            "maximum",
            "minLength",
            "maxLength",
            "pattern",
            "additionalProperties",
            "uniqueItems",
            "minItems",
            "multipleOf",
            "exclusiveMinimum",
            "anyOf",
            "oneOf",
        ] {
            assert!(keywords.contains(keyword), "nothing breaks {keyword}: {keywords:?}");
        }
    }
}
