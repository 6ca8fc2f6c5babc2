//! What becomes of an HTTP request, before it is written. Data only.

use bytes::Bytes;
use serde_json::Value;

use crate::scenario::HttpPatch;
use crate::transport::ExchangeId;

use super::state::Key;
use super::stream::Events;

/// What becomes of an HTTP request.
#[derive(Debug)]
pub(super) enum Reply {
    /// An answer.
    Answer(Answer),
    /// The connection is closed without an answer.
    Close,
    /// Nothing, ever.
    Hang,
}

/// An HTTP answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) content: Content,
}

/// The body of an HTTP answer.
#[derive(Debug)]
pub(super) enum Content {
    /// All at once.
    Whole(Bytes),
    /// Events, as they come; with the exchange that is left when the client stops listening.
    Events(Events, Key, ExchangeId),
}

impl Answer {
    /// An answer without a body.
    pub(super) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), content: Content::Whole(Bytes::new()) }
    }

    /// An answer to people.
    pub(super) fn plain(status: u16, text: &str) -> Self {
        let content = Content::Whole(Bytes::from(format!("{text}\n")));
        Self { status, headers: Vec::new(), content }.with("content-type", "text/plain; charset=utf-8")
    }

    /// One message.
    pub(super) fn json(status: u16, message: &Value) -> Self {
        let content = Content::Whole(Bytes::from(message.to_string()));
        Self { status, headers: Vec::new(), content }.with("content-type", "application/json")
    }

    /// A stream of events.
    pub(super) fn events(events: Events, key: Key, exchange: ExchangeId) -> Self {
        Self { status: 200, headers: Vec::new(), content: Content::Events(events, key, exchange) }
            .with("content-type", "text/event-stream")
            .with("cache-control", "no-cache")
            .with("x-accel-buffering", "no")
    }

    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Applies what a rule changes.
    pub(super) fn patch(&mut self, patch: &HttpPatch) {
        self.status = patch.status.unwrap_or(self.status);
        for (name, value) in &patch.headers {
            let name = name.to_ascii_lowercase();
            self.headers.retain(|(known, _)| *known != name);
            self.headers.extend(value.as_ref().map(|value| (name, value.clone())));
        }
        if let Some(body) = &patch.body {
            self.content = Content::Whole(Bytes::from(body.clone()));
        }
    }
}
