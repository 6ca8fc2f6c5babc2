//! Learns what an unknown server offers, and with which arguments its tools answer. Never judges.

mod facts;
mod lists;
mod offer;
mod tasks;

pub use facts::{CallPolicy, Called, Calls, call_tools, survey};
pub use offer::offer;
