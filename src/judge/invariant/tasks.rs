//! Follows every task of a conversation in 2025-11-25: its name, its times, and its way from one status to the next.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::judge::always::evidence;
use crate::judge::compare::{Miss, shown};
use crate::judge::context::{Context, Judged, fold};
use crate::judge::traffic::{Heard, Traffic};
use crate::scenario::Scenario;
use crate::wire::Kind;

const UNIQUE: &str = "tasks.id.unique";
const ENTROPY: &str = "tasks.security.id-entropy";
const CREATED: &str = "tasks.timestamps.created-at";
const UPDATED: &str = "tasks.timestamps.last-updated-at";
const MOVES: &str = "tasks.status.transitions";
const FINAL: &str = "tasks.status.terminal-final";
const OUTCOME: &str = "tasks.result.terminal";

const STATUSES: [&str; 5] = ["working", "input_required", "completed", "failed", "cancelled"];

/// The fewest characters in which 64 random bits can be written with the letters and digits that ids are made of.
const SHORTEST: usize = 11;
/// In so many places at least do two random ids of the same length differ, or by far the most.
const DIFFERENT: usize = 5;

/// Judges all tasks seen (specification: basic/utilities/tasks of 2025-11-25).
pub(super) fn judge(scenario: &Scenario, _: &Context, traffic: &Traffic<'_>) -> Vec<Judged> {
    let mut seen: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    let mut created: Vec<&str> = Vec::new();
    let mut judged = Vec::new();
    for heard in &traffic.heard {
        let fail = |requirement: &str, expected: &str, actual: String| {
            let miss = Miss { expected: expected.to_owned(), actual };
            Judged::fail(requirement, evidence(scenario, 1, miss, heard, traffic))
        };
        judged.extend(outcome(heard, &seen).map(|(requirement, fault)| match fault {
            None => Judged::pass(requirement),
            Some((expected, actual)) => fail(requirement, expected, actual),
        }));
        let is_new = heard.method() == Some("tools/call");
        for task in tasks(heard) {
            judged.push(match time(task, "createdAt") {
                Ok(_) => Judged::pass(CREATED),
                Err(actual) => fail(CREATED, "an ISO 8601 time", actual),
            });
            judged.push(match time(task, "lastUpdatedAt") {
                Ok(_) => Judged::pass(UPDATED),
                Err(actual) => fail(UPDATED, "an ISO 8601 time", actual),
            });
            let Some(id) = task["taskId"].as_str().filter(|id| !id.is_empty()) else { continue };
            if is_new {
                judged.extend(name(id, &created).into_iter().map(|(requirement, fault)| match fault {
                    None => Judged::pass(requirement),
                    Some((expected, actual)) => fail(requirement, expected, actual),
                }));
                created.push(id);
                seen.insert(id, vec![task]);
                continue;
            }
            // A notification may overtake the answer to a request, or be overtaken.
            if heard.kind == Kind::Notification {
                continue;
            }
            let earlier = seen.entry(id).or_default();
            if let Some(before) = earlier.last() {
                judged.extend(change(before, task).into_iter().map(|(requirement, fault)| match fault {
                    None => Judged::pass(requirement),
                    Some((expected, actual)) => fail(requirement, expected, actual),
                }));
            }
            earlier.push(task);
        }
    }
    fold(judged)
}

/// A requirement, and, where it does not hold, what it wants and what there was.
type Finding = (&'static str, Option<(&'static str, String)>);

/// The tasks that a message tells of.
fn tasks<'a>(heard: &'a Heard<'_>) -> Vec<&'a Value> {
    let method = heard.method().unwrap_or_default();
    match (heard.result(), method) {
        (Some(result), "tools/call") => result.get("task").into_iter().collect(),
        (Some(result), "tasks/get" | "tasks/cancel") => vec![result],
        (Some(result), "tasks/list") => result["tasks"].as_array().into_iter().flatten().collect(),
        (None, "notifications/tasks/status") => heard.message.params().into_iter().collect(),
        _ => Vec::new(),
    }
}

/// What is wrong with the answer to `tasks/result` for a task that is known to be completed; one that failed may have an error
/// for its outcome, and one that is not known any more (-32602) has none.
fn outcome(heard: &Heard<'_>, seen: &BTreeMap<&str, Vec<&Value>>) -> Option<Finding> {
    let asked = heard.request.as_ref().filter(|_| heard.method() == Some("tasks/result"))?;
    let id = asked.message.params()?.get("taskId")?.as_str()?;
    seen.get(id)?.last().filter(|task| task["status"] == "completed")?;
    let error = heard.error().filter(|error| error["code"] != -32602);
    Some((OUTCOME, error.map(|error| ("what the call came to, since the task is completed", shown(error)))))
}

