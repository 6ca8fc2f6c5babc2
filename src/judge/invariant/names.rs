//! What identifies the items of a list does so: no two listed resources, prompts, or arguments of one prompt share it.

use serde_json::Value;

use crate::judge::always::evidence;
use crate::judge::compare::{Miss, shown};
use crate::judge::context::{Context, Judged, fold};
use crate::judge::traffic::{Heard, Traffic};
use crate::scenario::Scenario;

/// The lists: requirement, method, member of the result, member that identifies an item.
const LISTS: [(&str, &str, &str, &str); 2] = [
    ("resources.uri.unique", "resources/list", "resources", "uri"),
    ("prompts.name.unique", "prompts/list", "prompts", "name"),
];

/// Judges the items of each walk over a list. A page that comes again whole is a fault of pagination, not of names.
pub(super) fn judge(scenario: &Scenario, _: &Context, traffic: &Traffic<'_>) -> Vec<Judged> {
    let mut judged = Vec::new();
    for (requirement, method, member, key) in LISTS {
        let mut known: Vec<Value> = Vec::new();
        for heard in traffic.heard.iter().filter(|heard| heard.method() == Some(method)) {
            let Some(items) = heard.result().and_then(|result| result.get(member)).and_then(Value::as_array) else {
                continue;
            };
            if !is_further_page(heard) {
                known.clear();
            }
            let names: Vec<_> = items.iter().filter_map(|item| item.get(key)).cloned().collect();
            if !names.is_empty() && names.iter().all(|name| known.contains(name)) {
                continue;
            }
            known.extend(names);
            let twice = repeated(&known).or_else(|| items.iter().find_map(repeated_argument));
            judged.push(match twice {
                None => Judged::pass(requirement),
                Some(name) => {
                    let miss =
                        Miss { expected: format!("{key}s that differ"), actual: format!("{} twice", shown(&name)) };
                    Judged::fail(requirement, evidence(scenario, 1, miss, heard, traffic))
                }
            });
        }
    }
    fold(judged)
}

fn is_further_page(heard: &Heard<'_>) -> bool {
    let request = heard.request.as_ref().map(|request| request.message.value());
    request.is_some_and(|request| request.pointer("/params/cursor").is_some())
}

fn repeated(names: &[Value]) -> Option<Value> {
    names.iter().enumerate().find(|(index, name)| names[..*index].contains(name)).map(|(_, name)| name.clone())
}

/// A name that two arguments of a prompt share.
fn repeated_argument(prompt: &Value) -> Option<Value> {
    let arguments = prompt.get("arguments")?.as_array()?;
    repeated(&arguments.iter().filter_map(|argument| argument.get("name")).cloned().collect::<Vec<_>>())
}
