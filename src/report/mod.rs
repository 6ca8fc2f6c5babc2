//! Turns events into pages, files and terminal output. Stands on verdicts and events alone.

mod certificate;
mod codequality;
mod collected;
mod events;
mod fold;
mod html;
mod json;
mod junit;
mod markdown;
mod reporter;
mod sarif;
mod snapshot;
mod terminal;
mod text;

pub use certificate::{
    Artifact, Basis, Draft, Grade, KeyError, Outcome, Outcomes, PublicKey, SigningKey, Verified, outcomes, sha256,
    statement, verify,
};
pub use collected::{Collected, RunReport, TargetReport};
pub use events::{EventFile, ReadError, merge, read_events};
pub use reporter::{Format, Output, Reporter, UnknownFormat};
pub use snapshot::{Change, Class, Snapshot, changes, difference, normal};
pub use terminal::{Detail, Look, Terminal};
