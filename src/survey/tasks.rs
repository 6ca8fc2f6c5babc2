//! Finds tools that can be called as tasks. Starts tasks, and leaves them to themselves; never judges.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::facts::{Calls, SLOW};
use crate::protocol::{Era, Revision};
use crate::session::{Awaited, Session};

/// The extension's name among capabilities.
const EXTENSION: &str = "io.modelcontextprotocol/tasks";

/// Tools that are tried at most, where only a call tells which of them makes a task.
const TRIES: usize = 32;

/// The facts about tools as tasks, if the target has declared tasks at all and some tool fits.
pub(super) async fn tasks(session: &mut Session, tools: &[Value], calls: &Calls, within: Duration) -> Option<Value> {
    let capabilities = session.capabilities();
    let callable: Vec<_> = tools
        .iter()
        .filter(|tool| tool["name"].is_string() && calls.allow(tool))
        .filter_map(|tool| Some((tool, calls.arguments(tool)?)))
        .collect();
    let found = match session.revision() {
        Revision::V2025_11_25 if capabilities.pointer("/tasks/requests/tools/call").is_some() => {
            of_the_core(session, &callable, within).await
        }
        revision if revision.era() == Era::Stateless && declares(&capabilities) => {
            of_the_extension(session, callable, within).await
        }
        _ => Map::new(),
    };
    (!found.is_empty()).then_some(Value::Object(found))
}

/// In 2025-11-25 a tool says in the list whether it can, or must, be called as a task.
async fn of_the_core(session: &mut Session, callable: &[(&Value, Value)], within: Duration) -> Map<String, Value> {
    let mut found = Map::new();
    let mut slow = 0;
    for (tool, arguments) in callable {
        let fact = || json!({"tool": tool["name"], "arguments": arguments});
        let support = tool["execution"]["taskSupport"].as_str().unwrap_or("forbidden");
        if matches!(support, "forbidden" | "required") {
            found.entry(support).or_insert_with(fact);
        }
        if matches!(support, "optional" | "required") && !found.contains_key("tool") && slow < SLOW {
            let params = json!({"name": tool["name"], "arguments": arguments, "task": {"ttl": 60_000}});
            let sent = session.request("tools/call", Some(params));
            let answer = session.answer(&sent, within).await;
            slow += usize::from(matches!(answer, Awaited::TimedOut(_)));
            let Awaited::Message(_, answer) = answer else { continue };
            // A plain result is wrong here, but an answer all the same; a failure may be due to the arguments.
            if answer.result().is_some_and(|result| result["isError"] != true) {
                found.insert("tool".to_owned(), tool["name"].clone());
                found.insert("arguments".to_owned(), arguments.clone());
            }
        }
    }
    found
}

/// In the extension the server alone decides whether a call becomes a task. Tools that change nothing are tried first.
async fn of_the_extension(
    session: &mut Session,
    mut callable: Vec<(&Value, Value)>,
    within: Duration,
) -> Map<String, Value> {
    callable.sort_by_key(|(tool, _)| tool["annotations"]["readOnlyHint"] != true);
    let mut found = Map::new();
    let mut slow = 0;
    for (tool, arguments) in callable.into_iter().take(TRIES) {
        if slow == SLOW {
            break;
        }
        let meta = json!({"io.modelcontextprotocol/clientCapabilities": {"extensions": {EXTENSION: {}}}});
        let params = json!({"name": tool["name"], "arguments": arguments, "_meta": meta});
        let sent = session.request("tools/call", Some(params));
        let answer = session.answer(&sent, within).await;
        slow += usize::from(matches!(answer, Awaited::TimedOut(_)));
        let Awaited::Message(_, answer) = answer else { continue };
        if answer.result().is_some_and(|result| result["resultType"] == "task") {
            found.insert("tool".to_owned(), tool["name"].clone());
            found.insert("arguments".to_owned(), arguments);
            break;
        }
    }
    found
}

fn declares(capabilities: &Value) -> bool {
    capabilities["extensions"].get(EXTENSION).is_some()
}
