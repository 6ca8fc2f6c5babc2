//! What holds for answers of the stateless era alone: every result names its kind, and the codes of MCP mean what they say.

use serde_json::Value;

use crate::judge::always::evidence;
use crate::judge::compare::{Miss, shown};
use crate::judge::context::{Context, Judged, fold};
use crate::judge::traffic::{Asked, Heard, Traffic};
use crate::scenario::Scenario;
use crate::session::What;
use crate::wire::TransportKind;

const TYPED: &str = "jsonrpc.result-type.required";
const KNOWN: &str = "jsonrpc.result-type.known-value";
const MEANING: &str = "errors.defined-codes.specified-meaning";

const HEADER_MISMATCH: i64 = -32020;
const MISSING_CAPABILITY: i64 = -32021;
const UNSUPPORTED_VERSION: i64 = -32022;

const META: &str = "/params/_meta/io.modelcontextprotocol~1";
const TASKS: &str = "io.modelcontextprotocol/tasks";

/// Requests whose headers mirror nothing but their method: with those of the harness they are consistent.
const PLAIN: [&str; 5] =
    ["server/discover", "tools/list", "resources/list", "resources/templates/list", "prompts/list"];

/// Judges responses to requests of this revision; a server of both eras may answer others in its other way.
pub(super) fn judge(scenario: &Scenario, context: &Context, traffic: &Traffic<'_>) -> Vec<Judged> {
    let mut judged = Vec::new();
    for heard in &traffic.heard {
        let Some(request) = heard.request.as_ref().map(|asked| asked.message.value()) else { continue };
        if request.pointer(&format!("{META}protocolVersion")) != Some(&Value::from(context.revision.as_str())) {
            continue;
        }
        let verdict = |requirement: &str, expected: &str, actual: Option<String>| match actual {
            None => Judged::pass(requirement),
            Some(actual) => {
                let miss = Miss { expected: expected.to_owned(), actual };
                Judged::fail(requirement, evidence(scenario, 1, miss, heard, traffic))
            }
        };
        if let Some(Value::Object(result)) = heard.result() {
            let kind = result.get("resultType");
            let named = kind.and_then(Value::as_str);
            let other = kind.map_or_else(|| "none".to_owned(), shown);
            judged.push(verdict(TYPED, "a resultType that is a string", named.is_none().then_some(other)));
            if let Some(kind) = named {
                let unknown = !is_known(kind, request, context);
                judged.push(verdict(KNOWN, "a resultType that both sides know", unknown.then(|| kind.to_owned())));
            }
        } else if let Some(error) = heard.error() {
            judged.push(verdict(
                MEANING,
                "an error code for what it stands for",
                misuse(error, heard, context, traffic),
            ));
        }
    }
    fold(judged)
}

/// Whether a kind of result is one of the core, or may be one of an extension that was advertised.
fn is_known(kind: &str, request: &Value, context: &Context) -> bool {
    let offered = context.facts.get("capabilities").and_then(|c| c["extensions"].as_object());
    let offers = |name: &str| offered.is_some_and(|extensions| extensions.contains_key(name));
    let declares = |name: &str| {
        let declared = request.pointer(&format!("{META}clientCapabilities/extensions"));
        declared.is_some_and(|extensions| extensions.get(name).is_some())
    };
    match kind {
        "complete" | "input_required" => true,
        // A task for a client that knows of none is judged by extensions.fallback.
        "task" => offers(TASKS) || !declares(TASKS),
        _ => offered.is_some_and(|extensions| extensions.keys().any(|name| name != TASKS)),
    }
}

/// How an error misuses one of MCP's own codes, if it does beyond doubt.
fn misuse(error: &Value, heard: &Heard<'_>, context: &Context, traffic: &Traffic<'_>) -> Option<String> {
    let asked = heard.request.as_ref()?;
    let request = asked.message.value();
    match error["code"].as_i64()? {
        HEADER_MISMATCH if context.kind == TransportKind::Stdio => Some("a header mismatch over stdio".to_owned()),
        HEADER_MISMATCH if !asked.deliberate && heard.method().is_some_and(|method| PLAIN.contains(&method)) => {
            Some("a header mismatch where headers and body agree".to_owned())
        }
        UNSUPPORTED_VERSION => {
            let offered = error.pointer("/data/supported")?.as_array()?;
            let revision = context.revision.as_str();
            // Where header and body differ, either may be the one that is meant.
            let is_offered = |named: &str| offered.iter().any(|version| version == named);
            let all = is_offered(revision) && version_header(asked, traffic).is_none_or(is_offered);
            all.then(|| format!("{revision} is unsupported, and supported"))
        }
        MISSING_CAPABILITY => {
            let declared = request.pointer(&format!("{META}clientCapabilities"))?;
            let required = error.pointer("/data/requiredCapabilities")?.as_object()?;
            let has_all = !required.is_empty() && required.iter().all(|(name, want)| covers(declared.get(name), want));
            has_all.then(|| format!("{} was declared", shown(&error["data"]["requiredCapabilities"])))
        }
        _ => None,
    }
}

/// The version that the header of a request names.
fn version_header<'a>(asked: &Asked, traffic: &'a Traffic<'_>) -> Option<&'a str> {
    let What::Requested { request, .. } = &traffic.transcript.entries().get(asked.index)?.what else { return None };
    let header = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("mcp-protocol-version"));
    header.map(|(_, value)| value.as_str())
}

/// Whether a declared capability has all the members that are required of it.
fn covers(declared: Option<&Value>, required: &Value) -> bool {
    let Some(declared) = declared else { return false };
    required.as_object().is_none_or(|members| members.iter().all(|(name, want)| covers(declared.get(name), want)))
}
