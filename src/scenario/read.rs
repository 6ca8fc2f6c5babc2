//! Turns the nodes of a file into the types of the language. Takes for granted that the file has the right form: `None` says
//! that it has not, and what is wrong is for `form` to say.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::{
    Alive, Body, Broken, Close, Expect, HttpCall, HttpPatch, Message, Moment, Needs, Raw, RawBytes, Reply, Scenario,
    Schema, SessionUse, Step, StepKind, Subject, Watch, When,
};
use crate::protocol::Revision;
use crate::source::{Document, Node, NodeKind};
use crate::wire::TransportKind;

/// A whole scenario file.
pub(super) fn scenario(id: &str, file: &Path, document: &Document) -> Option<Scenario> {
    let root = &document.root;
    Some(Scenario {
        id: id.to_owned(),
        file: file.to_owned(),
        title: prose(root.get("title")?)?,
        about: optional(root, "about", prose)?.unwrap_or_default(),
        since: optional(root, "since", revision)?,
        until: optional(root, "until", revision)?,
        transports: optional(root, "transports", transports)?,
        needs: Needs {
            all: optional(root, "needs", strings)?.unwrap_or_default(),
            none: optional(root, "without", strings)?.unwrap_or_default(),
        },
        session: optional(root, "session", session)?.unwrap_or_default(),
        cases: optional(root, "cases", cases)?.unwrap_or_default(),
        body: body(document)?,
    })
}

/// A whole file of broken servers.
pub(super) fn broken(file: &Path, document: &Document) -> Option<Vec<Broken>> {
    document.root.items()?.iter().map(|node| broken_server(file, document, node)).collect()
}

fn body(document: &Document) -> Option<Body> {
    let root = &document.root;
    let proves = || root.get("proves").and_then(strings);
    if let Some(steps) = root.get("steps") {
        let step = |node: &Node| Some(Step { line: document.source.line(node.span.start), kind: step_kind(node)? });
        Some(Body::Steps(steps.items()?.iter().map(step).collect::<Option<_>>()?))
    } else if let Some(name) = root.get("probe") {
        Some(Body::Probe { name: string(name)?, proves: proves()? })
    } else if let Some(name) = root.get("invariant") {
        Some(Body::Invariant { name: string(name)?, proves: proves()? })
    } else {
        let line = |node: &Node| document.source.line(node.span.start);
        let watches = root.get("always")?.items()?.iter().map(|node| watch(node, line(node)));
        Some(Body::Always(watches.collect::<Option<_>>()?))
    }
}

fn step_kind(step: &Node) -> Option<StepKind> {
    let (key, member) = step.members()?.first()?;
    let node = &member.node;
    Some(match key.as_str() {
        "request" => StepKind::Request(message(node)?),
        "notify" => StepKind::Notify(message(node)?),
        "reply" => StepKind::Reply(reply(node)?),
        "raw" => StepKind::Raw(raw(node)?),
        "http" => StepKind::Http(http_call(node)?),
        "expect" => StepKind::Expect(Box::new(expect(node)?)),
        "alive" => StepKind::Alive(Alive { proves: optional(node, "proves", string)? }),
        "close" => StepKind::Close(match node.get("exchange") {
            Some(name) => Close::Exchange(string(name)?),
            None => Close::Input,
        }),
        _ => return None,
    })
}

fn message(node: &Node) -> Option<Message> {
    Some(Message {
        name: optional(node, "as", string)?,
        method: node.get("method")?.to_value(),
        params: node.get("params").map(Node::to_value),
        id: node.get("id").map(Node::to_value),
        omit: optional(node, "omit", strings)?.unwrap_or_default(),
        headers: values(node, "headers")?,
    })
}

fn reply(node: &Node) -> Option<Reply> {
    let kind = ["result", "error"].into_iter().find(|kind| node.get(kind).is_some())?;
    let body = Map::from_iter([(kind.to_owned(), node.get(kind)?.to_value())]);
    Some(Reply { to: optional(node, "to", string)?, body: Value::Object(body) })
}

fn raw(node: &Node) -> Option<Raw> {
    if let Some(text) = node.text() {
        let bytes = RawBytes::Text(text.to_owned());
        return Some(Raw { name: None, bytes, newline: true, headers: IndexMap::new() });
    }
    let bytes = match node.get("base64") {
        Some(encoded) => RawBytes::Bytes(BASE64_STANDARD.decode(encoded.text()?).ok()?),
        None => RawBytes::Text(string(node.get("text")?)?),
    };
    Some(Raw {
        name: optional(node, "as", string)?,
        bytes,
        newline: optional(node, "newline", truth)?.unwrap_or(true),
        headers: values(node, "headers")?,
    })
}

