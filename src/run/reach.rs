//! Finds out which revisions a target speaks, over which transport, by opening a session in each. Judges nothing.

use std::future::Future;
use std::time::{Duration, Instant};

use futures_util::future::{Either, select, try_join_all};
use tokio::time::timeout;

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

/// How long, at the least, a target may keep silent on the first message of the stateless era once it has opened sessions of
/// the older one: some servers that do not know it never answer. A slow one gets three times what those openings took.
const ERA_SILENCE: Duration = Duration::from_secs(5);

/// Opens a session in each of these revisions, all at once.
pub(super) async fn reach(
    target: &Target,
    revisions: &[Revision],
    limits: Limits,
    within: Duration,
) -> Result<Reached, TransportError> {
    let kind = if matches!(target, Target::Url(_)) { TransportKind::Http } else { TransportKind::Stdio };
    let (older, stateless): (Vec<_>, Vec<_>) = revisions.iter().partition(|revision| revision.era() == Era::Handshake);
    let attempt = |revision: Revision| open(target, kind, revision, limits, within);
    let older = try_join_all(older.into_iter().map(attempt));
    let stateless = try_join_all(stateless.into_iter().map(attempt));
    let mut openings = both_eras(older, stateless).await?;
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

/// Waits for the openings of both eras. Where the older one has opened, the stateless one gets a while more, and is taken
/// as not offered after that.
async fn both_eras(
    older: impl Future<Output = Result<Vec<Opening>, TransportError>>,
    stateless: impl Future<Output = Result<Vec<Opening>, TransportError>>,
) -> Result<Vec<Opening>, TransportError> {
    let began = Instant::now();
    let (older, stateless) = (std::pin::pin!(older), std::pin::pin!(stateless));
    let (mut openings, rest) = match select(older, stateless).await {
        Either::Left((older, stateless)) => {
            let older = older?;
            let rest = if older.iter().any(|opening| opening.outcome == Opened::Yes) {
                timeout(ERA_SILENCE.max(began.elapsed() * 3), stateless).await.unwrap_or_else(|_| Ok(Vec::new()))
            } else {
                stateless.await
            };
            (older, rest?)
        }
        Either::Right((stateless, older)) => (older.await?, stateless?),
    };
    openings.extend(rest);
    Ok(openings)
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

/// Why a conversation was not opened, in one clause.
pub(super) fn why(outcome: &Opened) -> String {
    match outcome {
        Opened::Yes => "it was opened".to_owned(),
        Opened::Other(versions) => format!("the server answered with {}", versions.join(", ")),
        Opened::Refused(message) => format!("the server refused: {}", message.value()),
        Opened::Failed(reason) | Opened::Unreachable(reason) => reason.clone(),
    }
}
