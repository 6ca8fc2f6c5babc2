//! One exchange: a request goes out, what comes back is reported part by part. Keeps to the limits; follows no redirect.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::socket::{Socket, words};
use crate::transport::{Arrival, ExchangeId, Incoming, Limits};
use crate::wire::http::{AnswerHead, AnswerPart, AnswerReader};
use crate::wire::sse::{SseEvent, SseReader};

/// What keeping one event costs on top of its bytes. It counts towards [`Limits::total`], so that a flood of tiny
/// events is bounded by what it costs here, not by what it costs its sender.
const EVENT_COST: usize = 256;

/// Where the arrivals of one exchange go, and the bounds they share with the others of the connection.
pub(super) struct Report {
    pub(super) exchange: ExchangeId,
    pub(super) arrivals: mpsc::Sender<Arrival>,
    pub(super) limits: Limits,
    pub(super) received: Arc<AtomicUsize>,
}

/// Why an exchange ended early.
pub(super) enum Stop {
    /// It broke, in these words.
    Broken(String),
    /// It passed a limit, in these words.
    Limit(String),
    /// Nobody listens any more.
    Unheard,
}

impl Report {
    /// Reports one thing. Waits while the reader is behind, which is what bounds memory.
    async fn send(&self, what: Incoming) -> Result<(), Stop> {
        let arrival = Arrival { at: std::time::Instant::now(), exchange: self.exchange, what };
        self.arrivals.send(arrival).await.map_err(|_| Stop::Unheard)
    }

    /// Reports how an exchange ended.
    pub(super) async fn end(&self, outcome: Result<(), Stop>) {
        let what = match outcome {
            Ok(()) => Incoming::End,
            Err(Stop::Broken(reason)) => Incoming::Broken(reason),
            Err(Stop::Limit(reason)) => Incoming::LimitPassed(reason),
            Err(Stop::Unheard) => return,
        };
        // Nobody listening is no news here: the exchange is over anyway.
        let _ = self.send(what).await;
    }

    /// Counts `bytes` towards the total of the connection.
    pub(super) fn count(&self, bytes: usize) -> Result<(), Stop> {
        let before = self.received.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > self.limits.total {
            return Err(Stop::Limit(format!("more than {} bytes were received", self.limits.total)));
        }
        Ok(())
    }
}

/// An exchange on a socket: what is still to be written, and what was read and not yet understood.
pub(super) struct Exchange<'a> {
    socket: Socket,
    unsent: Bytes,
    buffer: BytesMut,
    deadline: Instant,
    report: &'a Report,
    heard: bool,
}

/// What is left of a socket after an exchange.
pub(super) enum Afterwards {
    /// It can take another request.
    Reusable(Socket),
    /// It cannot.
    Spent,
}

impl<'a> Exchange<'a> {
    /// Begins to send `request` on `socket`.
    pub(super) fn new(socket: Socket, request: Bytes, deadline: Instant, report: &'a Report) -> Self {
        Self { socket, unsent: request, buffer: BytesMut::new(), deadline, report, heard: false }
    }

    /// Reads and reports one answer, without its end.
    pub(super) async fn answer(&mut self, method: &str) -> Result<bool, Stop> {
        let mut reader = AnswerReader::new(method);
        let Some(AnswerPart::Head(head)) = self.part(&mut reader, true).await? else {
            return Err(Stop::Broken("the answer has no head".to_owned()));
        };
        let stream = head.is_event_stream();
        let AnswerHead { status, headers } = head;
        self.report.send(Incoming::Head { status, headers }).await?;
        if stream { self.events(&mut reader).await } else { self.body(&mut reader).await }
    }

    /// Whether nothing at all has come back, and the request was not even written as a whole.
    pub(super) fn was_not_sent(&self) -> bool {
        !self.heard && !self.unsent.is_empty()
    }

    /// The socket, if it can take another request.
    pub(super) fn finish(self, reusable: bool) -> Afterwards {
        if reusable && self.unsent.is_empty() && self.buffer.is_empty() {
            Afterwards::Reusable(self.socket)
        } else {
            Afterwards::Spent
        }
    }

