//! The built-in server without any input or output of its own: one message in, the messages that follow from it out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use serde_json::{Value, json};

use crate::protocol::{Era, Revision};
use crate::transport::ExchangeId;
use crate::wire::{Kind, Message, same_id};

use super::answer::{Answer, Object, Refusal};
use super::ask::Question;
use super::handshake::Session;
use super::options::Options;
use super::quirk::Quirk;
use super::stateless::Listen;
use super::tasks::Task;
use super::world::World;

/// One conversation with the built-in server (over HTTP in the stateless era: all of them).
#[derive(Debug)]
pub struct Mock {
    pub(super) options: Arc<Options>,
    pub(super) session: Option<Session>,
    pub(super) world: World,
    pub(super) held: Vec<Held>,
    pub(super) listens: Vec<Listen>,
    pub(super) tasks: Vec<Task>,
    /// Requests sent to the client so far.
    pub(super) asked: u64,
    /// Lists asked for so far, for the quirk that shuffles them.
    pub(super) listed: usize,
    /// How often a further page of the resources was asked for.
    pub(super) paged: usize,
    /// What the newest stateless request declared, for the quirk that remembers it.
    pub(super) remembered: Value,
    /// Whether `server/discover` was served, for the quirk that wants it first.
    pub(super) discovered: bool,
    /// Its number among all of this process, for the quirk that has data of its own.
    pub(super) number: u64,
    /// Cursors given on this connection, for the quirk that binds them to it.
    pub(super) cursors: Vec<String>,
}

/// A message of the server's.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// The exchange whose request it belongs to; `None` for what belongs to no request.
    pub exchange: Option<ExchangeId>,
    /// The message; an array for the answers to a batch.
    pub message: Value,
}

/// A request that waits for something.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) exchange: ExchangeId,
    pub(super) id: Value,
    pub(super) era: Era,
    pub(super) until: Until,
}

/// What a held request waits for.
#[derive(Debug)]
pub(super) enum Until {
    /// So many further messages; counts the ones that came, and tells them as progress under the token.
    Messages { wanted: u64, seen: u64, token: Option<Value> },
    /// The client's reply to the request of this id, which must come in time.
    /// It may be a task that wants to know.
    Reply { id: Value, question: Question, due: Instant, task: Option<String> },
}

impl Mock {
    /// A server to whom nothing was said yet.
    pub fn new(options: impl Into<Arc<Options>>) -> Self {
        static STARTED: AtomicU64 = AtomicU64::new(0);
        Self {
            number: STARTED.fetch_add(1, Ordering::Relaxed),
            options: options.into(),
            session: None,
            world: World::default(),
            held: Vec::new(),
            listens: Vec::new(),
            tasks: Vec::new(),
            asked: 0,
            listed: 0,
            paged: 0,
            remembered: json!({}),
            discovered: false,
            cursors: Vec::new(),
        }
    }

    /// The revision that the handshake settled on.
    pub fn revision(&self) -> Option<Revision> {
        self.session.as_ref().map(|session| session.revision)
    }

    /// Takes the bytes of one line or body, and says what follows from them, in order.
    pub fn receive(&mut self, exchange: ExchangeId, bytes: &[u8]) -> Vec<Output> {
        let mut out = Vec::new();
        // Only what was held before this message sees time pass by it.
        let waiting = self.held.len();
        match Message::read(bytes) {
            Ok(message) => self.take(exchange, message.value(), &mut out),
            Err(_) => out.push(self.error(exchange, None, &Refusal::parse())),
        }
        if waiting > 0 {
            self.pass_time(waiting, &mut out);
        }
        out
    }

    /// Takes the end of the input: what is open is ended in order.
    pub fn close(&mut self) -> Vec<Output> {
        self.held.clear();
        let listens = std::mem::take(&mut self.listens);
        listens.iter().flat_map(|listen| listen.teardown(self)).collect()
    }

    /// Takes the fact that the client stopped listening to an exchange, which in the stateless era cancels its request.
    pub fn abandon(&mut self, exchange: ExchangeId) {
        if self.session.is_none() {
            self.held.retain(|held| held.exchange != exchange);
            self.listens.retain(|listen| listen.exchange != exchange);
        }
    }

    /// Whether some request of this exchange is still to be answered.
    pub fn is_pending(&self, exchange: ExchangeId) -> bool {
        self.held.iter().any(|held| held.exchange == exchange)
            || self.listens.iter().any(|listen| listen.exchange == exchange)
    }

    /// When the next thing happens that no message brings about.
    pub fn due(&self) -> Option<Instant> {
        self.held.iter().filter_map(Held::due).min()
    }

    /// Gives up on what is due: requests to the client that were not replied to.
    pub fn expire(&mut self, now: Instant) -> Vec<Output> {
        let mut out = Vec::new();
        let late: Vec<_> = self.held.extract_if(.., |held| held.due().is_some_and(|due| due <= now)).collect();
        for held in late {
            out.extend(held.withdrawal("no reply came in time"));
            self.conclude(&held, super::call::failed("the client did not reply in time"), &mut out);
        }
        out
    }

