//! Makes inputs for a target: bytes in, messages out. The same bytes and the same world give the same input, whoever draws
//! the bytes; every function ends on all bytes, and what it makes is bounded. Sends nothing, judges nothing.

pub mod arguments;
mod choice;
mod draw;
mod fault;
mod generate;
mod input;
mod message;
mod neighbours;
mod number;
mod place;
mod seeds;
mod text;
mod world;

pub use arbitrary::Unstructured;
pub use generate::{cross, fresh, mutate};
pub use input::{Form, Input, Piece};
pub use neighbours::neighbours;
pub use seeds::seeds;
pub use world::{Mined, World};
