//! Sends messages as the revision wants them and waits for what comes. Records everything; judges nothing.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::headers::{self, Circumstances};
use super::{Transcript, What};
use crate::protocol::{Era, Revision};
use crate::transport::{Connection, ExchangeId, HttpRequest, Incoming, Outgoing};
use crate::wire::{Kind, Message, TransportKind, same_id};

/// One conversation with a target in one revision.
pub struct Session {
    pub(super) connection: Option<Connection>,
    pub(super) revision: Revision,
    pub(super) transcript: Transcript,
    /// The handshake is done, or the era has none.
    pub(super) opened: bool,
    /// The session id that the server gave (Streamable HTTP).
    pub(super) given_id: Option<String>,
    /// Where HTTP+SSE wants its POSTs.
    pub(super) post_path: Option<String>,
    /// `capabilities`, `serverInfo`, `instructions` as the target told them.
    pub(super) offer: Map<String, Value>,
    /// Capabilities that the harness declares.
    pub(super) client_capabilities: Value,
    /// Whether requests of the server's other than `ping` are refused at once, or left to the scenario.
    answers_by_itself: bool,
    tool_headers: HashMap<String, Vec<(String, Vec<String>)>>,
    next_id: u64,
    next_exchange: u64,
    /// An alive request of this session had a result.
    pub(super) has_lived: bool,
    /// Ids of all requests sent.
    used_ids: Vec<Value>,
    /// Entries up to here have been looked at by [`Session::react`].
    reacted: usize,
}

/// How long a server may take to end a session that the client gives up.
const FAREWELL: Duration = Duration::from_secs(2);

/// A change to what the engine would send.
#[derive(Debug, Clone, Default)]
pub struct Edits {
    /// JSON pointers removed from the finished message.
    pub omit: Vec<String>,
    /// HTTP headers set (`Some`) or left out (`None`) against the usual ones.
    pub headers: Vec<(String, Option<String>)>,
    /// Sent to be wrong: watchers do not hold the harness to it.
    pub deliberate: bool,
}

/// Something that was sent and may be answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    /// Its entry in the transcript.
    pub index: usize,
    /// The exchange on which an HTTP answer comes.
    pub exchange: ExchangeId,
    /// Ids of the requests in it; empty for notifications and for bytes that are no request.
    pub ids: Vec<Value>,
    /// Its method, where it is one message.
    pub method: Option<String>,
}

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

impl Session {
    /// A session over a connection on which nothing has been said.
    pub fn new(connection: Connection, revision: Revision) -> Self {
        Self {
            transcript: Transcript::new(connection.kind),
            connection: Some(connection),
            revision,
            opened: revision.era() == Era::Stateless,
            given_id: None,
            post_path: None,
            offer: Map::new(),
            client_capabilities: json!({}),
            answers_by_itself: true,
            tool_headers: HashMap::new(),
            next_id: 1,
            next_exchange: 1,
            has_lived: false,
            used_ids: Vec::new(),
            reacted: 0,
        }
    }

    /// The revision spoken.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// The transport spoken over.
    pub fn kind(&self) -> TransportKind {
        self.transcript.kind()
    }

    /// All that was said so far.
    pub fn transcript(&self) -> &Transcript {
        &self.transcript
    }

    /// The capabilities that the target declared; an empty object before the session is open.
    pub fn capabilities(&self) -> Value {
        self.offer.get("capabilities").cloned().unwrap_or_else(|| json!({}))
    }

    /// Name, version and the like that the target gives itself; an empty object before the session is open.
    pub fn server_info(&self) -> Value {
        self.offer.get("serverInfo").cloned().unwrap_or_else(|| json!({}))
    }

    /// What the target tells models about itself, if it tells anything.
    pub fn instructions(&self) -> Option<&str> {
        self.offer.get("instructions").and_then(Value::as_str)
    }

    /// The revisions that the target lists where it was discovered.
    pub fn listed_versions(&self) -> impl Iterator<Item = &str> {
        self.offer.get("supportedVersions").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    }

