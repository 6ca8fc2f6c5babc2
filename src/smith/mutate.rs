//! Changes inputs: mostly by what they say, sometimes by their bytes.

use serde_json::{Value, json};

use super::choice::{below, between, one_in, pick, weighted};
use super::fresh::{any_request, any_text, any_use, hostile_in};
use super::message::{broken, completed, methods, piece, request};
use super::{Form, Input, Piece, Unstructured, World, arguments, bytes, damage, fresh, headers, json, offer, policy};
use crate::wire::TransportKind;

/// Pieces of an input.
const PIECES: usize = 16;
/// Bytes of a piece that is not made to be huge.
const SIZE: usize = 64 << 10;

/// An input changed in one place, or in a few.
pub fn mutate(world: &World, input: &Input, u: &mut Unstructured<'_>) -> Input {
    if input.is_empty() {
        return fresh::fresh(world, u);
    }
    let mut pieces = input.pieces.clone();
    let times = [1, 1, 1, 2, 4][below(u, 5)];
    for _ in 0..times {
        let at = below(u, pieces.len());
        match weighted(u, &[12, 1, 1, 1, 1, 1]) {
            0 => change(world, &mut pieces[at], u),
            1 if pieces.len() > 1 => drop(pieces.remove(at)),
            2 if pieces.len() < PIECES => pieces.insert(at, pieces[at].clone()),
            3 => {
                let other = below(u, pieces.len());
                pieces.swap(at, other);
            }
            4 if pieces.len() < PIECES => pieces.insert(at, piece(&any_use(world, u))),
            _ => pieces[at] = piece(&any_request(world, u)),
        }
    }
    bounded(world, pieces, input)
}

/// The beginning of one input and the end of another, or one with values of the other.
pub fn cross(world: &World, first: &Input, second: &Input, u: &mut Unstructured<'_>) -> Input {
    let mut pieces = first.pieces.clone();
    let mut larger = first;
    if below(u, 3) == 0 {
        let keep = between(u, 0, first.pieces.len());
        let skip = between(u, 0, second.pieces.len());
        pieces.truncate(keep);
        pieces.extend(second.pieces[skip..].iter().cloned());
        larger = if second.len() > first.len() { second } else { first };
    } else {
        let at = below(u, pieces.len());
        let other = pick(u, &second.pieces).and_then(read);
        if let Some(piece) = pieces.get_mut(at)
            && let (Some(mut message), Some(other)) = (read(piece), other)
        {
            let from = pick(u, &json::pointers(&other)).and_then(|pointer| other.pointer(pointer)).cloned();
            let all = json::pointers(&message);
            json::set(&mut message, pick(u, &all).map_or("", String::as_str), from.unwrap_or_default());
            piece.bytes = message.to_string().into_bytes();
        }
    }
    bounded(world, pieces, larger)
}

/// What has grown beyond all bounds is cut; what was made to be huge may stay so.
fn bounded(world: &World, mut pieces: Vec<Piece>, before: &Input) -> Input {
    let size = before.pieces.iter().map(|piece| piece.bytes.len()).fold(SIZE, usize::max);
    pieces.truncate(PIECES);
    for piece in &mut pieces {
        piece.bytes.truncate(size);
    }
    policy::kept(world, Input::from(pieces))
}

fn read(piece: &Piece) -> Option<Value> {
    serde_json::from_slice(&piece.bytes).ok()
}

fn change(world: &World, piece: &mut Piece, u: &mut Unstructured<'_>) {
    if world.kind != TransportKind::Stdio && one_in(u, 8) {
        return edit(piece, u);
    }
    let Some(message) = read(piece) else { return bytes::flip(&mut piece.bytes, u) };
    piece.bytes = match weighted(u, &[10, 4, 3, 3, 3, 2, 1, 1]) {
        0 => changed_value(world, message, u),
        1 => redrawn(world, message, u),
        2 => hostile_in(&message, u),
        3 => broken_call(world, message, u),
        4 => member(world, message, u),
        5 => other_method(world, message, u),
        6 => damage::near_valid(world, u).bytes,
        _ => {
            bytes::flip(&mut piece.bytes, u);
            return;
        }
    };
}

/// One header more, or the method of the request.
fn edit(piece: &mut Piece, u: &mut Unstructured<'_>) {
    match &mut piece.form {
        Form::Http { headers, .. } if headers.len() < 8 => headers.push(headers::edit(u)),
        Form::Http { headers, .. } => headers.clear(),
        form => *form = Form::Http { method: "POST".to_owned(), headers: vec![headers::edit(u)] },
    }
}

