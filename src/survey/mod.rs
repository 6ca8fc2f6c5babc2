//! Learns what an unknown server offers, and with which arguments its tools answer. Never judges.

mod arguments;
mod facts;
mod lists;
mod offer;
mod tasks;

pub use arguments::generate;
pub use facts::{CallPolicy, Calls, Survey, survey};
pub use offer::offer;