    /// The session id that the server gave, if it gave one.
    pub fn session_id(&self) -> Option<&str> {
        self.given_id.as_deref()
    }

    /// Whether nothing can arrive any more.
    pub fn is_over(&self) -> bool {
        self.connection.is_none()
    }

    /// Notes in the transcript that a scenario begins, and whether it answers the server's requests itself.
    pub fn begin(&mut self, scenario: &str, answers_requests: bool) -> usize {
        self.answers_by_itself = !answers_requests;
        self.transcript.record(ExchangeId::STREAM, What::Mark(scenario.to_owned()))
    }

    /// An id that no request of this session has had.
    pub fn fresh_id(&mut self) -> Value {
        self.next_id += 1;
        json!(self.next_id - 1)
    }

    /// A message with all that the revision demands: `jsonrpc`, and in the stateless era the members of `_meta`.
    pub fn complete(&self, mut message: Value) -> Value {
        let Some(object) = message.as_object_mut() else { return message };
        object.shift_insert(0, "jsonrpc".to_owned(), json!("2.0"));
        if self.revision.era() == Era::Stateless && object.contains_key("method") && object.contains_key("id") {
            let params = object.entry("params").or_insert_with(|| json!({}));
            if let Some(params) = params.as_object_mut() {
                let meta = params.entry("_meta").or_insert_with(|| json!({}));
                if let Some(meta) = meta.as_object_mut() {
                    let due = [
                        ("io.modelcontextprotocol/protocolVersion", json!(self.revision)),
                        ("io.modelcontextprotocol/clientCapabilities", self.client_capabilities.clone()),
                        ("io.modelcontextprotocol/clientInfo", client_info()),
                    ];
                    for (key, value) in due {
                        meta.entry(key).or_insert(value);
                    }
                }
            }
        }
        message
    }

    /// Sends a request with an id of the engine's.
    pub fn request(&mut self, method: &str, params: Option<Value>) -> Sent {
        let id = self.fresh_id();
        let mut message = json!({"id": id, "method": method});
        if let Some(params) = params {
            message["params"] = params;
        }
        self.send(message, &Edits::default())
    }

    /// Sends a notification.
    pub fn notify(&mut self, method: &str, params: Option<Value>) -> Sent {
        let mut message = json!({"method": method});
        if let Some(params) = params {
            message["params"] = params;
        }
        self.send(message, &Edits::default())
    }

    /// Completes a message and sends it, with edits.
    pub fn send(&mut self, message: Value, edits: &Edits) -> Sent {
        let mut message = self.complete(message);
        // The headers are those of the whole message: omitting a member from the body must not omit its mirror.
        let usual = headers::of_post(Some(&message), &self.circumstances(Some(&message)));
        for pointer in &edits.omit {
            remove(&mut message, pointer);
        }
        let bytes = Bytes::from(message.to_string());
        self.post(bytes, usual, edits, Some(&message))
    }

    /// Sends bytes where a message belongs. On stdio a newline is added if `newline`.
    pub fn send_raw(&mut self, bytes: Bytes, newline: bool, edits: &Edits) -> Sent {
        let message = Message::read(&bytes).ok();
        let value = message.as_ref().map(|m| m.value().clone());
        if self.kind() == TransportKind::Stdio && !newline {
            return self.write(bytes, edits.deliberate, value.as_ref());
        }
        let usual = headers::of_post(value.as_ref(), &self.circumstances(value.as_ref()));
        self.post(bytes, usual, edits, value.as_ref())
    }

    /// Sends any HTTP request with the usual headers of its method.
    pub fn send_http(&mut self, method: &str, path: Option<String>, body: Bytes, edits: &Edits) -> Sent {
        let value = Message::read(&body).ok().map(|m| m.value().clone());
        let circumstances = self.circumstances(value.as_ref());
        let usual = if method == "POST" {
            headers::of_post(value.as_ref(), &circumstances)
        } else {
            headers::of_other(&circumstances)
        };
        let path = path.or_else(|| self.post_path.clone().filter(|_| method == "POST"));
        let request = HttpRequest { method: method.to_owned(), path, headers: edited(usual, &edits.headers), body };
        self.exchange(request, edits.deliberate, value.as_ref())
    }

