//! What the revisions of MCP say: their names, facts, schemas and obligations. Data and look-ups; speaks to nobody.

mod requirement;
mod revision;

pub use requirement::{Basis, Observable, Probe, Requirement, Who};
pub use revision::{Era, Revision, UnknownRevision};
