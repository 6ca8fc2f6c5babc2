//! Whether a target ends by itself soon after its start, whatever is sent: where it does, that it ended shows nothing about what was
//! sent last. Judges nothing.

use std::time::Duration;

use crate::session::{Opened, Opening, Transcript, What};
use crate::transport::{ExitAfter, Incoming};

/// A target that ended later than this after its start is not looked at.
const SOON: Duration = Duration::from_secs(5);
/// A session on which nothing is asked is watched for twice the time after which the target had ended, and this.
const MARGIN: Duration = Duration::from_secs(1);

/// What is known of how a target ends that nothing is asked of.
#[derive(Debug, Default)]
pub(super) struct OwnEnd {
    /// When it ended, as the time since the session began.
    end: Option<Duration>,
    /// An end of the target for which a session without an end was watched for long enough.
    lived: Duration,
}

impl OwnEnd {
    /// Whether nobody knows yet how a target ends by itself that has ended after this time.
    pub(super) fn is_unknown(&self, ended: Duration) -> bool {
        self.end.is_none() && ended > self.lived
    }

    /// Watches a conversation on which nothing is asked, for so long that the target would have ended twice. What was said is for
    /// the watchers.
    pub(super) async fn look(&mut self, opening: Opening, ended: Duration) -> Transcript {
        let Opening { mut session, outcome, .. } = opening;
        let is_open = outcome == Opened::Yes;
        if is_open {
            session.exit(ended * 2 + MARGIN).await;
        }
        let transcript = session.close().await;
        // One that is not even opened tells of something else.
        self.end = soon_ended(&transcript).filter(|_| is_open);
        self.lived = ended;
        transcript
    }

    /// When the target ends by itself, if that may be why it ended after this time: much earlier it does not.
    pub(super) fn explains(&self, ended: Duration) -> Option<Duration> {
        self.end.filter(|end| ended * 2 >= *end)
    }
}

/// When the process of a session ended, though its input was open, as the time since the session began; absent where it did not, or
/// not soon.
pub(super) fn soon_ended(transcript: &Transcript) -> Option<Duration> {
    let end = transcript.entries().iter().find(|entry| match &entry.what {
        What::Received(Incoming::Exited(exit)) => exit.after == ExitAfter::Nothing,
        _ => false,
    })?;
    Some(end.at).filter(|at| *at <= SOON)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_end_that_is_not_much_earlier_is_explained() {
        let [short, long] = [100, 600].map(Duration::from_millis);
        let ends = OwnEnd { end: Some(long), lived: short };
        assert_eq!((ends.explains(short), ends.explains(long)), (None, Some(long)));
        let lives = OwnEnd { end: None, lived: short };
        assert_eq!((lives.is_unknown(short), lives.is_unknown(long), lives.explains(long)), (false, true, None));
    }
}
