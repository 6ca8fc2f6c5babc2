//! What every transport has in common: where to connect, what can be sent, what can arrive. Opens nothing itself.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::mpsc;

use super::host::AllowedHost;
use crate::wire::TransportKind;

/// Where the server under test is.
#[derive(Clone)]
pub enum Target {
    /// A program that speaks on its standard input and output.
    Command(CommandTarget),
    /// An HTTP endpoint.
    Url(UrlTarget),
    /// A server in this process, made anew for each connection. Presents itself as stdio.
    Memory(Arc<dyn Fn() -> Box<dyn Peer> + Send + Sync>),
}

/// A program to start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommandTarget {
    /// The program; looked up in `PATH`.
    pub program: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Environment variables on top of the inherited ones.
    pub environment: BTreeMap<String, String>,
    /// Working directory; the harness's own where absent.
    pub directory: Option<PathBuf>,
}

/// An HTTP endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlTarget {
    /// `http` or `https`.
    pub url: url::Url,
    /// Headers of every request, such as `Authorization`.
    pub headers: Vec<(String, String)>,
    /// Hosts beside its own that requests may go to. None of the headers is ever sent there.
    pub allowed: Vec<AllowedHost>,
}

impl UrlTarget {
    /// An endpoint without headers, and with no host beside its own.
    pub fn new(url: url::Url) -> Self {
        Self { url, headers: Vec::new(), allowed: Vec::new() }
    }

    /// Whether requests may go to an address: one of the target itself, or of a host that the user named.
    pub fn may_reach(&self, address: &url::Url) -> bool {
        let is_web = matches!(address.scheme(), "http" | "https");
        is_web && (address.origin() == self.url.origin() || self.allowed.iter().any(|host| host.has(address)))
    }
}

/// A server in this process: bytes in, what a transport would have seen out. Blocking is not allowed.
pub trait Peer: Send {
    /// Takes one line (without its newline), or the fact that the input was closed (`None`), and answers with what arrives.
    fn receive(&mut self, line: Option<&[u8]>) -> Vec<Incoming>;

    /// What arrives before anything was sent.
    fn start(&mut self) -> Vec<Incoming> {
        Vec::new()
    }
}

/// Bounds on what a target may make the harness do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one line, one body or one event.
    pub message: usize,
    /// Bytes received over one connection, all together (standard error apart, of which only the last part is kept).
    pub total: usize,
    /// Lines or events received over one connection, all together: each costs memory, however short it is.
    pub arrivals: usize,
    /// Bytes of standard error that are kept: as many as half of it as they come, and the newest ones at the end.
    pub stderr: usize,
    /// Time to connect, and for the whole of one HTTP exchange that is no event stream.
    pub exchange: Duration,
    /// Time that a child gets to exit after its input was closed, and again after SIGTERM.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message: 8 << 20,
            total: 32 << 20,
            arrivals: 20_000,
            stderr: 64 << 10,
            exchange: Duration::from_secs(30),
            grace: Duration::from_secs(2),
        }
    }
}

/// Names one exchange on a connection. Over HTTP each request is one; on stdio all is [`ExchangeId::STREAM`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExchangeId(pub u64);

impl ExchangeId {
    /// The one exchange of a stdio connection.
    pub const STREAM: Self = Self(0);
}

/// What the harness sends.
#[derive(Debug, Clone, PartialEq)]
pub enum Outgoing {
    /// Bytes for standard input, as they are: nothing is added.
    Bytes(Bytes),
    /// Closes standard input. Nothing may be sent after it.
    CloseInput,
    /// One HTTP request; its answer arrives under `exchange`, which the sender chose and uses once.
    Http {
        /// Names the exchange.
        exchange: ExchangeId,
        /// The request.
        request: HttpRequest,
    },
    /// Bytes written to a new socket of their own, as they are. Each answer that comes back is read as HTTP and arrives
    /// under `exchange`; one `End` follows once the server has closed the socket, or the time for an exchange is over.
    RawHttp {
        /// Names the exchange.
        exchange: ExchangeId,
        /// All that is written. The socket's write side stays open afterwards.
        bytes: Bytes,
    },
    /// Stops reading an HTTP exchange and closes its connection. Its end does not arrive.
    Abandon(ExchangeId),
}

/// One HTTP request. The transport adds `Host`, `Content-Length` and the target's own headers, each unless the request has
/// it, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// `POST`, `GET`, `DELETE` ...
    pub method: String,
    /// Path and query instead of the target's, where it differs.
    pub path: Option<String>,
    /// Header fields in the order sent. Names keep their spelling.
    pub headers: Vec<(String, String)>,
    /// The body; empty for none.
    pub body: Bytes,
}

