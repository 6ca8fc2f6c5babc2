//! The endpoint of Streamable HTTP: which era a request belongs to, which session, and which answer is right.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use serde_json::Value;

use crate::mock::answer::Refusal;
use crate::mock::quirk::Quirk;
use crate::mock::{Mock, clock};
use crate::protocol::Revision;
use crate::transport::ExchangeId;
use crate::wire::{Kind, Message};

use super::reply::{Answer, Reply};
use super::state::{Call, Conversation, Key, Served, State};
use super::{gate, legacy, mirror, stream};

/// The path of the endpoint.
pub(super) const PATH: &str = "/mcp";

pub(super) const SESSION: &str = "mcp-session-id";

impl State {
    /// Finds who is to answer a request.
    pub(super) fn route(&mut self, call: &Call, set_off: Vec<usize>) -> Reply {
        let is_trusted = self.options.has(Quirk::AnyOrigin)
            || self.options.has(Quirk::AgreeingOrigin) && gate::agrees(&call.headers);
        if !is_trusted && !gate::is_local(&call.headers) {
            return Reply::Answer(Answer::plain(403, "This server talks to its own machine only."));
        }
        if let Some(answer) = self.guard(call) {
            return Reply::Answer(answer);
        }
        let (_, handshake) = self.options.eras();
        match (call.path.as_str(), call.method.as_str()) {
            (PATH, "POST") => self.post(call, set_off),
            (PATH, "GET") if handshake && !call.is_modern() => self.get(call, &set_off),
            (PATH, "DELETE") if handshake && !call.is_modern() && !self.options.has(Quirk::NoSessions) => {
                self.delete(call)
            }
            (PATH, _) => {
                let allowed = if handshake { "GET, POST, DELETE" } else { "POST" };
                Reply::Answer(Answer::plain(405, "This method is not allowed here.").with("allow", allowed))
            }
            (legacy::EVENTS | legacy::MESSAGES, _) if handshake => self.legacy(call, set_off),
            _ => Reply::Answer(Answer::plain(404, "There is nothing here.")),
        }
    }

    fn post(&mut self, call: &Call, set_off: Vec<usize>) -> Reply {
        let exchange = self.next_exchange();
        let served = if !gate::is_json(&call.headers) {
            self.refused(exchange, call, 415, "the body must be application/json")
        } else if !gate::accepts(&call.headers, "application/json")
            || !gate::accepts(&call.headers, "text/event-stream")
        {
            self.refused(exchange, call, 406, "both application/json and text/event-stream must be accepted")
        } else {
            match (self.options.eras(), Message::read(&call.body)) {
                ((true, false), message) => self.post_stateless(exchange, call, message.ok().as_ref()),
                ((true, true), Ok(message)) if call.is_modern() || is_modern(message.value()) => {
                    self.post_stateless(exchange, call, Some(&message))
                }
                ((true, true), Err(_)) if call.is_modern() => self.post_stateless(exchange, call, None),
                (_, message) => self.post_in_session(exchange, call, message.ok().as_ref()),
            }
        };
        self.answer(exchange, call, served, set_off)
    }

    fn post_stateless(&mut self, exchange: ExchangeId, call: &Call, message: Option<&Message>) -> Served {
        let options = Arc::clone(&self.options);
        let binds = options.has(Quirk::BindsCursors) || options.has(Quirk::OwnsData);
        let key = Key::Stateless(binds.then_some(call.connection));
        let unheard_of = || Conversation::new(Mock::new(Arc::clone(&options)));
        let conversation = self.conversations.entry(key.clone()).or_insert_with(unheard_of);
        // Bytes that are no single request or notification are for the server itself to refuse.
        let kind = message.map(Message::kind);
        if let (Some(message), Some(Kind::Request | Kind::Notification)) = (message, kind)
            && message.method().is_some()
            && !options.has(Quirk::SkipsHeaders)
        {
            let is_initialize = message.method() == Some("initialize") && !is_modern(message.value());
            let complaint = mirror::complaint(&call.headers, message.value(), &options, conversation.mock.has_extras());
            if let Some(complaint) = complaint.filter(|_| kind == Some(Kind::Request) && !is_initialize) {
                let error = conversation.mock.refusal(exchange, message.id(), &Refusal::new(-32020, complaint));
                return Served { outputs: vec![error], ..Served::of(key) };
            }
        }
        let outputs = conversation.mock.receive(exchange, &call.body);
        let mut served = Served { outputs, ..Served::of(key) };
        // Nobody here has asked the client anything.
        if kind == Some(Kind::Response) {
            served.outputs = vec![conversation.mock.refusal(exchange, None, &Refusal::request("no reply is awaited"))];
        }
        served
    }

    fn post_in_session(&mut self, exchange: ExchangeId, call: &Call, message: Option<&Message>) -> Served {
        if call.header(SESSION).is_none() && message.and_then(Message::method) == Some("initialize") {
            return self.initialize(exchange, call);
        }
        let key = match self.session(call) {
            Ok(key) => key,
            Err((status, reason)) => return self.refused(exchange, call, status, reason),
        };
        let Some(conversation) = self.conversations.get_mut(&key) else { return Served::nothing() };
        let revision = conversation.mock.revision();
        if revision >= Some(Revision::V2025_06_18)
            && !self.options.has(Quirk::SkipsHeaders)
            && let Some(version) = call.header("mcp-protocol-version")
            && !version.parse().is_ok_and(|version| self.options.speaks(version))
        {
            return self.refused(exchange, call, 400, "MCP-Protocol-Version names no revision that is spoken here");
        }
        let outputs = conversation.mock.receive(exchange, &call.body);
        Served { outputs, ..Served::of(key) }
    }

