//! Carries bytes to a target and back, and says what happened to them. Knows frames and HTTP, nothing of MCP.

mod host;
mod http;
mod last_words;
mod memory;
mod open;
mod stderr;
mod stdio;
mod target;

pub use host::{AllowedHost, HostError, host_and_port};
pub use http::{encode, endpoint_path, path_and_query};
pub use last_words::{is_panic, telling_line};
pub use target::{
    Arrival, CANNOT_CONNECT, CommandTarget, Connection, ExchangeId, Exit, ExitAfter, HttpRequest, Incoming, Limits,
    Outgoing, Peer, Target, TransportError, UrlTarget,
};