/// How the reason of an [`Incoming::Broken`] begins where no connection could be had at all.
pub const CANNOT_CONNECT: &str = "cannot connect to ";

/// Something that came from the target, with its time.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// When the harness read it.
    pub at: Instant,
    /// The exchange it belongs to.
    pub exchange: ExchangeId,
    /// What it is.
    pub what: Incoming,
}

/// What can come from a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    /// One line of standard output, without its `\n`.
    Line(Bytes),
    /// The last bytes of standard output, which no newline ends (and no limit cut).
    Unterminated(Bytes),
    /// A line of standard error, without its `\n`.
    Stderr(Bytes),
    /// Standard output was closed.
    OutputClosed,
    /// The process ended and was reaped.
    Exited(Exit),
    /// Status line and header fields of an HTTP answer. Names are lower-case, in order received.
    Head {
        /// The status code.
        status: u16,
        /// Header fields; values as lossy text.
        headers: Vec<(String, String)>,
    },
    /// The whole body of an HTTP answer that is no event stream (may be empty).
    Body(Bytes),
    /// One server-sent event of an HTTP answer.
    Event {
        /// `event:`; absent means `message`.
        event: Option<String>,
        /// `id:`.
        id: Option<String>,
        /// `retry:`, in milliseconds.
        retry: Option<u64>,
        /// The `data:` lines joined by `\n`; absent where there was no such line.
        data: Option<Bytes>,
    },
    /// The exchange is over, as HTTP wants it.
    End,
    /// The exchange, or the whole connection on stdio, broke; says how, in one clause.
    Broken(String),
    /// The beginning of a line, body or event that passed a bound of [`Limits`]; no message. `LimitPassed` follows.
    Cut(Bytes),
    /// A bound of [`Limits`] was passed; what follows is not read. Says which, in one clause.
    LimitPassed(String),
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    /// Exit code, if it exited.
    pub code: Option<i32>,
    /// Signal, if one ended it.
    pub signal: Option<i32>,
    /// What the harness had to do for it.
    pub after: ExitAfter,
}

/// What the harness had done before a process ended, in the order in which it does these things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExitAfter {
    /// Nothing: it went by itself while its input was open.
    Nothing,
    /// Closed its input.
    InputClosed,
    /// Sent SIGTERM.
    Terminated,
    /// Sent SIGKILL.
    Killed,
}

/// Why a connection could not be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// The program does not start.
    #[error("cannot start `{program}`: {reason}")]
    CannotStart {
        /// The program.
        program: String,
        /// The system's reason.
        reason: String,
    },
    /// The URL is of no use.
    #[error("cannot use `{url}`: {reason}")]
    BadUrl {
        /// The address.
        url: String,
        /// Why.
        reason: String,
    },
    /// The TLS set-up failed.
    #[error("cannot set up TLS: {0}")]
    Tls(String),
}

/// A connection: a way in, and a way out. Dropping it ends what it started; [`Connection::close`] waits for that.
pub struct Connection {
    /// Which transport this is.
    pub kind: TransportKind,
    outgoing: mpsc::UnboundedSender<Outgoing>,
    incoming: mpsc::Receiver<Arrival>,
}

impl Connection {
    /// Puts a connection together from the two ends that a transport's tasks hold. The transport's task ends (children
    /// reaped, sockets closed) when `outgoing` is closed, and drops its sender of arrivals as the last thing it does.
    pub(crate) fn new(
        kind: TransportKind,
        outgoing: mpsc::UnboundedSender<Outgoing>,
        incoming: mpsc::Receiver<Arrival>,
    ) -> Self {
        Self { kind, outgoing, incoming }
    }

    /// Sends; what becomes of it arrives later. Sending on a broken connection is no error: its end has arrived, or will.
    pub fn send(&self, outgoing: Outgoing) {
        // The only failure is that the transport's task has ended, which it has told by closing `incoming`.
        let _ = self.outgoing.send(outgoing);
    }

    /// The next thing that arrives; `None` once nothing can arrive any more. Cancel-safe.
    pub async fn receive(&mut self) -> Option<Arrival> {
        self.incoming.recv().await
    }

    /// What has arrived already, without waiting.
    pub fn receive_now(&mut self) -> Option<Arrival> {
        self.incoming.try_recv().ok()
    }

    /// Ends the connection: input closed, then, after each grace, SIGTERM and SIGKILL. Returns what still arrived.
    pub async fn close(self) -> Vec<Arrival> {
        let Self { outgoing, mut incoming, .. } = self;
        drop(outgoing);
        let mut rest = Vec::new();
        while let Some(arrival) = incoming.recv().await {
            rest.push(arrival);
        }
        rest
    }
}
