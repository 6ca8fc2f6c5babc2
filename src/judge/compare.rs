//! Compares what came with what was expected, and says the difference in one line each. Waits for nothing.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use jsonschema::Validator;
use serde_json::Value;

use crate::wire::pattern::first_mismatch;

/// The longest text of a value in a line of evidence, in characters.
const SHOWN: usize = 240;

/// What was expected and what was there, one line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Miss {
    /// What the check asks for.
    pub expected: String,
    /// What came.
    pub actual: String,
}

/// Compares a value (called `noun` in the evidence) with a pattern and a JSON Schema; both are filled in already.
/// `None` where it satisfies both.
pub(super) fn compare(noun: &str, value: &Value, pattern: &Value, schema: Option<&Value>) -> Option<Miss> {
    if let Some((pointer, mismatch)) = first_mismatch(pattern, value) {
        let place = if pointer.is_empty() { noun.to_owned() } else { format!("{noun} with {pointer}") };
        let actual = match mismatch.actual {
            None => format!("no such member in {}", shown(value)),
            Some(actual) if pointer.is_empty() => format!("{noun} {}", shown(actual)),
            Some(actual) => format!("{} in {noun} {}", shown(actual), shown(value)),
        };
        return Some(Miss { expected: format!("{place} {}", shown(mismatch.expected)), actual });
    }
    let schema = schema?;
    match compiled(schema) {
        Ok(validator) => unsatisfied(noun, value, schema, &validator),
        Err(fault) => {
            let expected = format!("{noun} that satisfies: {}", shown(schema));
            Some(Miss { expected, actual: format!("no valid schema: {fault}") })
        }
    }
}

/// Where a value does not satisfy a JSON Schema, which is compiled already; `None` where it does.
pub(super) fn unsatisfied(noun: &str, value: &Value, schema: &Value, validator: &Validator) -> Option<Miss> {
    if validator.is_valid(value) {
        return None;
    }
    let error = validator.iter_errors(value).next()?;
    let place = error.instance_path().to_string();
    let part = value.pointer(&place).unwrap_or(&Value::Null);
    let wanted = schema.pointer(&error.schema_path().to_string());
    let keyword = error.schema_path().to_string().rsplit('/').next().unwrap_or_default().to_owned();
    let at = if place.is_empty() { String::new() } else { format!("{place}: ") };
    let expected = format!("{noun} that satisfies: {at}{keyword} {}", wanted.map(shown).unwrap_or_default());
    Some(Miss { expected, actual: format!("{at}{}", shown(part)) })
}

/// A value as one bounded line.
pub(super) fn shown(value: &Value) -> String {
    clipped(&value.to_string(), SHOWN)
}

/// A text cut to so many characters, and how much is missing.
pub(super) fn clipped(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}… ({} bytes more)", &text[..end], text.len() - end),
    }
}

/// Schemas that are kept compiled.
const COMPILED: usize = 512;

thread_local! {
    static VALIDATORS: RefCell<HashMap<Value, Rc<Validator>>> = RefCell::default();
}

/// A compiled JSON Schema; an error says why it is none.
fn compiled(schema: &Value) -> Result<Rc<Validator>, String> {
    VALIDATORS.with_borrow_mut(|kept| {
        if let Some(validator) = kept.get(schema) {
            return Ok(Rc::clone(validator));
        }
        let validator = Rc::new(jsonschema::draft202012::new(schema).map_err(|fault| fault.to_string())?);
        if kept.len() < COMPILED {
            kept.insert(schema.clone(), Rc::clone(&validator));
        }
        Ok(validator)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn says_the_place_and_both_sides() {
        let miss = compare("error", &json!({"code": -32603, "message": "oops"}), &json!({"code": -32601}), None);
        let miss = miss.expect("they differ");
        assert_eq!(miss.expected, "error with /code -32601");
        assert_eq!(miss.actual, r#"-32603 in error {"code":-32603,"message":"oops"}"#);
    }

    #[test]
    fn a_schema_speaks_where_a_pattern_cannot() {
        let schema = json!({"properties": {"tools": {"type": "array", "minItems": 1}}});
        let miss = compare("result", &json!({"tools": []}), &json!({}), Some(&schema)).expect("they differ");
        assert_eq!(miss.expected, "result that satisfies: /tools: minItems 1");
        assert_eq!(miss.actual, "/tools: []");
        assert_eq!(compare("result", &json!({"tools": [1]}), &json!({}), Some(&schema)), None);
    }
}
