//! What arrives is one message after another and nothing else: in UTF-8, on lines of their own over stdio, alone in a body or
//! event over HTTP.

use crate::judge::compare::{Miss, clipped};
use crate::judge::context::{Context, Judged, fold};
use crate::judge::excerpt::excerpt;
use crate::judge::traffic::Traffic;
use crate::outcome::Evidence;
use crate::protocol::Revision;
use crate::scenario::Scenario;
use crate::session::{Entry, What};
use crate::transport::{ExitAfter, Incoming};
use crate::wire::{Kind, Message, NotAMessage, TransportKind};

const UTF8: &str = "jsonrpc.message.utf8";
const SHAPE: &str = "jsonrpc.message.valid-shape";
const NO_BATCH: &str = "jsonrpc.batch.none-sent";
const ONLY_MESSAGES: &str = "stdio.stdout.only-messages";
const NEWLINE: &str = "stdio.framing.newline";
const NO_NEWLINE_INSIDE: &str = "stdio.framing.no-embedded-newline";

/// Lines over which one message may be spread, to be still recognised as one.
const SPREAD: usize = 1000;
/// Characters of a text that evidence shows.
const SHOWN: usize = 120;

/// Judges all that a target sent where messages belong.
pub(super) fn judge(scenario: &Scenario, context: &Context, traffic: &Traffic<'_>) -> Vec<Judged> {
    let entries = traffic.transcript.entries();
    let is_stdio = traffic.transcript.kind() == TransportKind::Stdio;
    let is_http = traffic.transcript.kind() == TransportKind::Http;
    let mut judged = Vec::new();
    let (mut next, mut is_seen) = (0, false);
    while let Some(entry) = entries.get(next) {
        next += 1;
        let Some(bytes) = payload(traffic, entry) else { continue };
        let mut fail = |requirement: &str, expected: &str, actual: String, last: usize| {
            let miss = Miss { expected: expected.to_owned(), actual };
            judged.push(Judged::fail(requirement, evidence(scenario, miss, entry, last, traffic)));
        };
        let shown = || clipped(&String::from_utf8_lossy(bytes), SHOWN);
        match (entry.message(), entry.fault()) {
            (None, Some(NotAMessage::NotUtf8(at))) => {
                fail(UTF8, "UTF-8", format!("not from byte {at} on"), entry.index);
            }
            (None, Some(NotAMessage::NotJson(_))) if is_stdio => match spread(entries, entry.index) {
                Some(last) => {
                    let actual = format!("a message over {} lines", last - entry.index + 1);
                    fail(NO_NEWLINE_INSIDE, "a message on one line", actual, last);
                    next = last + 1;
                }
                None => fail(ONLY_MESSAGES, "messages only", format!("the line {:?}", shown()), entry.index),
            },
            // In Streamable HTTP the transport itself says what a body and an event hold.
            (None, Some(NotAMessage::NotJson(_))) if is_http && context.revision >= Revision::V2025_03_26 => continue,
            (None, Some(NotAMessage::NotJson(reason))) => {
                fail(SHAPE, "a JSON-RPC message", reason.clone(), entry.index);
            }
            (Some(message), _) if message.kind() == Kind::Batch => match context.revision {
                Revision::V2025_03_26 => {}
                Revision::V2024_11_05 => fail(SHAPE, "a JSON object", shown(), entry.index),
                _ => fail(NO_BATCH, "one message, no array", shown(), entry.index),
            },
            (Some(message), _) => match shape_fault(message) {
                Some(_) if is_stdio && is_foreign(message) => {
                    fail(ONLY_MESSAGES, "messages only", format!("the line {:?}", shown()), entry.index);
                }
                Some(fault) => fail(SHAPE, fault, shown(), entry.index),
                None => {}
            },
            _ => continue,
        }
        if let Incoming::Unterminated(_) = received(entry)
            && ended_by_itself(&entries[entry.index..])
        {
            let actual = "the output ends in the middle of a line".to_owned();
            fail(NEWLINE, "a newline after each message", actual, entry.index);
        }
        is_seen = true;
    }
    if is_seen {
        judged.extend([UTF8, SHAPE, NO_BATCH, ONLY_MESSAGES, NEWLINE, NO_NEWLINE_INSIDE].map(Judged::pass));
    }
    fold(judged)
}

