//! A transcript as judges want it: every message of the target with the request that it answers. Judges nothing.

use std::collections::HashMap;
use std::rc::Rc;

use serde_json::Value;

use crate::protocol::{Era, Revision};
use crate::session::{Entry, Transcript, What};
use crate::transport::{ExchangeId, Incoming};
use crate::wire::{Kind, Message, same_id};

/// All messages of one transcript, related to each other.
pub struct Traffic<'a> {
    /// The transcript.
    pub transcript: &'a Transcript,
    /// The requests that the harness sent, in order.
    pub asked: Vec<Rc<Asked>>,
    /// The messages that the target sent, in order; elements of a batch one by one.
    pub heard: Vec<Heard<'a>>,
    /// The entries of each exchange.
    exchanges: HashMap<ExchangeId, Vec<&'a Entry>>,
}

/// A request of the harness's.
#[derive(Debug)]
pub struct Asked {
    /// Its entry.
    pub index: usize,
    /// Its exchange.
    pub exchange: ExchangeId,
    /// The message.
    pub message: Message,
    /// Written by a step to be wrong, or of unknown correctness.
    pub deliberate: bool,
    /// It was an element of a batch.
    pub in_batch: bool,
}

/// A message of the target's.
#[derive(Clone)]
pub struct Heard<'a> {
    /// Its entry.
    pub entry: &'a Entry,
    /// The message.
    pub message: Message,
    /// What kind it is.
    pub kind: Kind,
    /// The request that it answers, where it is a response and its id is known.
    pub request: Option<Rc<Asked>>,
    /// It was an element of a batch.
    pub in_batch: bool,
    /// The scenario whose steps ran.
    pub during: Option<&'a str>,
    /// The method that it is about: its own, or, for a response, that of its request.
    method: Option<String>,
}

impl<'a> Traffic<'a> {
    /// Relates the messages of a transcript.
    pub fn of(transcript: &'a Transcript) -> Self {
        let mut exchanges: HashMap<ExchangeId, Vec<&Entry>> = HashMap::new();
        for entry in transcript.entries().iter().filter(|entry| entry.exchange != ExchangeId::STREAM) {
            exchanges.entry(entry.exchange).or_default().push(entry);
        }
        let mut traffic = Self { transcript, asked: Vec::new(), heard: Vec::new(), exchanges };
        let mut during = None;
        let mut unfinished = Vec::new();
        for entry in transcript.entries() {
            match &entry.what {
                What::Mark(name) => during = Some(name.as_str()),
                What::Wrote { bytes, deliberate } if entry.message().is_none() || !unfinished.is_empty() => {
                    traffic.regroup(entry, bytes, *deliberate, &mut unfinished);
                    continue;
                }
                _ => {}
            }
            let Some(message) = entry.message() else { continue };
            let in_batch = message.kind() == Kind::Batch;
            for part in message.parts() {
                if entry.is_from_client() && part.kind() == Kind::Request {
                    let deliberate = match &entry.what {
                        What::Wrote { deliberate, .. } | What::Requested { deliberate, .. } => *deliberate,
                        _ => true,
                    };
                    let (index, exchange) = (entry.index, entry.exchange);
                    traffic.asked.push(Rc::new(Asked { index, exchange, message: part, deliberate, in_batch }));
                } else if entry.is_from_server() && traffic.is_of_the_endpoint(entry) {
                    let kind = part.kind();
                    let request = if kind == Kind::Response { traffic.request_of(&part) } else { None };
                    let asked = request.as_ref().and_then(|asked| asked.message.method());
                    let method = part.method().or(asked).map(str::to_owned);
                    traffic.heard.push(Heard { entry, message: part, kind, request, in_batch, during, method });
                }
            }
        }
        traffic
    }

    /// The same with some of the messages that the target sent alone.
    #[must_use]
    pub fn filtered(&self, mut keep: impl FnMut(&Heard<'a>) -> bool) -> Self {
        Self {
            transcript: self.transcript,
            asked: self.asked.clone(),
            heard: self.heard.iter().filter(|heard| keep(heard)).cloned().collect(),
            exchanges: self.exchanges.clone(),
        }
    }

    /// Finds the requests in bytes that were not written line by line.
    fn regroup(&mut self, entry: &Entry, bytes: &[u8], deliberate: bool, unfinished: &mut Vec<u8>) {
        unfinished.extend_from_slice(bytes);
        while let Some(end) = unfinished.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = unfinished.drain(..=end).collect();
            let Ok(message) = Message::read_leniently(&line) else { continue };
            let in_batch = message.kind() == Kind::Batch;
            for message in message.parts().into_iter().filter(|part| part.kind() == Kind::Request) {
                let (index, exchange) = (entry.index, entry.exchange);
                self.asked.push(Rc::new(Asked { index, exchange, message, deliberate, in_batch }));
            }
        }
    }

