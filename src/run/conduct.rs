//! Conducts one revision over one transport: one shared session for all that leave it as it was, sessions of their own
//! for the others, watchers over every transcript. Enters a verdict for each planned check, never two.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;
use tokio::sync::{Mutex, Semaphore};

use super::ailing::{Ailing, ailing};
use super::authorization::{authorization, refused_method, with_signs};
use super::circumstances::{encode_names, note_circumstances, way_out};
use super::excuse::{GIVE_TOKEN, Said};
use super::ledger::Ledger;
use super::needs::{missing, missing_for};
use super::own_end::OwnEnd;
use super::reach::why;
use super::rerun::rerun;
use super::runner::Settings;
use super::{Plan, PlannedCheck};
use crate::judge::{
    Context, Judged, Setting, Traffic, excerpt, fold, invariant, probe, probe_uses_tools, run_steps, watch,
};
use crate::outcome::{CheckId, CheckResult, Evidence, Verdict};
use crate::protocol::Requirement;
use crate::scenario::{Body, Catalogue, Needs, Scenario, SessionUse};
use crate::session::{Awaited, CallBudget, Opened, Opening, Session, Transcript, connect, open};
use crate::survey::{call_tools, survey};

/// The requirement that a target which does not open a conversation breaks: the one cause to blame.
const STARTS: &str = "house.starts";

/// One run at work.
#[derive(Clone)]
pub(super) struct Conductor<'a> {
    pub(super) settings: &'a Settings,
    pub(super) catalogue: &'a Catalogue,
    pub(super) ledger: &'a Ledger,
    pub(super) permits: &'a Semaphore,
    pub(super) plan: &'a Plan,
    /// The run's number in the ledger.
    pub(super) run: usize,
    pub(super) context: Context,
    /// The lists that failed when the target was surveyed.
    pub(super) ailing: Vec<Ailing>,
    /// How the target ends that nothing is asked of; looked at only where it ended.
    pub(super) own_end: Arc<Mutex<OwnEnd>>,
}

/// The checks of one case of one scenario: they stand or fall by one execution.
struct Group<'a> {
    scenario: &'a Scenario,
    case: Option<&'a str>,
    /// Positions in the plan.
    checks: Vec<usize>,
}

impl Group<'_> {
    fn id(&self, requirement: &str) -> CheckId {
        CheckId::new(&self.scenario.id, requirement, self.case)
    }

    /// Whether it has to know which tools answer.
    fn awaits_calls(&self) -> bool {
        let is_about_calls = |name: &String| matches!(name.split('.').next(), Some("tool" | "task"));
        let needs = [&self.scenario.needs, &self.needs_of_case()];
        let mut named = needs.iter().flat_map(|needs| needs.all.iter().chain(&needs.none));
        named.any(is_about_calls) || matches!(&self.scenario.body, Body::Probe { name, .. } if probe_uses_tools(name))
    }

    /// What its case needs beside the scenario.
    fn needs_of_case(&self) -> Needs {
        let row = self.case.and_then(|case| self.scenario.cases.get(case)?.get("needs")?.as_array());
        let all = row.into_iter().flatten().filter_map(serde_json::Value::as_str).map(str::to_owned).collect();
        Needs { all, none: Vec::new() }
    }
}

