//! All conversations of the server and their streams. One lock holds it; nothing in here waits.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use hyper::HeaderMap;
use serde_json::{Value, json};

use crate::mock::quirk::Quirk;
use crate::mock::rules::{Effect, Effects, Requested, Rules};
use crate::mock::{Mock, Options, Output};
use crate::protocol::{Era, Revision};
use crate::scenario::HttpPatch;
use crate::transport::ExchangeId;
use crate::wire::{Kind, Message};

use super::reply::{Answer, Reply};
use super::stream::Stream;

/// Messages of a session that are kept until somebody listens.
const WAITING: usize = 1_000;

/// The server behind all connections.
#[derive(Debug)]
pub(super) struct State {
    pub(super) options: Arc<Options>,
    pub(super) rules: Rules,
    pub(super) conversations: HashMap<Key, Conversation>,
    exchanges: u64,
    /// The latest time for which [`State::due`] was asked to come back.
    awaited: Option<Instant>,
    /// Whether a rule has ended the server.
    dead: bool,
}

/// Names a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// The one of all stateless requests; for a quirk that binds what it knows to connections, of those of one connection.
    Stateless(Option<u64>),
    /// A session of Streamable HTTP.
    Session(String),
    /// A session of HTTP+SSE.
    Legacy(String),
}

/// One conversation and its streams.
#[derive(Debug)]
pub(super) struct Conversation {
    pub(super) mock: Mock,
    /// The streams, by the exchange that opened them; those that have ended too, if they can be resumed.
    pub(super) streams: HashMap<ExchangeId, Stream>,
    /// The streams for what belongs to no request, the newest last.
    pub(super) general: Vec<ExchangeId>,
    /// What belongs to no request, and nobody has listened to yet.
    waiting: Vec<Value>,
}

/// One HTTP request.
#[derive(Debug)]
pub(super) struct Call {
    /// The number of the connection that it came on.
    pub(super) connection: u64,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// The right answer to a message, before rules are applied.
#[derive(Debug)]
pub(super) struct Served {
    /// The conversation it belongs to; absent where it belongs to none.
    pub(super) key: Option<Key>,
    pub(super) outputs: Vec<Output>,
    /// The status of an error, where it is not what its code suggests.
    pub(super) status: Option<u16>,
    pub(super) headers: Vec<(String, String)>,
}

impl State {
    pub(super) fn new(options: Arc<Options>, mut rules: Rules) -> Self {
        let started = rules.start();
        let dead = started.effects.iter().any(|effect| matches!(effect, Effect::Exit(_)));
        Self { options, rules, conversations: HashMap::new(), exchanges: 0, awaited: None, dead }
    }

    /// Takes one HTTP request.
    pub(super) fn take(&mut self, call: &Call) -> Reply {
        if self.dead {
            return Reply::Close;
        }
        let Requested { exits, patches, rules } = self.rules.requested(&call.view());
        if exits {
            self.die();
            return Reply::Close;
        }
        let is_waited_for = self.options.has(Quirk::WaitsForLength) && call.header("transfer-encoding").is_some();
        if self.rules.is_hung() || is_waited_for {
            return Reply::Hang;
        }
        match self.route(call, rules) {
            Reply::Answer(mut answer) => {
                for patch in &patches {
                    answer.patch(patch);
                }
                Reply::Answer(answer)
            }
            other => other,
        }
    }

    /// Takes the fact that nobody listens to an exchange any more.
    pub(super) fn left(&mut self, key: &Key, exchange: ExchangeId) {
        let Some(conversation) = self.conversations.get_mut(key) else { return };
        match key {
            Key::Stateless(_) => {
                conversation.mock.abandon(exchange);
                conversation.streams.remove(&exchange);
            }
            Key::Legacy(_) => drop(self.conversations.remove(key)),
            // A session outlives its connections, and its streams can be resumed.
            Key::Session(_) => {}
        }
    }

    /// Ends every conversation in order.
    pub(super) fn close(&mut self) {
        self.dead = true;
        for conversation in self.conversations.values_mut() {
            for output in conversation.mock.close() {
                conversation.send(output);
            }
            conversation.streams.values_mut().for_each(Stream::finish);
        }
    }

    /// When [`State::expire`] is to be called, where that was not told before.
    pub(super) fn due(&mut self) -> Option<Instant> {
        let due = self.conversations.values().filter_map(|conversation| conversation.mock.due()).max();
        let due = due.filter(|due| self.awaited.is_none_or(|awaited| awaited < *due))?;
        self.awaited = Some(due);
        Some(due)
    }

    /// Gives up on what is due. The rules have no say in it.
    pub(super) fn expire(&mut self, now: Instant) {
        for conversation in self.conversations.values_mut() {
            for output in conversation.mock.expire(now) {
                conversation.send(output);
            }
            conversation.finish_answered();
        }
    }

    pub(super) fn next_exchange(&mut self) -> ExchangeId {
        self.exchanges += 1;
        ExchangeId(self.exchanges)
    }