fn http_call(node: &Node) -> Option<HttpCall> {
    Some(HttpCall {
        name: optional(node, "as", string)?,
        method: string(node.get("method")?)?,
        path: optional(node, "path", string)?,
        headers: values(node, "headers")?,
        body: node.get("body").map(Node::to_value),
    })
}

fn expect(node: &Node) -> Option<Expect> {
    let subject = |kind: fn(Value) -> Subject, key: &str| node.get(key).map(|pattern| kind(pattern.to_value()));
    let subject = subject(Subject::Result, "result")
        .or_else(|| subject(Subject::Error, "error"))
        .or_else(|| subject(Subject::Answer, "answer"))
        .or_else(|| subject(Subject::Request, "request"))
        .or_else(|| subject(Subject::Notification, "notification"))
        .or_else(|| subject(Subject::Http, "http"))
        .or_else(|| subject(Subject::Exit, "exit"))
        .or_else(|| subject(Subject::Silence, "silence"))?;
    Some(Expect {
        name: optional(node, "as", string)?,
        to: optional(node, "to", string)?,
        subject,
        or_silence: node.get("or").is_some(),
        schema: node.get("schema").map(Node::to_value),
        wants: optional(node, "wants", prose)?,
        bind: entries(node, "bind", string)?,
        within: optional(node, "within", duration)?,
        proves: optional(node, "proves", string)?,
    })
}

fn watch(node: &Node, line: usize) -> Option<Watch> {
    Some(Watch {
        line,
        when: when(node.get("when")?)?,
        matching: node.get("matching").map(Node::to_value),
        at: optional(node, "at", string)?.unwrap_or_default(),
        definition: optional(node, "definition", string)?,
        except: optional(node, "except", strings)?.unwrap_or_default(),
        schema: node.get("schema").map(|schema| Schema::new(schema.to_value())),
        wants: optional(node, "wants", prose)?,
        proves: string(node.get("proves")?)?,
    })
}

fn when(node: &Node) -> Option<When> {
    let (kind, method) = match &node.kind {
        NodeKind::Text(kind) => (kind, None),
        NodeKind::Map(members) => {
            let (kind, member) = members.first()?;
            (kind, Some(string(&member.node)?))
        }
        _ => return None,
    };
    Some(match (kind.as_str(), method) {
        ("message", None) => When::Message,
        ("response", method) => When::Response(method),
        ("result", method) => When::Result(method),
        ("error", method) => When::Error(method),
        ("notification", method) => When::Notification(method),
        ("request", method) => When::Request(method),
        _ => return None,
    })
}

fn broken_server(file: &Path, document: &Document, node: &Node) -> Option<Broken> {
    Some(Broken {
        file: file.to_owned(),
        line: document.source.line(node.span.start),
        about: optional(node, "about", prose)?.unwrap_or_default(),
        during: optional(node, "during", strings)?.unwrap_or_default(),
        tools_only: optional(node, "tools-only", truth)?.unwrap_or_default(),
        speaks: optional(node, "speaks", |all| all.items()?.iter().map(revision).collect())?,
        fails: optional(node, "fails", strings)?.unwrap_or_default(),
        passes: optional(node, "passes", strings)?.unwrap_or_default(),
        leaves_open: optional(node, "leaves-open", strings)?.unwrap_or_default(),
        since: optional(node, "since", revision)?,
        until: optional(node, "until", revision)?,
        transports: optional(node, "transports", transports)?,
        when: moment(node)?,
        from: optional(node, "from", |n| usize::try_from(number(n)?).ok())?,
        answer: node.get("answer").map(Node::to_value),
        merge: node.get("merge").map(Node::to_value),
        silent: optional(node, "silent", truth)?.unwrap_or_default(),
        twice: optional(node, "twice", truth)?.unwrap_or_default(),
        before: optional(node, "before", list)?.unwrap_or_default(),
        after: optional(node, "after", list)?.unwrap_or_default(),
        print: optional(node, "print", string)?,
        exit: optional(node, "exit", |n| i32::try_from(number(n)?).ok())?,
        hang: optional(node, "hang", truth)?.unwrap_or_default(),
        http: optional(node, "http", http_patch)?,
        quirk: optional(node, "quirk", string)?,
        happened: Arc::default(),
    })
}

