//! What differs from an input in one value: the deterministic stage.

use serde_json::{Value, json};

use super::{Input, World};

/// Every input that differs in one value of one message, which is one that the target compares with, or a boundary value.
pub fn neighbours(world: &World, input: &Input) -> impl Iterator<Item = Input> {
    let boundaries = [json!(null), json!(true), json!(0), json!(-1), json!(""), json!([]), json!({})];
    let values: Vec<Value> = world.dictionary.iter().cloned().chain(boundaries).collect();
    let input = input.clone();
    (0..input.pieces.len()).flat_map(move |at| {
        let input = input.clone();
        let message: Option<Value> = serde_json::from_slice(&input.pieces[at].bytes).ok();
        let names: Vec<String> = message
            .iter()
            .filter_map(|message| message.pointer("/params/arguments")?.as_object())
            .flat_map(|arguments| arguments.keys().cloned())
            .collect();
        let values = values.clone();
        names.into_iter().flat_map(move |name| {
            let (input, message) = (input.clone(), message.clone().unwrap_or_default());
            values.clone().into_iter().map(move |value| {
                let (mut input, mut message) = (input.clone(), message.clone());
                message["params"]["arguments"][name.as_str()] = value;
                input.pieces[at].bytes = message.to_string().into_bytes();
                input
            })
        })
    })
}
