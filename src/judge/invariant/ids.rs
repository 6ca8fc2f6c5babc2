//! Relates responses to requests: known ids, of the same JSON type, once each; no made-up id where none could be read.

use serde_json::Value;

use crate::judge::always::evidence;
use crate::judge::compare::{Miss, shown};
use crate::judge::context::{Context, Judged, fold};
use crate::judge::traffic::{Heard, Traffic};
use crate::scenario::Scenario;
use crate::session::{Entry, What};
use crate::transport::Incoming;
use crate::wire::{Kind, Message, TransportKind};

const MATCHES: &str = "jsonrpc.response.id-matches";
const TYPE: &str = "jsonrpc.response.id-type-preserved";
const ONCE: &str = "jsonrpc.response.at-most-one";
/// Up to 2025-06-18, and from 2025-11-25 on.
const UNREADABLE: [&str; 2] = ["jsonrpc.error.id-when-unreadable", "jsonrpc.error.id-omitted-when-unreadable"];
/// Errors that nobody can give who has not read a request.
const AFTER_READING: [i64; 2] = [-32601, -32602];

/// Judges ids of all responses (specification: basic#responses; JSON-RPC 2.0, section 5).
pub(super) fn judge(scenario: &Scenario, _: &Context, traffic: &Traffic<'_>) -> Vec<Judged> {
    let mut judged = Vec::new();
    for (position, heard) in traffic.heard.iter().enumerate() {
        if heard.kind != Kind::Response {
            continue;
        }
        let fail = |requirement: &str, expected: &str, actual: String| {
            let miss = Miss { expected: expected.to_owned(), actual };
            Judged::fail(requirement, evidence(scenario, 1, miss, heard, traffic))
        };
        let Some(id) = heard.message.id().filter(|id| !id.is_null()) else {
            if ill_formed(traffic, heard).is_some() {
                judged.extend(UNREADABLE.map(Judged::pass));
            } else if let Some(asked) = robbed(traffic, heard) {
                judged.push(fail(MATCHES, &format!("the id {}", shown(&asked)), "a response without an id".to_owned()));
            } else if heard.result().is_some() && all_readable(traffic, heard) {
                // Only an error may be about what could not be read, and here all could be.
                judged.push(fail(MATCHES, "the id of a request that was sent", "a result without an id".to_owned()));
            }
            continue;
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
                None if heard.error().is_some() && is_excused(traffic, heard) => {
                    let quoted = ill_formed(traffic, heard).is_some_and(|bytes| quotes(&bytes, id));
                    if !quoted {
                        let fault = |requirement| fail(requirement, "no id, or null", format!("the id {}", shown(id)));
                        judged.extend(UNREADABLE.map(fault));
                    }
                }
                // Of several that were sent in one go, it may be about any.
                None if heard.error().is_some() && is_of_no_request(traffic, heard, id) => {}
                None => {
                    judged.push(fail(MATCHES, "the id of a request that was sent", format!("the id {}", shown(id))));
                }
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

/// What the harness had sent last that is no request or other message of the right form, if an error may be about it: on the
/// same exchange over HTTP, since the newest answer otherwise.
fn ill_formed(traffic: &Traffic<'_>, heard: &Heard<'_>) -> Option<Vec<u8>> {
    let is_http = traffic.transcript.kind() == TransportKind::Http;
    let before = traffic.transcript.entries()[..heard.entry.index].iter().rev();
    before
        .filter(|entry| !is_http || entry.exchange == heard.entry.exchange)
        .take_while(|entry| is_http || !is_answer(entry))
        .find_map(|entry| {
            let bytes = match &entry.what {
                What::Wrote { bytes, .. } | What::RequestedRaw(bytes) => bytes,
                What::Requested { request, .. } => &request.body,
                _ => return None,
            };
            (!entry.message().is_some_and(is_well_formed)).then(|| bytes.to_vec())
        })
}

/// Whether all that the harness had sent was of the right form.
fn all_readable(traffic: &Traffic<'_>, heard: &Heard<'_>) -> bool {
    let before = traffic.transcript.entries()[..heard.entry.index].iter().filter(|entry| entry.is_from_client());
    let is_sent = |entry: &&Entry| {
        matches!(&entry.what, What::Wrote { .. } | What::RequestedRaw(_))
            || matches!(&entry.what, What::Requested { request, .. } if !request.body.is_empty())
    };
    before.filter(is_sent).all(|entry| entry.message().is_some_and(is_well_formed))
}

/// Whether the server may not have read the id of what an error is about: it was ill-formed, or refused as HTTP.
fn is_excused(traffic: &Traffic<'_>, heard: &Heard<'_>) -> bool {
    traffic.status(heard.entry.exchange).is_some_and(|status| status >= 400) || ill_formed(traffic, heard).is_some()
}

/// The id of the request of right form that a response without one can only be about.
fn robbed(traffic: &Traffic<'_>, heard: &Heard<'_>) -> Option<Value> {
    let before = &traffic.transcript.entries()[..heard.entry.index];
    let asked = traffic.asked.iter().rev().find(|asked| asked.index < heard.entry.index)?;
    let entry = before.get(asked.index)?;
    let code = heard.error().and_then(|error| error["code"].as_i64());
    let refused = traffic.status(heard.entry.exchange).is_some_and(|status| status >= 400);
    let is_read = !refused || code.is_some_and(|code| AFTER_READING.contains(&code));
    let is_alone = if traffic.transcript.kind() == TransportKind::Http {
        entry.exchange == heard.entry.exchange
    } else {
        // On one stream for all, what came before was answered, and nothing was sent since.
        let previous = before[..asked.index].iter().rev().find(|e| e.is_from_client() || is_answer(e));
        previous.is_some_and(is_answer) && !before[asked.index + 1..].iter().any(Entry::is_from_client)
    };
    let is_unanswered = traffic.responses_to(asked).next().is_none();
    let is_ours = entry.message().is_some_and(is_well_formed) && !asked.in_batch;
    (is_read && is_alone && is_unanswered && is_ours).then(|| asked.message.id().cloned()).flatten()
}

/// Whether something from the target answers a request by its id.
fn is_answer(entry: &Entry) -> bool {
    entry.is_from_server()
        && entry.message().is_some_and(|m| m.kind() == Kind::Response && m.id().is_some_and(|id| !id.is_null()))
}

/// Whether JSON-RPC calls it a message.
fn is_well_formed(message: &Message) -> bool {
    let is_id = |id: &Value| id.is_string() || id.is_i64() || id.is_u64();
    message.parts().iter().all(|part| {
        let has_version = part.value()["jsonrpc"] == "2.0";
        let has_params = part.params().is_none_or(Value::is_object);
        has_version
            && match part.kind() {
                Kind::Request => part.method().is_some() && has_params && part.id().is_some_and(is_id),
                Kind::Notification => part.method().is_some() && has_params,
                Kind::Response => true,
                Kind::Batch | Kind::Other => false,
            }
    })
}

/// Whether the harness sent something ill-formed before that has this id.
fn is_of_no_request(traffic: &Traffic<'_>, heard: &Heard<'_>, id: &Value) -> bool {
    let before = traffic.transcript.entries()[..heard.entry.index].iter().filter(|entry| entry.is_from_client());
    let mut ill_formed =
        before.filter_map(Entry::message).flat_map(Message::parts).filter(|part| !is_well_formed(part));
    ill_formed.any(|part| part.id().is_some_and(|own| own == id))
}

/// Whether an id stands in bytes that are no message.
fn quotes(bytes: &[u8], id: &Value) -> bool {
    let text = id.to_string();
    bytes.windows(text.len()).any(|part| part == text.as_bytes())
}

/// The same response under the same event id: a resumed stream may deliver it again.
fn is_replay(first: &Heard<'_>, second: &Heard<'_>) -> bool {
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

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use bytes::Bytes;

    use super::*;
    use crate::session::Transcript;
    use crate::transport::{Arrival, ExchangeId};

    #[test]
    fn a_response_comes_again_only_under_the_same_event_id() {
        let mut transcript = Transcript::new(TransportKind::Http);
        for (exchange, id) in [(1, "1-1"), (2, "1-1"), (3, "3-1")] {
            let data = Some(Bytes::from(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#));
            let what = Incoming::Event { event: None, id: Some(id.to_owned()), retry: None, data };
            transcript.arrived(Arrival { at: Instant::now(), exchange: ExchangeId(exchange), what });
        }
        let heard = Traffic::of(&transcript).heard;
        assert!(is_replay(&heard[0], &heard[1]));
        assert!(!is_replay(&heard[0], &heard[2]));
    }
}
