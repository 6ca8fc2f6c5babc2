//! Judges every message of a transcript by the watches of `always:` scenarios. Reads traffic, returns verdicts.

use serde_json::Value;

use super::compare::{Miss, unsatisfied};
use super::context::{Judged, fold};
use super::excerpt::excerpt;
use super::traffic::{Heard, Traffic};
use crate::outcome::Evidence;
use crate::protocol::{Definitions, Era, Profile, Revision};
use crate::scenario::{Scenario, Watch, When};
use crate::wire::Kind;
use crate::wire::pattern::matches;

/// Judges one transcript by the watches of a scenario: for each requirement a failure with its first witness, a pass if
/// something was there to judge, else skipped.
pub fn watch(scenario: &Scenario, watches: &[Watch], revision: Revision, traffic: &Traffic<'_>) -> Vec<Judged> {
    fold(watches.iter().map(|watch| judge(scenario, watch, revision, traffic)).collect())
}

/// The failures among these verdicts.
pub fn broken(scenario: &Scenario, watches: &[Watch], revision: Revision, traffic: &Traffic<'_>) -> Vec<Judged> {
    let broken = watches.iter().filter_map(|watch| match look(scenario, watch, revision, traffic) {
        Seen::Wrong(evidence) => Some(Judged::fail(&watch.proves, evidence)),
        Seen::Right | Seen::Nothing => None,
    });
    fold(broken.collect())
}

/// What a watch has seen.
enum Seen {
    Nothing,
    Right,
    Wrong(Evidence),
}

fn judge(scenario: &Scenario, watch: &Watch, revision: Revision, traffic: &Traffic<'_>) -> Judged {
    match look(scenario, watch, revision, traffic) {
        Seen::Nothing => Judged::skipped(&watch.proves, nothing_seen(&watch.when)),
        Seen::Right => Judged::pass(&watch.proves),
        Seen::Wrong(evidence) => Judged::fail(&watch.proves, evidence),
    }
}

fn look(scenario: &Scenario, watch: &Watch, revision: Revision, traffic: &Traffic<'_>) -> Seen {
    let mut seen = Seen::Nothing;
    for heard in &traffic.heard {
        let Some(subject) = subject(watch, heard) else { continue };
        let definition = definition(watch, heard, revision);
        if definition.is_none() && watch.definition.is_some() {
            continue;
        }
        for (pointer, value) in places(subject, &watch.at) {
            seen = Seen::Right;
            if let Some(miss) = fault(watch, definition, revision, value) {
                let miss = located(miss, &pointer);
                return Seen::Wrong(evidence(scenario, watch.line, miss, heard, traffic));
            }
        }
    }
    seen
}

/// Evidence for a message: the request that it answers, itself, and the scenario that ran.
pub(super) fn evidence(
    scenario: &Scenario,
    line: usize,
    miss: Miss,
    heard: &Heard<'_>,
    traffic: &Traffic<'_>,
) -> Evidence {
    let during = heard.during.map(|name| format!(", seen in {name}")).unwrap_or_default();
    let mut lines = match &heard.request {
        Some(asked) => excerpt(traffic.transcript, asked.index, asked.index),
        None => Vec::new(),
    };
    lines.extend(excerpt(traffic.transcript, heard.entry.index, heard.entry.index));
    Evidence {
        expected: miss.expected,
        actual: miss.actual,
        asked_at: format!("{}:{line}{during}", scenario.file.display()),
        excerpt: lines,
        witnesses: Vec::new(),
    }
}

/// What a watch is about in a message, if it is about it at all.
fn subject<'a>(watch: &Watch, heard: &'a Heard<'_>) -> Option<&'a Value> {
    let (subject, method) = match &watch.when {
        When::Message => (Some(heard.message.value()), &None),
        When::Response(method) => (Some(heard.message.value()).filter(|_| heard.kind == Kind::Response), method),
        // A request that was sent to be wrong should have no result: what is in one that it gets is beside the point.
        When::Result(method) => {
            (heard.result().filter(|_| !heard.request.as_ref().is_some_and(|r| r.deliberate)), method)
        }
        When::Error(method) => (heard.error().map(|_| heard.message.value()), method),
        When::Notification(method) => {
            (Some(heard.message.value()).filter(|_| heard.kind == Kind::Notification), method)
        }
        When::Request(method) => (Some(heard.message.value()).filter(|_| heard.kind == Kind::Request), method),
    };
    let about = method.as_deref().is_none_or(|method| heard.method() == Some(method));
    let subject = subject.filter(|_| about)?;
    watch.matching.as_ref().is_none_or(|pattern| matches(pattern, heard.message.value())).then_some(subject)
}

