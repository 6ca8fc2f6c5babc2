//! Holds the requests that a server sends against what the client declared in the handshake.

use serde_json::Value;

use crate::judge::always::evidence;
use crate::judge::compare::Miss;
use crate::judge::context::{Context, Judged, fold};
use crate::judge::traffic::Traffic;
use crate::scenario::Scenario;
use crate::wire::Kind;

/// Requests of servers: requirement, method, capability of the client.
const REQUESTS: [(&str, &str, &str); 2] = [
    ("sampling.request.only-if-declared", "sampling/createMessage", "sampling"),
    ("elicitation.request.only-if-declared", "elicitation/create", "elicitation"),
];

/// Judges requests for sampling and elicitation. A server that had occasion and sent none passes.
pub(super) fn judge(scenario: &Scenario, _: &Context, traffic: &Traffic<'_>) -> Vec<Judged> {
    let declared = |capability: &str| {
        let opening = traffic.asked.iter().find(|asked| asked.message.method() == Some("initialize"));
        let capabilities = opening.and_then(|asked| asked.message.value().pointer("/params/capabilities"));
        capabilities.and_then(|capabilities| capabilities.get(capability)).is_some_and(Value::is_object)
    };
    let occasion = traffic.heard.iter().any(|heard| heard.method() == Some("tools/call"));
    let mut judged = Vec::new();
    for (requirement, method, capability) in REQUESTS {
        if declared(capability) {
            continue;
        }
        let sent =
            traffic.heard.iter().find(|heard| heard.kind == Kind::Request && heard.message.method() == Some(method));
        if let Some(heard) = sent {
            let expected = format!("no {method}, since the client did not declare {capability}");
            let miss = Miss { expected, actual: "such a request".to_owned() };
            judged.push(Judged::fail(requirement, evidence(scenario, 1, miss, heard, traffic)));
        } else if occasion {
            judged.push(Judged::pass(requirement));
        }
    }
    fold(judged)
}
