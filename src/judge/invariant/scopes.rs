//! A refusal for want of scopes says so, and which scopes it takes.

use super::exchanges::{Exchange, exchanges};
use super::proves;
use crate::judge::challenge::{is_bearer, parameter};
use crate::judge::context::{Context, Judged, fold};
use crate::judge::excerpt::excerpt;
use crate::judge::traffic::Traffic;
use crate::outcome::Evidence;
use crate::scenario::Scenario;

const FORM: &str = "auth.insufficient-scope.403";
const SCOPES: &str = "auth.insufficient-scope.scopes";

/// Judges every refusal that names `insufficient_scope` (specification: basic/authorization#runtime-insufficient-scope-errors).
pub(super) fn judge(scenario: &Scenario, _: &Context, traffic: &Traffic<'_>) -> Vec<Judged> {
    let mut judged = Vec::new();
    for exchange in exchanges(traffic.transcript) {
        let (Some((head, status, _)), Some(challenge)) = (exchange.head, exchange.received("www-authenticate")) else {
            continue;
        };
        if parameter(challenge, "error").as_deref() != Some("insufficient_scope") {
            continue;
        }
        let told = format!("HTTP {status} with WWW-Authenticate: {challenge}");
        let settle = |requirement: &str, holds: bool, expected: &str| {
            if holds {
                return Judged::pass(requirement);
            }
            Judged::fail(requirement, evidence(scenario, traffic, &exchange, head.index, expected, told.clone()))
        };
        let names_metadata = parameter(challenge, "resource_metadata").is_some();
        let fits = status == 403 && is_bearer(challenge) && names_metadata;
        judged.push(settle(FORM, fits, "HTTP 403 and a Bearer challenge with resource_metadata"));
        let names_scopes = parameter(challenge, "scope").is_some_and(|scope| !scope.trim().is_empty());
        judged.push(settle(SCOPES, names_scopes, "a challenge with the scopes that the request needs"));
    }
    let mut judged = fold(judged);
    judged.retain(|one| proves(scenario).contains(&one.requirement));
    judged
}

fn evidence(
    scenario: &Scenario,
    traffic: &Traffic<'_>,
    exchange: &Exchange<'_>,
    head: usize,
    expected: &str,
    actual: String,
) -> Evidence {
    Evidence {
        expected: expected.to_owned(),
        actual,
        asked_at: format!("{}:1", scenario.file.display()),
        excerpt: excerpt(traffic.transcript, exchange.entry.index, head + 1),
        witnesses: Vec::new(),
    }
}
