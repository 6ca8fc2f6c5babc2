//! The first inputs for a target: orderly conversations that reach each thing that it offers.

use serde_json::{Value, json};

use super::choice::noise;
use super::message::{completed, methods, notification, numbered, piece, request};
use super::{Input, Unstructured, World, offer, policy};
use crate::protocol::Profile;

/// Seeds of one target.
const SEEDS: usize = 512;
/// Other arguments for each tool, beside the plainest.
const VARIANTS: u64 = 3;
/// Bytes of which such arguments are drawn.
const NOISE: usize = 256;

/// Conversations that are valid and reach what the target offers: each method that it declares, each tool, resource,
/// template and prompt. The same for the same world.
pub fn seeds(world: &World) -> Vec<Input> {
    let mut all: Vec<Vec<Value>> = Vec::new();
    let profile = Profile::of(world.revision);
    let of = |method: &str, params: Value| completed(world, json!({"method": method, "params": params}), true);
    all.push(vec![request(world, &profile.alive, &mut plainest())]);
    all.extend(methods(world).into_iter().map(|method| vec![request(world, method, &mut plainest())]));
    for tool in &world.tools {
        let plain = of("tools/call", offer::call(world, tool, &mut plainest()));
        all.extend((0..VARIANTS).map(|seed| {
            let bytes = noise(seed, NOISE);
            vec![of("tools/call", offer::call(world, tool, &mut Unstructured::new(&bytes)))]
        }));
        let mut with_progress = plain.clone();
        with_progress["params"]["_meta"]["progressToken"] = json!("litmus");
        all.extend([vec![plain.clone()], vec![with_progress, plain]]);
    }
    for uri in world.resources.iter().filter_map(|resource| resource["uri"].as_str()) {
        all.push(vec![of("resources/read", json!({"uri": uri}))]);
    }
    for template in world.templates.iter().filter_map(|template| template["uriTemplate"].as_str()) {
        all.push(vec![of("resources/read", json!({"uri": offer::expand(template, world, &mut plainest())}))]);
    }
    for prompt in &world.prompts {
        all.push(vec![of("prompts/get", offer::prompt(prompt, world, &mut plainest()))]);
        let bytes = [0xff; 64];
        all.push(vec![of("prompts/get", offer::prompt(prompt, world, &mut Unstructured::new(&bytes)))]);
    }
    for (prompt, argument) in world.prompts.iter().flat_map(|prompt| {
        prompt["arguments"].as_array().into_iter().flatten().map(move |argument| (&prompt["name"], &argument["name"]))
    }) {
        let reference = json!({"type": "ref/prompt", "name": prompt});
        let params = json!({"ref": reference, "argument": {"name": argument, "value": ""}});
        all.extend(methods(world).contains(&"completion/complete").then(|| vec![of("completion/complete", params)]));
    }
    for level in ["debug", "emergency"] {
        let declared = methods(world).contains(&"logging/setLevel");
        all.extend(declared.then(|| vec![of("logging/setLevel", json!({"level": level}))]));
    }
    for method in profile.client_notifications.keys() {
        all.push(vec![notification(world, method, &mut plainest()), request(world, &profile.alive, &mut plainest())]);
    }
    if methods(world).contains(&"resources/subscribe") {
        let there_and_back = ["resources/subscribe", "resources/read", "resources/unsubscribe"];
        all.push(there_and_back.map(|method| request(world, method, &mut plainest())).to_vec());
    }
    let mut seeds: Vec<Input> = Vec::new();
    for mut messages in all {
        numbered(&mut messages);
        let seed = policy::kept(world, Input::from(messages.iter().map(piece).collect::<Vec<_>>()));
        if seeds.len() < SEEDS && !seeds.contains(&seed) {
            seeds.push(seed);
        }
    }
    seeds
}

/// No bytes, of which the plainest of all is drawn.
fn plainest() -> Unstructured<'static> {
    Unstructured::new(&[])
}
