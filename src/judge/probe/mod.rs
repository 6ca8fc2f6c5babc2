//! Probes: checks that drive a session in Rust, because time, sockets or several connections matter.
//!
//! One file each; a line in [`PROBES`] makes it known to `probe: <name>`.

mod adversarial;
mod auth;
mod auth_challenge;
mod auth_metadata;
mod auth_scheme;
mod auth_server;
mod auth_token;
mod batch;
mod bound;
mod completions;
mod framing;
mod garbage;
mod http;
mod input_framing;
mod listed;
mod lists;
mod log_levels;
pub(super) mod negotiation;
mod opens;
mod order;
mod public_results;
mod resume;
mod session_end;
mod session_ids;
mod statelessness;
mod stream_end;
mod streams;
mod subscriptions;
mod task_cleanup;
mod task_list;
mod teardown;
mod validation;

pub use auth_scheme::follows_specification;

use std::future::Future;
use std::pin::Pin;

use serde_json::Value;

use super::compare::shown;
use super::context::{Context, Judged};
use super::excerpt::excerpt;
use crate::outcome::Evidence;
use crate::scenario::{Body, Scenario};
use crate::session::{Awaited, Sent, Session};

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

impl<'a> Setting<'a> {
    /// The requirements that the scenario announces.
    pub fn proves(&self) -> &'a [String] {
        match &self.scenario.body {
            Body::Probe { proves, .. } => proves,
            _ => &[],
        }
    }

    /// Sends a request and waits for its answer.
    pub(super) async fn ask(&mut self, method: &str, params: Value) -> (Sent, Awaited) {
        let sent = self.session.request(method, Some(params));
        let answer = self.session.answer(&sent, self.context.timeout).await;
        (sent, answer)
    }

    /// The verdict that a requirement does not hold, with all that was said since the entry `from`.
    pub(super) fn fail(&self, requirement: &str, from: usize, expected: &str, actual: String) -> Judged {
        let transcript = self.session.transcript();
        let evidence = Evidence {
            expected: expected.to_owned(),
            actual,
            asked_at: self.scenario.file.display().to_string(),
            excerpt: excerpt(transcript, from, transcript.entries().len()),
            witnesses: Vec::new(),
        };
        Judged::fail(requirement, evidence)
    }
}

/// What waiting came to, as one line of evidence.
pub(super) fn came(awaited: &Awaited) -> String {
    match awaited {
        Awaited::Message(_, message) => shown(message.value()),
        Awaited::Ended(reason) => format!("no answer: {reason}"),
        Awaited::TimedOut(within) => format!("no answer within {} s", within.as_secs_f32()),
    }
}

/// A probe: drives, and says what became of each requirement that it proves.
pub(super) type Probe = for<'a> fn(Setting<'a>) -> Pin<Box<dyn Future<Output = Vec<Judged>> + 'a>>;

/// Every probe by name.
pub const PROBES: &[(&str, Probe)] = &[
    ("adversarial", adversarial::run),
    ("auth-challenge", auth_challenge::run),
    ("auth-metadata", auth_metadata::run),
    ("auth-scheme", auth_scheme::run),
    ("auth-server", auth_server::run),
    ("auth-token", auth_token::run),
    ("batch", batch::run),
    ("bound", bound::run),
    ("completions", completions::run),
    ("framing", framing::run),
    ("garbage", garbage::run),
    ("input-framing", input_framing::run),
    ("listed", listed::run),
    ("lists", lists::run),
    ("log-levels", log_levels::run),
    ("negotiation", negotiation::run),
    ("opens", opens::run),
    ("order", order::run),
    ("public-results", public_results::run),
    ("resume", resume::run),
    ("session-end", session_end::run),
    ("session-ids", session_ids::run),
    ("statelessness", statelessness::run),
    ("stream-end", stream_end::run),
    ("streams", streams::run),
    ("subscriptions", subscriptions::run),
    ("task-cleanup", task_cleanup::run),
    ("task-list", task_list::run),
    ("teardown", teardown::run),
    ("validation", validation::run),
];

/// Probes that ask for no tool, whatever the target offers.
const WITHOUT_TOOLS: &[&str] = &[
    "auth-challenge",
    "auth-metadata",
    "auth-scheme",
    "auth-server",
    "batch",
    "garbage",
    "public-results",
    "session-end",
];

/// The probe of a name.
pub fn probe(name: &str) -> Option<Probe> {
    PROBES.iter().find(|(known, _)| *known == name).map(|(_, probe)| *probe)
}

/// Whether a probe may have to know which tools answer.
pub fn probe_uses_tools(name: &str) -> bool {
    !WITHOUT_TOOLS.contains(&name)
}
