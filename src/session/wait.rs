//! Waits for what comes, records it, and does what a client has to do about it. Judges nothing.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::headers::{self};
use super::send::{Edits, Sent};
use super::{Session, What};
use crate::protocol::{Era, Revision};
use crate::transport::{Connection, ExchangeId, Incoming};
use crate::wire::{Kind, Message, TransportKind, same_id};

/// What waiting came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Awaited {
    /// A message, and its entry in the transcript.
    Message(usize, Message),
    /// It can not come any more; says why, in one clause.
    Ended(String),
    /// The deadline passed.
    TimedOut(Duration),
}

/// What one step of waiting came to.
pub(super) enum Advance {
    Arrived,
    Over,
    Late,
}

impl Session {
    /// Waits for the response to something sent: one with its id, or, where the server could not tell the id, one without.
    pub async fn answer(&mut self, sent: &Sent, within: Duration) -> Awaited {
        let wanted = sent.clone();
        let used = self.used_ids.clone();
        self.find(sent.index, Some(sent), within, move |entry_exchange, message, kind| {
            message.kind() == Kind::Response && answers(message, &wanted, entry_exchange, kind, &used)
        })
        .await
    }

    /// The response to something sent, if it has arrived already; the response to `fence`, which was sent later, is not it.
    pub fn answered(&self, sent: &Sent, fence: &Sent) -> Option<Message> {
        let kind = self.kind();
        let entries = self.transcript.entries()[sent.index..].iter().filter(|entry| entry.is_from_server());
        entries
            .flat_map(|entry| {
                entry.message().map(Message::parts).unwrap_or_default().into_iter().map(move |m| (entry, m))
            })
            .find_map(|(entry, message)| {
                let is_response = message.kind() == Kind::Response;
                let is_fence = message.id().is_some_and(|id| fence.ids.contains(id));
                (is_response && !is_fence && answers(&message, sent, entry.exchange, kind, &self.used_ids))
                    .then_some(message)
            })
    }

    /// Waits for the first message from `since` on that satisfies a condition.
    pub async fn message(&mut self, since: usize, within: Duration, wanted: impl Fn(&Message) -> bool) -> Awaited {
        self.find(since, None, within, move |_, message, _| wanted(message)).await
    }

    /// Waits until an HTTP exchange is over, or its head has come where `head` is enough.
    pub async fn exchange_end(&mut self, sent: &Sent, head: bool, within: Duration) -> Awaited {
        if let Some(ended) = self.withheld_at(sent.index) {
            return ended;
        }
        let deadline = Instant::now() + within;
        let mut seen = sent.index;
        loop {
            while let Some(entry) = self.transcript.entries().get(seen) {
                seen += 1;
                if entry.exchange != sent.exchange {
                    continue;
                }
                match &entry.what {
                    What::Received(Incoming::End) => return Awaited::Ended("the exchange is over".to_owned()),
                    What::Received(Incoming::Head { .. }) if head => {
                        return Awaited::Ended("the head has come".to_owned());
                    }
                    What::Received(Incoming::Broken(reason) | Incoming::LimitPassed(reason)) => {
                        return Awaited::Ended(reason.clone());
                    }
                    _ => {}
                }
            }
            match self.advance(deadline).await {
                Advance::Arrived => {}
                Advance::Over => return Awaited::Ended(self.why_over()),
                Advance::Late => return Awaited::TimedOut(within),
            }
        }
    }

    /// What is known at once of an answer to what was never sent.
    fn withheld_at(&self, index: usize) -> Option<Awaited> {
        match &self.transcript.entries().get(index)?.what {
            What::Withheld(reason) => Some(Awaited::Ended(reason.clone())),
            _ => None,
        }
    }

    /// Waits until the process has exited (stdio); `None` if it did not in time. Returns the entry.
    pub async fn exit(&mut self, within: Duration) -> Option<usize> {
        let deadline = Instant::now() + within;
        let mut seen = 0;
        loop {
            while let Some(entry) = self.transcript.entries().get(seen) {
                if matches!(entry.what, What::Received(Incoming::Exited(_))) {
                    return Some(entry.index);
                }
                seen += 1;
            }
            if !matches!(self.advance(deadline).await, Advance::Arrived) {
                return None;
            }
        }
    }

    /// Sends the cheapest request of the era and waits for its answer. There is nothing wrong with this request: on one
    /// stream for all, an error without an id is about something sent before.
    pub async fn alive(&mut self, within: Duration) -> (Sent, Awaited) {
        let sent = self.request(alive_method(self.revision), None);
        let (wanted, used) = (sent.clone(), self.used_ids.clone());
        let is_named = |message: &Message| message.id().is_some_and(|id| !id.is_null());
        let answer = self
            .find(sent.index, Some(&sent), within, move |exchange, message, kind| {
                message.kind() == Kind::Response
                    && (kind == TransportKind::Http || is_named(message))
                    && answers(message, &wanted, exchange, kind, &used)
            })
            .await;
        self.has_lived |= matches!(&answer, Awaited::Message(_, message) if message.result().is_some());
        (sent, answer)
    }

    /// Whether an alive request of this session had a result.
    pub fn has_lived(&self) -> bool {
        self.has_lived
    }

    /// Records what has arrived already, without waiting.
    pub fn catch_up(&mut self) {
        while let Some(arrival) = self.connection.as_mut().and_then(Connection::receive_now) {
            self.transcript.arrived(arrival);
        }
        self.react();
    }