/// Runs all checks of a plan, starting with a session that is open already (or failed to open).
pub(super) async fn conduct(mut conductor: Conductor<'_>, opening: Opening) {
    let Opening { mut session, outcome, .. } = opening;
    if outcome != Opened::Yes {
        if let Some(method) = refused_method(&session) {
            let fact = with_signs(&conductor.context, json!({"method": method})).await;
            Arc::make_mut(&mut conductor.context.facts).insert("authorization".to_owned(), fact);
            session.close().await;
            return conductor.without_token().await;
        }
        return conductor.blame_opening(session, &outcome).await;
    }
    let settings = conductor.settings;
    session.bound_calls(conductor.context.calls.clone());
    conductor.context.facts = Arc::new(survey(&mut session, settings.timeout).await);
    conductor.ailing = ailing(session.transcript(), 0);
    note_circumstances(&mut conductor.context, &session);
    if let Some(fact) = authorization(&conductor.context, &mut session, settings.timeout).await {
        let is_shut_out = fact.get("token").is_none() && refused_method(&session).is_some();
        let fact = with_signs(&conductor.context, fact).await;
        Arc::make_mut(&mut conductor.context.facts).insert("authorization".to_owned(), fact);
        if is_shut_out {
            session.close().await;
            return conductor.without_token().await;
        }
    }
    let groups = conductor.groups();
    let (shared, own): (Vec<_>, Vec<_>) = (groups.iter())
        .filter(|group| !group.scenario.is_watcher())
        .partition(|group| group.scenario.session == SessionUse::Shared);
    // Tools may be slow: what needs none of them goes on while they are called.
    let (late, early): (Vec<_>, Vec<_>) = own.into_iter().partition(|group| group.awaits_calls());
    let before = conductor.clone();
    let line = async {
        let called = call_tools(&mut session, &before.context.facts, &settings.calls, settings.timeout).await;
        conductor.ledger.left_alone(called.tools.clone(), called.uncalled.clone());
        if let Some(note) = called.gave_up() {
            conductor.ledger.note(note);
        }
        let facts = Arc::make_mut(&mut conductor.context.facts);
        facts.extend(called.facts);
        encode_names(facts);
        tokio::join!(conductor.shared_line(session, &shared), conductor.own_sessions(&late))
    };
    let ((line, late), early) = tokio::join!(line, before.own_sessions(&early));
    // In the order of the plan, whichever session ended first: the witness of a failure is the same in every run.
    let mut others = [late, early].concat();
    others.sort_by_key(|(place, _)| *place);
    let judged = fold(others.into_iter().fold(line, |all, (_, one)| [all, one].concat()));
    for group in groups.iter().filter(|group| group.scenario.is_watcher()) {
        // Watchers name their verdicts `scenario#requirement`, since several may prove the same requirement.
        let mine = judged.iter().filter_map(|one| {
            let requirement = one.requirement.strip_prefix(&group.scenario.id)?.strip_prefix('#')?;
            Some(Judged { requirement: requirement.to_owned(), verdict: one.verdict.clone() })
        });
        conductor.enter(group, &mine.collect::<Vec<_>>(), Duration::ZERO);
    }
}

