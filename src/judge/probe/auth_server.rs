//! Looks at the authorization server that a target is by itself in 2025-03-26. Registers nobody, and logs nobody in: what it
//! sends must be refused.

use std::future::Future;
use std::pin::Pin;

use serde_json::{Value, json};

use super::Setting;
use super::auth::{Door, Metadata, is_open_to_all, not_followed};
use crate::judge::compare::shown;
use crate::judge::context::Judged;

const METADATA: &str = "auth.as.metadata";
const LOCATION: &str = "auth.as.metadata-location";
const DEFAULTS: &str = "auth.as.default-endpoints";
const HTTPS: &str = "auth.as.https";
const REGISTRATION: &str = "auth.as.dynamic-registration";
const REDIRECT: &str = "auth.as.redirect-validated";
const REDIRECT_FORM: &str = "auth.as.redirect-form";

/// The place of the metadata of an authorization server.
pub(super) const WELL_KNOWN: &str = "/.well-known/oauth-authorization-server";
/// Where nobody is to be sent: a name that no host has.
const STRANGE: &str = "http://litmus.invalid/callback";

/// Judges the authorization server (specification: basic/authorization of 2025-03-26; RFC 8414).
pub(super) fn run<'a>(setting: Setting<'a>) -> Pin<Box<dyn Future<Output = Vec<Judged>> + 'a>> {
    Box::pin(async move {
        let mut door = match Door::of(setting) {
            Ok(door) => door,
            Err(judged) => return judged,
        };
        let mut judged = Vec::new();
        if let Err(reason) = look(&mut door, &mut judged).await {
            door.rest(&mut judged, |requirement| Judged::inconclusive(requirement, reason.clone(), None));
        }
        let reason = "nothing was found that it could be judged by";
        door.rest(&mut judged, |requirement| Judged::skipped(requirement, reason));
        judged
    })
}

async fn look(door: &mut Door<'_>, judged: &mut Vec<Judged>) -> Result<(), String> {
    if let Some(reason) = delegated(door).await? {
        door.rest(judged, |requirement| Judged::skipped(requirement, reason.clone()));
        return Ok(());
    }
    let path = door.url.path().trim_end_matches('/').to_owned();
    let from = door.stranger.transcript().entries().len();
    let root = document(door, WELL_KNOWN).await?;
    let beside = document(door, &format!("{WELL_KNOWN}{path}")).await?;
    let below = document(door, &format!("{path}{WELL_KNOWN}")).await?;
    let found = root.clone().or(beside).or(below);
    judged.push(door.judge(METADATA, found.is_some(), from, "metadata of the authorization server", "none".to_owned()));
    if found.is_some() {
        let told = format!("no document at {WELL_KNOWN}");
        judged.push(door.judge(LOCATION, root.is_some(), from, "the metadata at the root of the host", told));
    }
    let endpoints = found.unwrap_or_else(|| json!({}));
    if endpoints.get("issuer").is_some() {
        let told = shown(&endpoints);
        let named = ["authorization_endpoint", "token_endpoint"].iter().all(|name| endpoints[*name].is_string());
        judged.push(door.judge(DEFAULTS, named, from, "endpoints that clients can find", told.clone()));
        let open = endpoints
            .as_object()
            .into_iter()
            .flatten()
            .find(|(name, value)| name.ends_with("_endpoint") && value.as_str().is_some_and(is_open_to_all));
        let told_open = open.map(|(name, value)| format!("{name} {value}")).unwrap_or_default();
        judged.push(door.judge(HTTPS, open.is_none(), from, "endpoints that are reached by HTTPS", told_open));
        let registers = endpoints["registration_endpoint"].is_string();
        judged.push(door.judge(REGISTRATION, registers, from, "metadata with a registration_endpoint", told));
    } else {
        defaults(door, judged).await?;
    }
    redirects(door, &endpoints, judged).await
}

/// Why the target is no authorization server itself, if that can be told: the metadata of the resource name one on another
/// host, or lie on one themselves.
async fn delegated(door: &mut Door<'_>) -> Result<Option<String>, String> {
    Ok(match door.metadata().await? {
        Metadata::Found(document) => {
            let servers = document.value["authorization_servers"].as_array().map(Vec::as_slice).unwrap_or_default();
            let is_here = servers.iter().filter_map(Value::as_str).any(|server| door.path_here(server).is_some());
            (!is_here).then(|| "the target names another authorization server, as later revisions want it".to_owned())
        }
        Metadata::Elsewhere(address) => Some(not_followed("what tells of the authorization server lies", &address)),
        Metadata::Nowhere => None,
    })
}

async fn document(door: &mut Door<'_>, path: &str) -> Result<Option<Value>, String> {
    let reply = door.stranger.get(path, "application/json").await?;
    Ok(reply.json().filter(|document| reply.status == 200 && document.get("issuer").is_some()))
}

/// Without metadata, clients go to paths that everybody knows.
async fn defaults(door: &mut Door<'_>, judged: &mut Vec<Judged>) -> Result<(), String> {
    let authorize = door.stranger.get("/authorize", "text/html").await?;
    let token = door.stranger.post("/token", &json!({})).await?;
    for (path, reply) in [("/authorize", authorize), ("/token", token)] {
        let told = format!("HTTP 404 at {path}");
        judged.push(door.judge(DEFAULTS, reply.status != 404, reply.index, "an endpoint at its default path", told));
    }
    Ok(())
}

/// Nobody is sent to where no registered client is, and nobody registers for plain HTTP.
async fn redirects(door: &mut Door<'_>, endpoints: &Value, judged: &mut Vec<Judged>) -> Result<(), String> {
    let place = |name: &str, default: &str| {
        let named = endpoints.get(name).and_then(Value::as_str).unwrap_or(default);
        door.path_here(named)
    };
    let (authorize, register) =
        (place("authorization_endpoint", "/authorize"), place("registration_endpoint", "/register"));
    if let Some(path) = authorize {
        let separator = if path.contains('?') { '&' } else { '?' };
        let query = "response_type=code&client_id=litmus-nobody&code_challenge_method=S256\
                     &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&redirect_uri=http%3A%2F%2Flitmus.invalid%2Fcallback";
        let reply = door.stranger.get(&format!("{path}{separator}{query}"), "text/html").await?;
        let location = reply.header("location").unwrap_or_default();
        let sent_there = (300..400).contains(&reply.status) && location.starts_with("http://litmus.invalid");
        let told = format!("HTTP {} to {location}", reply.status);
        judged.push(door.judge(REDIRECT, !sent_there, reply.index, "no redirect for a client that nobody knows", told));
    }
    if let Some(path) = register {
        let client =
            json!({"client_name": "mcp-litmus", "redirect_uris": [STRANGE], "token_endpoint_auth_method": "none"});
        let reply = door.stranger.post(&path, &client).await?;
        let registered = (200..300).contains(&reply.status);
        let told = format!("HTTP {}", reply.status);
        let expected = "a redirect address of plain HTTP to be refused";
        judged.push(door.judge(REDIRECT_FORM, !registered, reply.index, expected, told));
    }
    Ok(())
}
