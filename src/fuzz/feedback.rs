//! What the target shows of itself, as numbers: which method was answered how, in which shape, with which words. Two inputs with
//! the same numbers have taught the same. Latency is left out: it is noise.

use std::collections::BTreeSet;
use std::hash::Hash;

use serde_json::Value;

use super::cause::{Refrains, folded};
use super::digest::digest;
use super::link::{End, Observed};
use crate::judge::Traffic;
use crate::protocol::{Profile, Revision};
use crate::session::What;
use crate::smith::World;
use crate::transport::Incoming;
use crate::wire::{Kind, Message, same_id};

/// How many behaviours are told apart.
pub(super) const BEHAVIOURS: u32 = 1 << 16;
/// How many times an edge was taken is told apart by this many classes.
const CLASSES: u32 = 8;
/// All features: behaviours first, then edges of the target.
pub(super) const FEATURES: usize = (BEHAVIOURS + BEHAVIOURS * CLASSES) as usize;

/// Depth and width up to which shapes are told apart.
const DEPTH: usize = 8;
const WIDTH: usize = 64;
/// Bytes of a text of which a template is made.
const TEXT: usize = 300;
/// Values of the input that are masked in texts.
const MASKED: usize = 64;

/// The features of what came of an input.
pub(super) fn features(
    world: &World,
    refrains: &Refrains,
    observed: &Observed,
    traffic: &Traffic<'_>,
) -> BTreeSet<u32> {
    let revision = world.revision;
    let mut found = BTreeSet::new();
    let template = |text: &str| refrains.text(template, text, || observed.script.echo());
    let first = observed.script.asks.first().map_or("none", |ask| known(revision, &ask.method));
    for heard in &traffic.heard {
        let is_fence = heard.message.id().is_some_and(|id| same_id(id, &observed.script.fence.id));
        // How the session was opened teaches nothing about the input.
        if is_fence || heard.request.as_ref().is_some_and(|asked| asked.message.method() == Some("initialize")) {
            continue;
        }
        let method = heard.method().map_or("none", |method| known(revision, method));
        let name = heard.request.as_ref().and_then(|asked| offered_name(world, &asked.message)).map(str::to_owned);
        let subject = (method, name, kind(heard.kind));
        if let Some(error) = heard.error() {
            let words = error["message"].as_str().unwrap_or_default();
            found.insert(behaviour(&(&subject, error["code"].to_string())));
            found.insert(behaviour(&(&subject, error["code"].to_string(), template(words))));
            found.insert(behaviour(&(&subject, shape(error, 0))));
        } else {
            let body = heard.result().or_else(|| heard.message.params()).unwrap_or(&Value::Null);
            found.insert(behaviour(&(&subject, shape(body, 0))));
            paths(body, 0, 0, &mut |path, kind| {
                found.insert(behaviour(&(&subject, path, kind)));
            });
            if body["isError"] == true {
                let texts = body["content"].as_array().into_iter().flatten().filter_map(|block| block["text"].as_str());
                found.extend(texts.map(|text| behaviour(&(&subject, "isError", template(text)))));
            }
        }
    }
    for entry in traffic.transcript.entries() {
        match &entry.what {
            What::Received(Incoming::Stderr(line)) => {
                found.insert(behaviour(&("stderr", template(&String::from_utf8_lossy(line)))));
            }
            What::Received(Incoming::Head { status, .. }) => {
                found.insert(behaviour(&("status", first, status)));
            }
            _ => {}
        }
    }
    let end = match observed.end {
        End::Alive => 0,
        End::Silent => 1,
        End::Over => 2,
    };
    found.insert(behaviour(&("end", first, end, observed.unanswered.len())));
    found
}

/// The features of the edges that were taken.
pub(super) fn edges(counters: &[u8]) -> impl Iterator<Item = u32> {
    let numbered = (0_u32..).zip(counters).filter(|(_, hits)| **hits > 0);
    numbered.map(|(edge, hits)| BEHAVIOURS + edge * CLASSES + class(*hits))
}

/// One to three times each, then by powers of two, as fuzzers do.
fn class(hits: u8) -> u32 {
    match hits {
        0..=3 => u32::from(hits.max(1)) - 1,
        4..=7 => 3,
        8..=15 => 4,
        16..=31 => 5,
        32..=127 => 6,
        128.. => 7,
    }
}

/// The tool or the prompt of the target's that a request is for: of names that it does not know there are too many.
fn offered_name<'a>(world: &World, asked: &'a Message) -> Option<&'a str> {
    let offered = match asked.method()? {
        "tools/call" => &world.tools,
        "prompts/get" => &world.prompts,
        _ => return None,
    };
    let name = asked.params()?.get("name")?.as_str()?;
    offered.iter().any(|thing| thing["name"] == *name).then_some(name)
}

/// A text with what was sent masked, folded, and cut: what is the same in two messages that differ by an echo.
fn template(text: &str, masked: &[String]) -> String {
    let mut text = text[..text.floor_char_boundary(TEXT)].to_owned();
    // Short ones, and words of the protocol, are in texts for other reasons.
    for echo in masked.iter().filter(|echo| echo.len() > 2 && !WORDS.contains(&echo.as_str())) {
        if text.contains(echo.as_str()) {
            text = text.replace(echo.as_str(), "_");
        }
    }
    folded(&text)
}

