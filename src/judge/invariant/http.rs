//! What holds for every exchange over Streamable HTTP: media types, bodies, streams, and the ids of events and sessions.

use std::collections::HashSet;

use serde_json::Value;

use super::exchanges::{End, Exchange, exchanges};
use super::proves;
use crate::judge::compare::{clipped, shown};
use crate::judge::context::{Context, Judged, fold};
use crate::judge::excerpt::excerpt;
use crate::judge::traffic::Traffic;
use crate::outcome::Evidence;
use crate::scenario::Scenario;
use crate::session::Entry;
use crate::wire::{Kind, Message, NotAMessage, same_id};

const CONTENT_TYPE: &str = "http.post.request-content-type";
const SINGLE: &str = "http.post.json-single";
const DATA: &str = "http.sse.event-data-message";
const PRIMED: &str = "http.sse.primed";
const RELATED: &str = "http.sse.post-stream-related";
const UNRELATED: &str = "http.get.unrelated-only";
const NO_RESPONSES: &str = "http.get.no-responses";
const VISIBLE: &str = "http.session.id-visible-ascii";
const UNIQUE: &str = "http.sse.event-id-unique";
const NO_BUFFERING: &str = "http.sse.no-buffering-header";

/// Judges all exchanges of a transcript (specification: basic/transports, Streamable HTTP).
pub(super) fn judge(scenario: &Scenario, context: &Context, traffic: &Traffic<'_>) -> Vec<Judged> {
    let exchanges = exchanges(traffic.transcript);
    let mut watch = Watch { scenario, context, traffic, judged: Vec::new() };
    for exchange in &exchanges {
        watch.media_type(exchange);
        watch.single_body(exchange);
        watch.event_data(exchange);
        watch.session_id(exchange);
        watch.buffering(exchange);
    }
    watch.primed(&exchanges);
    watch.event_ids(&exchanges);
    watch.streams(&exchanges);
    let mut judged = fold(watch.judged);
    judged.retain(|one| proves(scenario).contains(&one.requirement));
    judged
}

struct Watch<'a> {
    scenario: &'a Scenario,
    context: &'a Context,
    traffic: &'a Traffic<'a>,
    judged: Vec<Judged>,
}

