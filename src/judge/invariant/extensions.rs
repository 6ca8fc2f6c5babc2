//! Holds a server with extensions against clients that have none: they get results of the core.

use serde_json::Value;

use crate::judge::always::evidence;
use crate::judge::compare::{Miss, shown};
use crate::judge::context::{Context, Judged, fold};
use crate::judge::traffic::{Heard, Traffic};
use crate::scenario::Scenario;
use crate::wire::pattern::matches;

const FALLBACK: &str = "extensions.fallback";

/// Judges the results of requests that declared no extension, where the server advertises some.
pub(super) fn judge(scenario: &Scenario, context: &Context, traffic: &Traffic<'_>) -> Vec<Judged> {
    let advertised = context.facts.get("capabilities").and_then(|all| all.get("extensions"));
    if advertised.and_then(Value::as_object).is_none_or(serde_json::Map::is_empty) {
        return vec![Judged::skipped(FALLBACK, "the target advertises no extension")];
    }
    let judge = |heard: &Heard<'_>| {
        let declared = declared(heard).filter(|declared| declared.get("extensions").is_none())?;
        let (expected, actual) = match (heard.result(), heard.error()) {
            (Some(result), _) => ("a result of the core protocol for a client without extensions", of_no_core(result)),
            (None, Some(error)) => ("an error that names what the client did not declare", groundless(error, declared)),
            (None, None) => return None,
        };
        Some(match actual {
            None => Judged::pass(FALLBACK),
            Some(actual) => {
                let miss = Miss { expected: expected.to_owned(), actual };
                Judged::fail(FALLBACK, evidence(scenario, 1, miss, heard, traffic))
            }
        })
    };
    fold(traffic.heard.iter().filter_map(judge).collect())
}

/// What the client declared with the request that a message answers.
fn declared<'a>(heard: &'a Heard<'_>) -> Option<&'a Value> {
    let meta = heard.request.as_ref()?.message.params()?.get("_meta")?;
    meta.get("io.modelcontextprotocol/clientCapabilities")
}

/// A refusal for want of capabilities, all of which the client has. That it names some is for its definition to say.
fn groundless(error: &Value, declared: &Value) -> Option<String> {
    let wanted = error.get("data")?.get("requiredCapabilities").filter(|wanted| wanted.is_object())?;
    let is_groundless = error.get("code")? == -32021 && matches(wanted, declared);
    is_groundless.then(|| format!("error -32021 for want of {}, which is declared", shown(wanted)))
}

/// What of a result no revision of the core defines.
fn of_no_core(result: &Value) -> Option<String> {
    let kind = result.get("resultType").filter(|kind| *kind != "complete" && *kind != "input_required");
    if let Some(kind) = kind {
        return Some(format!("resultType {}", shown(kind)));
    }
    let contents = result.get("content").and_then(Value::as_array).into_iter().flatten();
    let mut kinds = contents.filter_map(|content| content.get("type")?.as_str());
    let core = ["text", "image", "audio", "resource_link", "resource"];
    kinds.find(|kind| !core.contains(kind)).map(|kind| format!("content of type `{kind}`"))
}