/// The values of what was sent, as they may come back in a text: longest first.
pub(super) fn masked(sent: &[&Value]) -> Vec<String> {
    let mut found = Vec::new();
    let mut left: Vec<&Value> = sent.to_vec();
    while let Some(value) = left.pop() {
        match value {
            Value::Object(members) => {
                found.extend(members.keys().take(MASKED).cloned());
                left.extend(members.values().take(WIDTH));
            }
            Value::Array(items) => left.extend(items.iter().take(WIDTH)),
            Value::String(text) => {
                found.push(text.clone());
                if text.contains(|c: char| c.is_ascii_control() || "\"\\".contains(c)) {
                    let quoted = value.to_string();
                    found.push(quoted[1..quoted.len() - 1].to_owned());
                }
            }
            _ => {}
        }
        if found.len() > 4 * MASKED {
            break;
        }
    }
    found.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
    found.dedup();
    found.truncate(MASKED);
    found
}

const WORDS: [&str; 11] =
    ["params", "method", "name", "arguments", "jsonrpc", "2.0", "_meta", "uri", "error", "warning", "info"];

/// A method as the revision knows it: of others there are too many.
pub(super) fn known(revision: Revision, method: &str) -> &str {
    let profile = Profile::of(revision);
    let is_known = profile.requests.contains_key(method)
        || profile.client_notifications.contains_key(method)
        || profile.server_notifications.contains_key(method)
        || profile.server_requests.contains_key(method);
    if is_known { method } else { "other" }
}

fn behaviour(of: &impl Hash) -> u32 {
    u32::try_from(digest(of) % u64::from(BEHAVIOURS)).unwrap_or_default()
}

fn kind(kind: Kind) -> u8 {
    match kind {
        Kind::Request => 0,
        Kind::Notification => 1,
        Kind::Response => 2,
        Kind::Batch => 3,
        Kind::Other => 4,
    }
}

fn type_of(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(false) => 1,
        Value::Bool(true) => 2,
        Value::Number(_) => 3,
        Value::String(_) => 4,
        Value::Array(_) => 5,
        Value::Object(_) => 6,
    }
}

/// A number for the shape of a value: its members and their types, in whatever order; the elements of an array as a set.
fn shape(value: &Value, depth: usize) -> u64 {
    let mut parts: Vec<u64> = match value {
        Value::Object(members) if depth < DEPTH => {
            members.iter().take(WIDTH).map(|(key, value)| digest(&(key, shape(value, depth + 1)))).collect()
        }
        Value::Array(items) if depth < DEPTH => items.iter().take(WIDTH).map(|item| shape(item, depth + 1)).collect(),
        _ => Vec::new(),
    };
    parts.sort_unstable();
    parts.dedup();
    digest(&(type_of(value), parts))
}

/// Visits each value: a number for its path, and its type.
fn paths(value: &Value, path: u64, depth: usize, visit: &mut impl FnMut(u64, u8)) {
    visit(path, type_of(value));
    if depth >= DEPTH {
        return;
    }
    match value {
        Value::Object(members) => {
            for (key, value) in members.iter().take(WIDTH) {
                paths(value, digest(&(path, key)), depth + 1, visit);
            }
        }
        Value::Array(items) => {
            for item in items.iter().take(WIDTH) {
                paths(item, digest(&(path, "*")), depth + 1, visit);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn echoes_and_numbers_teach_nothing() {
        let masked = masked(&[&json!({"params": {"name": "zebra", "arguments": {"x": "qu\"ote"}}})]);
        assert_eq!(template("no tool zebra at line 1234", &masked), "no tool _ at line 0");
        assert_eq!(template("no tool zebra at line 7", &masked), "no tool _ at line 0");
        assert_eq!(template("bad qu\\\"ote", &masked), "bad _");
        assert_eq!(template("no demo://resource/dynamic/text/a%20b/there, sorry", &[]), "no _ sorry");
    }

    #[test]
    fn shapes_have_no_order_and_no_values() {
        assert_eq!(shape(&json!({"a": 1, "b": ["x", "y"]}), 0), shape(&json!({"b": ["z"], "a": 2.5}), 0));
        assert_ne!(shape(&json!({"a": 1}), 0), shape(&json!({"a": "1"}), 0));
        assert_ne!(shape(&json!({"a": 1}), 0), shape(&json!({"b": 1}), 0));
    }

    #[test]
    fn edges_count_by_how_often() {
        let mut counters = vec![0; BEHAVIOURS as usize];
        (counters[0], counters[7]) = (1, 200);
        assert_eq!(edges(&counters).collect::<Vec<_>>(), [BEHAVIOURS, BEHAVIOURS + 7 * 8 + 7]);
        assert!(edges(&vec![255; BEHAVIOURS as usize]).all(|feature| (feature as usize) < FEATURES));
    }
}