    fn take(&mut self, exchange: ExchangeId, value: &Value, out: &mut Vec<Output>) {
        match value {
            Value::Array(parts) if self.takes_batches() && !parts.is_empty() => self.batch(exchange, parts, out),
            Value::Array(_) => {
                out.push(self.error(exchange, None, &Refusal::request("a batch is not accepted here")));
            }
            _ => self.take_one(exchange, value, out),
        }
    }

    fn takes_batches(&self) -> bool {
        let right = self.revision() == Some(Revision::V2025_03_26);
        right && !self.options.has(Quirk::RefusesBatches) || self.options.has(Quirk::AcceptsBatches)
    }

    /// Takes the parts of a batch, and gathers their answers in one.
    fn batch(&mut self, exchange: ExchangeId, parts: &[Value], out: &mut Vec<Output>) {
        let mut all = Vec::new();
        for part in parts {
            if part.get("method").and_then(Value::as_str) == Some("initialize") {
                let refusal = Refusal::request("`initialize` must not be part of a batch");
                all.push(self.error(exchange, part.get("id").filter(|id| is_id(id)), &refusal));
            } else {
                self.take_one(exchange, part, &mut all);
            }
        }
        if self.options.has(Quirk::AnswersBatchesSingly) {
            return out.extend(all);
        }
        let (answers, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|output| {
            output.exchange == Some(exchange) && Message::from(output.message.clone()).kind() == Kind::Response
        });
        out.extend(others);
        if self.options.has(Quirk::SplitsBatches) {
            out.extend(answers);
        } else if !answers.is_empty() {
            let answers = answers.into_iter().map(|output| output.message).collect();
            out.push(Output { exchange: Some(exchange), message: Value::Array(answers) });
        }
    }

    fn take_one(&mut self, exchange: ExchangeId, value: &Value, out: &mut Vec<Output>) {
        let message = Message::from(value.clone());
        let id = message.id();
        let readable = id.filter(|id| is_id(id));
        let kind = message.kind();
        if kind == Kind::Response {
            return self.take_reply(&message, out);
        }
        let fault = if value.get("jsonrpc") != Some(&json!("2.0")) {
            Some("`jsonrpc` must be \"2.0\"")
        } else if message.method().is_none() {
            Some("`method` must be given, as a string")
        } else if id.is_some() && readable.is_none() {
            Some("`id` must be a string or a number")
        } else {
            None
        };
        if let Some(fault) = fault {
            return out.push(self.error(exchange, readable, &Refusal::request(fault)));
        }
        let method = message.method().unwrap_or_default();
        let Some(id) = readable else { return self.take_notification(exchange, method, message.params(), out) };
        let answer = if self.is_in_flight(exchange, id) {
            Refusal::request("a request with this id is still being served").into()
        } else {
            match message.params() {
                None => self.serve(exchange, id, method, None, out),
                Some(Value::Object(params)) => self.serve(exchange, id, method, Some(params), out),
                Some(_) => Refusal::params("`params` must be an object").into(),
            }
        };
        match answer {
            Answer::Result(result) => out.push(self.result(exchange, id, result)),
            Answer::Error(refusal) => out.push(self.error(exchange, Some(id), &refusal)),
            Answer::Later => {}
        }
    }

    /// Serves a request by the era that it belongs to.
    fn serve(
        &mut self,
        exchange: ExchangeId,
        id: &Value,
        method: &str,
        params: Option<&Object>,
        out: &mut Vec<Output>,
    ) -> Answer {
        let stateless = self.options.newest(Era::Stateless);
        let handshake = self.options.newest(Era::Handshake);
        let marked = params
            .and_then(|params| params.get("_meta"))
            .and_then(Value::as_object)
            .is_some_and(|meta| meta.keys().any(|key| super::stateless::MEMBERS.contains(&key.as_str())));
        match (stateless, handshake) {
            (Some(revision), None) => self.serve_stateless(exchange, id, method, params, revision, out),
            (Some(revision), _) if marked || method == "server/discover" => {
                self.serve_stateless(exchange, id, method, params, revision, out)
            }
            (_, Some(newest)) => self.serve_handshake(exchange, id, method, params, newest, out),
            (None, None) => Refusal::method(method).into(),
        }
    }

    fn take_notification(&mut self, exchange: ExchangeId, method: &str, params: Option<&Value>, out: &mut Vec<Output>) {
        match method {
            "notifications/initialized" => self.initialized(),
            "notifications/roots/list_changed" => self.roots_changed(exchange, out),
            "notifications/cancelled" => {
                if let Some(id) = params.and_then(|params| params.get("requestId")) {
                    self.cancel(exchange, id, out);
                }
            }
            _ => {}
        }
    }

    fn cancel(&mut self, exchange: ExchangeId, id: &Value, out: &mut Vec<Output>) {
        if self.options.has(Quirk::IgnoresCancellation) {
            return;
        }
        let in_session = self.session.is_some();
        let meant = |of: ExchangeId, known: &Value| (in_session || of == exchange) && same_id(known, id);
        self.listens.retain(|listen| !meant(listen.exchange, &listen.id));
        for request in self.held.extract_if(.., |held| meant(held.exchange, &held.id)) {
            // What the client was asked on behalf of the request is of no use any more.
            out.extend(request.withdrawal("the request behind it was cancelled"));
        }
    }