    /// The status of the HTTP answer of an exchange.
    pub fn status(&self, exchange: ExchangeId) -> Option<u16> {
        self.head(exchange).map(|(status, _)| status)
    }

    /// Status and header fields of the HTTP answer of an exchange.
    pub fn head(&self, exchange: ExchangeId) -> Option<(u16, &'a [(String, String)])> {
        self.exchanges.get(&exchange)?.iter().find_map(|entry| match &entry.what {
            What::Received(Incoming::Head { status, headers }) => Some((*status, headers.as_slice())),
            _ => None,
        })
    }

    /// Responses to a request, in order.
    pub fn responses_to(&self, asked: &Rc<Asked>) -> impl Iterator<Item = &Heard<'a>> {
        self.heard.iter().filter(move |heard| heard.request.as_ref().is_some_and(|request| Rc::ptr_eq(request, asked)))
    }

    /// Whether what an HTTP answer carries is meant to be a message. The documents of other paths are none, and the body of a
    /// refusal may be any JSON: it is a message where it says so itself.
    pub(super) fn is_of_the_endpoint(&self, entry: &Entry) -> bool {
        if !matches!(entry.what, What::Received(Incoming::Body(_))) {
            return true;
        }
        let names_itself = entry.message().is_some_and(|message| message.value().get("jsonrpc").is_some());
        self.exchanges.get(&entry.exchange).into_iter().flatten().all(|other| match &other.what {
            What::Requested { request, .. } => request.method == "POST" && request.path.is_none(),
            What::RequestedRaw(_) => names_itself,
            What::Received(Incoming::Head { status, .. }) => *status < 300 || names_itself,
            _ => true,
        })
    }

    /// The newest request with the id of a response.
    fn request_of(&self, response: &Message) -> Option<Rc<Asked>> {
        let id = response.id()?;
        self.asked.iter().rev().find(|asked| asked.message.id().is_some_and(|wanted| same_id(wanted, id))).cloned()
    }
}

impl Heard<'_> {
    /// The method that it is about: its own, or, for a response, that of its request.
    pub fn method(&self) -> Option<&str> {
        self.method.as_deref()
    }

    /// The result, if it is a response with one.
    pub fn result(&self) -> Option<&Value> {
        if self.kind == Kind::Response { self.message.result() } else { None }
    }

    /// Whether it is what a server of both eras answers to a request without the metadata of the stateless one, so that the
    /// rules of that revision do not hold for it.
    pub fn is_of_older_era(&self, revision: Revision) -> bool {
        let version = |asked: &Asked| {
            let meta = asked.message.params()?.get("_meta")?;
            meta.get("io.modelcontextprotocol/protocolVersion").cloned()
        };
        revision.era() == Era::Stateless
            && self.result().is_some()
            && self.request.as_ref().is_some_and(|asked| version(asked).is_none())
    }

    /// The error, if it is a response with one.
    pub fn error(&self) -> Option<&Value> {
        if self.kind == Kind::Response { self.message.error() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use bytes::Bytes;

    use super::*;
    use crate::transport::{Arrival, HttpRequest};
    use crate::wire::TransportKind;

    #[test]
    fn a_body_is_a_message_where_the_endpoint_answers_or_it_says_so() {
        let message = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
        let cases = [
            (None, 200, r#"{"id":1,"result":{}}"#, true),
            (None, 404, message, true),
            (None, 401, r#"{"error":"invalid_token"}"#, false),
            (Some("/.well-known/oauth-protected-resource"), 200, r#"{"resource":"x"}"#, false),
        ];
        for (path, status, body, is_message) in cases {
            let mut transcript = Transcript::new(TransportKind::Http);
            let request = HttpRequest {
                method: "POST".to_owned(),
                path: path.map(str::to_owned),
                headers: Vec::new(),
                body: Bytes::new(),
            };
            transcript.record(ExchangeId(1), What::Requested { request, deliberate: false });
            for what in [Incoming::Head { status, headers: Vec::new() }, Incoming::Body(Bytes::from(body))] {
                transcript.arrived(Arrival { at: Instant::now(), exchange: ExchangeId(1), what });
            }
            assert_eq!(Traffic::of(&transcript).heard.len(), usize::from(is_message), "{body}");
        }
    }
}
