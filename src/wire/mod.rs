//! Bytes and messages as they travel: JSON-RPC, lines, server-sent events. Knows nothing of MCP.

mod message;
pub mod pattern;
mod transport_kind;

pub use message::{Kind, Message, NotAMessage, same_id};
pub use transport_kind::TransportKind;
