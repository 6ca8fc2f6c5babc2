//! Keeps inputs from calling tools that may not be called: a name that belongs to such a tool, or might, is replaced.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Input, Piece, World};

/// What no server calls a tool.
const NO_SUCH_TOOL: &str = "litmus-no-such-tool";
/// How the method of calls begins, however it is spelt, and what is left of it where all is overlooked that some overlook.
const METHOD: &[u8] = b"tools";
const CALL: &str = "toolscall";

/// The input, with the name of no tool in a call but of those that may be called.
pub(super) fn kept(world: &World, mut input: Input) -> Input {
    for piece in &mut input.pieces {
        if memchr::memmem::find(&piece.bytes, METHOD).is_some() {
            keep(world, piece);
        }
    }
    input
}

fn keep(world: &World, piece: &mut Piece) {
    if piece.bytes.split(|byte| *byte == b'\n').all(|line| is_allowed(world, line)) {
        return;
    }
    let lines = piece.bytes.split(|byte| *byte == b'\n').map(|line| {
        let Ok(mut message) = serde_json::from_slice::<Value>(line) else { return line.to_vec() };
        let parts = match &mut message {
            Value::Array(parts) => parts.as_mut_slice(),
            one => std::slice::from_mut(one),
        };
        // All parts are looked at, not only those before the first that is replaced.
        let replaced = parts.iter_mut().filter_map(|part| replace(world, part)).count();
        if replaced > 0 { message.to_string().into_bytes() } else { line.to_vec() }
    });
    piece.bytes = lines.collect::<Vec<_>>().join(&b'\n');
}

/// The members of one message by which it is told what it calls.
#[derive(Deserialize)]
struct Call<'a> {
    #[serde(borrow)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow)]
    params: Option<Params<'a>>,
}

#[derive(Deserialize)]
struct Params<'a> {
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
}

/// Whether a line is one message, as it should be, that calls no tool, or one that may be called.
fn is_allowed(world: &World, line: &[u8]) -> bool {
    let Ok(call) = serde_json::from_slice::<Call<'_>>(line) else { return false };
    let is_call = call.method.is_some_and(|method| plain(&method) == CALL);
    let name = call.params.and_then(|params| params.name);
    !is_call || name.is_none_or(|name| world.tools.iter().any(|tool| tool["name"] == *name))
}

fn replace(world: &World, message: &mut Value) -> Option<()> {
    let method = message.get("method")?.as_str()?;
    let name = message.pointer("/params/name")?.as_str()?;
    let is_call = plain(method) == CALL;
    if !is_call || world.tools.iter().any(|tool| tool["name"] == name) || !may_be_a_tool(world, name) {
        return None;
    }
    message["params"]["name"] = json!(NO_SUCH_TOOL);
    Some(())
}

/// Whether a name is one that the target knows: as that of a tool, or in any other way.
fn may_be_a_tool(world: &World, name: &str) -> bool {
    let name = plain(name);
    let is_like = |known: &str| plain(known) == name;
    world.mined.tools.iter().chain(&world.mined.texts).any(|known| is_like(known))
        || world.dictionary.iter().filter_map(Value::as_str).any(is_like)
}

/// A name without what lenient servers overlook.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Revision;
    use crate::wire::TransportKind;

    #[test]
    fn only_tools_that_may_be_called_are_named() {
        let mut world = World::new(Revision::V2025_11_25, TransportKind::Stdio);
        world.tools = vec![json!({"name": "echo"})];
        world.mined.mine(&json!({"result": {"tools": [{"name": "echo"}, {"name": "delete_all"}]}}));
        world.dictionary = vec![json!("drop")];
        let call = |name: &str| json!({"method": "tools/call", "params": {"name": name}}).to_string();
        for (name, becomes) in [
            ("echo", "echo"),
            ("delete_all", NO_SUCH_TOOL),
            ("Delete-All ", NO_SUCH_TOOL),
            ("drop", NO_SUCH_TOOL),
            ("ECHO", NO_SUCH_TOOL),
            ("other", "other"),
        ] {
            let input = Input::from(vec![Piece::message(call(name)), Piece::raw(format!("{{}}\n[{}]\n", call(name)))]);
            let expected =
                Input::from(vec![Piece::message(call(becomes)), Piece::raw(format!("{{}}\n[{}]\n", call(becomes)))]);
            assert_eq!(kept(&world, input), expected, "{name}");
        }
    }
}
