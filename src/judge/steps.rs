//! Drives a session by the steps of a scenario and judges what comes. Reads entries, returns verdicts; never prints.

use std::time::Duration;

use bytes::Bytes;
use indexmap::IndexMap;
use serde_json::{Value, json};

use super::compare::{Miss, compare, shown};
use super::context::{Context, Judged, fold};
use super::excerpt::excerpt;
use super::fill::{Bindings, Unbound, is_fact};
use super::loss::{self, loss};
use crate::outcome::{CheckId, Evidence, Verdict};
use crate::scenario::{
    Case, Close, Expect, HttpCall, Message as Template, Raw, RawBytes, Reply, Scenario, Step, StepKind, Subject,
};
use crate::session::{Awaited, Edits, Entry, Sent, Session, What};
use crate::transport::{ExitAfter, Incoming};
use crate::wire::pattern::matches;
use crate::wire::{Kind, Message, TransportKind};

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

/// What an expectation came to.
enum Outcome {
    Met(Value),
    Missed(Miss),
    /// Nothing came at all.
    Absent(Miss),
    /// It says nothing over this transport.
    LeftOut,
    /// It can not be told; says why.
    Unknown(String),
    /// The specification leaves silence open, and the target kept silent.
    Silent,
}

impl Outcome {
    /// The same, with what the scenario says it wants in the place of pattern and schema.
    fn in_words(self, wants: Option<&str>) -> Self {
        let reworded = |miss: Miss| Miss { expected: wants.map_or(miss.expected, str::to_owned), ..miss };
        match self {
            Self::Missed(miss) => Self::Missed(reworded(miss)),
            Self::Absent(miss) => Self::Absent(reworded(miss)),
            other => other,
        }
    }
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

    /// How long to wait where `within` is enough for a target that runs: one that has said nothing yet may still be starting.
    fn patience(&self, within: Duration) -> Duration {
        let is_said =
            |entry: &Entry| entry.is_from_server() && !matches!(entry.what, What::Received(Incoming::Stderr(_)));
        if self.session.transcript().entries().iter().any(is_said) {
            within
        } else {
            within.max(self.context.start_timeout)
        }
    }

