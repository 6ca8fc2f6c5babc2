//! All that was said and all that happened in one session, in order. Append-only; judges read it, nobody edits it.

use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::transport::{Arrival, ExchangeId, HttpRequest, Incoming};
use crate::wire::{Kind, Message, NotAMessage, TransportKind, value_count};

/// The record of one session.
#[derive(Debug, Clone)]
pub struct Transcript {
    started: Instant,
    kind: TransportKind,
    entries: Vec<Entry>,
    /// About how many JSON values the messages hold.
    values: usize,
}

/// JSON values that one transcript keeps, some 70 bytes each.
const VALUES: usize = 500_000;

/// One thing that was sent, received or happened.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Position in the transcript, from 0.
    pub index: usize,
    /// Time since the session began.
    pub at: Duration,
    /// The exchange it belongs to.
    pub exchange: ExchangeId,
    /// What it was.
    pub what: What,
    message: Option<Result<Message, NotAMessage>>,
}

/// What an entry records.
#[derive(Debug, Clone)]
pub enum What {
    /// The harness wrote these bytes to standard input. `deliberate` if a step wrote them to be wrong.
    Wrote {
        /// The bytes as written, the newline included.
        bytes: Bytes,
        /// Wrong on purpose, or of unknown correctness: the watchers do not judge it.
        deliberate: bool,
    },
    /// The harness closed standard input.
    ClosedInput,
    /// The harness sent this HTTP request.
    Requested {
        /// The request.
        request: HttpRequest,
        /// Wrong on purpose.
        deliberate: bool,
    },
    /// The harness wrote these bytes to a socket of their own.
    RequestedRaw(Bytes),
    /// The harness did not send a message, in these words.
    Withheld(String),
    /// The harness stopped reading an exchange.
    Abandoned,
    /// Something came from the target.
    Received(Incoming),
    /// A scenario's steps begin here: `area/name[case]`.
    Mark(String),
}

impl Transcript {
    /// An empty one, that begins now.
    pub fn new(kind: TransportKind) -> Self {
        Self { started: Instant::now(), kind, entries: Vec::new(), values: 0 }
    }

    /// Which transport was recorded.
    pub fn kind(&self) -> TransportKind {
        self.kind
    }

    /// All entries, oldest first.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Appends what the harness did, now; returns its index.
    pub fn record(&mut self, exchange: ExchangeId, what: What) -> usize {
        self.record_read(exchange, what, None)
    }

    /// The same with the message that was read of it, if it was.
    pub fn record_read(&mut self, exchange: ExchangeId, what: What, message: Option<Message>) -> usize {
        self.push(self.started.elapsed(), exchange, what, message)
    }

    /// Makes room for more entries.
    pub fn reserve(&mut self, entries: usize) {
        self.entries.reserve(entries);
    }

    /// Appends what arrived; returns its index.
    pub fn arrived(&mut self, arrival: Arrival) -> usize {
        self.arrived_read(arrival, None)
    }

    /// The same with the message that was read of it, if it was.
    pub fn arrived_read(&mut self, arrival: Arrival, message: Option<Message>) -> usize {
        let at = arrival.at.saturating_duration_since(self.started);
        self.push(at, arrival.exchange, What::Received(arrival.what), message)
    }

    /// Every message that the target sent, in order; the elements of a batch one by one.
    pub fn from_server(&self) -> impl Iterator<Item = (&Entry, Message)> {
        self.entries
            .iter()
            .filter(|entry| entry.is_from_server())
            .filter_map(|entry| Some((entry, entry.message()?)))
            .flat_map(|(entry, message)| message.parts().into_iter().map(move |part| (entry, part)))
    }

    /// The messages that the harness sent, in order; what is no message is left out.
    pub fn from_client(&self) -> impl Iterator<Item = (&Entry, Message)> {
        self.entries
            .iter()
            .filter(|entry| entry.is_from_client())
            .filter_map(|entry| Some((entry, entry.message()?)))
            .flat_map(|(entry, message)| message.parts().into_iter().map(move |part| (entry, part)))
    }

    fn push(&mut self, at: Duration, exchange: ExchangeId, what: What, read: Option<Message>) -> usize {
        let index = self.entries.len();
        let message = what.payload().map(|bytes| {
            self.values += value_count(bytes);
            let is_kept = self.values <= VALUES;
            if is_kept { read.map_or_else(|| Message::read_leniently(bytes), Ok) } else { Err(NotAMessage::TooMany) }
        });
        self.entries.push(Entry { index, at, exchange, what, message });
        index
    }
}

impl Entry {
    /// The message in it, if it carries one that can be read.
    pub fn message(&self) -> Option<&Message> {
        self.message.as_ref()?.as_ref().ok()
    }

    /// Why its bytes, which ought to be a message, are none.
    pub fn fault(&self) -> Option<&NotAMessage> {
        self.message.as_ref()?.as_ref().err()
    }

    /// The bytes in it that ought to be one message, if there are any.
    pub fn payload(&self) -> Option<&[u8]> {
        self.what.payload()
    }

    /// Whether the target sent it.
    pub fn is_from_server(&self) -> bool {
        matches!(self.what, What::Received(_))
    }

    /// Whether the harness sent it.
    pub fn is_from_client(&self) -> bool {
        matches!(self.what, What::Wrote { .. } | What::Requested { .. } | What::RequestedRaw(_))
    }

    /// Whether it carries a response with this kind of message.
    pub fn carries(&self, kind: Kind) -> bool {
        self.message().is_some_and(|message| message.kind() == kind)
    }
}

impl What {
    /// The bytes that ought to be one message.
    fn payload(&self) -> Option<&[u8]> {
        match self {
            Self::Wrote { bytes, .. } | Self::Received(Incoming::Line(bytes) | Incoming::Unterminated(bytes)) => {
                Some(bytes)
            }
            Self::Requested { request, .. } if !request.body.is_empty() => Some(&request.body),
            Self::Received(Incoming::Body(bytes)) if !bytes.is_empty() => Some(bytes),
            Self::Received(Incoming::Event { data: Some(bytes), event, .. })
                if event.as_deref().is_none_or(|e| e == "message") =>
            {
                Some(bytes)
            }
            _ => None,
        }
    }
}