    fn take_reply(&mut self, reply: &Message, out: &mut Vec<Output>) {
        let Some(id) = reply.id() else { return };
        let awaited = |held: &Held| matches!(&held.until, Until::Reply { id: asked, .. } if same_id(asked, id));
        let Some(index) = self.held.iter().position(awaited) else { return };
        let held = self.held.remove(index);
        if let Until::Reply { question, .. } = &held.until {
            let reply = reply.result().filter(|_| reply.error().is_none());
            let concluded = question.conclude(reply);
            if let Some(notice) = question.notice(reply) {
                out.push(Output { exchange: Some(held.exchange), message: notice });
            }
            let result = concluded.unwrap_or_else(|refusal| super::call::failed(&refusal.message));
            self.conclude(&held, result, out);
        }
    }

    /// Answers what has waited for the client with what came of it.
    fn conclude(&mut self, held: &Held, mut result: Object, out: &mut Vec<Output>) {
        if let Until::Reply { task: Some(task), .. } = &held.until {
            self.conclude_task(task, &mut result, out);
        }
        out.push(self.result(held.exchange, &held.id, result));
    }

    /// Lets the first `waiting` held requests see that a message has come.
    fn pass_time(&mut self, waiting: usize, out: &mut Vec<Output>) {
        let mut still = Vec::new();
        for (index, mut held) in std::mem::take(&mut self.held).into_iter().enumerate() {
            if let Until::Messages { wanted, seen, token } = &mut held.until
                && index < waiting
            {
                *seen += 1;
                if let Some(token) = token {
                    out.push(notification(
                        Some(held.exchange),
                        "notifications/progress",
                        json!({"progressToken": token, "progress": seen, "total": wanted}),
                    ));
                }
                if seen >= wanted {
                    let mut result = super::call::text("So it is.");
                    if held.era == Era::Stateless {
                        self.complete_stateless("tools/call", &mut result);
                    }
                    out.push(self.result(held.exchange, &held.id, result));
                    continue;
                }
            }
            still.push(held);
        }
        self.held = still;
    }

    fn is_in_flight(&self, exchange: ExchangeId, id: &Value) -> bool {
        let meant = |of: ExchangeId, known: &Value| (self.session.is_some() || of == exchange) && same_id(known, id);
        self.held.iter().any(|held| meant(held.exchange, &held.id))
            || self.listens.iter().any(|listen| meant(listen.exchange, &listen.id))
    }

    /// An error response for what went wrong before a message reached its server.
    pub(super) fn refusal(&self, exchange: ExchangeId, id: Option<&Value>, refusal: &Refusal) -> Output {
        self.error(exchange, id.filter(|id| is_id(id)), refusal)
    }

    /// Whether the extras are there.
    pub(super) fn has_extras(&self) -> bool {
        self.world.extras
    }

    pub(super) fn result(&self, exchange: ExchangeId, id: &Value, result: Object) -> Output {
        let mut message = Object::new();
        message.insert("jsonrpc".to_owned(), json!("2.0"));
        message.insert("id".to_owned(), self.shown_id(id));
        message.insert("result".to_owned(), Value::Object(result));
        Output { exchange: Some(exchange), message: Value::Object(message) }
    }

    /// An error response. Where the id could not be read, it is `null` up to 2025-06-18 and left out later.
    fn error(&self, exchange: ExchangeId, id: Option<&Value>, refusal: &Refusal) -> Output {
        let newest = self.revision().or_else(|| self.options.revisions.iter().copied().max());
        let mut message = json!({"jsonrpc": "2.0"});
        match id {
            Some(id) => message["id"] = self.shown_id(id),
            None if newest.is_none_or(|newest| newest < Revision::V2025_11_25) => message["id"] = Value::Null,
            None => {}
        }
        message["error"] = refusal.to_value();
        Output { exchange: Some(exchange), message }
    }

    fn shown_id(&self, id: &Value) -> Value {
        if self.options.has(Quirk::StringIds) && id.is_number() { json!(id.to_string()) } else { id.clone() }
    }
}

impl Held {
    fn due(&self) -> Option<Instant> {
        match &self.until {
            Until::Reply { due, .. } => Some(*due),
            Until::Messages { .. } => None,
        }
    }

    /// Takes back what the client was asked on behalf of the request.
    pub(super) fn withdrawal(&self, reason: &str) -> Option<Output> {
        let Until::Reply { id, .. } = &self.until else { return None };
        let params = json!({"requestId": id, "reason": reason});
        Some(notification(Some(self.exchange), "notifications/cancelled", params))
    }
}

/// A notification of the server's.
pub(super) fn notification(exchange: Option<ExchangeId>, method: &str, params: Value) -> Output {
    let mut message = json!({"jsonrpc": "2.0", "method": method});
    if !params.is_null() {
        message["params"] = params;
    }
    Output { exchange, message }
}

/// Whether a value can be the id of a request.
fn is_id(id: &Value) -> bool {
    id.is_string() || id.is_number()
}