    /// Writes bytes to a socket of their own (HTTP only).
    pub fn send_socket(&mut self, bytes: Bytes) -> Sent {
        let exchange = self.new_exchange();
        let index = self.transcript.record(exchange, What::RequestedRaw(bytes.clone()));
        self.put(Outgoing::RawHttp { exchange, bytes });
        Sent { index, exchange, ids: Vec::new(), method: None }
    }

    /// Closes standard input. Nothing on HTTP.
    pub fn close_input(&mut self) {
        if self.kind() == TransportKind::Stdio {
            self.transcript.record(ExchangeId::STREAM, What::ClosedInput);
            self.put(Outgoing::CloseInput);
        }
    }

    /// Closes the exchange of something sent. Nothing on stdio.
    pub fn abandon(&mut self, sent: &Sent) {
        if self.kind() != TransportKind::Stdio {
            self.transcript.record(sent.exchange, What::Abandoned);
            self.put(Outgoing::Abandon(sent.exchange));
        }
    }

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

    /// Ends the session as the transport wants it and gives its transcript back, the end included.
    pub async fn close(mut self) -> Transcript {
        if self.given_id.is_some() && self.kind() == TransportKind::Http && !self.is_over() {
            // A client that needs its session no longer tells so; the server may refuse with 405.
            let sent = self.send_http("DELETE", None, Bytes::new(), &Edits::default());
            self.exchange_end(&sent, true, FAREWELL).await;
        }
        if let Some(connection) = self.connection.take() {
            for arrival in connection.close().await {
                self.transcript.arrived(arrival);
            }
        }
        self.transcript
    }

    /// Why nothing can arrive any more, in one clause.
    pub fn why_over(&self) -> String {
        let ends = self.transcript.entries().iter().rev().filter_map(|entry| match &entry.what {
            What::Received(Incoming::Exited(exit)) => Some(match (exit.code, exit.signal) {
                (Some(code), _) => format!("the server exited with code {code}"),
                (_, Some(signal)) => format!("signal {signal} ended the server"),
                _ => "the server ended".to_owned(),
            }),
            What::Received(Incoming::LimitPassed(reason) | Incoming::Broken(reason)) => Some(reason.clone()),
            What::Received(Incoming::OutputClosed) => Some("the server closed its output".to_owned()),
            _ => None,
        });
        ends.into_iter().next().unwrap_or_else(|| "the connection is closed".to_owned())
    }

