//! What holds of the generator as a whole, for all bytes: it ends, is bounded, repeats itself, and calls only what it may.

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::choice::noise;
use super::*;
use crate::protocol::{Definitions, Era, Profile, Revision};
use crate::wire::TransportKind;

/// Bytes of an input that is not huge.
const BOUND: usize = 2 << 20;

fn world(revision: Revision, kind: TransportKind) -> World {
    let mut world = World::new(revision, kind);
    world.capabilities = json!({"tools": {}, "resources": {"subscribe": true}, "prompts": {}, "logging": {}, "completions": {},
        "tasks": {"list": {}, "cancel": {}}});
    let schemas: Value = serde_json::from_str(include_str!("../../tests/data/input-schemas.json")).expect("it is JSON");
    let schemas = schemas.as_object().expect("an object").iter();
    world.tools = schemas.map(|(name, schema)| json!({"name": name, "inputSchema": schema})).collect();
    world.resources = vec![json!({"uri": "demo://a"})];
    world.templates = vec![json!({"uriTemplate": "demo://{kind}/{id}"})];
    world.prompts = vec![json!({"name": "greet", "arguments": [{"name": "who", "required": true}, {"name": "tone"}]})];
    world.mined.mine(&json!({"result": {"tools": [{"name": "erase"}], "nextCursor": "c2", "values": ["north"]}}));
    world.dictionary = vec![json!("admin"), json!(3), json!("erase"), json!("zz9"), json!(2.5)];
    world
}

static WORLDS: LazyLock<Vec<World>> = LazyLock::new(|| {
    let kinds = [TransportKind::Stdio, TransportKind::Http];
    Revision::ALL.into_iter().flat_map(|revision| kinds.map(|kind| world(revision, kind))).collect()
});

/// Whether an input calls the tool that may not be called.
fn erases(input: &Input) -> bool {
    let lines = input.pieces.iter().flat_map(|piece| piece.bytes.split(|byte| *byte == b'\n'));
    let messages = lines.filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    let parts = messages.flat_map(|message| message.as_array().cloned().unwrap_or_else(|| vec![message]));
    parts.into_iter().any(|part| part["method"] == "tools/call" && part["params"]["name"] == "erase")
}

fn messages(input: &Input) -> Vec<Value> {
    input.pieces.iter().map(|piece| serde_json::from_slice(&piece.bytes).expect("each is a message")).collect()
}

/// The definition of a message that a client sends, if the revision has one.
fn definition(revision: Revision, message: &Value) -> Option<&'static str> {
    let method = message["method"].as_str()?;
    let profile = Profile::of(revision);
    profile.request_definition(method).or_else(|| profile.client_notification_definition(method))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_bytes_are_there_is_an_input(at in 0..10usize, bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let world = &WORLDS[at];
        let draw = |bytes: &[u8]| {
            let u = &mut Unstructured::new(bytes);
            let first = fresh(world, u);
            let second = mutate(world, &first, u);
            let third = cross(world, &first, &second, u);
            [first, second, third]
        };
        let inputs = draw(&bytes);
        prop_assert_eq!(&inputs, &draw(&bytes));
        for input in &inputs {
            prop_assert!(input.len() < BOUND || input.pieces.iter().any(|piece| piece.bytes.len() > 4 << 20), "{}", input.len());
            prop_assert!(!erases(input), "{}", String::from_utf8_lossy(&input.encode()));
            prop_assert_eq!(&Input::decode(&input.encode()), input);
        }
        for input in neighbours(world, &inputs[1]).take(200) {
            prop_assert!(!erases(&input));
            prop_assert!(input != inputs[1]);
        }
    }

    #[test]
    fn any_input_can_be_changed(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "(?s).{0,200}") {
        let world = &WORLDS[5];
        let input = Input::decode(text.as_bytes());
        let u = &mut Unstructured::new(&bytes);
        let other = mutate(world, &input, u);
        cross(world, &other, &input, u);
        neighbours(world, &input).take(50).count();
    }

    #[test]
    fn valid_messages_are_valid(at in 0..10usize, bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let world = &WORLDS[at];
        let definitions = Definitions::of(world.revision);
        for message in fresh::valid(world, &mut Unstructured::new(&bytes)) {
            let definition = definition(world.revision, &message);
            prop_assert!(definition.is_some(), "{message}");
            let envelope = if message.get("id").is_some() { "JSONRPCRequest" } else { "JSONRPCNotification" };
            for definition in [envelope, definition.unwrap_or_default()] {
                let found = definitions.violations(definition, &message);
                prop_assert!(found.is_empty(), "{message}: {found:?}");
            }
            if world.revision.era() == Era::Stateless && message.get("id").is_some() {
                let version = &message["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"];
                prop_assert_eq!(version, &json!(world.revision));
            }
        }
    }
}

#[test]
fn seeds_are_valid_and_reach_everything() {
    for world in WORLDS.iter() {
        let seeds = seeds(world);
        assert_eq!(seeds, super::seeds(world));
        let all: Vec<Value> = seeds.iter().flat_map(messages).collect();
        for message in &all {
            let definition = definition(world.revision, message).unwrap_or_else(|| panic!("{message}"));
            let envelope = if message.get("id").is_some() { "JSONRPCRequest" } else { "JSONRPCNotification" };
            for definition in [envelope, definition] {
                let found = Definitions::of(world.revision).violations(definition, message);
                assert!(found.is_empty(), "{message}: {found:?}");
            }
        }
        for tool in &world.tools {
            let calls = all
                .iter()
                .filter(|message| message["method"] == "tools/call" && message["params"]["name"] == tool["name"]);
            assert!(calls.count() > 1, "{} is not called", tool["name"]);
        }
        for method in message::methods(world) {
            assert!(all.iter().any(|message| message["method"] == *method), "{}: no {method}", world.revision);
        }
    }
}

#[test]
fn a_target_that_offers_nothing_has_inputs_too() {
    for revision in Revision::ALL {
        let world = World::new(revision, TransportKind::Stdio);
        assert!(!seeds(&world).is_empty());
        for seed in 0..200 {
            let bytes = noise(seed, 64);
            assert!(
                !mutate(&world, &fresh(&world, &mut Unstructured::new(&bytes)), &mut Unstructured::new(&bytes))
                    .is_empty()
            );
        }
    }
}

#[test]
fn neighbours_combine_what_the_target_compares_with() {
    let mut world = World::new(Revision::V2025_11_25, TransportKind::Stdio);
    let schema = json!({"type": "object", "properties": {"config": {"type": "object"}, "other": {"type": "string"}}});
    world.tools = vec![json!({"name": "t", "inputSchema": schema})];
    world.dictionary = vec![json!("mode"), json!("admin"), json!("depth"), json!(3)];
    let call = |arguments: Value| {
        let message =
            json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "t", "arguments": arguments}});
        Input::from(vec![Piece::message(message.to_string())])
    };
    // Each step of the way is a neighbour of the one before.
    let way = [
        json!({}),
        json!({"config": {}}),
        json!({"config": {"mode": "litmus"}}),
        json!({"config": {"mode": "admin"}}),
        json!({"config": {"mode": "admin", "depth": "litmus"}}),
        json!({"config": {"mode": "admin", "depth": 3}}),
    ];
    for step in way.windows(2) {
        let next = messages(&call(step[1].clone()));
        let found = neighbours(&world, &call(step[0].clone())).position(|input| messages(&input) == next);
        assert!(found.is_some_and(|at| at < 300), "{} at {found:?}", step[1]);
    }
}
