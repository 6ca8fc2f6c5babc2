//! Carries bytes to a target and back, and says what happened to them. Knows frames and HTTP, nothing of MCP.

mod http;
mod target;

pub use http::{endpoint_path, open as open_http};
pub use target::{
    Arrival, CommandTarget, Connection, ExchangeId, Exit, ExitAfter, HttpRequest, Incoming, Limits, Outgoing, Peer,
    Target, TransportError, UrlTarget,
};