    async fn find(
        &mut self,
        since: usize,
        sent: Option<&Sent>,
        within: Duration,
        wanted: impl Fn(ExchangeId, &Message, TransportKind) -> bool,
    ) -> Awaited {
        if let Some(ended) = self.withheld_at(since) {
            return ended;
        }
        let deadline = Instant::now() + within;
        let kind = self.kind();
        let mut seen = since;
        loop {
            while let Some(entry) = self.transcript.entries().get(seen) {
                seen += 1;
                if !entry.is_from_server() {
                    continue;
                }
                if let Some(message) = entry.message()
                    && let Some(part) = message.parts().into_iter().find(|part| wanted(entry.exchange, part, kind))
                {
                    return Awaited::Message(entry.index, part);
                }
                if let Some(sent) = sent
                    && let Some(reason) = over_for(sent, &entry.what, entry.exchange, kind)
                    && !self.polling.goes_on(sent.exchange)
                {
                    return Awaited::Ended(reason);
                }
            }
            match self.advance(deadline).await {
                Advance::Arrived => {}
                Advance::Over => return Awaited::Ended(self.why_over()),
                Advance::Late => return Awaited::TimedOut(within),
            }
        }
    }

    /// Waits for the next thing to arrive; `false` where none does before the deadline, or at all.
    pub async fn wait(&mut self, deadline: Instant) -> bool {
        matches!(self.advance(deadline).await, Advance::Arrived)
    }

    /// Waits for one arrival and records it.
    pub(super) async fn advance(&mut self, deadline: Instant) -> Advance {
        self.react();
        let due = self.polling.due().filter(|due| *due < deadline);
        let Some(connection) = self.connection.as_mut() else { return Advance::Over };
        match tokio::time::timeout_at(due.unwrap_or(deadline), connection.receive()).await {
            Ok(Some(arrival)) => {
                self.transcript.arrived(arrival);
                self.react();
                Advance::Arrived
            }
            Ok(None) => {
                self.connection = None;
                Advance::Over
            }
            Err(_) if due.is_some() => {
                self.take_up_streams();
                Advance::Arrived
            }
            Err(_) => Advance::Late,
        }
    }

    /// Does what a client has to do about new arrivals: answers `ping`, refuses requests that nobody else answers, keeps
    /// the session id and the header annotations of tools.
    fn react(&mut self) {
        self.follow_streams();
        let mut replies = Vec::new();
        while let Some(entry) = self.transcript.entries().get(self.reacted) {
            self.reacted += 1;
            if !entry.is_from_server() {
                continue;
            }
            let Some(message) = entry.message() else { continue };
            for part in message.parts() {
                if part.kind() == Kind::Request {
                    let id = part.id().cloned().unwrap_or_default();
                    match part.method() {
                        Some("ping") => replies.push(json!({"id": id, "result": {}})),
                        _ if self.answers_by_itself => replies.push(
                            json!({"id": id, "error": {"code": -32601, "message": "this client offers no such method"}}),
                        ),
                        _ => {}
                    }
                }
                let tools = part.result().and_then(|r| r.get("tools")).and_then(Value::as_array);
                for tool in tools.into_iter().flatten() {
                    if let (Some(name), Some(schema)) = (tool["name"].as_str(), tool.get("inputSchema")) {
                        self.tool_headers.insert(name.to_owned(), headers::annotated(schema));
                    }
                }
            }
        }
        for reply in replies {
            self.send(reply, &Edits::default());
        }
    }
}

/// The cheapest request of a revision's era.
pub fn alive_method(revision: Revision) -> &'static str {
    if revision.era() == Era::Stateless { "server/discover" } else { "ping" }
}

/// Whether a response belongs to something sent: by its id; by an id that differs only in its JSON type, where no other
/// request had exactly that one; or, without a readable id, by the exchange (HTTP) or because an error whose id could not be
/// told can only be about what was sent last (stdio). Whether the id is right is for a judge to say.
fn answers(message: &Message, sent: &Sent, exchange: ExchangeId, kind: TransportKind, used: &[Value]) -> bool {
    match message.id() {
        None | Some(Value::Null) => kind != TransportKind::Http || exchange == sent.exchange,
        Some(id) => {
            let is_used = || used.iter().any(|other| same_id(other, id));
            sent.ids.iter().any(|wanted| same_id(wanted, id) || (looks_like(wanted, id) && !is_used()))
        }
    }
}

/// Whether two ids are spelt alike: `7` and `"7"`.
fn looks_like(a: &Value, b: &Value) -> bool {
    let text = |id: &Value| id.as_str().map_or_else(|| id.to_string(), str::to_owned);
    text(a) == text(b)
}

/// Why the answer to something sent can not come any more, if this entry says so.
fn over_for(sent: &Sent, what: &What, exchange: ExchangeId, kind: TransportKind) -> Option<String> {
    let What::Received(incoming) = what else { return None };
    let about_it = exchange == sent.exchange && kind != TransportKind::Sse;
    match incoming {
        Incoming::Exited(_) if kind == TransportKind::Stdio => Some("the server exited".to_owned()),
        Incoming::End if about_it => Some("the HTTP answer ended without a response".to_owned()),
        Incoming::Broken(reason) | Incoming::LimitPassed(reason) if about_it => Some(reason.clone()),
        _ => None,
    }
}
