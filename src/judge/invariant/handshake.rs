//! Holds what a server begins by itself against the handshake: its moment, its revision, and what the client declared.

use serde_json::Value;

use crate::judge::always::evidence;
use crate::judge::compare::{Miss, shown};
use crate::judge::context::{Context, Judged, fold};
use crate::judge::traffic::{Heard, Traffic};
use crate::protocol::{Profile, Revision};
use crate::scenario::Scenario;
use crate::wire::Kind;

const FIRST: &str = "lifecycle.initialize.first";
const EARLY: &str = "lifecycle.initialized.no-early-requests";
/// One obligation, whose level was raised: its id up to 2025-03-26, and from then on.
const REVISION: [&str; 2] = ["lifecycle.operation.respects-version.should", "lifecycle.operation.respects-version"];
const CAPABILITIES: [&str; 2] =
    ["lifecycle.operation.within-capabilities.should", "lifecycle.operation.within-capabilities"];

/// Judges the requests and notifications of a server by the handshake.
pub(super) fn judge(scenario: &Scenario, context: &Context, traffic: &Traffic<'_>) -> Vec<Judged> {
    let strict = usize::from(context.revision >= Revision::V2025_06_18);
    let (revision, capabilities) = (REVISION[strict], CAPABILITIES[strict]);
    let mut judged = Vec::new();
    if !traffic.heard.is_empty() {
        judged.extend([FIRST, EARLY, revision, capabilities].map(Judged::pass));
    }
    for heard in &traffic.heard {
        let Some(method) = heard.message.method() else { continue };
        let mut fail = |requirement: &str, expected: String| {
            let miss = Miss { expected, actual: shown(heard.message.value()) };
            judged.push(Judged::fail(requirement, evidence(scenario, 1, miss, heard, traffic)));
        };
        if heard.kind == Kind::Request && method != "ping" {
            match moment(traffic, heard) {
                Moment::Nothing => fail(FIRST, "no request before initialize".to_owned()),
                Moment::Handshake => fail(EARLY, "no request but ping before notifications/initialized".to_owned()),
                Moment::Operation => {}
            }
            if let Some(capability) = undeclared(context.revision, method, heard, traffic) {
                fail(capabilities, format!("no {method} to a client that did not declare {capability}"));
            }
        }
        if let Some(other) = foreign(context.revision, heard.kind, method) {
            fail(revision, format!("no {method}, which {} does not have (it is of {other})", context.revision));
        }
    }
    fold(judged)
}

/// How far the handshake was when something was heard.
enum Moment {
    /// `initialize` was not sent yet.
    Nothing,
    /// `notifications/initialized` was not sent yet.
    Handshake,
    Operation,
}

fn moment(traffic: &Traffic<'_>, heard: &Heard<'_>) -> Moment {
    let said = |method: &str| {
        let mut sent = traffic.transcript.from_client().filter(|(entry, _)| entry.index < heard.entry.index);
        sent.any(|(_, message)| message.method() == Some(method))
    };
    if !said("initialize") {
        Moment::Nothing
    } else if said("notifications/initialized") {
        Moment::Operation
    } else {
        Moment::Handshake
    }
}

/// The client capability behind a request of the server's, if the client did not declare it. Sampling and elicitation have
/// requirements of their own.
fn undeclared(revision: Revision, method: &str, heard: &Heard<'_>, traffic: &Traffic<'_>) -> Option<&'static str> {
    if method.starts_with("sampling/") || method.starts_with("elicitation/") {
        return None;
    }
    let capability = Profile::of(revision).server_requests.get(method)?.client_capability.as_deref()?;
    let opening = traffic
        .asked
        .iter()
        .rev()
        .find(|asked| asked.index < heard.entry.index && asked.message.method() == Some("initialize"))?;
    let declared = opening.message.params()?.get("capabilities")?;
    let has = capability.split('.').try_fold(declared, |value, key| value.get(key)).is_some_and(Value::is_object);
    (!has).then_some(capability)
}

/// Another revision that has this method, where this one has not. Methods that no revision has are somebody's own.
fn foreign(revision: Revision, kind: Kind, method: &str) -> Option<Revision> {
    let knows = |revision: &Revision| {
        let profile = Profile::of(*revision);
        match kind {
            Kind::Request => profile.server_requests.contains_key(method),
            _ => profile.server_notifications.contains_key(method),
        }
    };
    if knows(&revision) { None } else { Revision::ALL.into_iter().find(knows) }
}
