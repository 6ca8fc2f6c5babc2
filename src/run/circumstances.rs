//! Facts about a run that no list tells: where the target is, which revisions it speaks, names as headers carry them. Asks
//! no target.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};
use url::Host;

use crate::judge::{Context, excerpt};
use crate::protocol::{Era, Revision};
use crate::session::{Session, Transcript};
use crate::transport::Target;

/// Adds them to what the survey has learned.
pub(super) fn note_circumstances(context: &mut Context, session: &Session) {
    let mut target = json!({});
    if is_local(&context.target) {
        target["local"] = json!(true);
    }
    let spoken: Vec<Revision> = spoken(context, session);
    if let Some(revision) = spoken.iter().find(|revision| revision.era() == Era::Handshake) {
        target["speaks-handshake"] = json!(revision);
    }
    if let Some(revision) = spoken.iter().find(|&&revision| revision < Revision::V2025_06_18) {
        target["speaks-headerless"] = json!(revision);
    }
    let facts = Arc::make_mut(&mut context.facts);
    facts.insert("target".to_owned(), target);
    if let Some(id) = session.session_id() {
        facts.insert("session".to_owned(), json!({"id": id}));
    }
    encode_names(facts);
}

/// Adds names to facts as headers carry them.
pub(super) fn encode_names(facts: &mut Map<String, Value>) {
    for (fact, member) in [("tool", "name"), ("resource", "uri"), ("prompt", "name")] {
        let Some(Value::Object(fact)) = facts.get_mut(fact) else { continue };
        if let Some(encoded) = fact.get(member).and_then(Value::as_str).map(|text| BASE64_STANDARD.encode(text)) {
            fact.insert(format!("{member}-base64"), json!(encoded));
        }
    }
}

/// What a target did that opened no conversation, in parentheses; empty where it did nothing.
pub(super) fn way_out(transcript: &Transcript) -> String {
    let lines = excerpt(transcript, 0, transcript.entries().len());
    let told: Vec<_> = lines.iter().filter_map(|line| line.strip_prefix("· ")).collect();
    if told.is_empty() { String::new() } else { format!(" ({})", told.join("; ")) }
}

/// The revisions that the target has answered with, or lists.
fn spoken(context: &Context, session: &Session) -> Vec<Revision> {
    let answered = context.answered.iter().map(|(_, answered)| answered.as_str());
    answered.chain(session.listed_versions()).filter_map(|name| name.parse().ok()).collect()
}

fn is_local(target: &Target) -> bool {
    let Target::Url(target) = target else { return false };
    match target.url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