/// The definition that a message is held to; none where the watch names one, but is not about this message after all.
fn definition<'a>(watch: &'a Watch, heard: &Heard<'_>, revision: Revision) -> Option<&'a str> {
    let name = watch.definition.as_deref()?;
    let assigned = match &watch.when {
        When::Error(_) => Some(Profile::of(revision).error_response.as_str()),
        _ => definition_of(heard, revision),
    };
    // That a result is an object at all is for JSON-RPC to say.
    if heard.result().is_some_and(|result| !result.is_object()) || is_of_unknown_kind(heard, revision) {
        return None;
    }
    if name == "auto" {
        return assigned;
    }
    let profile = Profile::of(revision);
    let method = heard.method().and_then(|method| profile.requests.get(method));
    let is_other_kind = heard.result().is_some()
        && assigned != Some(name)
        && method.is_some_and(|method| method.result == name || method.task_result.as_deref() == Some(name));
    (!is_other_kind && Definitions::of(revision).contains(name)).then_some(name)
}

/// A result that says it is of another kind than any that the revision gives to its method: only that can be judged of it.
fn is_of_unknown_kind(heard: &Heard<'_>, revision: Revision) -> bool {
    let Some(result) = heard.result().filter(|_| revision.era() == Era::Stateless) else { return false };
    let said = result.get("resultType").and_then(Value::as_str).filter(|said| *said != "complete");
    let profile = Profile::of(revision);
    let usual = heard.method().and_then(|method| Some(profile.requests.get(method)?.result.as_str()));
    said.is_some() && heard.method().and_then(|method| profile.result_definition(method, result)) == usual
}

fn fault(watch: &Watch, definition: Option<&str>, revision: Revision, value: &Value) -> Option<Miss> {
    let violations = definition.map(|name| (name, Definitions::of(revision).violations(name, value)));
    for (name, violation) in violations.into_iter().flat_map(|(name, all)| all.into_iter().map(move |one| (name, one)))
    {
        if watch.except.iter().any(|part| violation.is_within(part)) {
            continue;
        }
        let place = if violation.pointer.is_empty() { "the whole" } else { &violation.pointer };
        return Some(Miss {
            expected: format!("{name} of {revision}"),
            actual: format!("{place}: {}", violation.message),
        });
    }
    let schema = watch.schema.as_ref()?;
    let miss = unsatisfied("value", value, &schema.value, schema.validator())?;
    Some(Miss { expected: watch.wants.clone().unwrap_or(miss.expected), ..miss })
}

/// The definition that the profile gives for a message; `None` where the revision knows no such method.
fn definition_of(heard: &Heard<'_>, revision: Revision) -> Option<&'static str> {
    let profile = Profile::of(revision);
    let method = heard.method();
    match heard.kind {
        Kind::Response => match heard.result() {
            Some(result) => profile.result_definition(method?, result),
            None => Some(profile.error_response.as_str()),
        },
        Kind::Notification => profile.server_notification_definition(method?),
        Kind::Request => profile.server_request_definition(method?),
        Kind::Batch | Kind::Other => None,
    }
}

fn located(miss: Miss, pointer: &str) -> Miss {
    if pointer.is_empty() {
        miss
    } else {
        Miss { expected: miss.expected, actual: format!("at {pointer}: {}", miss.actual) }
    }
}

/// The values that a pointer with `*` names, each with its own pointer.
fn places<'a>(value: &'a Value, at: &str) -> Vec<(String, &'a Value)> {
    let mut found = vec![(String::new(), value)];
    for key in at.split('/').skip(1) {
        found = found.into_iter().flat_map(|(pointer, value)| children(&pointer, value, key)).collect();
    }
    found
}

fn children<'a>(pointer: &str, value: &'a Value, key: &str) -> Vec<(String, &'a Value)> {
    match (value, key) {
        (Value::Array(items), "*") => items.iter().enumerate().map(|(i, v)| (format!("{pointer}/{i}"), v)).collect(),
        (Value::Object(members), "*") => members.iter().map(|(k, v)| (format!("{pointer}/{k}"), v)).collect(),
        _ => {
            let child = value.pointer(&format!("/{key}"));
            child.map(|child| (format!("{pointer}/{key}"), child)).into_iter().collect()
        }
    }
}

fn nothing_seen(when: &When) -> String {
    let (noun, method) = match when {
        When::Message => ("message", &None),
        When::Response(method) => ("response", method),
        When::Result(method) => ("result", method),
        When::Error(method) => ("error", method),
        When::Notification(method) => ("notification", method),
        When::Request(method) => ("request of the server's", method),
    };
    match method {
        Some(method) => format!("no {noun} for {method} with such a member was seen"),
        None => format!("no such {noun} was seen"),
    }
}
