//! Drives a session by the steps of a scenario and judges what comes. Reads entries, returns verdicts; never prints.

mod expect;
mod send;

use serde_json::Value;

use self::expect::Outcome;
use super::compare::Miss;
use super::context::{Context, Judged, fold};
use super::excerpt::excerpt;
use super::fill::{Bindings, Unbound, is_fact};
use super::loss::{self, loss};
use crate::outcome::{CheckId, Evidence, Verdict};
use crate::scenario::{Case, Close, Scenario, Step, StepKind, Subject};
use crate::session::{Awaited, Sent, Session, What};
use crate::wire::TransportKind;

/// Runs the steps of one case of a scenario. One verdict for each requirement that a reached step proves; what could not
/// be reached is inconclusive.
pub async fn run_steps(
    session: &mut Session,
    scenario: &Scenario,
    steps: &[Step],
    case: Option<(&str, &Case)>,
    context: &Context,
) -> Vec<Judged> {
    let bindings = Bindings::new(&context.facts);
    let answers_requests = steps.iter().any(|step| matches!(&step.kind, StepKind::Reply(_)));
    let mark = case.map_or_else(|| scenario.id.clone(), |(name, _)| format!("{}[{name}]", scenario.id));
    session.begin(&mark, answers_requests);
    let case_values = case.map(|(_, values)| values);
    let case = case.map(|(name, _)| name.to_owned());
    let mut run = Run {
        session,
        scenario,
        case,
        context,
        bindings,
        sent: Vec::new(),
        asked: Vec::new(),
        judged: Vec::new(),
        stopped: None,
        proves_survival: steps.iter().any(|step| proves(step) == Some(loss::SURVIVES)),
        lost: None,
    };
    run.bind_case(case_values);
    for step in steps {
        run.step(step).await;
    }
    fold(run.judged)
}

struct Run<'a> {
    session: &'a mut Session,
    scenario: &'a Scenario,
    case: Option<String>,
    context: &'a Context,
    bindings: Bindings,
    /// What was sent, with the names that steps gave.
    sent: Vec<(Option<String>, Sent)>,
    /// Requests of the server's that an `expect` has found.
    asked: Vec<(Option<String>, Value)>,
    judged: Vec<Judged>,
    /// What becomes of all that is proved from here on.
    stopped: Option<Verdict>,
    /// Some step of this scenario convicts a target that does not live on.
    proves_survival: bool,
    /// How the target was lost, if it is known to be.
    lost: Option<String>,
}