    /// Waits for the first byte of a further answer on the same socket; `false` if none comes before it is closed, or
    /// before the deadline.
    pub(super) async fn another(&mut self) -> Result<bool, Stop> {
        while self.buffer.is_empty() {
            match timeout_at(self.deadline, self.read()).await {
                Err(_) | Ok(Err(Read::Closed | Read::Failed(_))) => return Ok(false),
                Ok(Err(Read::Stop(stop))) => return Err(stop),
                Ok(Ok(())) => {}
            }
        }
        Ok(true)
    }

    async fn body(&mut self, reader: &mut AnswerReader) -> Result<bool, Stop> {
        let mut body = BytesMut::new();
        let outcome = self.collect(reader, &mut body).await;
        // What was read of a body that broke off is evidence.
        if outcome.is_ok() || !body.is_empty() {
            self.report.send(Incoming::Body(body.freeze())).await?;
        }
        outcome
    }

    async fn collect(&mut self, reader: &mut AnswerReader, body: &mut BytesMut) -> Result<bool, Stop> {
        let limit = self.report.limits.message;
        loop {
            match self.part(reader, true).await? {
                Some(AnswerPart::Data(data)) => {
                    let room = limit - body.len();
                    body.extend_from_slice(&data[..data.len().min(room)]);
                    if data.len() > room {
                        return Err(Stop::Limit(format!("the body is longer than {limit} bytes")));
                    }
                }
                Some(AnswerPart::End { reusable }) => return Ok(reusable),
                Some(AnswerPart::Head(_)) | None => return Ok(false),
            }
        }
    }

    async fn events(&mut self, reader: &mut AnswerReader) -> Result<bool, Stop> {
        let mut events = SseReader::new(self.report.limits.message);
        loop {
            match self.part(reader, false).await? {
                Some(AnswerPart::Data(data)) => {
                    let mut data = &data[..];
                    while let Some(event) = events.read(&mut data).map_err(|e| Stop::Limit(e.to_string()))? {
                        self.report.count(EVENT_COST)?;
                        let SseEvent { event, id, retry, data } = event;
                        self.report.send(Incoming::Event { event, id, retry, data }).await?;
                    }
                }
                ended => {
                    if events.holds_unfinished_data() {
                        return Err(Stop::Broken("the stream ended inside an event, before its blank line".to_owned()));
                    }
                    return Ok(matches!(ended, Some(AnswerPart::End { reusable: true })));
                }
            }
        }
    }

    /// The next part of the answer; `None` at an end that the close of the connection makes.
    async fn part(&mut self, reader: &mut AnswerReader, by_deadline: bool) -> Result<Option<AnswerPart>, Stop> {
        loop {
            let part = reader.read(&mut self.buffer).map_err(|e| Stop::Broken(e.to_string()))?;
            if part.is_some() {
                return Ok(part);
            }
            let read = if by_deadline {
                let limit = self.report.limits.exchange;
                match timeout_at(self.deadline, self.read()).await {
                    Ok(read) => read,
                    Err(_) => return Err(Stop::Broken(self.late(limit))),
                }
            } else {
                self.read().await
            };
            match read {
                Ok(()) => {}
                Err(Read::Closed) => {
                    return reader.close(&self.buffer).map(|()| None).map_err(|e| Stop::Broken(e.to_string()));
                }
                Err(Read::Failed(error)) => return Err(Stop::Broken(words(&error))),
                Err(Read::Stop(stop)) => return Err(stop),
            }
        }
    }

    fn late(&self, limit: Duration) -> String {
        let what = if self.heard { "no whole answer" } else { "no answer" };
        format!("{what} within {limit:?}")
    }

    async fn read(&mut self) -> Result<(), Read> {
        match self.socket.exchange(&mut self.unsent, &mut self.buffer).await {
            Ok(0) => Err(Read::Closed),
            Ok(bytes) => {
                self.heard = true;
                self.report.count(bytes).map_err(Read::Stop)
            }
            Err(error) => Err(Read::Failed(error)),
        }
    }
}

/// Why there is nothing more to read.
enum Read {
    Closed,
    Failed(io::Error),
    Stop(Stop),
}
