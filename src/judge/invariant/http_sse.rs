//! What holds for every session over HTTP+SSE: one address to listen, one to talk, and messages as events.

use super::exchanges::{Exchange, exchanges};
use crate::judge::compare::shown;
use crate::judge::context::{Context, Judged, fold};
use crate::judge::excerpt::excerpt;
use crate::judge::traffic::Traffic;
use crate::outcome::Evidence;
use crate::scenario::Scenario;
use crate::session::Entry;
use crate::wire::{Kind, Message};

const TWO: &str = "sse.endpoints.two";
const ENDPOINT: &str = "sse.endpoint-event.sent";
const EVENTS: &str = "sse.message-events";

/// Judges all exchanges of a transcript (specification of 2024-11-05: basic/transports#http-with-sse).
pub(super) fn judge(scenario: &Scenario, _: &Context, traffic: &Traffic<'_>) -> Vec<Judged> {
    let mut judged = Vec::new();
    for exchange in exchanges(traffic.transcript).iter().filter(|exchange| exchange.head.is_some()) {
        let fail = |requirement: &str, witness: Option<&Entry>, expected: &str, actual: String| {
            let mut lines = excerpt(traffic.transcript, exchange.entry.index, exchange.entry.index);
            lines.extend(witness.into_iter().flat_map(|entry| excerpt(traffic.transcript, entry.index, entry.index)));
            let (expected, asked_at) = (expected.to_owned(), scenario.file.display().to_string());
            let evidence = Evidence { expected, actual, asked_at, excerpt: lines, witnesses: Vec::new() };
            Judged::fail(requirement, evidence)
        };
        let (head, status) = exchange.head.map_or((None, 0), |(entry, status, _)| (Some(entry), status));
        match exchange.request.method.as_str() {
            "GET" if exchange.is_event_stream() => judged.extend(endpoint(exchange, &fail)),
            // Who may not ask is told so at the address for POSTs, which is there all the same.
            "POST" if matches!(status, 401 | 403) => {}
            "POST" if exchange.posted().is_some() && !exchange.deliberate => {
                judged.push(if exchange.is_success() {
                    Judged::pass(TWO)
                } else {
                    fail(TWO, head, "a POST that is accepted", format!("status {status}"))
                });
                judged.extend(answer_in_body(exchange, &fail));
            }
            _ => {}
        }
    }
    fold(judged)
}

type Fail<'a> = dyn Fn(&str, Option<&Entry>, &str, String) -> Judged + 'a;

/// The stream: it begins with the address for POSTs, and what comes then are messages.
fn endpoint(exchange: &Exchange<'_>, fail: &Fail<'_>) -> Vec<Judged> {
    let mut judged = Vec::new();
    // An event without data is dispatched to nobody.
    let mut events = exchange.events().filter(|(_, event)| event.data.is_some_and(|data| !data.is_empty()));
    if let Some((entry, event)) = events.next() {
        judged.push(if event.name == Some("endpoint") {
            Judged::pass(ENDPOINT)
        } else {
            let actual = format!("an event named {:?}", event.name.unwrap_or("message"));
            fail(ENDPOINT, Some(entry), "first an event named endpoint", actual)
        });
    }
    for (entry, event) in exchange.events() {
        let name = event.name.unwrap_or("message");
        let message = event.data.and_then(|data| Message::read_leniently(data).ok());
        if message.is_some_and(|message| message.kind() != Kind::Other) && name != "endpoint" {
            judged.push(if name == "message" {
                Judged::pass(EVENTS)
            } else {
                fail(EVENTS, Some(entry), "messages in events named message", format!("an event named {name:?}"))
            });
        }
    }
    judged
}

/// A response that came with the POST.
fn answer_in_body(exchange: &Exchange<'_>, fail: &Fail<'_>) -> Option<Judged> {
    let (entry, message) = exchange.messages().find(|(_, message)| message.kind() == Kind::Response)?;
    Some(fail(EVENTS, Some(entry), "the response as an event", format!("in the body: {}", shown(message.value()))))
}
