//! Looks for the metadata of a protected resource on the target itself, and reads them.

use std::future::Future;
use std::pin::Pin;

use serde_json::Value;

use super::Setting;
use super::auth::{Door, Metadata, is_open_to_all};
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
            Ok(Metadata::Found(document, from)) => read(&door, &document, from, &mut judged),
            Ok(Metadata::Elsewhere(address)) => {
                let reason =
                    format!("the metadata lie at {address}, on a host that was not named: they are not fetched");
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

fn read(door: &Door<'_>, document: &Value, from: usize, judged: &mut Vec<Judged>) {
    judged.push(Judged::pass(DISCOVERY));
    let resource = document["resource"].as_str();
    let told = shown(document);
    judged.push(door.judge(IMPLEMENTED, resource.is_some(), from, "metadata with a resource", told.clone()));
    let servers = document["authorization_servers"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is_address = |server: &Value| server.as_str().is_some_and(|server| url::Url::parse(server).is_ok());
    let holds = !servers.is_empty() && servers.iter().all(is_address);
    judged.push(door.judge(SERVERS, holds, from, "the addresses of one authorization server or more", told));
    let open = servers.iter().filter_map(Value::as_str).find(|server| is_open_to_all(server));
    let told = open.unwrap_or_default().to_owned();
    judged.push(door.judge(SECURITY, open.is_none(), from, "authorization servers that are reached by HTTPS", told));
    // Many libraries end the address of a host with a slash, which is no other address.
    let is_root = |uri: &str| url::Url::parse(uri).is_ok_and(|uri| uri.path() == "/");
    let ends = resource.is_some_and(|uri| uri.ends_with('/') && !is_root(uri));
    let told = resource.unwrap_or_default().to_owned();
    // The endpoint itself may end so, and then means it.
    let holds = !ends || door.url.path().ends_with('/');
    judged.push(door.judge(SLASH, holds, from, "a resource without a slash at its end", told));
}