/// The bytes that ought to be one message. A body is one where it says by its type that it is JSON, and nothing was refused.
fn payload<'a>(traffic: &Traffic<'_>, entry: &'a Entry) -> Option<&'a [u8]> {
    let What::Received(incoming) = &entry.what else { return None };
    match incoming {
        Incoming::Line(bytes) | Incoming::Unterminated(bytes) => (!bytes.trim_ascii().is_empty()).then_some(bytes),
        Incoming::Event { event, data: Some(bytes), .. } if event.as_deref().is_none_or(|name| name == "message") => {
            (!bytes.is_empty()).then_some(bytes)
        }
        Incoming::Body(bytes) if !bytes.is_empty() && traffic.is_of_the_endpoint(entry) => {
            let (status, headers) = traffic.head(entry.exchange)?;
            let is_json =
                headers.iter().any(|(name, value)| name == "content-type" && value.starts_with("application/json"));
            (status < 300 && is_json).then_some(bytes)
        }
        _ => None,
    }
}

fn received(entry: &Entry) -> &Incoming {
    match &entry.what {
        What::Received(incoming) => incoming,
        _ => &Incoming::End,
    }
}

/// What is wrong with the members of a message, in words for what was expected. Values are for other judges; so are responses
/// with `result` and `error` both, or neither.
fn shape_fault(message: &Message) -> Option<&'static str> {
    let Some(members) = message.value().as_object() else { return Some("a JSON object") };
    let has = |name: &str| members.contains_key(name);
    if has("method") {
        if has("result") || has("error") {
            return Some("a request, a notification or a response, not two of them in one");
        }
        return message.method().is_none().then_some("a method that is a string");
    }
    let is_response = has("result") || has("error") || has("id");
    (!is_response).then_some("a request, a notification or a response")
}

/// JSON that does not pretend to be JSON-RPC, such as a line of a log.
fn is_foreign(message: &Message) -> bool {
    let names = ["jsonrpc", "method", "id", "result", "error"];
    message.value().as_object().is_none_or(|members| !names.iter().any(|name| members.contains_key(*name)))
}

/// The last of the lines over which one message is spread that begins with this one.
fn spread(entries: &[Entry], first: usize) -> Option<usize> {
    let mut text = String::new();
    let lines = entries[first..].iter().filter_map(|entry| match &entry.what {
        What::Received(Incoming::Line(bytes)) => Some((entry.index, bytes)),
        _ => None,
    });
    for (count, (index, bytes)) in lines.take(SPREAD).enumerate() {
        // A raw newline inside a string ends nowhere: a blank stands for it.
        text.push_str(&String::from_utf8_lossy(bytes));
        text.push(' ');
        if count == 0 && !text.trim_start().starts_with('{') {
            return None;
        }
        if count > 0 && bytes.trim_ascii().ends_with(b"}") && Message::read(text.as_bytes()).is_ok() {
            return Some(index);
        }
    }
    None
}

/// Whether the process closed its output because it was done, not because it was ended.
fn ended_by_itself(entries: &[Entry]) -> bool {
    entries.iter().any(|entry| {
        matches!(&entry.what, What::Received(Incoming::Exited(exit))
            if exit.signal.is_none() && exit.after <= ExitAfter::InputClosed)
    })
}

fn evidence(scenario: &Scenario, miss: Miss, entry: &Entry, last: usize, traffic: &Traffic<'_>) -> Evidence {
    let earlier = &traffic.transcript.entries()[..entry.index];
    let during = earlier.iter().rev().find_map(|entry| match &entry.what {
        What::Mark(name) => Some(format!(", seen in {name}")),
        _ => None,
    });
    let sent = earlier.iter().rev().find(|entry| entry.is_from_client());
    let mut lines = sent.map(|sent| excerpt(traffic.transcript, sent.index, sent.index)).unwrap_or_default();
    lines.extend(excerpt(traffic.transcript, entry.index, last));
    Evidence {
        expected: miss.expected,
        actual: miss.actual,
        asked_at: format!("{}:1{}", scenario.file.display(), during.unwrap_or_default()),
        excerpt: lines,
        witnesses: Vec::new(),
    }
}
