//! Messages that are valid but for exactly one thing.

use serde_json::{Value, json};

use super::choice::{one_in, pick, weighted};
use super::fresh::{any_request, any_use};
use super::message::{broken, piece};
use super::{Form, Piece, Unstructured, World, arguments, hostile, json};
use crate::protocol::Era;
use crate::wire::TransportKind;

/// Ids that no request may have, or hardly any has.
const IDS: &[&str] =
    &["null", "true", "{}", "[1]", "1.5", "\"\"", "-1", "1e400", "9007199254740993", "[[1]]", "{\"__proto__\":1}"];
/// Methods that no server has.
const METHODS: &[&str] = &[
    "\"\"",
    "\"litmus/no-such-method\"",
    "\"Tools/List\"",
    "\"tools/list \"",
    "\"tools/\"",
    "\"/\"",
    "\"rpc.discover\"",
    "\"__proto__\"",
    "\"constructor\"",
    "\"toString\"",
    "\"notifications/litmus\"",
    "\"notifications/initialized\"",
    "null",
    "1",
    "[]",
    "{}",
    "true",
    "\"\\u0000\"",
    "\"\\ud800\"",
];
const VERSIONS: &[&str] = &["\"1.0\"", "2.0", "2", "null", "\"\"", "\"2.0 \"", "[\"2.0\"]", "{}", "\"3.0\""];
const PARAMETERS: &[&str] = &["null", "[]", "[{}]", "\"litmus\"", "1", "true", "{\"\":{}}"];

/// A message that breaks exactly one thing: its parameters, its envelope, its `_meta`, or a header against the body.
pub(super) fn near_valid(world: &World, u: &mut Unstructured<'_>) -> Piece {
    let over_http = usize::from(world.kind == TransportKind::Http);
    match weighted(u, &[5, 4, 2, 2, 1, 2, 2, 2 * over_http]) {
        0 => call(world, u),
        1 => {
            let request = any_request(world, u);
            piece(&broken(world, &request, u).unwrap_or(request))
        }
        2 => replaced(&any_use(world, u), "/id", pick(u, IDS)),
        3 => replaced(&any_use(world, u), "/method", pick(u, METHODS)),
        4 => replaced(&any_use(world, u), "/jsonrpc", pick(u, VERSIONS)),
        5 => {
            let mut message = any_use(world, u);
            message["params"] = json!(null);
            if one_in(u, 3) {
                message = without(&message, pick(u, &["/jsonrpc", "/method", "/params", "/id"]));
                piece(&message)
            } else {
                replaced(&message, "/params", pick(u, PARAMETERS))
            }
        }
        6 => meta(world, u),
        _ => header(world, u),
    }
}

/// A call with arguments that break one keyword of the tool's schema, or lack altogether.
pub(super) fn call(world: &World, u: &mut Unstructured<'_>) -> Piece {
    let mut message = any_use(world, u);
    let name = message["params"]["name"].clone();
    let tool = world.tools.iter().find(|tool| message["method"] == "tools/call" && tool["name"] == name);
    if let Some(tool) = tool {
        let accepted = message["params"]["arguments"].clone();
        match arguments::damage(&tool["inputSchema"], &accepted, u) {
            Some((arguments, _)) if !one_in(u, 8) => message["params"]["arguments"] = arguments,
            _ if one_in(u, 2) => return replaced(&message, "/params/arguments", pick(u, PARAMETERS)),
            _ => message["params"]["name"] = json!(format!("litmus-{}", hostile::readable(u).as_str().unwrap_or("x"))),
        }
    } else if let Some(damaged) = broken(world, &message, u) {
        message = damaged;
    }
    piece(&message)
}

fn replaced(message: &Value, pointer: &str, text: Option<&&str>) -> Piece {
    Piece::message(json::spliced(message, pointer, text.copied().unwrap_or("null").as_bytes()))
}

fn without(message: &Value, pointer: Option<&&str>) -> Value {
    let mut less = message.clone();
    json::remove(&mut less, pointer.copied().unwrap_or("/jsonrpc"));
    less
}

/// A request whose `_meta` is wrong in one place.
fn meta(world: &World, u: &mut Unstructured<'_>) -> Piece {
    let mut message = any_use(world, u);
    if message.pointer("/params/_meta").is_none() {
        if !message["params"].is_object() {
            message["params"] = json!({});
        }
        message["params"]["_meta"] = json!({"progressToken": "litmus"});
    }
    let all: Vec<String> = json::pointers(&message).into_iter().filter(|at| at.starts_with("/params/_meta")).collect();
    let pointer = pick(u, &all).map_or("/params/_meta", String::as_str).to_owned();
    if one_in(u, 2) {
        json::remove(&mut message, &pointer);
        return piece(&message);
    }
    let versions = ["\"2024-11-05\"", "\"2099-01-01\"", "\"\"", "20260728"];
    let is_version = pointer.ends_with("protocolVersion") && world.revision.era() == Era::Stateless;
    let values = if is_version { &versions[..] } else { PARAMETERS };
    replaced(&message, &pointer, pick(u, values))
}

/// A request of which one header does not say what the body does.
fn header(world: &World, u: &mut Unstructured<'_>) -> Piece {
    const STATELESS: &[&str] = &["MCP-Protocol-Version", "Mcp-Method", "Mcp-Name"];
    let stateless = world.revision.era() == Era::Stateless;
    let names = if stateless { STATELESS } else { &["MCP-Protocol-Version", "Mcp-Session-Id"][..] };
    let name = pick(u, names).copied().unwrap_or("MCP-Protocol-Version").to_owned();
    let values = [
        None,
        Some(""),
        Some("litmus"),
        Some("2024-11-05"),
        Some("tools/list"),
        Some("=?base64?bGl0bXVz?="),
        Some("=?base64?%?="),
    ];
    let value = pick(u, &values).copied().flatten().map(str::to_owned);
    let form = Form::Http { method: "POST".to_owned(), headers: vec![(name, value)] };
    Piece { form, bytes: any_use(world, u).to_string().into_bytes() }
}
