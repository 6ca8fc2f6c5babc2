//! Makes inputs for a target: bytes in, messages out. The same bytes and the same world give the same input, whoever draws
//! the bytes; every function ends on all bytes, and what it makes is bounded. Sends nothing, judges nothing.

mod adversary;
pub mod arguments;
mod bytes;
mod choice;
mod damage;
mod draw;
mod fault;
mod fresh;
mod headers;
mod hostile;
mod input;
mod json;
mod matched;
mod message;
mod mutate;
mod neighbours;
mod number;
mod offer;
mod place;
mod policy;
mod seeds;
#[cfg(test)]
mod tests;
mod text;
mod world;

pub use adversary::adversary;
pub use arbitrary::Unstructured;
pub use fresh::fresh;
pub use input::{Form, Input, Piece};
pub use matched::matched;
pub use mutate::{cross, mutate};
pub use neighbours::neighbours;
pub use seeds::seeds;
pub use world::{Mined, World};
