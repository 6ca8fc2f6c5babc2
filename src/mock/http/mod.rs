//! The built-in server over HTTP: Streamable HTTP of both eras on one endpoint, and HTTP+SSE of 2024-11-05 beside it.
//! Loopback only; judges nothing.

mod authorization;
mod body;
mod endpoint;
mod gate;
mod legacy;
mod mirror;
mod reply;
mod server;
mod state;
mod stream;

pub use server::{Server, StartError};

#[cfg(test)]
mod tests;
