//! Any bytes are an input, in a file and as a source of inputs; inputs come back from files as they went in.

use mcp_litmus::protocol::Revision;
use mcp_litmus::smith::{Input, Unstructured, World, adversary, arguments, cross, fresh, mutate, neighbours};
use mcp_litmus::wire::TransportKind;
use serde_json::{Value, json};

/// Makes inputs of bytes, and changes inputs by them.
pub fn run(bytes: &[u8]) {
    let read = Input::decode(bytes);
    assert_eq!(Input::decode(&read.encode()), read);
    let u = &mut Unstructured::new(bytes);
    let world = world(u);
    let new = fresh(&world, u);
    let changed = mutate(&world, &read, u);
    let crossed = cross(&world, &new, &changed, u);
    for input in [&new, &changed, &crossed] {
        assert_eq!(&Input::decode(&input.encode()), input);
    }
    assert!(neighbours(&world, &changed).take(20).all(|neighbour| neighbour != changed));
    assert!(adversary(&world, &json!(1), u).len() < 64 << 10);
    if let Ok(schema) = serde_json::from_slice::<Value>(bytes)
        && let Some(drawn) = arguments::draw(&schema, u)
    {
        arguments::damage(&schema, &drawn, u);
    }
}

fn world(u: &mut Unstructured<'_>) -> World {
    let revision = *u.choose(&Revision::ALL).expect("there are some");
    let kind = *u.choose(&TransportKind::ALL).expect("there are some");
    let mut world = World::new(revision, kind);
    world.capabilities =
        json!({"tools": {}, "resources": {"subscribe": true}, "prompts": {}, "completions": {}, "logging": {}});
    let schema = json!({"type": "object", "required": ["q"], "properties": {"q": {"type": "string", "pattern": "^[a-z]+$"}, "n": {"type": "integer", "maximum": 9}}});
    world.tools = vec![json!({"name": "search", "inputSchema": schema})];
    world.resources = vec![json!({"uri": "demo://a"})];
    world.prompts = vec![json!({"name": "greet", "arguments": [{"name": "who"}]})];
    world.dictionary = vec![json!("admin"), json!(3)];
    world
}

#[test]
fn smoke() {
    for sample in crate::samples() {
        run(&sample);
    }
}