impl Watch<'_> {
    fn media_type(&mut self, exchange: &Exchange<'_>) {
        if exchange.posted().is_none() || !exchange.is_success() {
            return;
        }
        let media = exchange.media_type();
        let fits = ["application/json", "text/event-stream"].contains(&media.as_str());
        self.settle(CONTENT_TYPE, fits, exchange, exchange.head.map(|(entry, ..)| entry), || {
            ("Content-Type application/json or text/event-stream".to_owned(), format!("Content-Type {media:?}"))
        });
    }

    fn single_body(&mut self, exchange: &Exchange<'_>) {
        let is_json = exchange.is_success() && exchange.media_type() == "application/json";
        if exchange.posted().is_none() || !is_json || exchange.end != Some(End::Proper) {
            return;
        }
        let body = exchange.content.first().copied();
        // What kind of JSON it is, is judged for all transports alike.
        let fault = body.and_then(not_json);
        self.settle(SINGLE, fault.is_none(), exchange, body, || {
            ("a body that is one JSON object".to_owned(), fault.unwrap_or_default())
        });
    }

    fn event_data(&mut self, exchange: &Exchange<'_>) {
        for (entry, event) in exchange.events() {
            let data = event.data.filter(|data| !data.is_empty());
            let Some(data) = data.filter(|_| event.name.is_none_or(|name| name == "message")) else { continue };
            self.settle(DATA, not_json(entry).is_none(), exchange, Some(entry), || {
                ("an event whose data is one JSON-RPC message".to_owned(), clipped(&String::from_utf8_lossy(data), 240))
            });
        }
    }

    fn session_id(&mut self, exchange: &Exchange<'_>) {
        let Some(id) = exchange.received("mcp-session-id") else { return };
        let is_visible = !id.is_empty() && id.chars().all(|c| matches!(c, '\x21'..='\x7e'));
        self.settle(VISIBLE, is_visible, exchange, exchange.head.map(|(entry, ..)| entry), || {
            ("a session id of visible ASCII characters".to_owned(), format!("{id:?}"))
        });
    }

    fn buffering(&mut self, exchange: &Exchange<'_>) {
        if !exchange.is_event_stream() {
            return;
        }
        let hint = exchange.received("x-accel-buffering");
        let is_off = hint.is_some_and(|hint| hint.trim().eq_ignore_ascii_case("no"));
        self.settle(NO_BUFFERING, is_off, exchange, exchange.head.map(|(entry, ..)| entry), || {
            let actual = hint.map_or_else(|| "no such header".to_owned(), |hint| format!("X-Accel-Buffering: {hint}"));
            ("X-Accel-Buffering: no".to_owned(), actual)
        });
    }

    /// Where the server gives events ids at all, the stream of a POST begins with an id and no data.
    fn primed(&mut self, all: &[Exchange<'_>]) {
        if !all.iter().flat_map(Exchange::events).any(|(_, event)| event.id.is_some()) {
            return;
        }
        for exchange in all.iter().filter(|exchange| exchange.is_event_stream()) {
            // A request that does not name the revision may be one of an older client, which expects no such event.
            let names_it = exchange.sent("mcp-protocol-version") == Some(self.context.revision.as_str());
            let asked = exchange.posted().filter(|_| names_it);
            let (Some(_), Some((entry, event))) = (asked, exchange.events().next()) else { continue };
            let is_primed = event.id.is_some() && event.data.is_none_or(<[u8]>::is_empty);
            self.settle(PRIMED, is_primed, exchange, Some(entry), || {
                let data = event.data.map(String::from_utf8_lossy).unwrap_or_default();
                let actual = format!("id {:?} and data {:?}", event.id, clipped(&data, 120));
                ("a first event with an id and no data".to_owned(), actual)
            });
        }
    }

    fn event_ids(&mut self, all: &[Exchange<'_>]) {
        let mut seen: HashSet<(&str, &str)> = HashSet::new();
        for exchange in all.iter().filter(|exchange| exchange.sent("last-event-id").is_none()) {
            let session = exchange.sent("mcp-session-id").or_else(|| exchange.received("mcp-session-id"));
            for (entry, event) in exchange.events() {
                let Some(id) = event.id.filter(|id| !id.is_empty()) else { continue };
                let is_new = seen.insert((session.unwrap_or_default(), id));
                self.settle(UNIQUE, is_new, exchange, Some(entry), || {
                    ("an event id that no other event of the session has".to_owned(), format!("{id:?} again"))
                });
            }
        }
    }

    /// What comes on which stream: responses and progress belong to the stream of their request.
    fn streams(&mut self, all: &[Exchange<'_>]) {
        let of_token = |token: &Value, before: usize| {
            all.iter().find(|exchange| {
                exchange.entry.index < before
                    && exchange.posted().and_then(token_of).is_some_and(|of| same_id(of, token))
            })
        };
        let general: Vec<_> = all.iter().filter(|exchange| exchange.is_general_stream()).collect();
        for exchange in &general {
            let response = exchange.messages().find(|(_, message)| message.kind() == Kind::Response);
            self.settle(NO_RESPONSES, response.is_none(), exchange, response.as_ref().map(|(entry, _)| *entry), || {
                let actual = response.as_ref().map(|(_, message)| shown(message.value())).unwrap_or_default();
                ("no response on the stream of a GET".to_owned(), actual)
            });
        }
        for exchange in all.iter().filter(|exchange| exchange.is_event_stream()) {
            for (entry, message) in exchange.messages() {
                let token = message.params().and_then(|params| params.get("progressToken"));
                let Some(token) = token.filter(|_| message.method() == Some("notifications/progress")) else {
                    continue;
                };
                let Some(owner) = of_token(token, entry.index) else { continue };
                let is_own = owner.entry.exchange == exchange.entry.exchange;
                let actual = || format!("progress of the request on another stream: {}", shown(message.value()));
                if exchange.posted().is_some() {
                    self.settle(RELATED, is_own, exchange, Some(entry), || {
                        ("only what belongs to the request that was posted".to_owned(), actual())
                    });
                    if general.iter().any(|stream| stream.entry.index < owner.entry.index) {
                        self.judged.push(Judged::pass(UNRELATED));
                    }
                } else if exchange.is_general_stream() && owner.is_event_stream() && !is_task(owner) {
                    self.settle(UNRELATED, false, exchange, Some(entry), || {
                        ("nothing that belongs to a running request".to_owned(), actual())
                    });
                }
            }
        }
    }

    fn settle(
        &mut self,
        requirement: &str,
        holds: bool,
        exchange: &Exchange<'_>,
        witness: Option<&Entry>,
        words: impl FnOnce() -> (String, String),
    ) {
        if holds {
            return self.judged.push(Judged::pass(requirement));
        }
        let (expected, actual) = words();
        let transcript = self.traffic.transcript;
        let mut lines = excerpt(transcript, exchange.entry.index, exchange.entry.index);
        lines.extend(witness.into_iter().flat_map(|entry| excerpt(transcript, entry.index, entry.index)));
        let asked_at = self.scenario.file.display().to_string();
        let evidence = Evidence { expected, actual, asked_at, excerpt: lines, witnesses: Vec::new() };
        self.judged.push(Judged::fail(requirement, evidence));
    }
}

/// Why bytes are no JSON, if they are none.
fn not_json(entry: &Entry) -> Option<String> {
    entry.fault().filter(|fault| matches!(fault, NotAMessage::NotJson(_))).map(ToString::to_string)
}

fn token_of(message: &Message) -> Option<&Value> {
    message.params()?.pointer("/_meta/progressToken")
}

/// Whether a request was one for a task, whose progress goes on after its answer.
fn is_task(exchange: &Exchange<'_>) -> bool {
    exchange.posted().and_then(Message::params).is_some_and(|params| params.get("task").is_some())
}
