//! Finds out which revisions a target speaks, over which transport, by opening a session in each. Judges nothing.

use std::time::Duration;

use futures_util::future::try_join_all;

use crate::protocol::{Era, Revision};
use crate::session::{Opened, Opening, open};
use crate::transport::{Limits, Target, TransportError};
use crate::wire::TransportKind;

/// What came of trying every revision.
pub(super) struct Reached {
    /// One attempt for each revision asked for, oldest first; over HTTP+SSE where only that is offered.
    pub openings: Vec<Opening>,
    /// What the target answered to `initialize` in each revision: (asked, answered).
    pub answered: Vec<(String, String)>,
}

/// Opens a session in each of these revisions, all at once.
pub(super) async fn reach(
    target: &Target,
    revisions: &[Revision],
    limits: Limits,
    within: Duration,
) -> Result<Reached, TransportError> {
    let kind = if matches!(target, Target::Url(_)) { TransportKind::Http } else { TransportKind::Stdio };
    let attempts = revisions.iter().map(|&revision| open(target, kind, revision, limits, within));
    let mut openings = try_join_all(attempts).await?;
    if kind == TransportKind::Http && openings.iter().all(|opening| is_no_streamable_endpoint(&opening.outcome)) {
        openings = over_sse(target, revisions, limits, within, openings).await?;
    }
    let answered = openings.iter().filter_map(|opening| match &opening.outcome {
        Opened::Yes => Some((opening.asked.to_string(), opening.asked.to_string())),
        Opened::Other(versions) if opening.asked.era() == Era::Handshake => {
            versions.first().map(|version| (opening.asked.to_string(), version.clone()))
        }
        _ => None,
    });
    let answered = answered.collect();
    Ok(Reached { openings, answered })
}

/// The fallback of the backward-compatibility page: where POST fails, a GET may open the old event stream. The attempts
/// over Streamable HTTP stand where that fails too.
async fn over_sse(
    target: &Target,
    revisions: &[Revision],
    limits: Limits,
    within: Duration,
    openings: Vec<Opening>,
) -> Result<Vec<Opening>, TransportError> {
    let stateful = revisions.iter().filter(|revision| revision.era() == Era::Handshake);
    let attempts = stateful.map(|&revision| open(target, TransportKind::Sse, revision, limits, within));
    let over_sse = try_join_all(attempts).await?;
    Ok(if over_sse.iter().any(|opening| opening.outcome == Opened::Yes) { over_sse } else { openings })
}

fn is_no_streamable_endpoint(outcome: &Opened) -> bool {
    matches!(outcome, Opened::Failed(_))
}
