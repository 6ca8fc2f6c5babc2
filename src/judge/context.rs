//! What judges know beside the transcript. Plain data.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::sync::OnceCell;

use super::probe::negotiation::Asked;
use crate::outcome::{CheckId, Evidence, Verdict};
use crate::protocol::Revision;
use crate::session::{CallBudget, Opening, open};
use crate::transport::{Limits, Target, TransportError};
use crate::wire::TransportKind;

/// What is known about the target and the run when a check is judged.
#[derive(Clone)]
pub struct Context {
    /// The target, for probes that need connections of their own.
    pub target: Target,
    /// The transport under test.
    pub kind: TransportKind,
    /// The revision under test.
    pub revision: Revision,
    /// Bounds on every connection.
    pub limits: Limits,
    /// How long an answer may take.
    pub timeout: Duration,
    /// How long the first one may take, for which the target has to start.
    pub start_timeout: Duration,
    /// How often each tool may still be called.
    pub calls: CallBudget,
    /// What generated messages are drawn from: the same number, the same messages.
    pub seed: u64,
    /// What the survey learned, by name.
    pub facts: Arc<Map<String, Value>>,
    /// What the target answered to `initialize` in each revision asked for: (asked, answered).
    pub answered: Vec<(String, String)>,
    /// What it answered when versions were negotiated on connections of their own: asked once for all revisions under test.
    pub negotiated: Arc<OnceCell<Vec<Asked>>>,
}

impl Context {
    /// Opens another conversation with the target, under the same bound on calls.
    pub(super) async fn open(&self, within: Duration) -> Result<Opening, TransportError> {
        let mut opening = open(&self.target, self.kind, self.revision, self.limits, within).await?;
        opening.session.bound_calls(self.calls.clone());
        Ok(opening)
    }
}

/// The verdict on one requirement.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// Id of the requirement.
    pub requirement: String,
    /// What became of it.
    pub verdict: Verdict,
}

impl Judged {
    /// It holds.
    pub fn pass(requirement: &str) -> Self {
        Self { requirement: requirement.to_owned(), verdict: Verdict::Pass }
    }

    /// It does not hold.
    pub fn fail(requirement: &str, evidence: Evidence) -> Self {
        Self { requirement: requirement.to_owned(), verdict: Verdict::Fail { evidence } }
    }

    /// It could not be judged.
    pub fn inconclusive(requirement: &str, reason: impl Into<String>, blame: Option<CheckId>) -> Self {
        let verdict = Verdict::Inconclusive { reason: reason.into(), blame };
        Self { requirement: requirement.to_owned(), verdict }
    }

    /// It was not exercised.
    pub fn skipped(requirement: &str, reason: impl Into<String>) -> Self {
        Self { requirement: requirement.to_owned(), verdict: Verdict::Skipped { reason: reason.into() } }
    }
}

/// Folds several verdicts on one requirement into one: the worst, and of equals the first.
pub fn fold(judged: Vec<Judged>) -> Vec<Judged> {
    let mut folded: Vec<Judged> = Vec::new();
    for one in judged {
        match folded.iter_mut().find(|other| other.requirement == one.requirement) {
            Some(other) if one.verdict.rank() > other.verdict.rank() => *other = one,
            Some(_) => {}
            None => folded.push(one),
        }
    }
    folded
}
