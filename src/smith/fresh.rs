//! New inputs, in layers: from valid messages to bytes that are none.

use serde_json::{Value, json};

use super::choice::{below, between, one_in, pick, weighted};
use super::message::{completed, initialize, methods, notification, numbered, of_definition, piece, request};
use super::{Input, Piece, Unstructured, World, bytes, damage, headers, hostile, json, offer, policy};
use crate::protocol::Profile;
use crate::wire::TransportKind;

/// A new input.
pub fn fresh(world: &World, u: &mut Unstructured<'_>) -> Input {
    let over_http = usize::from(world.kind != TransportKind::Stdio);
    let pieces = match weighted(u, &[3, 6, 5, 5, 3, 2, 3 * over_http]) {
        0 => pieces(&valid(world, u)),
        1 => pieces(&calls(world, u)),
        2 => vec![damage::near_valid(world, u)],
        3 => with_hostile_values(world, u),
        4 => pieces(&out_of_order(world, u)),
        5 => bytes::odd(world, u),
        _ => vec![headers::edited(world, u)],
    };
    policy::kept(world, Input::from(pieces))
}

/// One message that is valid by the schema, of any sort that a client sends.
pub(super) fn any_request(world: &World, u: &mut Unstructured<'_>) -> Value {
    let methods = methods(world);
    match pick(u, &methods) {
        Some(method) => request(world, method, u),
        None => request(world, &Profile::of(world.revision).alive, u),
    }
}

/// A request to read, get or call what the target offers, if it offers anything.
pub(super) fn any_use(world: &World, u: &mut Unstructured<'_>) -> Value {
    const USES: &[&str] =
        &["tools/call", "tools/call", "tools/call", "resources/read", "prompts/get", "completion/complete"];
    let methods = methods(world);
    let uses: Vec<&&str> = USES.iter().filter(|method| methods.contains(method)).collect();
    match pick(u, &uses) {
        Some(method) => request(world, method, u),
        None => any_request(world, u),
    }
}

/// Valid messages.
pub(super) fn valid(world: &World, u: &mut Unstructured<'_>) -> Vec<Value> {
    let count = between(u, 1, 4);
    let notifications: Vec<&String> = Profile::of(world.revision).client_notifications.keys().collect();
    let mut messages: Vec<Value> = (0..count)
        .map(|_| match pick(u, &notifications) {
            Some(method) if one_in(u, 5) => notification(world, method, u),
            _ => any_request(world, u),
        })
        .collect();
    numbered(&mut messages);
    messages
}

/// Calls and the like, of which later ones may repeat what earlier ones said.
fn calls(world: &World, u: &mut Unstructured<'_>) -> Vec<Value> {
    let count = between(u, 1, 4);
    let mut messages: Vec<Value> = Vec::new();
    for _ in 0..count {
        let again = messages.last().cloned().filter(|_| one_in(u, 4));
        messages.push(again.unwrap_or_else(|| any_use(world, u)));
    }
    numbered(&mut messages);
    messages
}

/// Valid messages, in some of which one value is hostile.
fn with_hostile_values(world: &World, u: &mut Unstructured<'_>) -> Vec<Piece> {
    let count = between(u, 1, 3);
    (0..count)
        .map(|_| {
            let message = if one_in(u, 4) { any_request(world, u) } else { any_use(world, u) };
            Piece::message(hostile_in(&message, u))
        })
        .collect()
}

/// The text of a message with a hostile value, or a hostile name, in one place; mostly among its parameters.
pub(super) fn hostile_in(message: &Value, u: &mut Unstructured<'_>) -> Vec<u8> {
    let all = json::pointers(message);
    let inner: Vec<&String> =
        all.iter().filter(|pointer| pointer.starts_with("/params/") && !pointer.starts_with("/params/_meta")).collect();
    let pointer = match pick(u, &inner) {
        Some(pointer) if !one_in(u, 6) => (*pointer).clone(),
        _ => pick(u, &all).cloned().unwrap_or_default(),
    };
    if one_in(u, 8) {
        let mut message = message.clone();
        let name = hostile::readable(u);
        if let Some(members) = message.pointer_mut(&pointer).and_then(Value::as_object_mut) {
            members.insert(name.as_str().unwrap_or("__proto__").to_owned(), json!("litmus"));
        }
        return message.to_string().into_bytes();
    }
    json::spliced(message, &pointer, &hostile::value(u))
}