fn moment(node: &Node) -> Option<Moment> {
    let pattern = |key| node.get(key).map(Node::to_value);
    if let Some(pattern) = pattern("when") {
        return Some(Moment::Received(pattern));
    }
    if let Some(pattern) = pattern("sending") {
        return Some(Moment::Sending(pattern));
    }
    if let Some(pattern) = pattern("request") {
        return Some(Moment::Http(pattern));
    }
    match node.get("at") {
        None => Some(Moment::Always),
        Some(at) => match at.text()? {
            "start" => Some(Moment::Start),
            "eof" => Some(Moment::Eof),
            _ => None,
        },
    }
}

fn http_patch(node: &Node) -> Option<HttpPatch> {
    let header = |n: &Node| match &n.kind {
        NodeKind::Null => Some(None),
        NodeKind::Text(text) => Some(Some(text.clone())),
        _ => None,
    };
    Some(HttpPatch {
        status: optional(node, "status", |n| u16::try_from(number(n)?).ok())?,
        headers: entries(node, "headers", header)?,
        body: optional(node, "body", string)?,
    })
}

/// A key that may be absent: `Some(None)` then, but `None` if it is there and has the wrong form.
#[expect(clippy::option_option, reason = "absent and wrong are two things, and `?` takes care of the second")]
fn optional<T>(node: &Node, key: &str, read: impl FnOnce(&Node) -> Option<T>) -> Option<Option<T>> {
    match node.get(key) {
        None => Some(None),
        Some(value) => read(value).map(Some),
    }
}

fn entries<T>(node: &Node, key: &str, read: impl Fn(&Node) -> Option<T>) -> Option<IndexMap<String, T>> {
    let Some(map) = node.get(key) else { return Some(IndexMap::new()) };
    map.members()?.iter().map(|(key, member)| Some((key.clone(), read(&member.node)?))).collect()
}

fn values(node: &Node, key: &str) -> Option<IndexMap<String, Value>> {
    entries(node, key, |value| Some(value.to_value()))
}

fn cases(node: &Node) -> Option<IndexMap<String, Map<String, Value>>> {
    let row = |node: &Node| match node.to_value() {
        Value::Object(row) => Some(row),
        _ => None,
    };
    node.members()?.iter().map(|(name, member)| Some((name.clone(), row(&member.node)?))).collect()
}

fn string(node: &Node) -> Option<String> {
    node.text().map(str::to_owned)
}

/// A text for people, without the line break that a YAML block ends with.
fn prose(node: &Node) -> Option<String> {
    node.text().map(|text| text.trim().to_owned())
}

fn strings(node: &Node) -> Option<Vec<String>> {
    node.items()?.iter().map(string).collect()
}

fn list(node: &Node) -> Option<Vec<Value>> {
    Some(node.items()?.iter().map(Node::to_value).collect())
}

fn truth(node: &Node) -> Option<bool> {
    match node.kind {
        NodeKind::Bool(truth) => Some(truth),
        _ => None,
    }
}

fn number(node: &Node) -> Option<i64> {
    match &node.kind {
        NodeKind::Number(number) => number.as_i64(),
        _ => None,
    }
}

fn revision(node: &Node) -> Option<Revision> {
    node.text()?.parse().ok()
}

fn transports(node: &Node) -> Option<Vec<TransportKind>> {
    let transport = |node: &Node| TransportKind::ALL.into_iter().find(|kind| Some(kind.as_str()) == node.text());
    node.items()?.iter().map(transport).collect()
}

fn session(node: &Node) -> Option<SessionUse> {
    match node.text()? {
        "shared" => Some(SessionUse::Shared),
        "fresh" => Some(SessionUse::Fresh),
        "unopened" => Some(SessionUse::Unopened),
        _ => None,
    }
}

/// `500ms`, `2s`, `1m`.
fn duration(node: &Node) -> Option<Duration> {
    let text = node.text()?;
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let count: u64 = digits.parse().ok()?;
    match &text[digits.len()..] {
        "ms" => Some(Duration::from_millis(count)),
        "s" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_secs(count.checked_mul(60)?)),
        _ => None,
    }
}
