//! Certificates: what was seen of a server, as a signed in-toto statement with all that it rests on. Runs no checks.

mod envelope;
mod folder;
mod key;
mod outcome;
mod statement;

pub use folder::{Draft, Verified, verify};
pub use key::{KeyError, PublicKey, SigningKey};
pub use outcome::{Grade, Outcome, Outcomes, outcomes};
pub use statement::{Artifact, Basis, sha256, statement};
