//! Holds the notifications of a server against the capabilities that it declared.

use serde_json::Value;

use crate::judge::always::evidence;
use crate::judge::compare::Miss;
use crate::judge::context::{Context, Judged, fold};
use crate::judge::traffic::{Heard, Traffic};
use crate::protocol::Era;
use crate::scenario::Scenario;
use crate::wire::Kind;

/// A notification that only those send who declared the capability.
struct Rule {
    requirement: &'static str,
    method: &'static str,
    /// JSON pointer into the capabilities.
    capability: &'static str,
    /// The member of an acknowledged subscription that shows the same.
    subscribed: Option<&'static str>,
}

const RULES: [Rule; 5] = [
    Rule {
        requirement: "capabilities.logging.declared",
        method: "notifications/message",
        capability: "/logging",
        subscribed: None,
    },
    Rule {
        requirement: "capabilities.tools.list-changed-declared",
        method: "notifications/tools/list_changed",
        capability: "/tools/listChanged",
        subscribed: Some("toolsListChanged"),
    },
    Rule {
        requirement: "capabilities.resources.list-changed-declared",
        method: "notifications/resources/list_changed",
        capability: "/resources/listChanged",
        subscribed: Some("resourcesListChanged"),
    },
    Rule {
        requirement: "capabilities.prompts.list-changed-declared",
        method: "notifications/prompts/list_changed",
        capability: "/prompts/listChanged",
        subscribed: Some("promptsListChanged"),
    },
    Rule {
        requirement: "capabilities.resources.updates-need-subscribe",
        method: "notifications/resources/updated",
        capability: "/resources/subscribe",
        subscribed: Some("resourceSubscriptions"),
    },
];

/// Judges notifications that need a declared capability. A server that sends none of a kind without having declared it passes.
pub(super) fn judge(scenario: &Scenario, context: &Context, traffic: &Traffic<'_>) -> Vec<Judged> {
    let mut judged = Vec::new();
    for rule in &RULES {
        let declared = context.facts.get("capabilities").and_then(|all| all.pointer(rule.capability));
        let declared = declared.is_some_and(|value| !matches!(value, Value::Null | Value::Bool(false)));
        let mut sent = traffic.heard.iter().filter(|heard| is(heard, rule.method));
        judged.push(match sent.next() {
            Some(heard) if !declared && !is_acknowledged(rule, context, traffic) => {
                let capability = rule.capability[1..].replace('/', ".");
                let expected = format!("no {} from a server that does not declare {capability}", rule.method);
                let miss = Miss { expected, actual: "one was sent".to_owned() };
                Judged::fail(rule.requirement, evidence(scenario, 1, miss, heard, traffic))
            }
            _ => Judged::pass(rule.requirement),
        });
    }
    fold(judged)
}

/// In the stateless revision an acknowledged subscription tells of the same ability.
fn is_acknowledged(rule: &Rule, context: &Context, traffic: &Traffic<'_>) -> bool {
    let Some(member) = rule.subscribed.filter(|_| context.revision.era() == Era::Stateless) else { return false };
    let acknowledged = traffic.heard.iter().filter(|heard| is(heard, "notifications/subscriptions/acknowledged"));
    let mut filters = acknowledged.filter_map(|heard| heard.message.params()?.get("notifications"));
    filters.any(|filter| filter.get(member).is_some())
}

fn is(heard: &Heard<'_>, method: &str) -> bool {
    heard.kind == Kind::Notification && heard.message.method() == Some(method)
}