    /// Sends the alive request. Of a target that is known to be lost it is not asked again.
    async fn alive(&mut self) -> (usize, Outcome) {
        const WANTED: &str = "a result to the alive request";
        if let Some(lost) = &self.lost {
            let from = self.sent.last().map_or(0, |(_, sent)| sent.index);
            return (from, missed(WANTED, lost.clone()));
        }
        let knows_it = self.session.has_lived();
        let (sent, awaited) = self.session.alive(self.patience(self.context.timeout)).await;
        let outcome = self.response(awaited, WANTED, &sent, |message| match (message.result(), message.error()) {
            (Some(result), _) => Ok(result.clone()),
            // Who has never known this request lives, whatever else is to be said of it.
            (None, Some(error)) if error["code"] == -32601 && !knows_it => Ok(error.clone()),
            _ => Err(message.value().clone()),
        });
        let outcome = match outcome {
            Outcome::Absent(miss) => Outcome::Missed(miss),
            other => other,
        };
        (sent.index, outcome)
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

    fn send_message(&mut self, template: &Template, is_request: bool) -> Result<(), Unbound> {
        let mut message = json!({});
        if is_request {
            message["id"] = match &template.id {
                Some(id) => self.bindings.fill(id)?,
                None => self.session.fresh_id(),
            };
        }
        message["method"] = self.bindings.fill(&template.method)?;
        if let Some(params) = &template.params {
            message["params"] = self.bindings.fill(params)?;
        }
        let omit: Vec<_> =
            template.omit.iter().map(|pointer| self.bindings.fill_plain(pointer)).collect::<Result<_, _>>()?;
        let headers = self.headers(&template.headers)?;
        let deliberate = template.id.is_some() || !omit.is_empty() || !headers.is_empty();
        let sent = self.session.send(message, &Edits { omit, headers, deliberate });
        self.sent.push((template.name.clone(), sent));
        Ok(())
    }

    fn reply(&mut self, reply: &Reply) -> Result<(), Unbound> {
        let id = match self.asked.iter().rev().find(|(name, _)| reply.to.is_none() || *name == reply.to) {
            Some((_, id)) => id.clone(),
            None => return Err(Unbound("the server's request".to_owned())),
        };
        let mut message = self.bindings.fill(&reply.body)?;
        message["id"] = id;
        self.session.send(message, &Edits::default());
        Ok(())
    }

    fn send_raw(&mut self, raw: &Raw) -> Result<(), Unbound> {
        let bytes = match &raw.bytes {
            RawBytes::Text(text) => Bytes::from(self.bindings.fill_json_text(text)?),
            RawBytes::Bytes(bytes) => Bytes::copy_from_slice(bytes),
        };
        let edits = Edits { headers: self.headers(&raw.headers)?, deliberate: true, ..Edits::default() };
        let sent = self.session.send_raw(bytes, raw.newline, &edits);
        self.sent.push((raw.name.clone(), sent));
        Ok(())
    }

    fn send_http(&mut self, call: &HttpCall) -> Result<(), Unbound> {
        if self.session.kind() == TransportKind::Stdio {
            return Ok(());
        }
        let body = match call.body.as_ref().map(|body| self.bindings.fill(body)).transpose()? {
            None => Bytes::new(),
            Some(Value::String(text)) => Bytes::from(text),
            Some(value) => Bytes::from(value.to_string()),
        };
        let path = call.path.as_ref().map(|path| self.bindings.fill_plain(path)).transpose()?;
        let edits = Edits { headers: self.headers(&call.headers)?, deliberate: true, ..Edits::default() };
        let method = self.bindings.fill_plain(&call.method)?;
        let sent = self.session.send_http(&method, path, body, &edits);
        self.sent.push((call.name.clone(), sent));
        Ok(())
    }

    async fn expect(&mut self, expect: &Expect) -> Result<Outcome, Unbound> {
        let within = self.patience(expect.within.unwrap_or(self.context.timeout));
        let schema = expect.schema.as_ref().map(|schema| self.bindings.fill(schema)).transpose()?;
        let target = self.target_of(expect.to.as_deref()).cloned();
        let outcome = match (&expect.subject, target) {
            (Subject::Exit(pattern), _) => {
                let pattern = self.bindings.fill(pattern)?;
                return Ok(self.exit(&pattern, schema.as_ref(), within).await);
            }
            (_, None) => return Ok(Outcome::Unknown("nothing was sent that it could be about".to_owned())),
            (_, Some(sent)) if expect.or_silence && self.is_silent(&sent, within).await => Outcome::Silent,
            (Subject::Result(pattern), Some(sent)) => {
                let pattern = self.bindings.fill(pattern)?;
                let awaited = self.session.answer(&sent, within).await;
                let wanted = wanted("a result", &pattern);
                let found = self.response(awaited, &wanted, &sent, |message| {
                    message.result().cloned().ok_or_else(|| message.value().clone())
                });
                compared(found, "result", &pattern, schema.as_ref())
            }
            (Subject::Error(pattern), Some(sent)) => {
                let pattern = self.bindings.fill(pattern)?;
                let awaited = self.session.answer(&sent, within).await;
                let wanted = wanted("an error", &pattern);
                let found = self.response(awaited, &wanted, &sent, |message| {
                    message.error().cloned().ok_or_else(|| message.value().clone())
                });
                compared(found, "error", &pattern, schema.as_ref())
            }
            (Subject::Answer(pattern), Some(sent)) => {
                let pattern = self.bindings.fill(pattern)?;
                let awaited = self.session.answer(&sent, within).await;
                let found = self
                    .response(awaited, &wanted("an answer", &pattern), &sent, |message| Ok(message.value().clone()));
                compared(found, "answer", &pattern, schema.as_ref())
            }
            (Subject::Notification(pattern), Some(sent)) => {
                let pattern = self.bindings.fill(pattern)?;
                self.sent_by_server(Kind::Notification, &pattern, schema.as_ref(), &sent, within).await
            }
            (Subject::Request(pattern), Some(sent)) => {
                let pattern = self.bindings.fill(pattern)?;
                let outcome = self.sent_by_server(Kind::Request, &pattern, schema.as_ref(), &sent, within).await;
                if let Outcome::Met(request) = &outcome {
                    self.asked.push((expect.name.clone(), request["id"].clone()));
                }
                outcome
            }
            (Subject::Http(pattern), Some(sent)) => {
                let pattern = self.bindings.fill(pattern)?;
                self.http(&pattern, schema.as_ref(), &sent, within).await
            }
            (Subject::Silence(pattern), Some(sent)) => {
                let pattern = self.bindings.fill(pattern)?;
                self.silence(&pattern, &sent, within).await
            }
        };
        Ok(outcome)
    }

    /// A response, or what was there instead of it. `part` takes what is compared, or says that it is the other kind.
    fn response(
        &self,
        awaited: Awaited,
        wanted: &str,
        sent: &Sent,
        part: impl Fn(&Message) -> Result<Value, Value>,
    ) -> Outcome {
        let actual = match awaited {
            Awaited::Message(_, message) => match part(&message) {
                Ok(value) => return Outcome::Met(value),
                Err(value) => shown(&value),
            },
            Awaited::Ended(reason) => match self.head(sent) {
                Some((status, _)) => format!("HTTP {status} and no response: {reason}"),
                None => return absent(wanted, format!("no answer: {reason}")),
            },
            Awaited::TimedOut(within) => return absent(wanted, format!("no answer within {} s", within.as_secs_f32())),
        };
        missed(wanted, actual)
    }

    async fn sent_by_server(
        &mut self,
        kind: Kind,
        pattern: &Value,
        schema: Option<&Value>,
        sent: &Sent,
        within: Duration,
    ) -> Outcome {
        let noun = if kind == Kind::Request { "a request of the server's" } else { "a notification" };
        let wanted_of = |message: &Message| message.kind() == kind && matches(pattern, message.value());
        match self.session.message(sent.index, within, wanted_of).await {
            Awaited::Message(_, message) => compared(Outcome::Met(message.value().clone()), noun, pattern, schema),
            Awaited::Ended(reason) => absent(&wanted(noun, pattern), format!("none came: {reason}")),
            Awaited::TimedOut(time) => missed(&wanted(noun, pattern), format!("none within {} s", time.as_secs_f32())),
        }
    }

    async fn exit(&mut self, pattern: &Value, schema: Option<&Value>, within: Duration) -> Outcome {
        if self.session.kind() != TransportKind::Stdio {
            return Outcome::LeftOut;
        }
        let Some(index) = self.session.exit(within).await else {
            return missed("the process exits", format!("it was still running after {} s", within.as_secs_f32()));
        };
        let What::Received(Incoming::Exited(exit)) = &self.session.transcript().entries()[index].what else {
            return Outcome::Unknown("the process ended".to_owned());
        };
        let after = match exit.after {
            ExitAfter::Nothing => "nothing",
            ExitAfter::InputClosed => "input-closed",
            ExitAfter::Terminated => "terminated",
            ExitAfter::Killed => "killed",
        };
        let value = json!({"code": exit.code, "signal": exit.signal, "after": after});
        compared(Outcome::Met(value), "exit", pattern, schema)
    }

    async fn http(&mut self, pattern: &Value, schema: Option<&Value>, sent: &Sent, within: Duration) -> Outcome {
        if self.session.kind() == TransportKind::Stdio {
            return Outcome::LeftOut;
        }
        let wanted = wanted("an HTTP answer", pattern);
        let ended = self.session.exchange_end(sent, true, within).await;
        let Some((status, headers)) = self.head(sent) else {
            return match ended {
                Awaited::TimedOut(time) => absent(&wanted, format!("no answer within {} s", time.as_secs_f32())),
                Awaited::Ended(reason) => absent(&wanted, format!("no answer: {reason}")),
                Awaited::Message(..) => missed(&wanted, "no HTTP answer".to_owned()),
            };
        };
        let is_stream =
            headers.iter().any(|(name, value)| name == "content-type" && value.starts_with("text/event-stream"));
        if !is_stream {
            self.session.exchange_end(sent, false, within).await;
        }
        let body = self.session.transcript().entries()[sent.index..].iter().find_map(|entry| match &entry.what {
            What::Received(Incoming::Body(bytes)) if entry.exchange == sent.exchange => Some(bytes.clone()),
            _ => None,
        });
        let names: serde_json::Map<_, _> = headers.into_iter().map(|(name, value)| (name, json!(value))).collect();
        let mut value = json!({"status": status, "headers": names});
        if let Some(body) = body {
            value["body"] = json!(String::from_utf8_lossy(&body));
            if let Ok(message) = Message::read(&body) {
                value["json"] = message.value().clone();
            }
        }
        compared(Outcome::Met(value), "HTTP answer", pattern, schema)
    }

    /// Nothing answers what was sent: on stdio the alive request is the fence, on HTTP the end of the exchange.
    async fn silence(&mut self, pattern: &Value, sent: &Sent, within: Duration) -> Outcome {
        let until = if self.session.kind() == TransportKind::Http {
            if let Awaited::TimedOut(time) = self.session.exchange_end(sent, false, within).await {
                return Outcome::Unknown(format!("the HTTP exchange was still open after {} s", time.as_secs_f32()));
            }
            self.session.transcript().entries().len()
        } else {
            let (_, awaited) = self.session.alive(within).await;
            match awaited {
                Awaited::Message(index, _) => index,
                Awaited::Ended(reason) => return Outcome::Unknown(format!("the fence was not answered: {reason}")),
                Awaited::TimedOut(_) => return Outcome::Unknown("the fence was not answered in time".to_owned()),
            }
        };
        let kind = self.session.kind();
        let earlier: Vec<_> =
            self.sent.iter().filter(|(_, other)| other.index < sent.index).flat_map(|(_, s)| s.ids.clone()).collect();
        // HTTP refuses by its status; the body may be an error that names nobody.
        let refused = kind == TransportKind::Http && self.head(sent).is_some_and(|(status, _)| status >= 400);
        let is_refusal =
            |message: &Message| refused && message.error().is_some() && message.id().is_none_or(Value::is_null);
        let entries = &self.session.transcript().entries()[sent.index..until];
        let forbidden = entries
            .iter()
            .filter(|entry| entry.is_from_server() && (kind != TransportKind::Http || entry.exchange == sent.exchange))
            .filter_map(|entry| entry.message())
            .flat_map(Message::parts)
            .find(|message| {
                let late = message.id().is_some_and(|id| earlier.contains(id));
                let is_answer = matches!(message.kind(), Kind::Response | Kind::Other) && !is_refusal(message);
                is_answer && !late && matches(pattern, message.value())
            });
        match forbidden {
            Some(message) => missed(&wanted("no answer", pattern), shown(message.value())),
            None => Outcome::Met(Value::Null),
        }
    }

    /// Whether nothing answers what was sent although the target lives: on stdio the alive request is answered first, on
    /// HTTP the exchange ends without a message.
    async fn is_silent(&mut self, sent: &Sent, within: Duration) -> bool {
        if self.session.kind() == TransportKind::Http {
            let answer = self.session.answer(sent, within).await;
            return matches!(answer, Awaited::Ended(_)) && self.head(sent).is_some_and(|(status, _)| status < 500);
        }
        let (fence, awaited) = self.session.alive(within).await;
        matches!(awaited, Awaited::Message(..)) && self.session.answered(sent, &fence).is_none()
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

    fn head(&self, sent: &Sent) -> Option<(u16, Vec<(String, String)>)> {
        let entries = &self.session.transcript().entries()[sent.index..];
        entries.iter().filter(|entry| entry.exchange == sent.exchange).find_map(|entry| match &entry.what {
            What::Received(Incoming::Head { status, headers }) => Some((*status, headers.clone())),
            _ => None,
        })
    }

    fn headers(&self, templates: &IndexMap<String, Value>) -> Result<Vec<(String, Option<String>)>, Unbound> {
        let fill = |(name, value): (&String, &Value)| match self.bindings.fill(value)? {
            Value::Null => Ok((name.clone(), None)),
            Value::String(text) => Ok((name.clone(), Some(text))),
            other => Ok((name.clone(), Some(other.to_string()))),
        };
        templates.iter().map(fill).collect()
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

fn wanted(noun: &str, pattern: &Value) -> String {
    if pattern.as_object().is_some_and(serde_json::Map::is_empty) {
        noun.to_owned()
    } else {
        format!("{noun} {}", shown(pattern))
    }
}

fn missed(expected: &str, actual: String) -> Outcome {
    Outcome::Missed(Miss { expected: expected.to_owned(), actual })
}

fn absent(expected: &str, actual: String) -> Outcome {
    Outcome::Absent(Miss { expected: expected.to_owned(), actual })
}

fn compared(found: Outcome, noun: &str, pattern: &Value, schema: Option<&Value>) -> Outcome {
    match found {
        Outcome::Met(value) => match compare(noun, &value, pattern, schema) {
            Some(miss) => Outcome::Missed(miss),
            None => Outcome::Met(value),
        },
        other => other,
    }
}
