//! The inputs that have in place of a value what the target was seen comparing it with: the shortest way through its conditions.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::json::{pointers, set};
use super::neighbours::arguments;
use super::{Form, Input, World, policy};

/// Inputs that are made of one.
const MATCHED: usize = 400;
/// Bytes of an input that is looked into.
const LONGEST: usize = 64 << 10;
const ARGUMENTS: &str = "/params/arguments";
/// The longest text that is made to have a length.
const LENGTH: u64 = 1024;

/// Every input in which one value, on one side of a comparison, gives way to that on the other side.
pub fn matched(world: &World, input: &Input, compared: &[(Value, Value)]) -> Vec<Input> {
    let mut found = Vec::new();
    let mut met = HashSet::new();
    if input.len() > LONGEST {
        return found;
    }
    for (at, piece) in input.pieces.iter().enumerate() {
        if piece.form == Form::Raw {
            continue;
        }
        let Ok(message) = serde_json::from_slice::<Value>(&piece.bytes) else { continue };
        let mut pointers = pointers(&message);
        pointers.retain(|pointer| is_matched(pointer));
        // Arguments first: of what the protocol itself compares there is much.
        pointers.sort_by_key(|pointer| !pointer.starts_with(ARGUMENTS));
        for pointer in pointers {
            let Some(value) = message.pointer(&pointer) else { continue };
            let both = || compared.iter().flat_map(|(left, right)| [(left, right), (right, left)]);
            let mut new: Vec<Value> = both()
                .filter_map(|(one, other)| replaced(value, one, other))
                .filter(|new| pointer.starts_with(ARGUMENTS) || is_other_text(value, new))
                .collect();
            if let Value::Object(members) = value {
                // What is not there is nothing to the target.
                let wanted: Vec<&Value> = both().filter(|(one, _)| one.is_null()).map(|(_, other)| other).collect();
                for (name, _) in arguments(world, &message, &pointer).iter().filter(|(n, _)| !members.contains_key(n)) {
                    new.extend(wanted.iter().map(|&value| with(members, name, value)));
                }
            }
            for new in new {
                let mut other = message.clone();
                set(&mut other, &pointer, new);
                let bytes = other.to_string().into_bytes();
                if found.len() == MATCHED {
                    return found;
                }
                if met.insert(bytes.clone()) {
                    let mut other = input.clone();
                    other.pieces[at].bytes = bytes;
                    found.push(policy::kept(world, other));
                }
            }
        }
    }
    found
}

/// Whether a value is one that the target reads for what it is.
fn is_matched(pointer: &str) -> bool {
    pointer == "/method" || pointer.starts_with("/params/")
}

/// What a value becomes where the target compared `one` with `other`; nothing where it had no part in that.
fn replaced(value: &Value, one: &Value, other: &Value) -> Option<Value> {
    if value == one && value != other {
        return Some(other.clone());
    }
    let text = value.as_str()?;
    match (one, other) {
        // A piece of the text: what it begins with, or what a prefix was cut from.
        (Value::String(one), Value::String(other)) if one.len() > 1 && text.contains(one.as_str()) => {
            Some(json!(text.replacen(one.as_str(), other, 1)))
        }
        (Value::String(one), other) if *one == text.to_lowercase() || *one == text.trim() => Some(other.clone()),
        // Its length, or what it says as a number.
        (Value::Number(_), Value::Number(number)) if is_length(one, text) => {
            let wanted = number.as_u64().filter(|&wanted| (1..=LENGTH).contains(&wanted))?;
            let letters = text.chars().chain(std::iter::repeat('a'));
            Some(json!(letters.take(usize::try_from(wanted).ok()?).collect::<String>()))
        }
        (Value::Number(one), Value::Number(other)) if one.to_string() == text => Some(json!(other.to_string())),
        _ => None,
    }
}

/// Whether one text has given way to another, and not only its length has changed.
fn is_other_text(old: &Value, new: &Value) -> bool {
    match (old.as_str(), new.as_str()) {
        (Some(old), Some(new)) => !old.starts_with(new) && !new.starts_with(old),
        _ => !old.is_string(),
    }
}

fn with(members: &Map<String, Value>, name: &str, value: &Value) -> Value {
    let mut members = members.clone();
    members.insert(name.to_owned(), value.clone());
    Value::Object(members)
}

fn is_length(number: &Value, text: &str) -> bool {
    let number = number.as_u64().and_then(|number| usize::try_from(number).ok());
    number.is_some_and(|number| number > 0 && (number == text.len() || number == text.chars().count()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Revision;
    use crate::smith::Piece;
    use crate::wire::TransportKind;

    #[test]
    fn a_value_gives_way_to_what_it_was_compared_with() {
        let mut world = World::new(Revision::ALL[0], TransportKind::Stdio);
        let inner = json!({"type": "object", "properties": {"tag": {"type": "string"}, "level": {"type": "integer"}}});
        let schema = json!({"type": "object", "properties": {"in": inner}});
        world.tools.push(json!({"name": "grade", "inputSchema": schema}));
        let call = |arguments: Value| {
            let params = json!({"name": "grade", "arguments": arguments});
            let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
            Input { pieces: vec![Piece { form: Form::Message, bytes: message.to_string().into_bytes() }] }
        };
        let input = call(json!({"mode": "user", "depth": 5, "in": {"tag": "q-rest", "on": true}}));
        let compared = [
            (json!("user"), json!("admin")),
            (json!(3), json!(5)),
            (json!("q-"), json!("zz")),
            (json!(true), json!(false)),
            (json!(6), json!(7)),
            (json!("absent"), json!("never")),
            (json!(null), json!(9)),
        ];
        let expected = [
            json!({"mode": "admin", "depth": 5, "in": {"tag": "q-rest", "on": true}}),
            json!({"mode": "user", "depth": 3, "in": {"tag": "q-rest", "on": true}}),
            json!({"mode": "user", "depth": 5, "in": {"tag": "zzrest", "on": true}}),
            json!({"mode": "user", "depth": 5, "in": {"tag": "q-resta", "on": true}}),
            json!({"mode": "user", "depth": 5, "in": {"tag": "q-rest", "on": false}}),
            json!({"mode": "user", "depth": 5, "in": {"tag": "q-rest", "on": true, "level": 9}}),
        ];
        let found = matched(&world, &input, &compared);
        assert_eq!(found.len(), expected.len());
        for arguments in expected {
            assert!(found.contains(&call(arguments.clone())), "{arguments}");
        }
    }
}
