//! Takes up again a stream that the server closed before its answer, as it may since 2025-11-25: after the time that it asked
//! for, from its last event on (basic/transports#sending-messages-to-the-server, #resumability-and-redelivery).

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::time::Instant;

use super::send::Edits;
use super::{Session, What};
use crate::protocol::{Era, Revision};
use crate::transport::{ExchangeId, Incoming};
use crate::wire::{Kind, Message, TransportKind, same_id};

/// Streams that may be taken up again.
#[derive(Debug, Default)]
pub(super) struct Polling {
    /// By the exchange of the request.
    streams: HashMap<ExchangeId, Stream>,
    /// Exchanges that go on with the stream of another.
    of: HashMap<ExchangeId, ExchangeId>,
    /// Requests whose streams are to be taken up, and when.
    due: Vec<(Instant, ExchangeId)>,
    /// Requests whose streams were closed and are, or will be, taken up.
    taken_up: HashSet<ExchangeId>,
    /// Entries up to here have been looked at.
    seen: usize,
}

/// What is known of the stream of a request.
#[derive(Debug, Default)]
struct Stream {
    /// The ids that no answer has come for.
    awaited: Vec<Value>,
    last_event: Option<String>,
    retry: Duration,
    attempts: u32,
}

/// The longest that a server is waited for before its stream is taken up: more than any answer may take.
const LONGEST: Duration = Duration::from_hours(1);
/// How often one stream is taken up.
const ATTEMPTS: u32 = 50;

impl Polling {
    /// When the next stream is to be taken up.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due.iter().map(|(at, _)| *at).min()
    }

    /// Whether the stream of a request goes on, although its exchange has ended.
    pub(super) fn goes_on(&self, exchange: ExchangeId) -> bool {
        self.taken_up.contains(&exchange)
    }
}

impl Session {
    /// Notes that answers to these ids may come on the stream of an exchange.
    pub(super) fn expect_stream(&mut self, exchange: ExchangeId, ids: &[Value]) {
        let may_poll = self.revision >= Revision::V2025_11_25 && self.revision.era() == Era::Handshake;
        if may_poll && self.kind() == TransportKind::Http && !ids.is_empty() {
            self.polling.streams.insert(exchange, Stream { awaited: ids.to_vec(), ..Stream::default() });
        }
    }

    /// Looks at what has arrived for streams that end too early.
    pub(super) fn follow_streams(&mut self) {
        let polling = &mut self.polling;
        if polling.streams.is_empty() {
            polling.seen = self.transcript.entries().len();
            return;
        }
        for entry in &self.transcript.entries()[polling.seen..] {
            polling.seen += 1;
            let What::Received(incoming) = &entry.what else { continue };
            for part in entry.message().into_iter().flat_map(Message::parts) {
                if let (Kind::Response, Some(id)) = (part.kind(), part.id()) {
                    polling.streams.retain(|_, stream| {
                        stream.awaited.retain(|awaited| !same_id(awaited, id));
                        !stream.awaited.is_empty()
                    });
                }
            }
            let origin = polling.of.get(&entry.exchange).copied().unwrap_or(entry.exchange);
            let Some(stream) = polling.streams.get_mut(&origin) else { continue };
            match incoming {
                Incoming::Event { id, retry, .. } => {
                    stream.last_event = id.clone().or(stream.last_event.take());
                    stream.retry = retry.map_or(stream.retry, |asked| Duration::from_millis(asked).min(LONGEST));
                }
                Incoming::End if stream.last_event.is_some() && stream.attempts < ATTEMPTS => {
                    stream.attempts += 1;
                    polling.due.push((Instant::now() + stream.retry, origin));
                    polling.taken_up.insert(origin);
                }
                // Who refuses to go on will do so again.
                Incoming::Head { status, .. } if entry.exchange != origin && *status >= 400 => {
                    polling.streams.remove(&origin);
                }
                Incoming::End | Incoming::Broken(_) => {
                    polling.streams.remove(&origin);
                }
                _ => {}
            }
        }
    }

    /// Takes up the streams whose time has come.
    pub(super) fn take_up_streams(&mut self) {
        let now = Instant::now();
        let due: Vec<_> = self.polling.due.extract_if(.., |(at, _)| *at <= now).collect();
        for (_, origin) in due {
            let last = self.polling.streams.get(&origin).and_then(|stream| stream.last_event.clone());
            let Some(last) = last else { continue };
            let headers = vec![("Last-Event-ID".to_owned(), Some(last))];
            let sent = self.send_http("GET", None, Bytes::new(), &Edits { headers, ..Edits::default() });
            self.polling.of.insert(sent.exchange, origin);
        }
    }
}