impl<'a> Conductor<'a> {
    fn groups(&self) -> Vec<Group<'a>> {
        let mut groups: Vec<Group<'a>> = Vec::new();
        for (position, check) in self.plan.checks.iter().enumerate() {
            let scenario = &self.catalogue.scenarios()[check.scenario];
            let case = check.id.case.as_deref();
            match groups.last_mut().filter(|group| group.scenario.id == scenario.id && group.case == case) {
                Some(group) => group.checks.push(position),
                None => groups.push(Group { scenario, case, checks: vec![position] }),
            }
        }
        groups
    }

    /// Runs groups one after another on one session; opens another one where a group has ended or harmed it. Returns what the
    /// watchers have seen.
    async fn shared_line(&self, session: Session, groups: &[&Group<'_>]) -> Vec<Judged> {
        let mut watched = Vec::new();
        let mut current = Some(session);
        let mut harm: Option<(String, Option<CheckId>)> = None;
        for group in groups {
            if self.enter_skipped(group) {
                continue;
            }
            if let Some(session) = current.as_mut() {
                session.catch_up();
            }
            if current.as_ref().is_none_or(Session::is_over) && harm.is_none() {
                self.retire(current.take(), &mut watched).await;
                match self.reopen().await {
                    Ok(session) => current = Some(session),
                    Err(reason) => harm = Some((reason, None)),
                }
            }
            let (Some(session), None) = (current.as_mut(), &harm) else {
                let (reason, blame) = harm.clone().unwrap_or_default();
                self.enter_inconclusive(group, &reason, blame.as_ref());
                continue;
            };
            let began = Instant::now();
            let judged = self.execute(session, group, &mut watched).await;
            let troubled = judged.iter().any(|one| one.verdict.rank() >= 2);
            let blame = judged.iter().find(|one| one.verdict.rank() == 3).map(|one| group.id(&one.requirement));
            self.enter(group, &judged, began.elapsed());
            if troubled && !self.is_well(session).await {
                self.retire(current.take(), &mut watched).await;
                match self.reopen().await {
                    Ok(session) => current = Some(session),
                    Err(reason) => harm = Some((reason, blame)),
                }
            }
        }
        self.retire(current, &mut watched).await;
        watched
    }

    /// Runs groups on sessions of their own. Returns what the watchers have seen of each, by its place in the plan.
    async fn own_sessions(&self, groups: &[&Group<'_>]) -> Vec<(usize, Vec<Judged>)> {
        let runs = groups.iter().map(|group| async { (group.checks[0], self.own_session(group).await) });
        join_all(runs).await
    }

    /// Runs a group on a session of its own. Returns what the watchers have seen.
    async fn own_session(&self, group: &Group<'_>) -> Vec<Judged> {
        let mut watched = Vec::new();
        if self.enter_skipped(group) {
            return watched;
        }
        // The semaphore is never closed, so that a permit is always had.
        let permit = self.permits.acquire().await;
        let began = Instant::now();
        let (target, limits) = (&self.settings.target, self.settings.limits);
        let (revision, kind, within) = (self.plan.revision, self.plan.kind, self.settings.start_timeout);
        let opening = if group.scenario.session == SessionUse::Unopened {
            connect(target, kind, revision, limits, within).await
        } else {
            open(target, kind, revision, limits, within).await
        };
        match opening {
            Ok(Opening { mut session, outcome: Opened::Yes, .. }) => {
                let judged = self.execute(&mut session, group, &mut watched).await;
                self.enter(group, &judged, began.elapsed());
                drop(permit);
                self.retire(Some(session), &mut watched).await;
            }
            Ok(Opening { session, outcome, .. }) => {
                self.enter_inconclusive(group, &format!("no session could be opened: {}", why(&outcome)), None);
                self.retire(Some(session), &mut watched).await;
            }
            Err(error) => self.enter_inconclusive(group, &error.to_string(), None),
        }
        watched
    }

    /// Runs a group. What it missed because something else was in the way is not held against the target.
    async fn execute(&self, session: &mut Session, group: &Group<'_>, watched: &mut Vec<Judged>) -> Vec<Judged> {
        let calls = self.context.calls.apart();
        session.bound_calls(calls.clone());
        let from = session.transcript().entries().len();
        let mut others = Vec::new();
        let judged = self.judge(session, group, &calls, &mut others).await;
        for transcript in &others {
            self.watch(transcript, watched);
        }
        let said = Said { own: session.transcript(), from, others: &others };
        match self.excuse(&calls, &said, watched).await {
            Some(excuse) => excuse.apply(judged),
            None => judged,
        }
    }

    async fn judge(
        &self,
        session: &mut Session,
        group: &Group<'_>,
        calls: &CallBudget,
        transcripts: &mut Vec<Transcript>,
    ) -> Vec<Judged> {
        match &group.scenario.body {
            Body::Steps(steps) => {
                let case = group.case.and_then(|name| Some((name, group.scenario.cases.get(name)?)));
                run_steps(session, group.scenario, steps, case, &self.context).await
            }
            Body::Probe { name, .. } => {
                let Some(probe) = probe(name) else { return Vec::new() };
                session.begin(&group.scenario.id, false);
                let context = Context { calls: calls.clone(), ..self.context.clone() };
                let (scenario, context) = (group.scenario, &context);
                fold(probe(Setting { session, scenario, context, transcripts }).await)
            }
            Body::Always(_) | Body::Invariant { .. } => Vec::new(),
        }
    }

    /// Ends a session and has its transcript watched.
    async fn retire(&self, session: Option<Session>, watched: &mut Vec<Judged>) {
        if let Some(session) = session {
            self.watch(&session.close().await, watched);
        }
    }

    pub(super) fn watch(&self, transcript: &Transcript, watched: &mut Vec<Judged>) {
        self.keep(transcript);
        let traffic = Traffic::of(transcript);
        let mut seen: Option<usize> = None;
        for check in &self.plan.checks {
            let scenario = &self.catalogue.scenarios()[check.scenario];
            if !scenario.is_watcher() || seen == Some(check.scenario) {
                continue;
            }
            seen = Some(check.scenario);
            let judged = match &scenario.body {
                Body::Always(rules) => watch(scenario, rules, self.plan.revision, &traffic),
                Body::Invariant { name, .. } => {
                    invariant(name).map(|judge| judge(scenario, &self.context, &traffic)).unwrap_or_default()
                }
                _ => Vec::new(),
            };
            watched.extend(judged.into_iter().map(|one| Judged {
                requirement: format!("{}#{}", scenario.id, one.requirement),
                verdict: one.verdict,
            }));
        }
    }

    fn keep(&self, transcript: &Transcript) {
        if let Some(sink) = &self.settings.transcripts {
            sink(transcript);
        }
    }

    async fn reopen(&self) -> Result<Session, String> {
        let (target, limits) = (&self.settings.target, self.settings.limits);
        match open(target, self.plan.kind, self.plan.revision, limits, self.settings.start_timeout).await {
            Ok(Opening { session, outcome: Opened::Yes, .. }) => Ok(session),
            Ok(Opening { session, outcome, .. }) => {
                self.keep(&session.close().await);
                Err(format!("no other session could be opened: {}", why(&outcome)))
            }
            Err(error) => Err(error.to_string()),
        }
    }

    async fn is_well(&self, session: &mut Session) -> bool {
        !session.is_over() && matches!(session.alive(self.settings.timeout).await.1, Awaited::Message(..))
    }

    /// The target lets nobody in without a token, and none was given: only how it refuses can be judged.
    async fn without_token(&self) {
        let reason = format!("the target wants a token: {GIVE_TOKEN}");
        self.ledger.note(reason.clone());
        for group in &self.groups() {
            let of_strangers = group.scenario.session == SessionUse::Unopened;
            if of_strangers && group.scenario.needs.all.iter().any(|name| name == "authorization") {
                self.own_session(group).await;
                continue;
            }
            for &position in &group.checks {
                let check = &self.plan.checks[position];
                let verdict = Verdict::Skipped { reason: reason.clone() };
                self.ledger.enter(self.run, position, self.result(check, group.scenario, verdict, Duration::ZERO));
            }
        }
    }

    /// Nothing was opened: one check fails for it, all others hang on that one.
    async fn blame_opening(&self, session: Session, outcome: &Opened) {
        let transcript = session.close().await;
        self.keep(&transcript);
        let groups = self.groups();
        let starts = self.plan.checks.iter().find(|check| check.requirement.id == STARTS).map(|check| check.id.clone());
        // Where no check that was selected shows the transcript, what the target did on its way out is told.
        let reason = why(outcome) + &starts.as_ref().map_or_else(|| way_out(&transcript), |_| String::new());
        for group in &groups {
            for &position in &group.checks {
                let check = &self.plan.checks[position];
                let verdict = if check.requirement.id == STARTS {
                    let evidence = Evidence {
                        expected: format!("a conversation in {} is opened", self.plan.revision),
                        actual: reason.clone(),
                        asked_at: group.scenario.file.display().to_string(),
                        excerpt: excerpt(&transcript, 0, transcript.entries().len()),
                        witnesses: Vec::new(),
                    };
                    Verdict::Fail { evidence }
                } else {
                    Verdict::Inconclusive { reason: format!("no session was opened: {reason}"), blame: starts.clone() }
                };
                self.ledger.enter(self.run, position, self.result(check, group.scenario, verdict, Duration::ZERO));
            }
        }
    }

    /// Enters verdicts for the checks of a group that are not entered as skipped.
    fn enter(&self, group: &Group<'_>, judged: &[Judged], took: Duration) {
        for &position in &group.checks {
            let check = &self.plan.checks[position];
            let verdict = match missing_for(check.requirement, &self.context.facts) {
                Some(reason) => Verdict::Skipped { reason },
                None => judged
                    .iter()
                    .find(|one| one.requirement == check.requirement.id)
                    .map_or_else(|| not_exercised(check), |one| one.verdict.clone()),
            };
            self.ledger.enter(self.run, position, self.result(check, group.scenario, verdict, took));
        }
    }

    fn enter_inconclusive(&self, group: &Group<'_>, reason: &str, blame: Option<&CheckId>) {
        let judged = group
            .checks
            .iter()
            .map(|&position| Judged::inconclusive(&self.plan.checks[position].requirement.id, reason, blame.cloned()));
        self.enter(group, &judged.collect::<Vec<_>>(), Duration::ZERO);
    }

    /// Where the target offers nothing to exercise a group on: enters that, and says true.
    fn enter_skipped(&self, group: &Group<'_>) -> bool {
        let facts = &self.context.facts;
        let whole = missing(&group.scenario.needs, facts).or_else(|| missing(&group.needs_of_case(), facts));
        let requirement = |&position: &usize| missing_for(self.plan.checks[position].requirement, facts);
        if whole.is_none() && !group.checks.iter().all(|position| requirement(position).is_some()) {
            return false;
        }
        for position in &group.checks {
            let reason = requirement(position).or_else(|| whole.clone()).unwrap_or_default();
            let check = &self.plan.checks[*position];
            let verdict = Verdict::Skipped { reason };
            self.ledger.enter(self.run, *position, self.result(check, group.scenario, verdict, Duration::ZERO));
        }
        true
    }

    fn result(&self, check: &PlannedCheck, scenario: &Scenario, verdict: Verdict, took: Duration) -> CheckResult {
        let requirement: &Requirement = check.requirement;
        CheckResult {
            id: check.id.clone(),
            title: scenario.title.clone(),
            requirement: requirement.id.clone(),
            statement: requirement.told(),
            level: requirement.effective_level(),
            verdict,
            expected: None,
            spec: requirement.page(self.plan.revision),
            rerun: rerun(&self.settings.words, self.plan.revision, &check.id),
            duration_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

fn not_exercised(check: &PlannedCheck) -> Verdict {
    Verdict::Skipped { reason: format!("nothing was seen that {} could be judged by", check.requirement.id) }
}
