//! Whether a target ends by itself soon after its start, whatever is sent: where it does, that it ended shows nothing about what was
//! sent last. Judges nothing.

use std::time::Duration;

use crate::session::{Opened, Opening, Transcript, What};
use crate::transport::{ExitAfter, Incoming};

/// A target that ended later than this after its start is not looked at.
const SOON: Duration = Duration::from_secs(5);
/// A session on which nothing is asked is watched for twice the time after which the target had ended, and this.
const MARGIN: Duration = Duration::from_secs(1);

/// When the process of a session ended, though its input was open, as the time since the session began; absent where it did not, or
/// not soon.
pub(super) fn soon_ended(transcript: &Transcript) -> Option<Duration> {
    let end = transcript.entries().iter().find(|entry| match &entry.what {
        What::Received(Incoming::Exited(exit)) => exit.after == ExitAfter::Nothing,
        _ => false,
    })?;
    Some(end.at).filter(|at| *at <= SOON)
}

/// When a target ends on which nothing is asked but to open a conversation, in so much time that it would have ended twice. What was
/// said is for the watchers.
pub(super) async fn own_end(opening: Opening, ended: Duration) -> (Option<Duration>, Transcript) {
    let Opening { mut session, outcome, .. } = opening;
    if outcome == Opened::Yes {
        session.exit(ended * 2 + MARGIN).await;
    }
    let transcript = session.close().await;
    (soon_ended(&transcript), transcript)
}
