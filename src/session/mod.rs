//! One conversation with a target and its transcript. Drives and records; judges nothing.

mod calls;
mod conversation;
pub mod headers;
mod opening;
mod polling;
mod record;
mod send;
mod stranger;
mod transcript;
mod wait;

pub use calls::CallBudget;
pub use conversation::Session;
pub use opening::{Opened, Opening, connect, open};
pub use record::record;
pub use send::{Edits, Sent, client_info};
pub use stranger::{Reply, Stranger};
pub use transcript::{Entry, Transcript, What};
pub use wait::{Awaited, alive_method};
