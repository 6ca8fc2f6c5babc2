//! Compares JSON values with patterns, and patches them. Fills in no placeholders and decides no verdict.

use std::fmt::Write as _;

use serde_json::Value;

/// Where, and in what, a value misses a pattern.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mismatch<'a> {
    /// What the pattern wants there.
    pub expected: &'a Value,
    /// What is there; absent if the member is missing.
    pub actual: Option<&'a Value>,
}

/// Whether `value` matches `pattern`: an object as a subset, an array element by element and of the same length, all else
/// by equality (numbers by value: `1` is `1.0`).
pub fn matches(pattern: &Value, value: &Value) -> bool {
    match (pattern, value) {
        (Value::Object(wanted), Value::Object(found)) => {
            wanted.iter().all(|(name, want)| found.get(name).is_some_and(|have| matches(want, have)))
        }
        (Value::Array(wanted), Value::Array(found)) => {
            wanted.len() == found.len() && wanted.iter().zip(found).all(|(want, have)| matches(want, have))
        }
        (Value::Number(want), Value::Number(have)) => want == have || want.as_f64() == have.as_f64(),
        _ => pattern == value,
    }
}

/// The first place where `value` misses `pattern`, with its JSON pointer; `None` where it [`matches()`].
pub fn first_mismatch<'a>(pattern: &'a Value, value: &'a Value) -> Option<(String, Mismatch<'a>)> {
    let mut pointer = String::new();
    find(pattern, value, &mut pointer).map(|mismatch| (pointer, mismatch))
}

/// Leaves `pointer` at the place of the mismatch that it returns, and as it was where there is none.
fn find<'a>(pattern: &'a Value, value: &'a Value, pointer: &mut String) -> Option<Mismatch<'a>> {
    let here = pointer.len();
    match (pattern, value) {
        (Value::Object(wanted), Value::Object(found)) => {
            for (name, want) in wanted {
                // Writing to a `String` cannot fail.
                let _ = write!(pointer, "/{}", name.replace('~', "~0").replace('/', "~1"));
                let Some(have) = found.get(name) else { return Some(Mismatch { expected: want, actual: None }) };
                if let Some(mismatch) = find(want, have, pointer) {
                    return Some(mismatch);
                }
                pointer.truncate(here);
            }
            None
        }
        (Value::Array(wanted), Value::Array(found)) if wanted.len() == found.len() => {
            for (index, (want, have)) in wanted.iter().zip(found).enumerate() {
                let _ = write!(pointer, "/{index}");
                if let Some(mismatch) = find(want, have, pointer) {
                    return Some(mismatch);
                }
                pointer.truncate(here);
            }
            None
        }
        _ if matches(pattern, value) => None,
        _ => Some(Mismatch { expected: pattern, actual: Some(value) }),
    }
}

/// Applies a JSON merge patch (RFC 7396): members are replaced, `null` removes, objects are patched in depth.
pub fn merge_patch(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Value::Object(members) = target else { return };
    for (name, change) in changes {
        if change.is_null() {
            members.shift_remove(name);
        } else {
            merge_patch(members.entry(name.clone()).or_insert(Value::Null), change);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn objects_match_as_subsets_and_arrays_exactly() {
        assert!(matches(&json!({}), &json!({"a": 1})));
        assert!(matches(&json!({"a": {"b": 1}}), &json!({"a": {"b": 1.0, "c": 2}, "d": null})));
        assert!(!matches(&json!({"a": null}), &json!({})));
        assert!(matches(&json!([{"a": 1}]), &json!([{"a": 1, "b": 2}])));
        assert!(!matches(&json!([1]), &json!([1, 2])));
        assert!(!matches(&json!(1), &json!("1")));
        assert!(!matches(&json!({}), &json!([])));
    }

    #[test]
    fn a_mismatch_names_its_place() {
        let (pattern, value) = (json!({"x": 1, "a/b": [0, {"c": true}]}), json!({"x": 1, "a/b": [0, {"c": false}]}));
        let (pointer, mismatch) = first_mismatch(&pattern, &value).expect("they differ");
        assert_eq!(pointer, "/a~1b/1/c");
        assert_eq!(mismatch, Mismatch { expected: &json!(true), actual: Some(&json!(false)) });
        assert_eq!(first_mismatch(&json!({"x": 1}), &value), None);
        assert_eq!(first_mismatch(&json!({"y": 1}), &json!({})).map(|(at, _)| at), Some("/y".to_owned()));
    }

    #[test]
    fn merge_patches_as_the_rfc_tells() {
        let mut target = json!({"a": "b", "c": {"d": "e", "f": "g"}});
        merge_patch(&mut target, &json!({"a": "z", "c": {"f": null}, "n": {"x": null, "y": 1}}));
        assert_eq!(target, json!({"a": "z", "c": {"d": "e"}, "n": {"y": 1}}));
        merge_patch(&mut target, &json!([1]));
        assert_eq!(target, json!([1]));
    }
}
