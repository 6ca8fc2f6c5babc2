//! Holds the pages of one list against each other: what a cache is told of one holds for all.

use serde_json::Value;

use super::proves;
use crate::judge::always::evidence;
use crate::judge::compare::{Miss, shown};
use crate::judge::context::{Context, Judged, fold};
use crate::judge::traffic::{Heard, Traffic};
use crate::scenario::Scenario;

/// Judges every page that follows another by its cursor (specification: server/utilities/caching#interaction-with-pagination).
pub(super) fn judge(scenario: &Scenario, _: &Context, traffic: &Traffic<'_>) -> Vec<Judged> {
    let Some(requirement) = proves(scenario).first() else { return Vec::new() };
    let mut judged = Vec::new();
    for (position, page) in traffic.heard.iter().enumerate() {
        let Some(before) = page_before(page, &traffic.heard[..position]) else { continue };
        let (Some(here), Some(there)) = (scope(page), scope(before)) else { continue };
        judged.push(if here == there {
            Judged::pass(requirement)
        } else {
            let expected = format!("cacheScope {} as on the page before", shown(there));
            let miss = Miss { expected, actual: shown(here) };
            Judged::fail(requirement, evidence(scenario, 1, miss, page, traffic))
        });
    }
    fold(judged)
}

fn scope<'a>(page: &'a Heard<'_>) -> Option<&'a Value> {
    page.result()?.get("cacheScope")
}

/// The page of the same list whose `nextCursor` was asked for.
fn page_before<'h, 't>(page: &Heard<'_>, earlier: &'h [Heard<'t>]) -> Option<&'h Heard<'t>> {
    page.result()?;
    let cursor = page.request.as_ref()?.message.value().pointer("/params/cursor")?;
    let mut same_list = earlier.iter().rev().filter(|other| other.method() == page.method());
    same_list.find(|other| other.result().and_then(|result| result.get("nextCursor")) == Some(cursor))
}