    /// Opens a session, if the handshake succeeds.
    fn initialize(&mut self, exchange: ExchangeId, call: &Call) -> Served {
        let mut mock = Mock::new(Arc::clone(&self.options));
        let outputs = mock.receive(exchange, &call.body);
        if mock.revision().is_none() {
            return Served { outputs, ..Served::nothing() };
        }
        let mut id = match exchange.0 {
            number if self.options.has(Quirk::CountsSessions) => format!("session-{number}"),
            number if self.options.has(Quirk::SignsSessionIds) => {
                format!(
                    "eyJhbGciOiJIUzI1NiJ9.{}.{}",
                    BASE64.encode(format!("{{\"sub\":{number}}}")),
                    clock::unguessable()
                )
            }
            _ => clock::unguessable(),
        };
        if self.options.has(Quirk::BlankSessionIds) {
            id.insert(8, ' ');
        }
        let key = Key::Session(id.clone());
        if !self.options.has(Quirk::ForgetsSession) {
            self.conversations.insert(key.clone(), Conversation::new(mock));
        }
        let is_told = !self.options.has(Quirk::NoSessions);
        let headers = is_told.then(|| (SESSION.to_owned(), id)).into_iter().collect();
        Served { outputs, headers, ..Served::of(key) }
    }

    fn get(&mut self, call: &Call, set_off: &[usize]) -> Reply {
        if !gate::accepts(&call.headers, "text/event-stream") {
            return Reply::Answer(Answer::plain(406, "text/event-stream must be accepted."));
        }
        let key = match self.session(call) {
            Ok(key) => key,
            Err((status, reason)) => return Reply::Answer(Answer::plain(status, reason)),
        };
        let exchange = self.next_exchange();
        let (before, after) = self.rules.unasked(set_off);
        let Some(conversation) = self.conversations.get_mut(&key) else { return Reply::Close };
        if let Some(last) = call.header("last-event-id") {
            let resumed = stream::place(last).and_then(|(number, position)| {
                let exchange = ExchangeId(number);
                conversation.push(exchange, &before, &after);
                let stream = conversation.streams.get_mut(&exchange)?;
                Some((exchange, stream.resume(position)))
            });
            return match resumed {
                Some((exchange, events)) => {
                    conversation.catch_up(exchange);
                    Reply::Answer(Answer::events(events, key, exchange))
                }
                None => Reply::Answer(Answer::plain(400, "Last-Event-ID names no event of this session.")),
            };
        }
        let events = conversation.open(exchange, &key);
        conversation.listen(exchange);
        conversation.push(exchange, &before, &after);
        Reply::Answer(Answer::events(events, key, exchange))
    }

    fn delete(&mut self, call: &Call) -> Reply {
        Reply::Answer(match self.session(call) {
            Ok(key) => {
                self.conversations.remove(&key);
                Answer::empty(204)
            }
            Err((status, reason)) => Answer::plain(status, reason),
        })
    }

    /// The session that a request belongs to, or the status that says why it belongs to none.
    fn session(&self, call: &Call) -> Result<Key, (u16, &'static str)> {
        let key = call.header(SESSION).map(|id| Key::Session(id.to_owned()));
        if self.options.has(Quirk::NoSessionsChecked) || self.options.has(Quirk::NoSessions) {
            let known = key.clone().filter(|key| self.conversations.contains_key(key));
            let any = || self.conversations.keys().find(|key| matches!(key, Key::Session(_))).cloned();
            return known.or_else(any).ok_or((400, "There is no session at all."));
        }
        match key {
            None => Err((400, "Mcp-Session-Id must be given.")),
            Some(key) if self.conversations.contains_key(&key) => Ok(key),
            Some(_) => Err((404, "There is no such session.")),
        }
    }

    /// A refusal that is due to HTTP; over what holds a request, as a JSON-RPC error.
    pub(super) fn refused(&self, exchange: ExchangeId, call: &Call, status: u16, reason: &str) -> Served {
        let message = Message::read(&call.body);
        let refusal = if message.is_err() { Refusal::parse() } else { Refusal::request(reason) };
        // The id of a response names a request of the server's own.
        let id = message.as_ref().ok().filter(|message| message.kind() != Kind::Response).and_then(Message::id);
        let id = id.filter(|id: &&Value| id.is_string() || id.is_number());
        let outputs = vec![Mock::new(Arc::clone(&self.options)).refusal(exchange, id, &refusal)];
        Served { outputs, status: Some(status), ..Served::nothing() }
    }
}

impl Served {
    fn of(key: Key) -> Self {
        Self { key: Some(key), ..Self::nothing() }
    }

    fn nothing() -> Self {
        Self { key: None, outputs: Vec::new(), status: None, headers: Vec::new() }
    }
}

impl Call {
    /// Whether the headers say that the request is a stateless one.
    fn is_modern(&self) -> bool {
        self.headers.contains_key("mcp-method")
            || self.header("mcp-protocol-version") == Some(Revision::V2026_07_28.as_str())
    }
}

/// Whether the body says that the request is a stateless one.
fn is_modern(message: &Value) -> bool {
    let meta = message.pointer("/params/_meta").and_then(Value::as_object);
    meta.is_some_and(|meta| meta.contains_key("io.modelcontextprotocol/protocolVersion"))
        || message["method"] == "server/discover"
}
