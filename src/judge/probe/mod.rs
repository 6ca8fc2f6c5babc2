//! Probes: checks that drive a session in Rust, because time, sockets or several connections matter.
//!
//! One file each; a line in [`PROBES`] makes it known to `probe: <name>`.

mod opens;

use std::future::Future;
use std::pin::Pin;

use super::context::{Context, Judged};
use crate::scenario::{Body, Scenario};
use crate::session::Session;

/// What a probe works with.
pub struct Setting<'a> {
    /// A session as the scenario's `session:` asks for.
    pub session: &'a mut Session,
    /// The scenario that announces the probe.
    pub scenario: &'a Scenario,
    /// The target and the run.
    pub context: &'a Context,
    /// Transcripts of sessions that the probe opened beside `session`; watchers judge them too.
    pub transcripts: &'a mut Vec<crate::session::Transcript>,
}

impl Setting<'_> {
    /// The requirements that the scenario announces.
    pub fn proves(&self) -> &[String] {
        match &self.scenario.body {
            Body::Probe { proves, .. } => proves,
            _ => &[],
        }
    }
}

/// A probe: drives, and says what became of each requirement that it proves.
pub(super) type Probe = for<'a> fn(Setting<'a>) -> Pin<Box<dyn Future<Output = Vec<Judged>> + 'a>>;

/// Every probe by name.
pub const PROBES: &[(&str, Probe)] = &[("opens", opens::run)];

/// The probe of a name.
pub fn probe(name: &str) -> Option<Probe> {
    PROBES.iter().find(|(known, _)| *known == name).map(|(_, probe)| *probe)
}