    /// Sends what follows from a message, as the rules will have it, and answers the HTTP request that brought it.
    pub(super) fn answer(&mut self, exchange: ExchangeId, call: &Call, served: Served, set_off: Vec<usize>) -> Reply {
        let conversation = served.key.as_ref().and_then(|key| self.conversations.get(key));
        let revision = match (&served.key, conversation) {
            (Some(Key::Stateless(_)), _) => Some(Revision::V2026_07_28),
            (_, conversation) => conversation.and_then(|conversation| conversation.mock.revision()),
        };
        let Effects { effects, patches } = self.rules.pass(exchange, &call.body, revision, set_off, served.outputs);
        if self.rules.is_hung() {
            return Reply::Hang;
        }
        let mut own = Vec::new();
        for effect in effects {
            match effect {
                Effect::Send(output) if output.exchange == Some(exchange) => own.push(output.message),
                Effect::Send(output) => {
                    if let Some(conversation) = served.key.as_ref().and_then(|key| self.conversations.get_mut(key)) {
                        conversation.send(output);
                    }
                }
                // There is no standard output here.
                Effect::Print(_) => {}
                Effect::Exit(_) => {
                    self.die();
                    return Reply::Close;
                }
            }
        }
        let mut answer = self.shape(exchange, call, served.key, own, served.status);
        answer.headers.extend(served.headers);
        let patches = patches.iter().filter(|(of, _)| *of == exchange);
        patches.for_each(|(_, patch): &(_, HttpPatch)| answer.patch(patch));
        Reply::Answer(answer)
    }

    /// Sends what follows from a message over HTTP+SSE: all of it on the one stream of the conversation.
    pub(super) fn answer_legacy(
        &mut self,
        exchange: ExchangeId,
        call: &Call,
        key: &Key,
        outputs: Vec<Output>,
        set_off: Vec<usize>,
    ) -> Reply {
        let revision = self.conversations.get(key).and_then(|conversation| conversation.mock.revision());
        let Effects { effects, patches } = self.rules.pass(exchange, &call.body, revision, set_off, outputs);
        if self.rules.is_hung() {
            return Reply::Hang;
        }
        let mut answer = Answer::empty(202);
        for effect in effects {
            match effect {
                Effect::Send(Output { message, .. })
                    if self.options.has(Quirk::AnswersInBody) && kind(&message) == Kind::Response =>
                {
                    answer = Answer::json(200, &message);
                }
                Effect::Send(Output { message, .. }) => {
                    if let Some(conversation) = self.conversations.get_mut(key) {
                        conversation.send(Output { exchange: None, message });
                    }
                }
                Effect::Print(_) => {}
                Effect::Exit(_) => {
                    self.die();
                    return Reply::Close;
                }
            }
        }
        for (_, patch) in &patches {
            answer.patch(patch);
        }
        Reply::Answer(answer)
    }

    /// Puts the messages of an exchange in the shape that they need: nothing, one body, or a stream.
    fn shape(
        &mut self,
        exchange: ExchangeId,
        call: &Call,
        key: Option<Key>,
        mut own: Vec<Value>,
        status: Option<u16>,
    ) -> Answer {
        let polls = self.options.has(Quirk::ClosesForPolling);
        let streams = polls || self.options.has(Quirk::StreamsResults);
        let mut conversation = key.as_ref().and_then(|key| self.conversations.get_mut(key));
        let pending = conversation.as_ref().is_some_and(|conversation| conversation.mock.is_pending(exchange));
        let is_answer = |message: &Value| matches!(kind(message), Kind::Response | Kind::Batch | Kind::Other);
        if let Some(conversation) = conversation.as_mut().filter(|_| self.options.has(Quirk::AnswersInJson) && !pending)
        {
            let others = own.extract_if(.., |message| !is_answer(message));
            others.for_each(|message| conversation.send(Output { exchange: None, message }));
        }
        let is_event = |message: &Value| message.is_array() || streams && message.get("result").is_some();
        let answer = match (own.as_slice(), key, conversation) {
            // One JSON object is all that a body may be: the answers to a batch come as an event.
            ([message], key, conversation)
                if !pending && is_answer(message) && !(is_event(message) && conversation.is_some()) =>
            {
                let stateless = matches!(key, Some(Key::Stateless(_)));
                Answer::json(status_of(message, status, stateless), &own.remove(0))
            }
            ([], _, _) if !pending && !call.has_request() => Answer::empty(status.unwrap_or(202)),
            (_, Some(key), Some(conversation)) => {
                let events = conversation.open(exchange, &key);
                let is_known = call.header(super::endpoint::SESSION).is_some();
                let polls = polls && is_known && conversation.mock.revision() == Some(Revision::V2025_11_25);
                if let Some(stream) = conversation.streams.get_mut(&exchange) {
                    if polls {
                        stream.close_for_polling();
                    }
                    for message in &own {
                        stream.send(message);
                    }
                }
                Answer::events(events, key, exchange)
            }
            _ => Answer::empty(status.unwrap_or(202)),
        };
        for conversation in self.conversations.values_mut() {
            conversation.finish_answered();
        }
        answer
    }

    fn die(&mut self) {
        self.dead = true;
        self.conversations.clear();
    }
}

impl Conversation {
    pub(super) fn new(mock: Mock) -> Self {
        Self { mock, streams: HashMap::new(), general: Vec::new(), waiting: Vec::new() }
    }

