//! Comes to a protected target without a token, and with tokens that are none, and looks at how it is refused.

use std::future::Future;
use std::pin::Pin;

use super::Setting;
use super::auth::{Door, Metadata, shown};
use crate::judge::challenge::{is_bearer, parameter};
use crate::judge::context::{Judged, fold};
use crate::protocol::Era;
use crate::session::Reply;

const UNAUTHORIZED: &str = "auth.unauthorized.401";
const VALIDATED: &str = "auth.token.validated";
const INVALID: &str = "auth.token.invalid-401";
const FORM: &str = "auth.token.error-form";
const BEFORE: &str = "auth.token.before-processing";
const STATUS: &str = "auth.status-codes";
const METADATA: &str = "auth.challenge.resource-metadata";
const SCOPE: &str = "auth.challenge.scope";
const SAME: &str = "auth.challenge.scope-consistent";
const OFFLINE: &str = "auth.challenge.no-offline-access";

/// A token that nobody has issued.
const GARBAGE: &str = "Bearer litmus-invalid-token";
/// A JSON Web Token that nobody has signed, and that expired in 1970.
const EXPIRED: &str = "Bearer eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiJsaXRtdXMiLCJleHAiOjF9.";
/// How often a challenge is asked for, to see whether it stays the same.
const TIMES: usize = 4;

/// Judges refusals (specification: basic/authorization; RFC 6750, section 3).
pub(super) fn run<'a>(setting: Setting<'a>) -> Pin<Box<dyn Future<Output = Vec<Judged>> + 'a>> {
    Box::pin(async move {
        let mut door = match Door::of(setting) {
            Ok(door) => door,
            Err(judged) => return judged,
        };
        let mut judged = Vec::new();
        let outcome = knock(&mut door, &mut judged).await;
        if let Err(reason) = outcome {
            door.rest(&mut judged, |requirement| Judged::inconclusive(requirement, reason.clone(), None));
        }
        fold(judged)
    })
}

async fn knock(door: &mut Door<'_>, judged: &mut Vec<Judged>) -> Result<(), String> {
    let refused = door.knock(None).await?;
    let is_401 = refused.status == 401;
    judged.push(door.judge(UNAUTHORIZED, is_401, refused.index, "HTTP 401 without a token", shown(&refused)));
    if is_401 {
        challenges(door, &refused, judged).await?;
    } else {
        for requirement in [METADATA, SCOPE, SAME, OFFLINE] {
            judged.push(Judged::skipped(requirement, "no HTTP 401 was seen that could challenge"));
        }
    }
    for token in invalid_tokens(door) {
        invalid(door, &token, judged).await?;
    }
    malformed(door, judged).await?;
    judged.push(Judged::skipped(BEFORE, "what else was asked for is open to all"));
    for method in others(door) {
        // What is open to all on purpose is kept from nobody, a bad token or not.
        if door.stranger.request(method, None, None).await?.is_served() {
            continue;
        }
        let reply = door.stranger.request(method, None, Some(GARBAGE)).await?;
        judged.push(door.judge(
            BEFORE,
            !reply.is_served(),
            reply.index,
            "no result for an invalid token",
            shown(&reply),
        ));
    }
    Ok(())
}

