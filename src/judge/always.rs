//! Judges every message of a transcript by the watches of `always:` scenarios. Reads traffic, returns verdicts.

use serde_json::Value;

use super::compare::{Miss, compare};
use super::context::{Judged, fold};
use super::excerpt::excerpt;
use super::traffic::{Heard, Traffic};
use crate::outcome::Evidence;
use crate::protocol::{Definitions, Profile, Revision};
use crate::scenario::{Scenario, Watch, When};
use crate::wire::Kind;
use crate::wire::pattern::matches;

/// Judges one transcript by the watches of a scenario: for each requirement a failure with its first witness, a pass if
/// something was there to judge, else skipped.
pub fn watch(scenario: &Scenario, watches: &[Watch], revision: Revision, traffic: &Traffic<'_>) -> Vec<Judged> {
    fold(watches.iter().map(|watch| judge(scenario, watch, revision, traffic)).collect())
}

fn judge(scenario: &Scenario, watch: &Watch, revision: Revision, traffic: &Traffic<'_>) -> Judged {
    let mut seen = false;
    for heard in &traffic.heard {
        if heard.is_of_older_era(revision) {
            continue;
        }
        let Some(subject) = subject(watch, heard) else { continue };
        for (pointer, value) in places(subject, &watch.at) {
            seen = true;
            if let Some(miss) = fault(watch, heard, revision, value) {
                let miss = located(miss, &pointer);
                return Judged::fail(&watch.proves, evidence(scenario, watch.line, miss, heard, traffic));
            }
        }
    }
    if seen { Judged::pass(&watch.proves) } else { Judged::skipped(&watch.proves, nothing_seen(&watch.when)) }
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
        When::Result(method) => (heard.result(), method),
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

fn fault(watch: &Watch, heard: &Heard<'_>, revision: Revision, value: &Value) -> Option<Miss> {
    if let Some(name) = &watch.definition {
        let definition = if name == "auto" { definition_of(heard, revision)? } else { name.clone() };
        if let Some(violation) = Definitions::of(revision).violations(&definition, value).into_iter().next() {
            return Some(Miss {
                expected: format!("{definition} of {revision}"),
                actual: format!(
                    "{}: {}",
                    if violation.pointer.is_empty() { "the whole" } else { &violation.pointer },
                    violation.message
                ),
            });
        }
    }
    // The value matches itself as a pattern, so that only the schema speaks.
    let miss = compare("value", value, value, Some(watch.schema.as_ref()?))?;
    Some(Miss { expected: watch.wants.clone().unwrap_or(miss.expected), ..miss })
}

/// The definition that the profile gives for a message; `None` where the revision knows no such method.
fn definition_of(heard: &Heard<'_>, revision: Revision) -> Option<String> {
    let profile = Profile::of(revision);
    let method = heard.method();
    let name = match heard.kind {
        Kind::Response => match heard.result() {
            Some(result) => profile.result_definition(method?, result),
            None => Some(profile.error_response.as_str()),
        },
        Kind::Notification => profile.server_notification_definition(method?),
        Kind::Request => profile.server_request_definition(method?),
        Kind::Batch | Kind::Other => None,
    };
    name.map(str::to_owned)
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
