//! Keeps inputs from calling tools that may not be called: a name that belongs to such a tool, or might, is replaced.

use serde_json::{Value, json};

use super::{Input, Piece, World};

/// What no server calls a tool.
const NO_SUCH_TOOL: &str = "litmus-no-such-tool";
/// How the method of calls begins, however it is spelt.
const METHOD: &[u8] = b"tools";

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

fn replace(world: &World, message: &mut Value) -> Option<()> {
    let method = message.get("method")?.as_str()?;
    let name = message.pointer("/params/name")?.as_str()?;
    let is_call = plain(method) == "toolscall";
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
