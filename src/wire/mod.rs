//! Bytes and messages as they travel: JSON-RPC, lines, server-sent events. Knows nothing of MCP.

mod frame;
pub mod http;
mod json;
mod message;
pub mod pattern;
pub mod sse;
mod transport_kind;

pub use frame::{Bound, Bounds, Frame, Lines};
pub use message::{Kind, Message, NotAMessage, same_id, value_count};
pub use transport_kind::TransportKind;