/// One value becomes another one that is like it.
fn changed_value(world: &World, mut message: Value, u: &mut Unstructured<'_>) -> Vec<u8> {
    let all = json::pointers(&message);
    let leaves = |pointer: &&String| {
        pointer.starts_with("/params/") && !pointer.starts_with("/params/_meta") || *pointer == "/params"
    };
    let inner: Vec<&String> = all.iter().filter(leaves).collect();
    let pointer = pick(u, &inner).map_or("", |pointer| pointer.as_str()).to_owned();
    let Some(value) = message.pointer(&pointer).cloned() else { return message.to_string().into_bytes() };
    let of_dictionary = pick(u, &world.dictionary).cloned();
    let new = match (below(u, 4), of_dictionary) {
        (0 | 1, Some(known)) => known,
        (3, _) => value_of_other_type(&value, u),
        _ => near(world, &value, u),
    };
    json::set(&mut message, &pointer, new);
    message.to_string().into_bytes()
}

fn near(world: &World, value: &Value, u: &mut Unstructured<'_>) -> Value {
    match value {
        Value::Bool(truth) => json!(!truth),
        Value::Number(number) => {
            let by = u.int_in_range(-16..=16).unwrap_or(1);
            let whole = number.as_i64().unwrap_or(0);
            match below(u, 4) {
                0 => json!(whole.wrapping_add(by)),
                1 => json!(whole.wrapping_mul(by)),
                2 => json!(1i64 << (by.unsigned_abs() * 4 % 63)),
                _ => json!(whole.wrapping_neg()),
            }
        }
        Value::String(text) => match below(u, 5) {
            0 => any_text(world, u),
            1 => json!(text.chars().take(below(u, text.chars().count() + 1)).collect::<String>()),
            2 => json!(format!("{text}{}", any_text(world, u).as_str().unwrap_or(" "))),
            3 => json!(text.chars().rev().collect::<String>()),
            _ => json!(text.repeat(2.min(SIZE / 2 / text.len().max(1)))),
        },
        Value::Array(items) => {
            let mut items = items.clone();
            match pick(u, &items).cloned() {
                Some(item) if below(u, 3) > 0 && items.len() < 256 => items.push(item),
                Some(_) => drop(items.pop()),
                None => items.push(any_text(world, u)),
            }
            Value::Array(items)
        }
        Value::Object(members) => {
            let mut members = members.clone();
            members.insert(any_text(world, u).as_str().unwrap_or("litmus").to_owned(), any_text(world, u));
            Value::Object(members)
        }
        Value::Null => any_text(world, u),
    }
}

fn value_of_other_type(value: &Value, u: &mut Unstructured<'_>) -> Value {
    let others = [
        json!(null),
        json!(0),
        json!(1.5),
        json!("litmus"),
        json!([]),
        json!({}),
        json!(true),
        json!([value]),
        json!({"a": value}),
    ];
    pick(u, &others).cloned().unwrap_or_default()
}

/// The same request with other parameters.
fn redrawn(world: &World, message: Value, u: &mut Unstructured<'_>) -> Vec<u8> {
    let name = &message["params"]["name"];
    let tool = world.tools.iter().find(|tool| message["method"] == "tools/call" && tool["name"] == *name);
    let new = match (tool, message["method"].as_str()) {
        (Some(tool), _) => {
            let mut new = message.clone();
            new["params"]["arguments"] = offer::call(world, tool, u)["arguments"].take();
            new
        }
        (None, Some(method)) if methods(world).contains(&method) => request(world, method, u),
        _ => message,
    };
    new.to_string().into_bytes()
}

/// The same request with one fault.
fn broken_call(world: &World, mut message: Value, u: &mut Unstructured<'_>) -> Vec<u8> {
    let name = &message["params"]["name"];
    let tool = world.tools.iter().find(|tool| message["method"] == "tools/call" && tool["name"] == *name);
    let accepted = &message["params"]["arguments"];
    match tool.and_then(|tool| arguments::damage(&tool["inputSchema"], accepted, u)) {
        Some((arguments, _)) => message["params"]["arguments"] = arguments,
        None => message = broken(world, &message, u).unwrap_or(message),
    }
    message.to_string().into_bytes()
}

/// A member less, or one more.
fn member(world: &World, mut message: Value, u: &mut Unstructured<'_>) -> Vec<u8> {
    let all = json::pointers(&message);
    let pointer = pick(u, &all).cloned().unwrap_or_default();
    if below(u, 2) == 0 {
        json::remove(&mut message, &pointer);
    } else if let Some(members) = message.pointer_mut(&pointer).and_then(Value::as_object_mut) {
        members.insert(offer::text(world, u), any_text(world, u));
    }
    message.to_string().into_bytes()
}

/// The same parameters for another method.
fn other_method(world: &World, mut message: Value, u: &mut Unstructured<'_>) -> Vec<u8> {
    if message.is_object() {
        let known = pick(u, &methods(world)).copied().filter(|_| below(u, 4) > 0);
        message["method"] = known.map_or_else(|| any_text(world, u), Value::from);
    }
    let is_request = message.get("id").is_some();
    completed(world, message, is_request).to_string().into_bytes()
}
