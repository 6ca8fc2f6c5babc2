//! An HTTP endpoint, spoken to one request after another on a connection that is kept, without a runtime. Judges nothing.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use serde_json::Value;

use super::conversation::reply;
use super::glance::glance;
use super::link::{End, Patience, Step};
use super::script::{Script, Sending};
use super::socket::{connect, is_late, read, write};
use crate::protocol::{Era, Revision};
use crate::session::headers::{self, Circumstances};
use crate::smith::Form;
use crate::transport::{Arrival, ExchangeId, HttpRequest, Incoming, Limits, UrlTarget, encode};
use crate::wire::http::{AnswerPart, AnswerReader};
use crate::wire::sse::{SseEvent, SseReader};
use crate::wire::{Kind, Message, same_id};

/// A session at an endpoint.
pub(super) struct Endpoint {
    target: UrlTarget,
    revision: Revision,
    limits: Limits,
    socket: Option<TcpStream>,
    pub(super) session: Option<String>,
    opened: bool,
    next: u64,
    /// How long an ordinary answer took at most, in this session.
    slowest: Duration,
    /// Whether the session may be gone: something was sent to end it, or the server does not know it any more.
    pub(super) is_stale: bool,
}

/// How an exchange ended.
#[derive(Debug, PartialEq, Eq)]
enum Came {
    /// Whole.
    Whole,
    /// Not within its time; the connection was given up.
    Late,
    /// The connection broke.
    Broken,
}

/// The shortest time in which an answer that is owed is waited for, before it is asked whether the server lives.
const PATIENCE: Duration = Duration::from_millis(250);
/// How long a stream may stay open after its answer.
const LINGER: Duration = Duration::from_millis(25);
/// Bytes that one exchange may bring.
const EVENTS: usize = 10_000;

impl Endpoint {
    /// A session that is still to be opened.
    pub(super) fn new(target: UrlTarget, revision: Revision, limits: Limits) -> Self {
        let opened = revision.era() == Era::Stateless;
        let (socket, session, slowest, is_stale) = (None, None, Duration::ZERO, false);
        Self { target, revision, limits, socket, session, opened, next: 1, slowest, is_stale }
    }

    /// Sends a request and waits for its answer.
    pub(super) fn ask(
        &mut self,
        message: &Value,
        id: &Value,
        within: Duration,
        steps: &mut Vec<Step>,
    ) -> Result<Message, String> {
        let from = steps.len();
        let request = self.post(message.to_string().into(), Some(message));
        let came = self.round(request, false, Some(id), Instant::now() + within, steps);
        let answer = steps[from..].iter().find_map(|step| match step {
            Step::Arrived(Arrival {
                what: Incoming::Body(text) | Incoming::Event { data: Some(text), .. }, ..
            }) => {
                let message = Message::read(text).ok()?;
                (message.kind() == Kind::Response && message.id().is_some_and(|own| same_id(own, id)))
                    .then_some(message)
            }
            _ => None,
        });
        let heads = steps[from..].iter().find_map(|step| match step {
            Step::Arrived(Arrival { what: Incoming::Head { status, headers }, .. }) => Some((*status, headers)),
            _ => None,
        });
        if !self.opened
            && let Some((_, headers)) = heads
        {
            self.session = headers.iter().find(|(name, _)| name == "mcp-session-id").map(|(_, id)| id.clone());
            self.opened = true;
        }
        let broken = steps[from..].iter().find_map(|step| match step {
            Step::Arrived(Arrival { what: Incoming::Broken(reason), .. }) => Some(reason.clone()),
            _ => None,
        });
        match (answer, came, heads) {
            (Some(answer), ..) => Ok(answer),
            (None, Came::Late, _) => Err(format!("no answer within {} s", within.as_secs_f32())),
            (None, _, Some((status, _))) => Err(format!("HTTP {status} without an answer")),
            (None, ..) => Err(broken.unwrap_or_else(|| "no answer".to_owned())),
        }
    }

    /// Sends a notification.
    pub(super) fn tell(&mut self, message: &Value, within: Duration, steps: &mut Vec<Step>) {
        let request = self.post(message.to_string().into(), Some(message));
        self.round(request, false, None, Instant::now() + within, steps);
    }

