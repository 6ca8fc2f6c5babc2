//! The server's own pings come at a bearable rate.

use std::time::Duration;

use crate::judge::always::evidence;
use crate::judge::compare::Miss;
use crate::judge::context::{Context, Judged};
use crate::judge::traffic::Traffic;
use crate::scenario::Scenario;
use crate::wire::Kind;

/// So many pings, as an average of one in a second, count as too many.
const MANY: usize = 20;
const PACE: Duration = Duration::from_secs(1);

/// Judges one session: many pings in a short time fail, fewer or none pass.
pub(super) fn judge(scenario: &Scenario, _: &Context, traffic: &Traffic<'_>) -> Vec<Judged> {
    let Some(requirement) = super::proves(scenario).first() else { return Vec::new() };
    let is_ping = |kind: Kind, method: Option<&str>| kind == Kind::Request && method == Some("ping");
    let pings: Vec<_> = traffic.heard.iter().filter(|heard| is_ping(heard.kind, heard.message.method())).collect();
    let storm = pings.windows(MANY).find(|pings| {
        let span = pings[MANY - 1].entry.at.saturating_sub(pings[0].entry.at);
        span < PACE * u32::try_from(MANY).unwrap_or(u32::MAX)
    });
    match storm {
        Some(pings) => {
            let span = pings[MANY - 1].entry.at.saturating_sub(pings[0].entry.at);
            let miss = Miss {
                expected: "pings now and then, no more than one in a second".to_owned(),
                actual: format!("{MANY} pings in {:.1} s", span.as_secs_f32()),
            };
            vec![Judged::fail(requirement, evidence(scenario, 1, miss, pings[MANY - 1], traffic))]
        }
        None if traffic.heard.is_empty() => Vec::new(),
        None => vec![Judged::pass(requirement)],
    }
}