/// Messages that an orderly client does not send, or not then.
fn out_of_order(world: &World, u: &mut Unstructured<'_>) -> Vec<Value> {
    let profile = Profile::of(world.revision);
    let mut messages = Vec::new();
    let count = between(u, 1, 3);
    for _ in 0..count {
        match below(u, 10) {
            0 => messages.push(initialize(world)),
            1 => messages.push(json!({"jsonrpc": "2.0", "method": "notifications/initialized"})),
            2 => messages.extend(initialized_otherwise(world, u)),
            3 => messages.push(cancellation(&json!("litmus-never-asked"))),
            4 => {
                // The request stands first among those of the input, so that its id is known.
                let number = messages.iter().filter(|message: &&Value| message.get("id").is_some()).count() + 1;
                messages.push(any_use(world, u));
                messages.push(cancellation(&json!(number)));
            }
            5 => messages.push(response(u)),
            6 => {
                let all: Vec<_> = profile.server_requests.values().collect();
                let definition = pick(u, &all).map(|method| method.request.as_str());
                let drawn = definition.and_then(|name| of_definition(world, name, u));
                messages.extend(drawn.map(|message| completed(world, message, true)));
            }
            7 => {
                let all: Vec<_> = profile.server_notifications.values().collect();
                let definition = pick(u, &all).map(|name| name.as_str());
                let drawn = definition.and_then(|name| of_definition(world, name, u));
                messages.extend(drawn.map(|message| completed(world, message, false)));
            }
            8 => {
                let all: Vec<&String> = profile.client_notifications.keys().collect();
                messages.extend(pick(u, &all).map(|method| notification(world, method, u)));
            }
            _ => {
                let parts = between(u, 0, 4);
                let mut parts: Vec<Value> = (0..parts).map(|_| any_use(world, u)).collect();
                numbered(&mut parts);
                messages.push(Value::Array(parts));
            }
        }
        if one_in(u, 2) {
            messages.push(any_use(world, u));
        }
    }
    numbered(&mut messages);
    messages
}

/// An opening that comes too late, in another revision, or twice.
fn initialized_otherwise(world: &World, u: &mut Unstructured<'_>) -> Vec<Value> {
    let mut other = initialize(world);
    let versions = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28", "1.0", "", "9999-12-31"];
    other["params"]["protocolVersion"] = json!(pick(u, &versions));
    if one_in(u, 2) { vec![other] } else { vec![other.clone(), any_request(world, u), other] }
}

fn cancellation(id: &Value) -> Value {
    json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id, "reason": "litmus"}})
}

/// A response that nobody asked for.
fn response(u: &mut Unstructured<'_>) -> Value {
    let id = [json!("litmus-nobody-asked"), json!(0), json!(1), Value::Null, json!(-1)][below(u, 5)].clone();
    match below(u, 3) {
        0 => json!({"jsonrpc": "2.0", "id": id, "result": {}}),
        1 => json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32603, "message": "litmus"}}),
        _ => {
            json!({"jsonrpc": "2.0", "id": id, "result": {"roots": [{"uri": "file:///litmus"}], "content": {}}, "error": null})
        }
    }
}

fn pieces(messages: &[Value]) -> Vec<Piece> {
    messages.iter().map(piece).collect()
}

/// A text that the target may know, or not.
pub(super) fn any_text(world: &World, u: &mut Unstructured<'_>) -> Value {
    if one_in(u, 2) { hostile::readable(u) } else { json!(offer::text(world, u)) }
}
