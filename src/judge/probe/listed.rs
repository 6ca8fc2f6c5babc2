//! Reads every resource and gets every prompt that is listed, up to a number.

use std::future::Future;
use std::pin::Pin;

use serde_json::{Map, Value, json};

use super::{Setting, came};
use crate::judge::context::Judged;
use crate::session::Awaited;

const READABLE: &str = "resources.listed.readable";
const WORKS: &str = "prompts.get.listed-works";
const RESPECTED: &str = "prompts.capabilities.respected";

/// Items of a list that are tried at most.
const MOST: usize = 20;

/// Judges whichever of the two the scenario is about (specification: server/resources, server/prompts).
pub(super) fn run<'a>(mut setting: Setting<'a>) -> Pin<Box<dyn Future<Output = Vec<Judged>> + 'a>> {
    Box::pin(async move {
        let proves = |requirement: &str| setting.proves().iter().any(|proved| proved == requirement);
        let (resources, prompts) = (proves(READABLE), proves(WORKS));
        let mut judged = Vec::new();
        if resources {
            read_all(&mut setting, &mut judged).await;
        }
        if prompts {
            get_all(&mut setting, &mut judged).await;
        }
        judged
    })
}

async fn read_all(setting: &mut Setting<'_>, judged: &mut Vec<Judged>) {
    let resources = listed(setting, "resources");
    // Whoever holds their sizes against what is read has to know whether they change.
    let has_sizes = resources.iter().any(|resource| resource.get("size").is_some());
    if has_sizes {
        setting.ask("resources/list", json!({})).await;
    }
    for resource in &resources {
        // A page of the web may be meant for the client to fetch by itself.
        let Some(uri) = resource["uri"].as_str().filter(|uri| !uri.starts_with("http")) else { continue };
        let (sent, answer) = setting.ask("resources/read", json!({"uri": uri})).await;
        judged.push(match &answer {
            Awaited::Message(_, message) if message.result().is_some() => Judged::pass(READABLE),
            _ => setting.fail(READABLE, sent.index, "a result: the resource is listed", came(&answer)),
        });
    }
    if has_sizes {
        setting.ask("resources/list", json!({})).await;
    }
}

async fn get_all(setting: &mut Setting<'_>, judged: &mut Vec<Judged>) {
    for prompt in listed(setting, "prompts") {
        let declared = prompt["arguments"].as_array().into_iter().flatten();
        let required = declared.filter(|argument| argument["required"] == true);
        let given: Map<_, _> =
            required.filter_map(|argument| Some((argument["name"].as_str()?.to_owned(), json!("1")))).collect();
        let is_plain = given.is_empty();
        let (sent, answer) = setting.ask("prompts/get", json!({"name": prompt["name"], "arguments": given})).await;
        let code = match &answer {
            Awaited::Message(_, message) => message.error().map(|error| &error["code"]),
            _ => None,
        };
        if code.is_some_and(|code| *code == -32601) {
            let expected = "prompts/get to be known: prompts are declared, and this one is listed";
            judged.push(setting.fail(RESPECTED, sent.index, expected, came(&answer)));
            judged.push(Judged::skipped(WORKS, "no prompt can be got at all"));
            return;
        }
        judged.push(Judged::pass(RESPECTED));
        match &answer {
            Awaited::Message(..) => match code {
                None => judged.push(Judged::pass(WORKS)),
                Some(code) if *code == -32603 && is_plain => {
                    judged.push(setting.fail(WORKS, sent.index, "a result: the prompt is listed", came(&answer)));
                }
                // The made-up arguments may be the wrong ones.
                Some(_) => judged.push(Judged::skipped(WORKS, "the prompts refused made-up arguments")),
            },
            _ => judged.push(setting.fail(WORKS, sent.index, "an answer", came(&answer))),
        }
    }
}

fn listed(setting: &Setting<'_>, fact: &str) -> Vec<Value> {
    let items = setting.context.facts.get(fact).and_then(Value::as_array);
    items.into_iter().flatten().take(MOST).cloned().collect()
}