    /// Sends the pieces of a script one after another, and the alive request behind them. Says too which are owed nothing
    /// more: those refused by their HTTP status, whatever the body says, and those whose stream ended and can be taken up again.
    pub(super) fn exchange(
        &mut self,
        script: &Script,
        worth_waiting: &[bool],
        patience: Patience,
        steps: &mut Vec<Step>,
    ) -> (End, Vec<usize>) {
        let mut is_plain = true;
        let mut settled = Vec::new();
        for (at, piece) in script.pieces.iter().enumerate() {
            let asked = script.asks.iter().zip(worth_waiting).find(|(ask, _)| ask.piece == at);
            let is_owed = asked.is_some_and(|(_, worth)| *worth);
            let wait = if is_owed { PATIENCE.max(patience.grace).max(self.slowest * 4) } else { PATIENCE / 2 };
            let deadline = Instant::now() + wait.min(patience.deadline);
            let id = asked.map(|(ask, _)| &ask.id);
            is_plain &= piece.form == Form::Message;
            let from = steps.len();
            match &piece.form {
                Form::Raw => self.raw(piece, deadline, steps),
                Form::Message => {
                    let request = self.post(piece.bytes.clone(), piece.message.as_ref().map(Message::value));
                    self.round(request, piece.deliberate, id, deadline, steps);
                }
                Form::Http { method, headers } => {
                    self.is_stale |= method.eq_ignore_ascii_case("DELETE");
                    let request = self.edited(piece, method, headers);
                    self.round(request, true, id, deadline, steps);
                }
            }
            let own = &steps[from..];
            let goes_on = own.iter().any(has_event_id) && own.iter().any(is_end);
            if goes_on || status(own).is_some_and(|status| status >= 400) {
                settled.push(at);
            }
        }
        (self.fence(script, !is_plain, patience, steps), settled)
    }

    fn fence(&mut self, script: &Script, deliberate: bool, patience: Patience, steps: &mut Vec<Step>) -> End {
        let value: Option<Value> = serde_json::from_slice(&script.fence.bytes).ok();
        let request = self.post(script.fence.bytes.clone(), value.as_ref());
        let began = Instant::now();
        let from = steps.len();
        let came = self.round(request, deliberate, Some(&script.fence.id), began + patience.deadline, steps);
        match (came, status(&steps[from..])) {
            (_, Some(status)) => {
                self.slowest = self.slowest.max(began.elapsed()).min(patience.deadline / 8);
                self.is_stale |= status >= 400;
                End::Alive
            }
            (Came::Late, None) => End::Silent,
            (_, None) => End::Over,
        }
    }

    /// The usual POST of a message.
    fn post(&self, body: Bytes, message: Option<&Value>) -> HttpRequest {
        let headers = headers::of_post(message, &self.circumstances());
        HttpRequest { method: "POST".to_owned(), path: None, headers, body }
    }

    fn edited(&self, piece: &Sending, method: &str, edits: &[(String, Option<String>)]) -> HttpRequest {
        let message = piece.message.as_ref().map(Message::value);
        let mut headers = if method == "POST" {
            headers::of_post(message, &self.circumstances())
        } else {
            headers::of_other(&self.circumstances())
        };
        for (name, value) in edits {
            headers.retain(|(usual, _)| !usual.eq_ignore_ascii_case(name));
            headers.extend(value.as_ref().map(|value| (name.clone(), value.clone())));
        }
        HttpRequest { method: method.to_owned(), path: None, headers, body: piece.bytes.clone() }
    }

