//! Relates responses to requests: known ids, of the same JSON type, once each.

use serde_json::Value;

use crate::judge::always::evidence;
use crate::judge::compare::{Miss, shown};
use crate::judge::context::{Context, Judged, fold};
use crate::judge::traffic::{Heard, Traffic};
use crate::scenario::Scenario;
use crate::wire::Kind;

const MATCHES: &str = "jsonrpc.response.id-matches";
const TYPE: &str = "jsonrpc.response.id-type-preserved";
const ONCE: &str = "jsonrpc.response.at-most-one";

/// Judges ids of all responses (specification: basic#responses; JSON-RPC 2.0, section 5).
pub(super) fn judge(scenario: &Scenario, _: &Context, traffic: &Traffic<'_>) -> Vec<Judged> {
    let mut judged = Vec::new();
    for (position, heard) in traffic.heard.iter().enumerate() {
        let Some(id) = heard.message.id().filter(|id| heard.kind == Kind::Response && !id.is_null()) else { continue };
        let fail = |requirement: &str, expected: &str, actual: String| {
            let miss = Miss { expected: expected.to_owned(), actual };
            Judged::fail(requirement, evidence(scenario, 1, miss, heard, traffic))
        };
        match &heard.request {
            Some(request) => {
                judged.extend([Judged::pass(MATCHES), Judged::pass(TYPE)]);
                let earlier = traffic.heard[..position].iter().any(|other| {
                    other.request.as_ref().is_some_and(|r| std::rc::Rc::ptr_eq(r, request)) && !is_replay(other, heard)
                });
                judged.push(if earlier {
                    fail(ONCE, "one response to a request", format!("a second response with id {}", shown(id)))
                } else {
                    Judged::pass(ONCE)
                });
            }
            None => match lookalike(traffic, heard, id) {
                Some(asked) => {
                    let expected = format!("the id {}", shown(&asked));
                    judged.push(fail(TYPE, &expected, format!("the id {}", shown(id))));
                }
                None if !names_a_bad_id(traffic, heard) => {
                    judged.push(fail(MATCHES, "the id of a request that was sent", format!("the id {}", shown(id))));
                }
                None => {}
            },
        }
    }
    fold(judged)
}

/// The id of an unanswered request that looks like `id` but has another JSON type or spelling.
fn lookalike(traffic: &Traffic<'_>, heard: &Heard<'_>, id: &Value) -> Option<Value> {
    let text = plain(id);
    let before = traffic.asked.iter().rev().filter(|asked| asked.index < heard.entry.index);
    before.filter_map(|asked| asked.message.id()).find(|asked| *asked != id && plain(asked) == text).cloned()
}

/// An error about bytes that were no request may repeat whatever id it found in them.
fn names_a_bad_id(traffic: &Traffic<'_>, heard: &Heard<'_>) -> bool {
    heard.error().is_some()
        && traffic.transcript.from_client().any(|(entry, message)| {
            entry.index < heard.entry.index && message.kind() == Kind::Other && message.id() == heard.message.id()
        })
}

/// The same response under the same event id: a resumed stream may deliver it again.
fn is_replay(first: &Heard<'_>, second: &Heard<'_>) -> bool {
    use crate::session::What;
    use crate::transport::Incoming;
    let event_id = |heard: &Heard<'_>| match &heard.entry.what {
        What::Received(Incoming::Event { id, .. }) => id.clone(),
        _ => None,
    };
    event_id(first).is_some() && event_id(first) == event_id(second)
}

fn plain(id: &Value) -> String {
    match id {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.as_f64().map_or_else(|| number.to_string(), |n| n.to_string()),
        other => other.to_string(),
    }
}
