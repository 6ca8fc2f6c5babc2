//! One conversation with a target and its transcript. Drives and records; judges nothing.

mod transcript;

pub use transcript::{Entry, Transcript, What};
