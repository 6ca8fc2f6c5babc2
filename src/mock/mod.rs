//! The built-in server: correct in every revision over every transport, and broken on demand. Knows nothing of checks.

mod answer;
mod ask;
mod call;
mod clock;
mod completion;
mod handshake;
pub mod http;
mod lines;
mod options;
mod page;
mod placeholders;
mod prompts;
mod quirk;
mod requests;
mod resources;
mod rules;
mod seal;
mod server;
mod stateless;
mod tasks;
mod tools;
mod world;

#[cfg(test)]
mod tests;

pub use lines::Lines;
pub use options::{Features, Options};
pub use quirk::{Quirk, UnknownQuirk};
pub use rules::{Effect, Effects, Requested, Rules};
pub use server::{Mock, Output};