/// Compares the name of a new task with the names of those before it.
fn name(id: &str, earlier: &[&str]) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !earlier.is_empty() {
        let again = earlier.contains(&id);
        findings.push((UNIQUE, again.then(|| ("an id that no other task has", shown(&id.into())))));
    }
    let alike =
        earlier.iter().find(|other| **other != id && other.len() == id.len() && differences(id, other) < DIFFERENT);
    if id.len() < SHORTEST {
        findings.push((ENTROPY, Some(("an id that nobody can guess", format!("only {} characters: {id}", id.len())))));
    } else if let Some(other) = alike {
        findings.push((ENTROPY, Some(("ids that nobody can guess", format!("{id} after {other}")))));
    } else if !earlier.is_empty() {
        findings.push((ENTROPY, None));
    }
    findings
}

fn differences(a: &str, b: &str) -> usize {
    a.bytes().zip(b.bytes()).filter(|(a, b)| a != b).count()
}

/// Compares a task with what it was before. What a cancelled task becomes is the business of `tasks/cancel`.
fn change(before: &Value, now: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let (Ok(before), Ok(now)) = (time(before, "createdAt"), time(now, "createdAt")) {
        findings.push((
            CREATED,
            (before != now).then(|| ("the time that was told before", format!("{now}, after {before}"))),
        ));
    }
    // Times may be told in several zones and precisions; as texts of one length in UTC they compare as they are.
    if let (Ok(before), Ok(now)) = (time(before, "lastUpdatedAt"), time(now, "lastUpdatedAt")) {
        let comparable = before.len() == now.len() && before.ends_with('Z') && now.ends_with('Z');
        let back = comparable && now < before;
        findings.push((UPDATED, back.then(|| ("a time that does not go back", format!("{now}, after {before}")))));
    }
    let status = |task: &Value| task["status"].as_str().map(str::to_owned);
    let (Some(old), Some(new)) = (status(before), status(now)) else { return findings };
    let told = || format!("{new}, after {old}");
    let ended = ["completed", "failed"].contains(&old.as_str());
    let running = ["working", "input_required"].contains(&new.as_str());
    if !STATUSES.contains(&new.as_str()) || ended && running {
        findings.push((MOVES, Some(("a status that can follow", told()))));
    } else {
        findings.push((MOVES, None));
        if ended {
            findings.push((FINAL, (new != old).then(|| ("the status in which it ended", told()))));
        }
    }
    findings
}

/// A time as RFC 3339 has it; otherwise what is there instead.
fn time<'a>(task: &'a Value, member: &str) -> Result<&'a str, String> {
    let Some(value) = task.get(member) else { return Err(format!("no {member}")) };
    let text = value.as_str().filter(|text| is_time(text));
    text.ok_or_else(|| format!("{member} {}", shown(value)))
}

/// Whether a text is a date and time of RFC 3339: `2025-11-25T10:30:00Z`, with a fraction or another offset if wanted.
fn is_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    let Some((start, rest)) = bytes.split_at_checked(19) else { return false };
    let shape = b"dddd-dd-ddTdd:dd:dd";
    let fits = |(byte, wanted): (&u8, &u8)| match wanted {
        b'd' => byte.is_ascii_digit(),
        b'T' => matches!(byte, b'T' | b't' | b' '),
        other => byte == other,
    };
    let rest = match rest.strip_prefix(b".") {
        None => rest,
        Some(fraction) => {
            let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits == 0 {
                return false;
            }
            &fraction[digits..]
        }
    };
    let offset = match rest {
        [b'Z' | b'z'] => true,
        [b'+' | b'-', a, b, b':', c, d] => [a, b, c, d].into_iter().all(u8::is_ascii_digit),
        _ => false,
    };
    start.iter().zip(shape).all(fits) && offset
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_rfc_3339() {
        for text in ["2025-11-25T10:30:00Z", "2025-11-25T10:30:00.123456+02:00", "2025-11-25t10:30:00z"] {
            assert!(is_time(text), "{text}");
        }
        for text in [
            "",
            "1763690000",
            "2025-11-25",
            "2025-11-25T10:30:00",
            "2025-11-25T10:30:00.Z",
            "yesterday at noon, more or less",
        ] {
            assert!(!is_time(text), "{text}");
        }
    }

    #[test]
    fn ids_that_follow_each_other_can_be_guessed() {
        let fault = |id: &str, earlier: &[&str]| {
            name(id, earlier).into_iter().any(|(r, fault)| r == ENTROPY && fault.is_some())
        };
        assert!(fault("task-1", &[]));
        assert!(fault("task-00000000000002", &["task-00000000000001"]));
        let random = ["786512e2-9e0d-44bd-8f29-789f320fe840", "0b9c1f0e-6d0c-4f0b-9a57-2d5f7c1e8a44"];
        assert!(!fault(random[0], &[random[1]]));
        // A time comes first here, and after it as much chance as in any other.
        assert!(!fault("01ARZ3NDEKTSV4RRFFQ69G5FAV", &["01ARZ3NDEKKC5J7Q2M8X0W1YPB"]));
    }
}