    async fn find(
        &mut self,
        since: usize,
        sent: Option<&Sent>,
        within: Duration,
        wanted: impl Fn(ExchangeId, &Message, TransportKind) -> bool,
    ) -> Awaited {
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
                if let Some(reason) = sent.and_then(|sent| over_for(sent, &entry.what, entry.exchange, kind)) {
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
        let Some(connection) = self.connection.as_mut() else { return Advance::Over };
        match tokio::time::timeout_at(deadline, connection.receive()).await {
            Ok(Some(arrival)) => {
                self.transcript.arrived(arrival);
                self.react();
                Advance::Arrived
            }
            Ok(None) => {
                self.connection = None;
                Advance::Over
            }
            Err(_) => Advance::Late,
        }
    }

    /// Does what a client has to do about new arrivals: answers `ping`, refuses requests that nobody else answers, keeps
    /// the session id and the header annotations of tools.
    fn react(&mut self) {
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

    fn circumstances(&self, message: Option<&Value>) -> Circumstances<'_> {
        let tool = message.and_then(|m| m["params"]["name"].as_str());
        Circumstances {
            revision: self.revision,
            opened: self.opened,
            session_id: self.given_id.as_deref(),
            parameters: tool.and_then(|name| self.tool_headers.get(name)).map_or(&[], Vec::as_slice),
        }
    }

    fn post(&mut self, bytes: Bytes, usual: Vec<(String, String)>, edits: &Edits, message: Option<&Value>) -> Sent {
        if self.kind() == TransportKind::Stdio {
            let mut line = Vec::with_capacity(bytes.len() + 1);
            line.extend_from_slice(&bytes);
            line.push(b'\n');
            return self.write(line.into(), edits.deliberate, message);
        }
        let request = HttpRequest {
            method: "POST".to_owned(),
            path: self.post_path.clone(),
            headers: edited(usual, &edits.headers),
            body: bytes,
        };
        self.exchange(request, edits.deliberate, message)
    }

    fn write(&mut self, bytes: Bytes, deliberate: bool, message: Option<&Value>) -> Sent {
        let index = self.transcript.record(ExchangeId::STREAM, What::Wrote { bytes: bytes.clone(), deliberate });
        self.put(Outgoing::Bytes(bytes));
        self.sent(index, ExchangeId::STREAM, message)
    }

    fn exchange(&mut self, request: HttpRequest, deliberate: bool, message: Option<&Value>) -> Sent {
        let exchange = self.new_exchange();
        let index = self.transcript.record(exchange, What::Requested { request: request.clone(), deliberate });
        self.put(Outgoing::Http { exchange, request });
        self.sent(index, exchange, message)
    }

    fn sent(&mut self, index: usize, exchange: ExchangeId, message: Option<&Value>) -> Sent {
        let ids = ids(message);
        self.used_ids.extend(ids.iter().cloned());
        Sent { index, exchange, ids, method: method(message) }
    }

    fn new_exchange(&mut self) -> ExchangeId {
        self.next_exchange += 1;
        ExchangeId(self.next_exchange - 1)
    }

    fn put(&mut self, outgoing: Outgoing) {
        if let Some(connection) = &self.connection {
            connection.send(outgoing);
        }
    }
}

/// What one step of waiting came to.
pub(super) enum Advance {
    Arrived,
    Over,
    Late,
}

/// The cheapest request of a revision's era.
pub fn alive_method(revision: Revision) -> &'static str {
    if revision.era() == Era::Stateless { "server/discover" } else { "ping" }
}

/// Name and version of this client.
pub(super) fn client_info() -> Value {
    json!({"name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION")})
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

fn edited(mut usual: Vec<(String, String)>, edits: &[(String, Option<String>)]) -> Vec<(String, String)> {
    for (name, value) in edits {
        usual.retain(|(usual, _)| !usual.eq_ignore_ascii_case(name));
        if let Some(value) = value {
            usual.push((name.clone(), value.clone()));
        }
    }
    usual
}

fn ids(message: Option<&Value>) -> Vec<Value> {
    let parts = message.map(|m| Message::from(m.clone()).parts()).unwrap_or_default();
    // What is no message may have an id all the same, and its answer may repeat it.
    let may_be_answered = |part: &&Message| matches!(part.kind(), Kind::Request | Kind::Other);
    parts.iter().filter(may_be_answered).filter_map(|part| part.id().cloned()).collect()
}

fn method(message: Option<&Value>) -> Option<String> {
    message.and_then(|m| m["method"].as_str()).map(str::to_owned)
}

/// Removes what a JSON pointer names, if it is there.
fn remove(value: &mut Value, pointer: &str) {
    let Some((parent, key)) = pointer.rsplit_once('/') else { return };
    let key = key.replace("~1", "/").replace("~0", "~");
    match value.pointer_mut(parent) {
        Some(Value::Object(object)) => {
            object.shift_remove(&key);
        }
        Some(Value::Array(items)) => {
            if let Some(index) = key.parse().ok().filter(|&index: &usize| index < items.len()) {
                items.remove(index);
            }
        }
        _ => {}
    }
}
