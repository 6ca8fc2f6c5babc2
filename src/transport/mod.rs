//! Carries bytes to a target and back, and says what happened to them. Knows frames and HTTP, nothing of MCP.

mod target;

pub use target::{
    Arrival, CommandTarget, Connection, ExchangeId, Exit, ExitAfter, HttpRequest, Incoming, Limits, Outgoing, Peer,
    Target, TransportError, UrlTarget,
};
