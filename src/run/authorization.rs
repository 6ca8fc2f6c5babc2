//! Finds out whether a target wants authorization: whether it refuses who comes without a token. Judges nothing.

use std::time::Duration;

use serde_json::{Value, json};

use crate::judge::{Context, follows_specification};
use crate::session::{Entry, Reply, Session, Stranger, What};
use crate::transport::{Incoming, Target};
use crate::wire::TransportKind;

/// The lists that may be open to all, by what is listed.
const LISTS: [&str; 3] = ["tools", "resources", "prompts"];
/// What a target keeps that opens no conversation for strangers.
const EVERYTHING: [&str; 4] = ["opening", "tools", "resources", "prompts"];
/// The methods by which what is listed is used.
const USES: [&str; 3] = ["tools/call", "resources/read", "prompts/get"];

/// What a target serves to those only who have a token, as the fact `authorization`; absent where it asks for none.
pub(super) async fn authorization(context: &Context, session: &mut Session, within: Duration) -> Option<Value> {
    let given = bearer(&context.target);
    if let Some(method) = refused_method(session) {
        return Some(fact(&json!({"method": method}), given == Some(true), &LISTS));
    }
    let Some(is_bearer) = given else { return kept_use(session, within).await };
    let mut stranger = Stranger::new(&context.target, context.revision, context.limits, within).ok()??;
    // Whoever refuses a stranger with another status has a scheme of its own, unless its tokens are those of OAuth.
    let refuses = |reply: &Reply| reply.status == 401 || is_bearer && reply.status == 403;
    let opening = Stranger::opening_method(context.revision);
    if stranger.request(opening, None, None).await.is_ok_and(|reply| refuses(&reply)) {
        return Some(fact(&json!({"method": opening}), is_bearer, &EVERYTHING));
    }
    // Some show to all what they are, and keep the rest, or some of it.
    let mut kept = Vec::new();
    for list in LISTS {
        if stranger.request(&format!("{list}/list"), None, None).await.is_ok_and(|reply| refuses(&reply)) {
            kept.push(list);
        }
    }
    if let Some(first) = kept.first() {
        return Some(fact(&json!({"method": format!("{first}/list")}), is_bearer, &kept));
    }
    // Some show all that they have, and keep its use.
    for request in uses(context) {
        let method = request["method"].as_str().unwrap_or_default();
        if stranger.request(method, request.get("params"), None).await.is_ok_and(|reply| refuses(&reply)) {
            return Some(fact(&request, is_bearer, &[]));
        }
    }
    None
}

/// Requests that use what a target lists, without doing anything.
fn uses(context: &Context) -> Vec<Value> {
    let known = |name: &str| context.facts.get(name).cloned();
    let prompt = known("prompt").map(|one| json!({"name": one["name"], "arguments": one["arguments"]}));
    let resource = known("resource").map(|one| json!({"uri": one["uri"]}));
    let with = |method: &str, params: Option<Value>| Some(json!({"method": method, "params": params?}));
    let all = [with("prompts/get", prompt), with("resources/read", resource), Some(no_call())];
    all.into_iter().flatten().collect()
}

/// A call of a tool that does not exist: who has no token is refused before anybody looks for it.
fn no_call() -> Value {
    json!({"method": "tools/call", "params": {"name": "litmus-no-such-tool", "arguments": {}}})
}

/// The same where the user gave no token: the session itself is a stranger's, and has used what it found listed.
async fn kept_use(session: &mut Session, within: Duration) -> Option<Value> {
    if session.kind() != TransportKind::Http {
        return None;
    }
    let is_use = |request: &Value| request["method"].as_str().is_some_and(|method| USES.contains(&method));
    if !refused(session.transcript().entries()).any(|request| is_use(&request))
        && session.capabilities().get("tools").is_some()
    {
        let request = no_call();
        let sent = session.request("tools/call", Some(request["params"].clone()));
        session.answer(&sent, within).await;
    }
    let mut request = refused(session.transcript().entries()).find(is_use)?;
    request["params"].as_object_mut()?.remove("_meta");
    Some(fact(&request, false, &[]))
}

/// Adds to the fact whether what the target wants is the authorization that the specification describes.
pub(super) async fn with_signs(context: &Context, mut fact: Value) -> Value {
    if follows_specification(context, &fact).await {
        fact["oauth"] = json!(true);
    }
    fact
}

/// `request`: one that is refused without a token; `kept`: what nobody has without one, by name.
fn fact(request: &Value, has_token: bool, kept: &[&str]) -> Value {
    let mut fact = json!({"method": request["method"]});
    if let Some(params) = request.get("params") {
        fact["params"] = params.clone();
    }
    if has_token {
        fact["token"] = json!(true);
    }
    for name in kept {
        fact[*name] = json!(true);
    }
    fact
}

/// A method that was answered 401 in this session, by which a target shows what it is and has.
pub(super) fn refused_method(session: &Session) -> Option<String> {
    methods(session.transcript().entries()).find(|method| !USES.contains(&method.as_str()))
}

/// A method that was answered 401 to somebody who came without authorization, by which what is listed is used: a target may list to all
/// what it keeps from strangers.
pub(super) fn kept_from_strangers(target: &Target, entries: &[Entry]) -> Option<String> {
    if bearer(target).is_some() { None } else { methods(entries).find(|method| USES.contains(&method.as_str())) }
}

/// The methods that were answered 401.
fn methods(entries: &[Entry]) -> impl Iterator<Item = String> {
    refused(entries).filter_map(|request| request["method"].as_str().map(str::to_owned))
}

/// The requests that were answered 401.
fn refused(entries: &[Entry]) -> impl Iterator<Item = Value> {
    let refusals =
        entries.iter().filter(|entry| matches!(entry.what, What::Received(Incoming::Head { status: 401, .. })));
    refusals.filter_map(|refusal| {
        let request = entries.iter().find(|entry| entry.exchange == refusal.exchange && entry.is_from_client())?;
        Some(request.message()?.value().clone())
    })
}

/// Whether the user gave a bearer token; absent where there is no authorization at all.
fn bearer(target: &Target) -> Option<bool> {
    let Target::Url(url) = target else { return None };
    let value =
        url.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization")).map(|(_, value)| value)?;
    Some(value.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer ")))
}
