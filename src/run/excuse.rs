//! Why what a group of checks missed shows nothing about the target: something else was in the way. Judges nothing.

use std::time::Duration;

use super::ailing::{Ailing, ailing, is_of_the_list};
use super::authorization::kept_from_strangers;
use super::conduct::Conductor;
use super::own_end::soon_ended;
use crate::judge::Judged;
use crate::outcome::Verdict;
use crate::session::{CallBudget, Transcript, open};

/// What to do where a target wants a token.
pub(super) const GIVE_TOKEN: &str = "give it one by --header 'Authorization: Bearer ...'";

/// What was in the way, told in one clause.
pub(super) enum Excuse {
    /// The target keeps from strangers what the group asks for: it shows nothing at all.
    Stranger(String),
    /// Calls of tools were withheld, or the target ended as it does by itself: only what passes is shown.
    Hindered(String),
    /// A list failed as it always does: shown is also that it is not answered, and whether the target lives on.
    Ailing(String),
}

impl Excuse {
    /// The verdicts, with those left open that show nothing.
    pub(super) fn apply(&self, judged: Vec<Judged>) -> Vec<Judged> {
        let leave_open = |one: Judged| {
            let passes = one.verdict == Verdict::Pass;
            let (stands, reason) = match self {
                Self::Stranger(reason) => (false, reason),
                Self::Hindered(reason) => (passes, reason),
                Self::Ailing(reason) => (passes || is_of_the_list(&one.requirement), reason),
            };
            if stands { one } else { Judged::skipped(&one.requirement, reason.clone()) }
        };
        judged.into_iter().map(leave_open).collect()
    }
}

/// What was said while a group ran.
pub(super) struct Said<'a> {
    /// On its session, from this entry on.
    pub(super) own: &'a Transcript,
    pub(super) from: usize,
    /// On sessions that it opened beside.
    pub(super) others: &'a [Transcript],
}

impl Conductor<'_> {
    /// What was in the way of a group, if anything. The user is told.
    pub(super) async fn excuse(
        &self,
        calls: &CallBudget,
        said: &Said<'_>,
        watched: &mut Vec<Judged>,
    ) -> Option<Excuse> {
        let noted = |reason: String| {
            self.ledger.note(reason.clone());
            reason
        };
        let mut entries =
            [&said.own.entries()[said.from..]].into_iter().chain(said.others.iter().map(Transcript::entries));
        if let Some(method) = entries.find_map(|entries| kept_from_strangers(&self.settings.target, entries)) {
            return Some(Excuse::Stranger(noted(format!("the target wants a token for `{method}`: {GIVE_TOKEN}"))));
        }
        if let Some(reason) = calls.reason() {
            return Some(Excuse::Hindered(reason));
        }
        if let Some(end) = self.own_end_of(said, watched).await {
            let seconds = end.as_secs_f32();
            let reason = format!("the target ends by itself {seconds:.1} s after its start, whatever is asked");
            return Some(Excuse::Hindered(noted(reason)));
        }
        let Ailing { method, code } = self.ailing_of(said)?;
        Some(Excuse::Ailing(noted(format!("`{method}` fails with {code}, whatever is asked"))))
    }

    /// A list that failed in a group as it did when the target was surveyed.
    fn ailing_of(&self, said: &Said<'_>) -> Option<Ailing> {
        if self.ailing.is_empty() {
            return None;
        }
        let in_others = said.others.iter().flat_map(|transcript| ailing(transcript, 0));
        let mut failed = ailing(said.own, said.from).into_iter().chain(in_others);
        failed.find(|one| self.ailing.contains(one))
    }

    /// When the target ends by itself, if it ended in a group, and that may be why.
    async fn own_end_of(&self, said: &Said<'_>, watched: &mut Vec<Judged>) -> Option<Duration> {
        let ended = [said.own].into_iter().chain(said.others).find_map(soon_ended)?;
        let mut own_end = self.own_end.lock().await;
        if own_end.is_unknown(ended) {
            let (target, limits) = (&self.settings.target, self.settings.limits);
            let (revision, kind, within) = (self.plan.revision, self.plan.kind, self.settings.start_timeout);
            let opening = open(target, kind, revision, limits, within).await.ok()?;
            self.watch(&own_end.look(opening, ended).await, watched);
        }
        own_end.explains(ended)
    }
}
