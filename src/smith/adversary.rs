//! Single messages that every server has to survive, whatever it answers: for a bounded run rather than a night.
//!
//! They are tamer than the other inputs: the session goes on afterwards, no call is asked to take its time, and no request
//! has an id of which the harness and the server might not make the same.

use serde_json::{Value, json};

use super::choice::{below, pick, weighted};
use super::fresh::hostile_in;
use super::message::{broken, methods, request};
use super::{Input, Piece};
use super::{Unstructured, World, arguments, bytes, offer, policy};

/// The largest number that a call may have among its arguments: more might be taken for a time, or for a count.
const LARGEST: f64 = 1_000.0;
/// The id of no request.
const NOBODYS: &str = "litmus-nobody-asked";
/// Characters of the longest text in a request: servers quote it in errors, which are to be short, and one line.
const QUOTED: usize = 100;
/// What some tools would read for ever.
const ENDLESS: &[u8] = b"/dev/";

/// A hostile message. If it is a request that can be read, its id is the one given.
pub fn adversary(world: &World, id: &Value, u: &mut Unstructured<'_>) -> Vec<u8> {
    let known: Vec<&str> = methods(world).into_iter().filter(|method| !method.starts_with("tasks/")).collect();
    let uses: Vec<&&str> = known.iter().filter(|method| offer::is_about_something(method)).collect();
    let method = match pick(u, &uses) {
        Some(method) if below(u, 4) > 0 => method,
        _ => pick(u, &known).copied().unwrap_or("ping"),
    };
    let mut message = plain(world, method, u);
    message["id"] = id.clone();
    let hostile = match weighted(u, &[8, 4, 2, 2, 1]) {
        0 => hostile_in(&message, u),
        1 => damaged(world, message.clone(), u).to_string().into_bytes(),
        2 => broken(world, &message, u).unwrap_or_else(|| message.clone()).to_string().into_bytes(),
        3 => {
            // Without an id, since others may read what comes of it.
            let mut garbled =
                json!({"jsonrpc": "2.0", "method": method, "params": message["params"]}).to_string().into_bytes();
            bytes::garble(&mut garbled, u);
            garbled
        }
        _ => unasked(u).to_string().into_bytes(),
    };
    let hostile = tamed(hostile, &message);
    let kept = policy::kept(world, Input::from(vec![Piece::message(hostile)]));
    kept.pieces.into_iter().next().map(|piece| piece.bytes).unwrap_or_default()
}

/// The plainest request of a method, about anything that the target offers.
fn plain(world: &World, method: &str, u: &mut Unstructured<'_>) -> Value {
    let mut message = request(world, method, &mut Unstructured::new(&[]));
    if let (Some(tool), "tools/call") = (pick(u, &world.tools), method) {
        let call = offer::call(world, tool, &mut Unstructured::new(&[]));
        message["params"]["name"] = call["name"].clone();
        message["params"]["arguments"] = call["arguments"].clone();
    }
    message
}

/// A call with arguments that its tool does not allow.
fn damaged(world: &World, mut message: Value, u: &mut Unstructured<'_>) -> Value {
    let name = &message["params"]["name"];
    let tool = world.tools.iter().find(|tool| message["method"] == "tools/call" && tool["name"] == *name);
    let accepted = &message["params"]["arguments"];
    match tool.and_then(|tool| arguments::damage(&tool["inputSchema"], accepted, u)) {
        Some((arguments, _)) => message["params"]["arguments"] = arguments,
        None => message = broken(world, &message, u).unwrap_or(message),
    }
    message
}

/// What nobody asked for: a response, a notification, a word about a request that never was.
fn unasked(u: &mut Unstructured<'_>) -> Value {
    let all = [
        json!({"jsonrpc": "2.0", "id": NOBODYS, "result": {}}),
        json!({"jsonrpc": "2.0", "id": NOBODYS, "error": {"code": -1, "message": "litmus"}}),
        json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "litmus-never-asked"}}),
        json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": "litmus", "progress": 1}}),
        json!({"jsonrpc": "2.0", "method": "notifications/litmus", "params": {"litmus": [null]}}),
    ];
    pick(u, &all).cloned().unwrap_or_default()
}