    /// Opens the stream of an exchange, as the conversation's revision wants it.
    pub(super) fn open(&mut self, exchange: ExchangeId, key: &Key) -> super::stream::Events {
        let options = &self.mock.options;
        let (mut stream, events) = match key {
            Key::Session(_) if options.has(Quirk::RepeatsEventIds) => Stream::resumable(0),
            Key::Session(_) if options.has(Quirk::CountsStreamsBySession) => {
                Stream::resumable(self.streams.len() as u64)
            }
            Key::Session(_) => Stream::resumable(exchange.0),
            _ => Stream::plain(),
        };
        let is_primed = matches!(key, Key::Session(_)) && self.mock.revision() >= Some(Revision::V2025_11_25);
        stream.in_latin_1 = options.has(Quirk::Latin1);
        if options.has(Quirk::CommentsStreams) {
            stream.comment();
        }
        if is_primed && !options.has(Quirk::UnprimedStreams) {
            stream.prime();
        }
        self.streams.insert(exchange, stream);
        events
    }

    /// Lets a stream carry what belongs to no request.
    pub(super) fn listen(&mut self, exchange: ExchangeId) {
        self.general.push(exchange);
        self.catch_up(exchange);
    }

    /// Sends what has waited for somebody to listen, if this stream is one for what belongs to no request.
    pub(super) fn catch_up(&mut self, exchange: ExchangeId) {
        if self.general.contains(&exchange)
            && let Some(stream) = self.streams.get_mut(&exchange)
        {
            self.waiting.drain(..).for_each(|message| stream.send(&message));
        }
    }

    /// Sends what rules want on a stream, whatever belongs there.
    pub(super) fn push(&mut self, exchange: ExchangeId, before: &[Value], after: &[Value]) {
        if let Some(stream) = self.streams.get_mut(&exchange) {
            before.iter().chain(after).for_each(|message| stream.send(message));
        }
    }

    /// Sends a message on the stream that it belongs to.
    pub(super) fn send(&mut self, output: Output) {
        if output.exchange.is_none() && self.mock.options.has(Quirk::Broadcasts) {
            for exchange in &self.general {
                if let Some(stream) = self.streams.get_mut(exchange) {
                    stream.send(&output.message);
                }
            }
            return;
        }
        let is_open = |exchange: &&ExchangeId| self.streams.get(exchange).is_some_and(Stream::is_open);
        let exchange = output.exchange.or_else(|| self.general.iter().rev().find(is_open).copied());
        match exchange.and_then(|exchange| self.streams.get_mut(&exchange)) {
            Some(stream) => stream.send(&output.message),
            None if exchange.is_none() && self.waiting.len() < WAITING => self.waiting.push(output.message),
            None => {}
        }
    }

    /// Ends the streams of requests that are answered, or cancelled.
    fn finish_answered(&mut self) {
        let Self { mock, streams, general, .. } = self;
        if mock.options.has(Quirk::KeepsStreamsOpen) {
            return;
        }
        let waits = mock.options.has(Quirk::WaitsForResults);
        for (exchange, stream) in streams.iter_mut().filter(|(_, stream)| !waits || stream.is_answered()) {
            if !stream.is_finished() && !general.contains(exchange) && !mock.is_pending(*exchange) {
                stream.finish();
            }
        }
    }
}

impl Call {
    /// A header as text; empty where it is none.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap_or_default().trim())
    }

    /// Whether the body holds a request.
    fn has_request(&self) -> bool {
        Message::read(&self.body).is_ok_and(|message| message.parts().iter().any(|part| part.kind() == Kind::Request))
    }

    /// The request as the rules see it.
    fn view(&self) -> Value {
        let mut headers = serde_json::Map::new();
        for (name, value) in &self.headers {
            headers.insert(name.as_str().to_owned(), json!(String::from_utf8_lossy(value.as_bytes())));
        }
        let stranger = !self.headers.contains_key("authorization");
        let mut view = json!({
            "method": self.method, "path": self.path, "query": self.query, "headers": headers, "stranger": stranger,
        });
        if let Ok(message) = Message::read(&self.body) {
            view["json"] = message.value().clone();
        }
        view
    }
}

fn kind(message: &Value) -> Kind {
    Message::from(message.clone()).kind()
}

/// The status for an answer: what was asked for where it is an error, else what its code suggests.
fn status_of(message: &Value, wanted: Option<u16>, stateless: bool) -> u16 {
    match message.pointer("/error/code").and_then(Value::as_i64) {
        None if message.get("error").is_none() => 200,
        code => wanted.unwrap_or(match code {
            Some(-32700 | -32600) => 400,
            Some(-32601) if stateless => 404,
            Some(-32603) if stateless => 500,
            _ if stateless => 400,
            _ => 200,
        }),
    }
}

impl Options {
    /// Whether a stateless revision is spoken, and whether one with handshake is.
    pub(super) fn eras(&self) -> (bool, bool) {
        (self.newest(Era::Stateless).is_some(), self.newest(Era::Handshake).is_some())
    }
}
