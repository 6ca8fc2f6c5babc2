//! Looks for what a client can provoke in a server: inputs, what they bring about, findings.

pub mod coverage;
