//! Comes to a protected target with what is near to the user's token but is none: the token in the address, a session that was opened
//! with it.

use std::future::Future;
use std::pin::Pin;

use super::Setting;
use super::auth::{Door, shown};
use crate::judge::context::{Judged, fold};
use crate::session::Reply;
use crate::transport::path_and_query;

const QUERY: &str = "auth.token.query-refused";
const SESSION: &str = "security.session.not-authentication";

/// Judges what takes the place of a token (specification: basic/authorization#token-requirements; the security best practices).
pub(super) fn run<'a>(setting: Setting<'a>) -> Pin<Box<dyn Future<Output = Vec<Judged>> + 'a>> {
    Box::pin(async move {
        let session = setting.session.session_id().map(str::to_owned);
        let mut door = match Door::of(setting) {
            Ok(door) => door,
            Err(judged) => return judged,
        };
        let mut judged = Vec::new();
        if let Err(reason) = come(&mut door, session.as_deref(), &mut judged).await {
            door.rest(&mut judged, |requirement| Judged::inconclusive(requirement, reason.clone(), None));
        }
        fold(judged)
    })
}

async fn come(door: &mut Door<'_>, session: Option<&str>, judged: &mut Vec<Judged>) -> Result<(), String> {
    let Some(token) = door.token() else {
        door.rest(judged, |requirement| Judged::skipped(requirement, "no bearer token was given by --header"));
        return Ok(());
    };
    if door.proves(QUERY) {
        in_address(door, &token, judged).await?;
    }
    match session {
        _ if !door.proves(SESSION) => {}
        Some(session) => in_session(door, session, judged).await?,
        None => judged.push(Judged::skipped(SESSION, "the target gave no session id")),
    }
    Ok(())
}

/// What is refused without the token is refused with the token in the address as well.
async fn in_address(door: &mut Door<'_>, token: &str, judged: &mut Vec<Judged>) -> Result<(), String> {
    let mut address = door.url.clone();
    address.query_pairs_mut().append_pair("access_token", token);
    let reply = door.knock_at(&path_and_query(&address)).await?;
    let expected = "a token in the address to be no authorization";
    judged.push(door.judge(QUERY, !door.is_served(&reply), reply.index, expected, shown(&reply)));
    Ok(())
}

/// A request that strangers are refused is refused in a session too, where it comes without a token.
async fn in_session(door: &mut Door<'_>, session: &str, judged: &mut Vec<Judged>) -> Result<(), String> {
    let stranger = ping(door, None).await?;
    if stranger.status != 401 {
        judged.push(Judged::skipped(SESSION, "the target does not refuse a ping without a token"));
        return Ok(());
    }
    let reply = ping(door, Some(session)).await?;
    let expected = "a session id without a token to be refused";
    judged.push(door.judge(SESSION, !is_taken(&reply), reply.index, expected, shown(&reply)));
    Ok(())
}

/// A request with the id of a session, if any, and without a token.
async fn ping(door: &mut Door<'_>, session: Option<&str>) -> Result<Reply, String> {
    let mut headers = vec![("MCP-Protocol-Version", door.setting.context.revision.as_str())];
    headers.extend(session.map(|id| ("Mcp-Session-Id", id)));
    door.stranger.ask("ping", None, None, &headers).await
}

/// Whether the target did what it was asked for.
fn is_taken(reply: &Reply) -> bool {
    let is_refusal = reply.json().is_some_and(|answer| answer.get("error").is_some());
    (200..300).contains(&reply.status) && !is_refusal
}