/// What the challenge of a refusal tells.
async fn challenges(door: &mut Door<'_>, refused: &Reply, judged: &mut Vec<Judged>) -> Result<(), String> {
    let challenge = refused.header("www-authenticate").unwrap_or_default();
    let from = refused.index;
    let names = parameter(&challenge, "resource_metadata").is_some();
    judged.push(door.judge(METADATA, names, from, "a challenge with resource_metadata", challenge.clone()));
    let scope = parameter(&challenge, "scope");
    judged.push(if scope.is_none() && has_no_scopes(door).await? {
        Judged::skipped(SCOPE, "the target's metadata know of no scopes")
    } else {
        door.judge(SCOPE, scope.is_some(), from, "a challenge with scope", challenge.clone())
    });
    let offline = scope.iter().flat_map(|scope| scope.split(' ')).any(|scope| scope == "offline_access");
    judged.push(door.judge(OFFLINE, !offline, from, "a challenge without offline_access", challenge));
    for _ in 1..TIMES {
        let reply = door.knock(None).await?;
        let again = reply.header("www-authenticate").and_then(|challenge| parameter(&challenge, "scope"));
        let told = || format!("{} after {}", again.as_deref().unwrap_or("none"), scope.as_deref().unwrap_or("none"));
        judged.push(door.judge(
            SAME,
            sorted(again.as_deref()) == sorted(scope.as_deref()),
            from,
            "the same scopes each time",
            told(),
        ));
    }
    Ok(())
}

/// Whether the metadata are there, and name no scopes that a challenge could name.
async fn has_no_scopes(door: &mut Door<'_>) -> Result<bool, String> {
    Ok(match door.metadata().await? {
        Metadata::Found(document) => document.value["scopes_supported"].as_array().is_none_or(Vec::is_empty),
        Metadata::Elsewhere(_) | Metadata::Nowhere => false,
    })
}

fn sorted(scope: Option<&str>) -> Vec<&str> {
    let mut scopes: Vec<_> = scope.unwrap_or_default().split(' ').collect();
    scopes.sort_unstable();
    scopes
}

/// What is no token of the target's: one that nobody has issued, one that is neither signed nor valid any longer, and the
/// user's own with something added to what would be its signature.
fn invalid_tokens(door: &Door<'_>) -> Vec<String> {
    // Behind the padding of Base64 nothing may stand: that would be no token at all, and may be told so.
    let altered = door.token().filter(|token| !token.ends_with('=')).map(|token| format!("Bearer {token}AAAA"));
    [GARBAGE, EXPIRED].map(str::to_owned).into_iter().chain(altered).collect()
}

async fn invalid(door: &mut Door<'_>, token: &str, judged: &mut Vec<Judged>) -> Result<(), String> {
    let reply = door.knock(Some(token)).await?;
    let from = reply.index;
    let served = door.is_served(&reply) || (200..300).contains(&reply.status) && reply.body.is_empty();
    judged.push(door.judge(VALIDATED, !served, from, "an invalid token to be refused", shown(&reply)));
    if served {
        judged.push(Judged::skipped(INVALID, "an invalid token was accepted"));
        judged.push(Judged::skipped(FORM, "an invalid token was accepted"));
        return Ok(());
    }
    judged.push(door.judge(INVALID, reply.status == 401, from, "HTTP 401 for an invalid token", shown(&reply)));
    if reply.status == 401 {
        let challenge = reply.header("www-authenticate");
        let holds = challenge.as_deref().is_some_and(is_bearer);
        let told = challenge.unwrap_or_else(|| "no WWW-Authenticate".to_owned());
        judged.push(door.judge(FORM, holds, from, "WWW-Authenticate with the scheme Bearer", told));
    }
    Ok(())
}

/// An `Authorization` that is not even one: whether that is 400 or 401 is a soft line.
async fn malformed(door: &mut Door<'_>, judged: &mut Vec<Judged>) -> Result<(), String> {
    for authorization in ["Bearer", "Bearer litmus two-tokens"] {
        let reply = door.knock(Some(authorization)).await?;
        let told = shown(&reply);
        // Whoever serves this takes anything for a token, which is judged by another.
        let holds = [400, 401].contains(&reply.status) || door.is_served(&reply);
        judged.push(door.judge(STATUS, holds, reply.index, "HTTP 400 or 401 for a malformed Authorization", told));
    }
    Ok(())
}

/// Requests beside the one that is known to be refused.
fn others(door: &Door<'_>) -> &'static [&'static str] {
    if door.setting.context.revision.era() == Era::Stateless {
        &["tools/list", "resources/list", "prompts/list"]
    } else {
        &["tools/list", "ping"]
    }
}
