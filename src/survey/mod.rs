//! Learns what an unknown server offers, and with which arguments its tools answer. Never judges.

mod arguments;
mod facts;

pub use arguments::generate;
pub use facts::{CallPolicy, Survey, survey};
