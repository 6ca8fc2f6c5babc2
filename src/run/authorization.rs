//! Finds out whether a target wants authorization: whether it refuses who comes without a token. Judges nothing.

use std::time::Duration;

use serde_json::{Value, json};

use crate::judge::Context;
use crate::session::{Entry, Reply, Session, Stranger, What};
use crate::transport::{Incoming, Target};

/// The lists that may be open to all, by what is listed.
const LISTS: [&str; 3] = ["tools", "resources", "prompts"];
/// The methods by which what is listed is used.
const USES: [&str; 3] = ["tools/call", "resources/read", "prompts/get"];

/// What a target serves to those only who have a token, as the fact `authorization`; absent where it asks for none.
pub(super) async fn authorization(context: &Context, session: &Session, within: Duration) -> Option<Value> {
    let given = bearer(&context.target);
    if let Some(method) = refused_method(session) {
        return Some(fact(&method, given == Some(true), &LISTS));
    }
    let is_bearer = given?;
    let mut stranger = Stranger::new(&context.target, context.revision, context.limits, within).ok()??;
    // Whoever refuses a stranger with another status has a scheme of its own, unless its tokens are those of OAuth.
    let refuses = |reply: &Reply| reply.status == 401 || is_bearer && reply.status == 403;
    let opening = Stranger::opening_method(context.revision);
    if stranger.request(opening, None).await.is_ok_and(|reply| refuses(&reply)) {
        return Some(fact(opening, is_bearer, &LISTS));
    }
    // Some show to all what they are, and keep the rest, or some of it.
    let mut kept = Vec::new();
    for list in LISTS {
        if stranger.request(&format!("{list}/list"), None).await.is_ok_and(|reply| refuses(&reply)) {
            kept.push(list);
        }
    }
    let first = kept.first()?;
    Some(fact(&format!("{first}/list"), is_bearer, &kept))
}

/// `kept`: the lists that nobody sees without a token.
fn fact(method: &str, has_token: bool, kept: &[&str]) -> Value {
    let mut fact = json!({"method": method});
    if has_token {
        fact["token"] = json!(true);
    }
    for list in kept {
        fact[*list] = json!(true);
    }
    fact
}

/// A method that was answered 401 in this session, by which a target shows what it is and has.
pub(super) fn refused_method(session: &Session) -> Option<String> {
    refused(session.transcript().entries()).find(|method| !USES.contains(&method.as_str()))
}

/// A method that was answered 401 to somebody who came without authorization, by which what is listed is used: a target may list to all
/// what it keeps from strangers.
pub(super) fn kept_from_strangers(target: &Target, entries: &[Entry]) -> Option<String> {
    if bearer(target).is_some() { None } else { refused(entries).find(|method| USES.contains(&method.as_str())) }
}

/// The methods that were answered 401.
fn refused(entries: &[Entry]) -> impl Iterator<Item = String> {
    let refusals =
        entries.iter().filter(|entry| matches!(entry.what, What::Received(Incoming::Head { status: 401, .. })));
    refusals.filter_map(|refusal| {
        let request = entries.iter().find(|entry| entry.exchange == refusal.exchange && entry.is_from_client())?;
        request.message()?.method().map(str::to_owned)
    })
}

/// Whether the user gave a bearer token; absent where there is no authorization at all.
fn bearer(target: &Target) -> Option<bool> {
    let Target::Url(url) = target else { return None };
    let value =
        url.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization")).map(|(_, value)| value)?;
    Some(value.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer ")))
}
