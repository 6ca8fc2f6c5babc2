//! Looks whether a protected target shows any sign of the authorization that the specification describes.

use std::future::Future;
use std::pin::Pin;

use serde_json::Value;

use super::Setting;
use super::auth::{Door, RESOURCE, shown};
use super::auth_server::WELL_KNOWN;
use crate::judge::challenge::parameter;
use crate::judge::context::{Context, Judged};
use crate::session::Stranger;
use crate::transport::Target;

const CONFORMS: &str = "auth.http.conform";

/// Judges which scheme it is (specification: basic/authorization#protocol-requirements). The signs were looked for before, since the
/// other checks hang on them.
pub(super) fn run<'a>(setting: Setting<'a>) -> Pin<Box<dyn Future<Output = Vec<Judged>> + 'a>> {
    Box::pin(async move {
        let shows_signs = setting.context.facts.get("authorization").is_some_and(|fact| fact.get("oauth").is_some());
        let mut door = match Door::of(setting) {
            Ok(door) => door,
            Err(judged) => return judged,
        };
        if shows_signs {
            return vec![Judged::pass(CONFORMS)];
        }
        vec![match door.knock(None).await {
            Ok(reply) => {
                let expected = "a challenge with resource_metadata, or metadata at a well-known address";
                door.fail(CONFORMS, reply.index, expected, format!("neither; {}", shown(&reply)))
            }
            Err(reason) => Judged::inconclusive(CONFORMS, reason, None),
        }]
    })
}

/// Whether a target shows any sign of the authorization that the specification describes: a challenge that names metadata, metadata of
/// the resource or of the authorization server, or the first of the endpoints that are due without any. `fact` holds the method,
/// and the params if any, that it refuses to strangers. What serves to log in to a site is no sign.
pub async fn follows_specification(context: &Context, fact: &Value) -> bool {
    let stranger = Stranger::new(&context.target, context.revision, context.limits, context.timeout);
    let (Ok(Some(mut stranger)), Target::Url(target)) = (stranger, &context.target) else { return false };
    let method = fact["method"].as_str().unwrap_or_default();
    let refusal = stranger.request(method, fact.get("params"), None).await;
    let challenge = refusal.ok().and_then(|reply| reply.header("www-authenticate")).unwrap_or_default();
    if parameter(&challenge, "resource_metadata").is_some() {
        return true;
    }
    let path = target.url.path().trim_end_matches('/');
    for place in [RESOURCE, WELL_KNOWN].into_iter().flat_map(|place| [format!("{place}{path}"), place.to_owned()]) {
        let reply = stranger.get(&place, "application/json").await;
        if reply.is_ok_and(|reply| reply.status == 200 && reply.json().is_some_and(|document| document.is_object())) {
            return true;
        }
    }
    // Whoever answers all addresses alike has nothing there.
    let nowhere = stranger.get("/litmus-no-such-page", "text/html").await.ok().map(|reply| reply.status);
    let endpoint = stranger.get("/authorize", "text/html").await.ok().map(|reply| reply.status);
    endpoint != nowhere && endpoint.is_some_and(|status| status < 404)
}