    fn circumstances(&self) -> Circumstances<'_> {
        Circumstances {
            revision: self.revision,
            opened: self.opened,
            session_id: self.session.as_deref(),
            parameters: &[],
        }
    }

    /// One request and its answer. A connection that was kept and turns out to be closed is opened anew, once.
    fn round(
        &mut self,
        request: HttpRequest,
        deliberate: bool,
        id: Option<&Value>,
        deadline: Instant,
        steps: &mut Vec<Step>,
    ) -> Came {
        // What cannot be one request is not sent: raw bytes say it.
        let Ok(bytes) = encode(&self.target, &request) else { return Came::Whole };
        let exchange = self.new_exchange();
        let method = request.method.clone();
        steps.push(Step::Requested { exchange, request, deliberate });
        let was_kept = self.socket.is_some();
        let from = steps.len();
        let mut came = self.attempt(&bytes, &method, id, exchange, deadline, steps);
        if came == Came::Broken && was_kept && !steps[from..].iter().any(is_head) {
            steps.truncate(from);
            came = self.attempt(&bytes, &method, id, exchange, deadline, steps);
        }
        match came {
            Came::Whole => {}
            Came::Late => steps.push(Step::Abandoned(exchange)),
            Came::Broken => self.socket = None,
        }
        came
    }

    fn attempt(
        &mut self,
        bytes: &[u8],
        method: &str,
        id: Option<&Value>,
        exchange: ExchangeId,
        deadline: Instant,
        steps: &mut Vec<Step>,
    ) -> Came {
        let arrive =
            |steps: &mut Vec<Step>, what| steps.push(Step::Arrived(Arrival { at: Instant::now(), exchange, what }));
        let mut socket = match self.socket.take().map_or_else(|| connect(&self.target.url, deadline), Ok) {
            Ok(socket) => socket,
            Err(reason) => {
                arrive(steps, Incoming::Broken(reason));
                return Came::Broken;
            }
        };
        // Bytes that nobody takes before the deadline are as good as unanswered.
        if write(&mut socket, bytes, deadline).is_err_and(|error| is_late(&error)) {
            return Came::Late;
        }
        let mut reader = AnswerReader::new(method);
        let mut events: Option<SseReader> = None;
        let mut body = BytesMut::new();
        let mut buffer = BytesMut::new();
        let (mut deadline, mut received, mut count) = (deadline, 0, 0);
        let mut answered = false;
        loop {
            match reader.read(&mut buffer) {
                Err(reason) => {
                    arrive(steps, Incoming::Broken(reason.to_string()));
                    return Came::Broken;
                }
                Ok(Some(AnswerPart::Head(head))) => {
                    events = head.is_event_stream().then(|| SseReader::new(self.limits.message));
                    arrive(steps, Incoming::Head { status: head.status, headers: head.headers });
                }
                Ok(Some(AnswerPart::Data(data))) => {
                    let Some(events) = &mut events else {
                        body.extend_from_slice(&data);
                        continue;
                    };
                    let mut data = &data[..];
                    while let Ok(Some(event)) = events.read(&mut data) {
                        let SseEvent { event, id: event_id, retry, data } = event;
                        count += 1;
                        let seen = data.as_deref().and_then(glance);
                        arrive(steps, Incoming::Event { event, id: event_id, retry, data });
                        let Some(seen) = seen else { continue };
                        if let (Some(id), Some(method)) = (&seen.id, &seen.method) {
                            let message = reply(id, method);
                            let request = self.post(message.to_string().into(), Some(&message));
                            let mut own = Vec::new();
                            self.round(request, false, None, deadline, &mut own);
                            steps.extend(own);
                        } else if seen.id.is_some() && seen.id.as_ref() == id && !answered {
                            answered = true;
                            deadline = deadline.min(Instant::now() + LINGER);
                        }
                    }
                }
                Ok(Some(AnswerPart::End { reusable })) => {
                    if events.is_none() {
                        arrive(steps, Incoming::Body(body.freeze()));
                    }
                    arrive(steps, Incoming::End);
                    self.socket = Some(socket).filter(|_| reusable && buffer.is_empty());
                    return Came::Whole;
                }
                Ok(None) => {
                    if received > self.limits.total || count > EVENTS {
                        arrive(steps, Incoming::Cut(body.split().freeze()));
                        arrive(
                            steps,
                            Incoming::LimitPassed(format!("more than {received} bytes or {EVENTS} events came")),
                        );
                        return Came::Broken;
                    }
                    match read(&mut socket, &mut buffer, deadline) {
                        Ok(0) => {
                            return match reader.close(&buffer) {
                                Ok(()) => {
                                    if events.is_none() {
                                        arrive(steps, Incoming::Body(body.freeze()));
                                    }
                                    arrive(steps, Incoming::End);
                                    Came::Whole
                                }
                                Err(reason) => {
                                    arrive(steps, Incoming::Broken(reason.to_string()));
                                    Came::Broken
                                }
                            };
                        }
                        Ok(read) => received += read,
                        Err(error) if is_late(&error) && answered => {
                            steps.push(Step::Abandoned(exchange));
                            return Came::Whole;
                        }
                        Err(error) if is_late(&error) => return Came::Late,
                        Err(error) => {
                            arrive(steps, Incoming::Broken(error.to_string()));
                            return Came::Broken;
                        }
                    }
                }
            }
        }
    }

    /// Bytes on a socket of their own; what comes back is read as one answer.
    fn raw(&mut self, piece: &Sending, deadline: Instant, steps: &mut Vec<Step>) {
        let exchange = self.new_exchange();
        steps.push(Step::RequestedRaw(exchange, piece.bytes.clone()));
        let kept = self.socket.take();
        let came = self.attempt(&piece.bytes, "POST", None, exchange, deadline, steps);
        if came == Came::Late {
            steps.push(Step::Abandoned(exchange));
        }
        self.socket = kept;
    }

    fn new_exchange(&mut self) -> ExchangeId {
        self.next += 1;
        ExchangeId(self.next - 1)
    }
}

fn status(steps: &[Step]) -> Option<u16> {
    steps.iter().find_map(|step| match step {
        Step::Arrived(Arrival { what: Incoming::Head { status, .. }, .. }) => Some(*status),
        _ => None,
    })
}

fn has_event_id(step: &Step) -> bool {
    matches!(step, Step::Arrived(Arrival { what: Incoming::Event { id: Some(_), .. }, .. }))
}

fn is_end(step: &Step) -> bool {
    matches!(step, Step::Arrived(Arrival { what: Incoming::End, .. }))
}

fn is_head(step: &Step) -> bool {
    matches!(step, Step::Arrived(Arrival { what: Incoming::Head { .. }, .. }))
}
