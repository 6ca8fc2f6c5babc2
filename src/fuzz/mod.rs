//! Looks for what a client can provoke in a server: inputs, what they bring about, findings.

mod assess;
mod cause;
mod chance;
mod conversation;
mod corpus;
mod court;
pub mod coverage;
mod digest;
mod endpoint;
mod feedback;
mod finding;
mod glance;
mod ground;
mod inquest;
mod internals;
mod launch;
#[cfg(feature = "libfuzzer")]
mod libfuzzer;
mod link;
mod minimize;
mod oracle;
mod plan;
mod process;
mod resources;
mod sandbox;
mod script;
mod sessions;
mod socket;
mod supervisor;
mod text;
mod tidings;
mod worker;

pub use finding::{Finding, findings};
pub use launch::{LAUNCH, WORKER, launch};
pub use oracle::{Oracle, Suspicion, UnknownOracle};
pub use plan::{Offer, Place, WorkPlan};
pub use sandbox::Cell;
pub use supervisor::{LIBFUZZER, Replayed, Supervisor, replay, work};
pub use tidings::{Progress, Report};
