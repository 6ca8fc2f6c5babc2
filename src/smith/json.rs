//! Changes JSON values by pointer, and puts into their text what no JSON value can be.

use serde_json::Value;

/// Pointers of one value that are looked at, and the bytes of a key in them.
const POINTERS: usize = 256;
const KEY: usize = 1024;
/// Stands for what is put into the text. No target ever sends it.
const MARK: &str = "\u{f8ff}litmus\u{f8ff}";

/// The pointers of a value and of all in it, from the outside in.
pub(super) fn pointers(value: &Value) -> Vec<String> {
    let mut found = vec![String::new()];
    let mut next = 0;
    while next < found.len() && found.len() < POINTERS {
        let pointer = found[next].clone();
        next += 1;
        let left = POINTERS - found.len();
        match value.pointer(&pointer) {
            Some(Value::Object(members)) => {
                let keys = members.keys().filter(|key| key.len() <= KEY).take(left);
                found.extend(keys.map(|key| format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))));
            }
            Some(Value::Array(items)) => found.extend((0..items.len().min(left)).map(|at| format!("{pointer}/{at}"))),
            _ => {}
        }
    }
    found
}

/// Puts a value in the place of another.
pub(super) fn set(whole: &mut Value, pointer: &str, value: Value) {
    if let Some(place) = whole.pointer_mut(pointer) {
        *place = value;
    }
}

/// Removes a member or an item.
pub(super) fn remove(whole: &mut Value, pointer: &str) {
    let Some((parent, key)) = pointer.rsplit_once('/') else { return };
    match whole.pointer_mut(parent) {
        Some(Value::Object(members)) => drop(members.shift_remove(&key.replace("~1", "/").replace("~0", "~"))),
        Some(Value::Array(items)) => match key.parse() {
            Ok(at) if items.len() > at => drop(items.remove(at)),
            _ => {}
        },
        _ => {}
    }
}

/// The text of a value, with bytes of any sort in one place of it.
pub(super) fn spliced(value: &Value, pointer: &str, bytes: &[u8]) -> Vec<u8> {
    let mut marked = value.clone();
    set(&mut marked, pointer, Value::from(MARK));
    let text = marked.to_string();
    match text.split_once(&format!("\"{MARK}\"")) {
        Some((before, after)) => [before.as_bytes(), bytes, after.as_bytes()].concat(),
        None => text.into_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn few_pointers_are_made_of_a_large_value() {
        let long = "k".repeat(40_000);
        let value = json!({"wide": vec![0; 40_000], long: vec![0; 40_000]});
        let found = pointers(&value);
        assert_eq!(found.len(), POINTERS);
        assert!(found.iter().all(|pointer| pointer.starts_with("/wide") || pointer.is_empty()), "{found:?}");
    }

    #[test]
    fn any_bytes_get_into_any_place() {
        let value = json!({"a": [1, {"b/c": null}]});
        assert_eq!(pointers(&value), ["", "/a", "/a/0", "/a/1", "/a/1/b~1c"]);
        assert_eq!(spliced(&value, "/a/1/b~1c", b"1e400"), br#"{"a":[1,{"b/c":1e400}]}"#);
        assert_eq!(spliced(&value, "", b"\xff"), b"\xff");
        let mut less = value.clone();
        remove(&mut less, "/a/1/b~1c");
        remove(&mut less, "/a/0");
        assert_eq!(less, json!({"a": [{}]}));
    }
}
