//! One conversation with a target and its transcript. Drives and records; judges nothing.

mod conversation;
mod headers;
mod opening;
mod record;
mod stranger;
mod transcript;

pub use conversation::{Awaited, Edits, Sent, Session, alive_method};
pub use opening::{Opened, Opening, connect, open};
pub use record::record;
pub use stranger::{Reply, Stranger};
pub use transcript::{Entry, Transcript, What};
