//! Holds a server with extensions against clients that have none: they get results of the core.

use serde_json::Value;

use crate::judge::always::evidence;
use crate::judge::compare::{Miss, shown};
use crate::judge::context::{Context, Judged, fold};
use crate::judge::traffic::{Heard, Traffic};
use crate::scenario::Scenario;

const FALLBACK: &str = "extensions.fallback";

/// Judges the results of requests that declared no extension, where the server advertises some.
pub(super) fn judge(scenario: &Scenario, context: &Context, traffic: &Traffic<'_>) -> Vec<Judged> {
    let advertised = context.facts.get("capabilities").and_then(|all| all.get("extensions"));
    if advertised.and_then(Value::as_object).is_none_or(serde_json::Map::is_empty) {
        return vec![Judged::skipped(FALLBACK, "the target advertises no extension")];
    }
    let plain = traffic.heard.iter().filter(|heard| declares_none(heard));
    fold(
        plain
            .filter_map(|heard| Some((heard, heard.result()?)))
            .map(|(heard, result)| match of_no_core(result) {
                None => Judged::pass(FALLBACK),
                Some(actual) => {
                    let expected = "a result of the core protocol for a client without extensions".to_owned();
                    Judged::fail(FALLBACK, evidence(scenario, 1, Miss { expected, actual }, heard, traffic))
                }
            })
            .collect(),
    )
}

fn declares_none(heard: &Heard<'_>) -> bool {
    let meta = heard.request.as_ref().and_then(|asked| asked.message.params()?.get("_meta")?.as_object());
    let client = meta.and_then(|meta| meta.get("io.modelcontextprotocol/clientCapabilities"));
    client.is_some_and(|client| client.get("extensions").is_none())
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
