//! The target lives on: its process does not end while its input is open, and what could be reached stays within reach.

use crate::judge::context::{Context, Judged};
use crate::judge::excerpt::excerpt;
use crate::judge::loss::{Loss, loss};
use crate::judge::traffic::Traffic;
use crate::outcome::Evidence;
use crate::scenario::Scenario;
use crate::session::What;

/// Judges one session: a loss fails, a session in which the target said something passes.
pub(super) fn judge(scenario: &Scenario, _: &Context, traffic: &Traffic<'_>) -> Vec<Judged> {
    let Some(requirement) = super::proves(scenario).first() else { return Vec::new() };
    match loss(traffic.transcript) {
        Some(loss) => vec![Judged::fail(requirement, evidence(scenario, loss, traffic))],
        None if traffic.heard.is_empty() => Vec::new(),
        None => vec![Judged::pass(requirement)],
    }
}

fn evidence(scenario: &Scenario, loss: Loss, traffic: &Traffic<'_>) -> Evidence {
    let entries = &traffic.transcript.entries()[..loss.cause];
    let during = entries.iter().rev().find_map(|entry| match &entry.what {
        What::Mark(name) => Some(format!(", seen in {name}")),
        _ => None,
    });
    Evidence {
        expected: "the server lives on while its client does".to_owned(),
        actual: loss.what,
        asked_at: format!("{}:1{}", scenario.file.display(), during.unwrap_or_default()),
        excerpt: excerpt(traffic.transcript, loss.cause, loss.witness),
        witnesses: Vec::new(),
    }
}