impl Run<'_> {
    /// Binds the values of the case, which may hold facts.
    fn bind_case(&mut self, values: Option<&Case>) {
        for (name, value) in values.into_iter().flatten() {
            match self.bindings.fill(value) {
                Ok(value) => self.bindings.bind(name, value),
                Err(Unbound(fact)) => self.stopped = Some(self.unbound(&fact)),
            }
        }
    }

    async fn step(&mut self, step: &Step) {
        if self.stopped.is_none()
            && let Err(Unbound(name)) = self.perform(step).await
        {
            self.stopped = Some(self.unbound(&name));
        }
        if let (Some(verdict), Some(requirement)) = (&self.stopped, proves(step))
            && self.judged.iter().all(|judged| judged.requirement != requirement)
        {
            self.judged.push(Judged { requirement: requirement.to_owned(), verdict: verdict.clone() });
        }
    }

    /// What becomes of the rest where a placeholder has no value: a fact that the target lacks leaves nothing to exercise,
    /// anything else was to be bound by an earlier step.
    fn unbound(&self, name: &str) -> Verdict {
        if is_fact(name) {
            return Verdict::Skipped { reason: format!("the target offers nothing that could serve as {name}") };
        }
        Verdict::Inconclusive { reason: format!("an earlier step brought no {name}"), blame: self.newest_failure() }
    }

    async fn perform(&mut self, step: &Step) -> Result<(), Unbound> {
        match &step.kind {
            StepKind::Request(template) => self.send_message(template, true),
            StepKind::Notify(template) => self.send_message(template, false),
            StepKind::Reply(reply) => self.reply(reply),
            StepKind::Raw(raw) => self.send_raw(raw),
            StepKind::Http(call) => self.send_http(call),
            StepKind::Expect(expect) => {
                let from = self.target_of(expect.to.as_deref()).map_or(0, |sent| sent.index);
                let outcome = self.expect(expect).await?;
                if let (Subject::Result(_), Outcome::Met(result)) = (&expect.subject, &outcome) {
                    let sent = self.target_of(expect.to.as_deref()).cloned();
                    if let Some(sent) = sent.filter(|sent| sent.method.as_deref() == Some("initialize")) {
                        self.session.adopt(&sent, result);
                    }
                }
                if let Outcome::Met(value) = &outcome {
                    for (name, pointer) in &expect.bind {
                        if let Some(part) = value.pointer(pointer) {
                            self.bindings.bind(name, part.clone());
                        }
                    }
                }
                self.settle(step, expect.proves.as_deref(), from, outcome.in_words(expect.wants.as_deref())).await;
                Ok(())
            }
            StepKind::Alive(alive) => {
                let (from, outcome) = self.alive().await;
                self.settle(step, alive.proves.as_deref(), from, outcome).await;
                Ok(())
            }
            StepKind::Close(Close::Input) => {
                self.session.close_input();
                Ok(())
            }
            StepKind::Close(Close::Exchange(name)) => {
                if let Some(sent) = self.target_of(Some(name)).cloned() {
                    self.session.abandon(&sent);
                }
                Ok(())
            }
        }
    }

    /// How the target was lost, if it was: then what did not come says nothing about the request, and the loss is judged
    /// where survival is. A target that went is seen to be gone by the watcher of every session; one that only keeps
    /// silent counts as lost where a later step judges that.
    async fn loss(&mut self) -> Option<String> {
        let closed = self.session.transcript().entries().iter().any(|e| matches!(e.what, What::ClosedInput));
        if self.lost.is_some() || closed {
            return self.lost.clone();
        }
        let seen = |session: &Session| loss(session.transcript()).map(|loss| loss.what);
        self.lost = seen(self.session);
        if self.lost.is_none() && (self.proves_survival || self.session.kind() != TransportKind::Stdio) {
            let silence = match self.session.alive(self.patience(self.context.timeout)).await.1 {
                Awaited::Message(..) => return None,
                Awaited::Ended(reason) => format!("nor to the alive request after it: {reason}"),
                Awaited::TimedOut(_) => "no answer any more, not to the alive request either".to_owned(),
            };
            self.lost = seen(self.session).or_else(|| self.proves_survival.then_some(silence));
        }
        self.lost.clone()
    }

    /// The check that convicts a lost target.
    fn survival(&self) -> CheckId {
        if self.proves_survival {
            self.check_id(loss::SURVIVES)
        } else {
            CheckId::new(loss::WATCHER, loss::SURVIVES, None)
        }
    }

    /// Turns an outcome into a verdict, or, for a precondition, into the reason why the rest is inconclusive.
    async fn settle(&mut self, step: &Step, proves: Option<&str>, from: usize, outcome: Outcome) {
        let outcome = match outcome {
            Outcome::Absent(miss) => match self.loss().await {
                Some(lost) => {
                    let verdict = Verdict::Inconclusive { reason: lost, blame: Some(self.survival()) };
                    match proves {
                        Some(requirement) => {
                            self.judged.push(Judged { requirement: requirement.to_owned(), verdict });
                        }
                        None => self.stopped = Some(verdict),
                    }
                    return;
                }
                None => Outcome::Missed(miss),
            },
            other => other,
        };
        match (proves, outcome) {
            // Turned into one of the others above.
            (_, Outcome::LeftOut | Outcome::Absent(_)) | (None, Outcome::Met(_)) => {}
            (Some(requirement), Outcome::Met(_)) => self.judged.push(Judged::pass(requirement)),
            (Some(requirement), Outcome::Missed(miss)) => {
                let evidence = self.evidence(step, from, miss);
                self.judged.push(Judged::fail(requirement, evidence));
            }
            (Some(requirement), Outcome::Silent) => {
                let reason = "the target kept silent, which the specification leaves open";
                self.judged.push(Judged::skipped(requirement, reason));
            }
            (None, Outcome::Silent) => self.stop(format!("{}: no answer", self.place(step))),
            (Some(requirement), Outcome::Unknown(reason)) => {
                self.judged.push(Judged::inconclusive(requirement, reason, None));
            }
            (None, Outcome::Missed(miss)) => {
                let reason = format!("{}: expected {}, got {}", self.place(step), miss.expected, miss.actual);
                self.stop(reason);
            }
            (None, Outcome::Unknown(reason)) => self.stop(format!("{}: {reason}", self.place(step))),
        }
    }

    fn stop(&mut self, reason: String) {
        self.stopped = Some(Verdict::Inconclusive { reason, blame: self.newest_failure() });
    }

    /// The check of this scenario that failed last: what is inconclusive after it is so for its sake.
    fn newest_failure(&self) -> Option<CheckId> {
        let failed = self.judged.iter().rev().find(|judged| judged.verdict.rank() == 3);
        failed.map(|judged| self.check_id(&judged.requirement))
    }

    fn evidence(&self, step: &Step, from: usize, miss: Miss) -> Evidence {
        let transcript = self.session.transcript();
        Evidence {
            expected: miss.expected,
            actual: miss.actual,
            asked_at: self.place(step),
            excerpt: excerpt(transcript, from, transcript.entries().len()),
            witnesses: Vec::new(),
        }
    }

    fn place(&self, step: &Step) -> String {
        format!("{}:{}", self.scenario.file.display(), step.line)
    }

    fn check_id(&self, requirement: &str) -> CheckId {
        CheckId::new(&self.scenario.id, requirement, self.case.as_deref())
    }

    /// What an `expect` is about: the named thing sent, or the newest.
    fn target_of(&self, name: Option<&str>) -> Option<&Sent> {
        let mut sent = self.sent.iter().rev();
        sent.find(|(given, _)| name.is_none() || given.as_deref() == name).map(|(_, sent)| sent)
    }
}

/// The requirement that a step proves.
fn proves(step: &Step) -> Option<&str> {
    match &step.kind {
        StepKind::Expect(expect) => expect.proves.as_deref(),
        StepKind::Alive(alive) => alive.proves.as_deref(),
        _ => None,
    }
}
