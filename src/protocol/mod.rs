//! What the revisions of MCP say: their names, facts, schemas and obligations. Data and look-ups; speaks to nobody.

mod definitions;
mod dialect;
mod list;
mod profile;
mod requirement;
mod requirement_set;
mod revision;
mod violation;

pub use definitions::Definitions;
pub use dialect::{dialect, validator};
pub use list::{LISTS, List};
pub use profile::{Batch, Method, Profile};
pub use requirement::{Basis, Observable, Prose, Requirement, Who};
pub use requirement_set::{RequirementSet, SetEntry};
pub use revision::{Era, Revision, UnknownRevision};
pub use violation::Violation;
