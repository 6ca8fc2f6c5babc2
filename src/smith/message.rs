//! Messages as a revision wants them: drawn from its schema, and filled with what the target offers.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use super::place::Root;
use super::{Piece, Unstructured, World, draw, fault, offer};
use crate::protocol::{Definitions, Era, Method, Profile, Revision};

/// Methods whose answer is not due before the client ends them: nobody can tell their silence from a fault.
const OPEN_ENDED: &[&str] = &["subscriptions/listen"];

/// The definitions of every revision, as they are written.
static SCHEMAS: LazyLock<[Value; Revision::ALL.len()]> = LazyLock::new(|| {
    Revision::ALL
        .map(|revision| serde_json::from_str(Definitions::schema(revision)).expect("a test reads every schema"))
});

/// The requests that make sense before a target, by method: those whose capability it declares.
pub(super) fn methods(world: &World) -> Vec<&'static str> {
    let is_of_use = |name: &str, method: &Method| {
        let is_declared = method.capability.as_deref().is_none_or(|capability| has(&world.capabilities, capability));
        is_declared && name != "initialize" && !OPEN_ENDED.contains(&name) && offer::has_something_for(world, name)
    };
    let all = Profile::of(world.revision).requests.iter();
    all.filter(|(name, method)| is_of_use(name, method)).map(|(name, _)| name.as_str()).collect()
}

/// Whether a capability is declared: a path into the capabilities, or the name of an extension.
fn has(capabilities: &Value, capability: &str) -> bool {
    capabilities["extensions"].get(capability).is_some()
        || capabilities
            .pointer(&format!("/{}", capability.replace('.', "/")))
            .is_some_and(|declared| *declared != json!(false))
}

/// A request that is valid by the revision's schema; the plainest once the bytes are used up.
pub(super) fn request(world: &World, method: &str, u: &mut Unstructured<'_>) -> Value {
    let definition = Profile::of(world.revision).request_definition(method);
    let drawn = definition.and_then(|definition| of_definition(world, definition, u));
    let mut message = drawn.unwrap_or_else(|| json!({"method": method}));
    if let Some(known) = offer::parameters(world, method, u)
        && let Some(message) = message.as_object_mut()
    {
        let params = members_of(message, "params");
        params.retain(|name, _| !offer::HELD.contains(&name.as_str()));
        params.extend(known);
    }
    completed(world, message, true)
}

/// A notification of the client's that is valid by the revision's schema.
pub(super) fn notification(world: &World, method: &str, u: &mut Unstructured<'_>) -> Value {
    let definition = Profile::of(world.revision).client_notification_definition(method);
    let drawn = definition.and_then(|definition| of_definition(world, definition, u));
    completed(world, drawn.unwrap_or_else(|| json!({"method": method})), false)
}

/// Any message that the revision defines by this name.
pub(super) fn of_definition(world: &World, definition: &str, u: &mut Unstructured<'_>) -> Option<Value> {
    let schema = json!({"$ref": format!("#/$defs/{definition}")});
    let definitions = Definitions::of(world.revision);
    if !definitions.contains(definition) {
        return None;
    }
    let root = Root::new(&SCHEMAS[world.revision as usize]);
    draw::accepted(&root, &[&schema], &[], u, |message| definitions.accepts(definition, message))
}

/// A request changed in one place, so that it breaks its definition there.
pub(super) fn broken(world: &World, request: &Value, u: &mut Unstructured<'_>) -> Option<Value> {
    let definition = Profile::of(world.revision).request_definition(request["method"].as_str()?)?;
    let schema = json!({"$ref": format!("#/$defs/{definition}")});
    let root = Root::new(&SCHEMAS[world.revision as usize]);
    let definitions = Definitions::of(world.revision);
    let fault = |message: &Value| match definitions.violations(definition, message).as_slice() {
        [violation] => Some(violation.to_string()),
        _ => None,
    };
    fault::one(&root, &schema, request, u, fault).map(|(message, _)| message)
}

/// A request or a notification with all that the revision demands, and none of what schemas allow but nobody sends.
pub(super) fn completed(world: &World, message: Value, is_request: bool) -> Value {
    let Value::Object(mut own) = message else { return message };
    let mut message = Map::new();
    message.insert("jsonrpc".to_owned(), json!("2.0"));
    if is_request {
        message.insert("id".to_owned(), json!(1));
    }
    for name in ["method", "params"] {
        message.extend(own.shift_remove(name).map(|member| (name.to_owned(), member)));
    }
    if let Some(meta) = message.get_mut("params").and_then(|params| params.get_mut("_meta")?.as_object_mut()) {
        meta.retain(|name, _| name == "progressToken" || name.starts_with("io.modelcontextprotocol/"));
    }
    if is_request && world.revision.era() == Era::Stateless {
        let meta = members_of(members_of(&mut message, "params"), "_meta");
        meta.insert("io.modelcontextprotocol/protocolVersion".to_owned(), json!(world.revision));
        meta.insert("io.modelcontextprotocol/clientInfo".to_owned(), client_info());
        meta.entry("io.modelcontextprotocol/clientCapabilities").or_insert_with(|| json!({}));
    }
    Value::Object(message)
}

/// `initialize` as an ordinary client sends it.
pub(super) fn initialize(world: &World) -> Value {
    let params = json!({"protocolVersion": world.revision, "capabilities": {}, "clientInfo": client_info()});
    json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params})
}

/// A message as a piece.
pub(super) fn piece(message: &Value) -> Piece {
    Piece::message(message.to_string())
}

/// Numbers the requests of an input, so that none has the id of another.
pub(super) fn numbered(messages: &mut [Value]) {
    let requests = messages.iter_mut().filter(|message| message.get("method").is_some() && message.get("id").is_some());
    for (number, message) in requests.enumerate() {
        message["id"] = json!(number + 1);
    }
}

fn members_of<'v>(of: &'v mut Map<String, Value>, name: &str) -> &'v mut Map<String, Value> {
    let member = of.entry(name).or_insert_with(|| json!({}));
    if !member.is_object() {
        *member = json!({});
    }
    member.as_object_mut().expect("it has just been made an object")
}

fn client_info() -> Value {
    json!({"name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION")})
}
