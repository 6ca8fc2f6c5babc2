//! Looks for the metadata of a protected resource, and reads them.

use std::future::Future;
use std::pin::Pin;

use serde_json::Value;

use super::Setting;
use super::auth::{Document, Door, Metadata, is_open_to_all, not_followed};
use crate::judge::compare::shown;
use crate::judge::context::Judged;
use crate::outcome::CheckId;
use crate::protocol::Revision;

const IMPLEMENTED: &str = "auth.metadata.implemented";
const DISCOVERY: &str = "auth.metadata.discovery";
const SERVERS: &str = "auth.metadata.authorization-servers";
const SECURITY: &str = "auth.communication-security";
const SLASH: &str = "auth.canonical-uri.no-trailing-slash";

/// Judges the metadata (specification: basic/authorization; RFC 9728).
pub(super) fn run<'a>(setting: Setting<'a>) -> Pin<Box<dyn Future<Output = Vec<Judged>> + 'a>> {
    Box::pin(async move {
        let mut door = match Door::of(setting) {
            Ok(door) => door,
            Err(judged) => return judged,
        };
        let mut judged = Vec::new();
        match door.metadata().await {
            Ok(Metadata::Found(document)) => read(&door, &document, &mut judged),
            Ok(Metadata::Elsewhere(address)) => {
                let reason = not_followed("the metadata lie", &address);
                door.rest(&mut judged, |requirement| Judged::skipped(requirement, reason.clone()));
            }
            Ok(Metadata::Nowhere) => nowhere(&door, &mut judged),
            Err(reason) => {
                door.rest(&mut judged, |requirement| Judged::inconclusive(requirement, reason.clone(), None));
            }
        }
        judged
    })
}

/// Nothing was found: one failure, on which all else hangs.
fn nowhere(door: &Door<'_>, judged: &mut Vec<Judged>) {
    let cause = if door.setting.context.revision < Revision::V2025_11_25 { IMPLEMENTED } else { DISCOVERY };
    let expected = "metadata where the challenge says, or at a well-known address";
    judged.push(door.fail(cause, 0, expected, "no such document".to_owned()));
    let blame = CheckId::new(&door.setting.scenario.id, cause, None);
    door.rest(judged, |requirement| Judged::inconclusive(requirement, "no metadata were found", Some(blame.clone())));
}

fn read(door: &Door<'_>, document: &Document, judged: &mut Vec<Judged>) {
    judged.push(Judged::pass(DISCOVERY));
    let mut settle = |requirement: &str, holds: bool, expected: &str, told: String| {
        judged.push(door.judge_document(document, requirement, holds, expected, told));
    };
    let value = &document.value;
    let resource = value["resource"].as_str();
    settle(IMPLEMENTED, resource.is_some(), "metadata with a resource", shown(value));
    let servers = value["authorization_servers"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is_address = |server: &Value| server.as_str().is_some_and(|server| url::Url::parse(server).is_ok());
    let holds = !servers.is_empty() && servers.iter().all(is_address);
    settle(SERVERS, holds, "the addresses of one authorization server or more", shown(value));
    let open = servers.iter().filter_map(Value::as_str).find(|server| is_open_to_all(server));
    let told = open.unwrap_or_default().to_owned();
    settle(SECURITY, open.is_none(), "authorization servers that are reached by HTTPS", told);
    // Many libraries end the address of a host with a slash, which is no other address.
    let is_root = |uri: &str| url::Url::parse(uri).is_ok_and(|uri| uri.path() == "/");
    let ends = resource.is_some_and(|uri| uri.ends_with('/') && !is_root(uri));
    let told = resource.unwrap_or_default().to_owned();
    // The endpoint itself may end so, and then means it.
    let holds = !ends || door.url.path().ends_with('/');
    settle(SLASH, holds, "a resource without a slash at its end", told);
}
