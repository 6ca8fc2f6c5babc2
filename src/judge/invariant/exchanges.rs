//! A transcript as HTTP exchanges: what was asked, and all that came back. Judges nothing.

use indexmap::IndexMap;
use serde_json::Value;

use crate::session::{Entry, Transcript, What};
use crate::transport::{ExchangeId, HttpRequest, Incoming};
use crate::wire::Message;

/// One HTTP request and all that came back.
pub(super) struct Exchange<'a> {
    /// The entry of the request.
    pub(super) entry: &'a Entry,
    /// The request.
    pub(super) request: &'a HttpRequest,
    /// Wrong on purpose, or of unknown correctness.
    pub(super) deliberate: bool,
    /// Status and header fields, with their entry.
    pub(super) head: Option<Head<'a>>,
    /// The entries of body and events.
    pub(super) content: Vec<&'a Entry>,
    /// How it ended, if it did.
    pub(super) end: Option<End>,
}

/// The entry of a head, its status, and its header fields.
type Head<'a> = (&'a Entry, u16, &'a [(String, String)]);

/// How an exchange ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// As HTTP wants it.
    Proper,
    /// By an accident, a limit, or the harness.
    Other,
}

/// The fields of a server-sent event.
pub(super) struct Event<'a> {
    /// `event:`.
    pub(super) name: Option<&'a str>,
    /// `id:`.
    pub(super) id: Option<&'a str>,
    /// `data:`.
    pub(super) data: Option<&'a [u8]>,
}

/// The exchanges of a transcript, in the order of their requests; raw bytes apart.
pub(super) fn exchanges(transcript: &Transcript) -> Vec<Exchange<'_>> {
    let mut all: IndexMap<ExchangeId, Exchange<'_>> = IndexMap::new();
    for entry in transcript.entries() {
        if let What::Requested { request, deliberate } = &entry.what {
            let (head, content, deliberate) = (None, Vec::new(), *deliberate);
            all.insert(entry.exchange, Exchange { entry, request, deliberate, head, content, end: None });
        }
        let Some(exchange) = all.get_mut(&entry.exchange) else { continue };
        match &entry.what {
            What::Received(Incoming::Head { status, headers }) => exchange.head = Some((entry, *status, headers)),
            What::Received(Incoming::Body(_) | Incoming::Event { .. }) => exchange.content.push(entry),
            What::Received(Incoming::End) => exchange.end = Some(End::Proper),
            What::Abandoned | What::Received(Incoming::Broken(_) | Incoming::LimitPassed(_)) => {
                exchange.end = Some(End::Other);
            }
            _ => {}
        }
    }
    all.into_values().collect()
}

impl<'a> Exchange<'a> {
    /// The one well-formed request that a POST carries.
    pub(super) fn posted(&self) -> Option<&'a Message> {
        let message =
            self.entry.message().filter(|message| self.request.method == "POST" && is_well_formed(message))?;
        Some(message)
    }

    /// Whether it is a GET for what belongs to no request.
    pub(super) fn is_general_stream(&self) -> bool {
        self.request.method == "GET" && self.sent("last-event-id").is_none() && self.is_event_stream()
    }

    /// Whether a success came as events.
    pub(super) fn is_event_stream(&self) -> bool {
        self.is_success() && self.media_type() == "text/event-stream"
    }

    /// Whether the status is one of success.
    pub(super) fn is_success(&self) -> bool {
        self.head.is_some_and(|(_, status, _)| (200..300).contains(&status))
    }

    /// The media type that came, without parameters; empty where none was told.
    pub(super) fn media_type(&self) -> String {
        let media = self.received("content-type").unwrap_or_default();
        media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// A header of the request.
    pub(super) fn sent(&self, name: &str) -> Option<&'a str> {
        let found = self.request.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// A header of the answer.
    pub(super) fn received(&self, name: &str) -> Option<&'a str> {
        let (_, _, headers) = self.head?;
        headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The events that came, with their entries. What has no data is none, except for an id alone, by which servers prime a stream.
    pub(super) fn events(&self) -> impl Iterator<Item = (&'a Entry, Event<'a>)> {
        self.content.iter().filter_map(|entry| match &entry.what {
            What::Received(Incoming::Event { event, id, data, .. }) if id.is_some() || data.is_some() => {
                let event = Event { name: event.as_deref(), id: id.as_deref(), data: data.as_deref() };
                Some((*entry, event))
            }
            _ => None,
        })
    }

    /// The messages that came, with their entries.
    pub(super) fn messages(&self) -> impl Iterator<Item = (&'a Entry, Message)> {
        let messages = self.content.iter().filter_map(|entry| Some((*entry, entry.message()?)));
        messages.flat_map(|(entry, message)| message.parts().into_iter().map(move |part| (entry, part)))
    }
}

/// Whether a message is a request that nothing is wrong with, as JSON-RPC goes.
fn is_well_formed(message: &Message) -> bool {
    let id = message.id().is_some_and(|id| id.is_string() || id.is_i64() || id.is_u64());
    let params = message.params().is_none_or(Value::is_object);
    id && params && message.method().is_some() && message.value()["jsonrpc"] == "2.0"
}