/// The message, if it is tame; else what it was made of. What cannot be read here has no id: a server that reads it all the
/// same would answer to an id that nobody knows.
fn tamed(hostile: Vec<u8>, message: &Value) -> Vec<u8> {
    let plain = || message.to_string().into_bytes();
    if memchr::memmem::find(&hostile, ENDLESS).is_some() {
        return plain();
    }
    match serde_json::from_slice::<Value>(&hostile) {
        Ok(read) if !is_tame(&read) => plain(),
        Ok(mut read) if !has_known_id(&read, message) => {
            read.as_object_mut().map(|members| members.shift_remove("id"));
            read.to_string().into_bytes()
        }
        Ok(_) => hostile,
        Err(_) => {
            let id = format!("\"id\":{},", message["id"]);
            match memchr::memmem::find(&hostile, id.as_bytes()) {
                Some(at) => [&hostile[..at], &hostile[at + id.len()..]].concat(),
                None if memchr::memmem::find(&hostile, b"\"id\"").is_none() => hostile,
                // The id itself was hit: what is left of it must not be one.
                None => b"{\"jsonrpc\":\"2.0\",\"method\":".to_vec(),
            }
        }
    }
}

/// Whether a message that can be read is one, and asks for nothing that takes long.
fn is_tame(read: &Value) -> bool {
    read.is_object() && read["params"].get("arguments").is_none_or(is_small)
}

/// Whether a message is a request in all but its parameters that an error can quote, with the id that it was made with, or has
/// no id, or nobody's.
fn has_known_id(read: &Value, message: &Value) -> bool {
    let is_request = is_quotable(&read["method"])
        && is_quotable(&read["params"])
        && read["jsonrpc"] == "2.0"
        && read["method"].is_string()
        && read.get("params").is_none_or(Value::is_object);
    match read.get("id") {
        None => true,
        Some(id) => *id == NOBODYS || is_request && *id == message["id"],
    }
}

fn is_small(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.as_f64().is_some_and(|number| number.abs() <= LARGEST),
        Value::Array(items) => items.iter().all(is_small),
        Value::Object(members) => members.values().all(is_small),
        _ => true,
    }
}

fn is_quotable(value: &Value) -> bool {
    let fits = |text: &str| text.chars().count() <= QUOTED && !text.contains(['\r', '\n']);
    match value {
        Value::String(text) => fits(text),
        Value::Array(items) => items.len() <= QUOTED && items.iter().all(is_quotable),
        Value::Object(members) => members.iter().all(|(name, value)| fits(name) && is_quotable(value)),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::super::choice::noise;
    use super::*;
    use crate::protocol::Revision;
    use crate::wire::TransportKind;

    #[test]
    fn every_adversary_is_tame_and_most_differ() {
        let mut world = World::new(Revision::V2025_11_25, TransportKind::Stdio);
        let schema = json!({"type": "object", "required": ["s"], "properties": {"s": {"type": "string"}, "n": {"type": "integer"}}});
        world.capabilities = json!({"tools": {}});
        world.tools = vec![json!({"name": "t", "inputSchema": schema})];
        let mut all = std::collections::HashSet::new();
        for seed in 0..2_000 {
            let bytes = noise(seed, 48);
            let message = adversary(&world, &json!(7), &mut Unstructured::new(&bytes));
            assert!(message.len() < 64 << 10);
            match serde_json::from_slice::<Value>(&message) {
                Ok(read) => assert!(is_tame(&read) && has_known_id(&read, &json!({"id": 7})), "{read}"),
                Err(_) => assert!(memchr::memmem::find(&message, b"\"id\":7").is_none()),
            }
            all.insert(message);
        }
        assert!(all.len() > 500, "{} of 2000", all.len());
    }
}
