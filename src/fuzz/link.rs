//! The way to the target and back, whichever transport: what was sent and what came, step by step. Judges nothing.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::endpoint::Endpoint;
use super::process::Process;
use super::script::Script;
use crate::session::{Transcript, What};
use crate::transport::{Arrival, ExchangeId, HttpRequest, Incoming};
use crate::wire::{Message, TransportKind, value_count};

/// Bytes of memory that a value takes, at least.
const VALUE: usize = 32;

/// One thing that was done or that came.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// Bytes for standard input.
    Wrote {
        /// The bytes.
        bytes: Bytes,
        /// Wrong on purpose.
        deliberate: bool,
        /// The message in them, where that is known.
        message: Option<Message>,
    },
    /// An HTTP request.
    Requested {
        /// Its exchange.
        exchange: ExchangeId,
        /// The request.
        request: HttpRequest,
        /// Wrong on purpose.
        deliberate: bool,
    },
    /// Bytes for a socket of their own.
    RequestedRaw(ExchangeId, Bytes),
    /// The harness did not wait any longer for an exchange.
    Abandoned(ExchangeId),
    /// A line came that is a message.
    Read {
        /// When.
        at: Instant,
        /// The line.
        line: Bytes,
        /// The message.
        message: Message,
    },
    /// Something else came.
    Arrived(Arrival),
}

impl Step {
    /// About how many bytes of memory what was sent or came takes once it is read, heads of HTTP messages left out.
    pub(super) fn weight(&self) -> usize {
        let bytes: &[u8] = match self {
            Self::Wrote { bytes, .. } | Self::RequestedRaw(_, bytes) | Self::Read { line: bytes, .. } => bytes,
            Self::Requested { request, .. } => &request.body,
            Self::Abandoned(_) => &[],
            Self::Arrived(arrival) => match &arrival.what {
                Incoming::Line(bytes)
                | Incoming::Unterminated(bytes)
                | Incoming::Cut(bytes)
                | Incoming::Stderr(bytes)
                | Incoming::Body(bytes)
                | Incoming::Event { data: Some(bytes), .. } => bytes,
                _ => &[],
            },
        };
        bytes.len() + VALUE * value_count(bytes)
    }
}

/// How the exchange about an input ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The alive request was answered.
    Alive,
    /// It was not, in the time that it had.
    Silent,
    /// Nothing can come any more.
    Over,
}

/// How long to wait.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// For the alive request.
    pub(super) deadline: Duration,
    /// For the rest, once the alive request was answered.
    pub(super) grace: Duration,
    /// How many more alive requests are sent meanwhile, one after another: what waits for further messages gets them.
    pub(super) nudges: u32,
}

/// What came of an input.
#[derive(Debug)]
pub(super) struct Observed {
    /// What was sent.
    pub(super) script: Script,
    /// All that happened, in order.
    pub(super) steps: Vec<Step>,
    /// How it ended.
    pub(super) end: End,
    /// Requests (positions in the script) that had no answer when the wait was over.
    pub(super) unanswered: Vec<usize>,
    /// Second answers to requests of earlier inputs.
    pub(super) again: Vec<Bytes>,
}

/// A connection to a target.
pub(super) enum Link {
    /// A process of ours.
    Process(Box<Process>),
    /// A server somewhere.
    Endpoint(Box<Endpoint>),
}

impl Link {
    /// The transport.
    pub(super) fn kind(&self) -> TransportKind {
        match self {
            Self::Process(_) => TransportKind::Stdio,
            Self::Endpoint(_) => TransportKind::Http,
        }
    }

    /// The number of the process, where it is ours.
    pub(super) fn process(&self) -> Option<u32> {
        match self {
            Self::Process(process) => Some(process.id()),
            Self::Endpoint(_) => None,
        }
    }
}

/// A transcript that goes on with further steps.
pub(super) fn continued<'a>(mut transcript: Transcript, steps: impl Iterator<Item = &'a Step>) -> Transcript {
    transcript.reserve(steps.size_hint().0);
    for step in steps {
        match step.clone() {
            Step::Wrote { bytes, deliberate, message } => {
                transcript.record_read(ExchangeId::STREAM, What::Wrote { bytes, deliberate }, message);
            }
            Step::Read { at, line, message } => {
                let arrival = Arrival { at, exchange: ExchangeId::STREAM, what: Incoming::Line(line) };
                transcript.arrived_read(arrival, Some(message));
            }
            Step::Requested { exchange, request, deliberate } => {
                transcript.record(exchange, What::Requested { request, deliberate });
            }
            Step::RequestedRaw(exchange, bytes) => {
                transcript.record(exchange, What::RequestedRaw(bytes));
            }
            Step::Abandoned(exchange) => {
                transcript.record(exchange, What::Abandoned);
            }
            Step::Arrived(arrival) => {
                transcript.arrived(arrival);
            }
        }
    }
    transcript
}

/// Something that came over standard output or error, with the message in it, where it was read.
pub(super) fn arrived(at: Instant, what: Incoming, message: Option<Message>) -> Step {
    match (what, message) {
        (Incoming::Line(line), Some(message)) => Step::Read { at, line, message },
        (what, _) => Step::Arrived(Arrival { at, exchange: ExchangeId::STREAM, what }),
    }
}
