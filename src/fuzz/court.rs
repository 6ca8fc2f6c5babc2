//! Judges what came of an input: the watchers of the suite over the whole exchange, and what only a fuzzer can tell, since it
//! knows what is wrong with what it sent. In doubt it acquits.

mod cleared;
mod silence;

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use self::cleared::digest_heard;
use super::assess::{Assessor, Flaw, Worth};
use super::cause::{Refrains, cause};
use super::digest::Digests;
use super::feedback::known;
use super::internals::{has_trace, own_paths};
use super::link::{End, Observed};
use super::oracle::{Oracle, Suspicion};
use super::plan::WorkPlan;
use super::script::{Ask, Ids, Script};
use crate::judge::{Context, Heard, Judged, Traffic, broken, invariant};
use crate::outcome::Verdict;
use crate::protocol::{Requirement, Revision};
use crate::scenario::{Body, Catalogue, Scenario};
use crate::session::CallBudget;
use crate::smith::Input;
use crate::source::printable;
use crate::transport::{ExitAfter, Incoming, is_panic, telling_line};
use crate::wire::{Kind, TransportKind};

/// All that judges.
pub(super) struct Court {
    pub(super) assessor: Assessor,
    revision: Revision,
    kind: TransportKind,
    oracles: BTreeSet<Oracle>,
    watchers: Vec<Scenario>,
    /// Messages that no watch has found anything wrong with.
    cleared: Digests,
    /// What errors say.
    refrains: Refrains,
    context: Context,
    own_paths: Vec<String>,
}

/// Bytes of evidence that are shown.
const SHOWN: usize = 300;
/// An answer that refuses may be as long as this, and as long as this many times what it refuses.
const REFUSAL: usize = 256 << 10;
const TIMES: usize = 8;
/// The code of internal errors (JSON-RPC 2.0, section 5.1).
const INTERNAL: i64 = -32603;

impl Court {
    /// For a plan, with the watchers of a catalogue.
    pub(super) fn new(plan: &WorkPlan, catalogue: &Catalogue) -> Self {
        let (revision, kind) = (plan.revision, plan.kind());
        let is_for = |scenario: &&Scenario| {
            scenario.is_watcher()
                && scenario.since.is_none_or(|since| since <= revision)
                && scenario.until.is_none_or(|until| revision <= until)
                && scenario.transports.as_ref().is_none_or(|kinds| kinds.contains(&kind))
                // Who has died is told by the oracle for it.
                && scenario.id != "always/survives"
        };
        let mut facts = Map::new();
        facts.insert("capabilities".to_owned(), plan.offer.capabilities.clone());
        facts.insert("revision".to_owned(), json!(revision));
        for (name, list) in [
            ("tools", &plan.offer.tools),
            ("resources", &plan.offer.resources),
            ("resourceTemplates", &plan.offer.templates),
            ("prompts", &plan.offer.prompts),
        ] {
            if !list.is_empty() {
                facts.insert(name.to_owned(), json!(list));
            }
        }
        let context = Context {
            target: plan.place.target(),
            kind,
            revision,
            limits: WorkPlan::limits(),
            timeout: plan.timeout,
            start_timeout: plan.start_timeout,
            seed: plan.seed,
            calls: CallBudget::new(usize::MAX),
            facts: Arc::new(facts),
            answered: Vec::new(),
            negotiated: Arc::default(),
        };
        let knows_tools = plan.offer.capabilities.get("tools").is_some();
        Self {
            assessor: Assessor::new(revision, &plan.offer.tools, knows_tools),
            revision,
            kind,
            oracles: plan.oracles.clone(),
            watchers: catalogue
                .scenarios()
                .iter()
                .filter(is_for)
                .filter_map(|scenario| binding(scenario, plan))
                .collect(),
            cleared: Digests::default(),
            refrains: Refrains::default(),
            context,
            own_paths: own_paths(plan.place.command().as_ref()),
        }
    }

    /// Whether an oracle is to judge.
    pub(super) fn has(&self, oracle: Oracle) -> bool {
        self.oracles.contains(&oracle)
    }

    /// What is suspected of the target, after one input or several on one session. `traffic` holds the opening too.
    pub(super) fn judge(&self, observed: &[&Observed], traffic: &Traffic<'_>) -> Vec<Suspicion> {
        let mut found = Vec::new();
        let are_clear = observed.iter().all(|one| one.script.is_clear());
        for one in observed {
            self.of_the_end(one, traffic, &mut found);
            if are_clear {
                self.of_again(one, &mut found);
            }
        }
        self.of_answers(observed, traffic, &mut found);
        if [Oracle::InvalidMessage, Oracle::StrayAnswer, Oracle::Noise].iter().any(|oracle| self.has(*oracle)) {
            let from = found.len();
            self.of_watchers(traffic, &mut found);
            let watched = found.split_off(from);
            found.extend(watched.into_iter().filter(|one| are_clear || !one.oracle.needs_clarity()));
        }
        found.retain(|suspicion: &Suspicion| self.has(suspicion.oracle));
        let mut once: Vec<Suspicion> = Vec::new();
        for suspicion in found {
            if !once.iter().any(|other| other.is_like(&suspicion)) {
                once.push(suspicion);
            }
        }
        once
    }

    fn of_the_end(&self, observed: &Observed, traffic: &Traffic<'_>, found: &mut Vec<Suspicion>) {
        let words: Vec<String> = traffic
            .transcript
            .entries()
            .iter()
            .filter_map(|entry| match &entry.what {
                crate::session::What::Received(Incoming::Stderr(line)) => {
                    Some(String::from_utf8_lossy(line).into_owned())
                }
                _ => None,
            })
            .collect();
        let lines: Vec<_> = words.iter().map(String::as_str).collect();
        let told = telling_line(&lines).map(|line| (cause(line, observed.script.echo()), printable(line, SHOWN)));
        let exit = traffic.transcript.entries().iter().find_map(|entry| match &entry.what {
            crate::session::What::Received(Incoming::Exited(exit)) if exit.after == ExitAfter::Nothing => Some(*exit),
            _ => None,
        });
        if let Some(exit) = exit {
            let how = match (exit.code, exit.signal) {
                (_, Some(signal)) => format!("signal {signal} ended the server"),
                (Some(code), _) => format!("the server exited with code {code}"),
                _ => "the server ended".to_owned(),
            };
            let subject = if told.is_some() { String::new() } else { self.first_subject(&observed.script) };
            let cause = told.as_ref().map_or_else(|| how.clone(), |(cause, _)| format!("{how}: {cause}"));
            let actual = told.as_ref().map_or_else(|| how.clone(), |(_, line)| format!("{how}: {line}"));
            found.push(suspicion(Oracle::Died, subject, cause, "the server lives on".to_owned(), actual));
        } else if let Some((cause, line)) = told.filter(|(_, line)| is_panic(line)) {
            let expected = "no panic, whatever a client sends".to_owned();
            found.push(suspicion(Oracle::Died, String::new(), cause, expected, line));
        }
        match observed.end {
            End::Over if self.kind == TransportKind::Http => {
                let (subject, cause) = (self.first_subject(&observed.script), "unreachable".to_owned());
                let actual = "it takes no connection any more, or breaks every one".to_owned();
                found.push(suspicion(Oracle::Died, subject, cause, "the server lives on".to_owned(), actual));
            }
            End::Silent => {
                let within = self.context.timeout.as_secs_f32();
                let (subject, cause) = (self.first_subject(&observed.script), "hangs".to_owned());
                let actual = format!("not even the alive request behind it is answered within {within} s");
                let expected = "the server serves what comes after it".to_owned();
                found.push(suspicion(Oracle::Hang, subject, cause, expected, actual));
            }
            End::Over | End::Alive => {}
        }
        let limit = traffic.transcript.entries().iter().find_map(|entry| match &entry.what {
            crate::session::What::Received(Incoming::LimitPassed(reason)) => Some(reason.clone()),
            _ => None,
        });
        if let Some(reason) = limit {
            let cause = "limit passed".to_owned();
            let expected = "an answer in proportion to what was asked".to_owned();
            found.push(suspicion(Oracle::Proportion, self.first_subject(&observed.script), cause, expected, reason));
        }
    }

    fn of_again(&self, observed: &Observed, found: &mut Vec<Suspicion>) {
        for text in &observed.again {
            let actual = format!("a second answer: {}", printable(&String::from_utf8_lossy(text), SHOWN));
            let (cause, expected) = ("late second answer".to_owned(), "one response to a request".to_owned());
            found.push(suspicion(Oracle::StrayAnswer, self.first_subject(&observed.script), cause, expected, actual));
        }
    }

    fn of_answers(&self, observed: &[&Observed], traffic: &Traffic<'_>, found: &mut Vec<Suspicion>) {
        for heard in &traffic.heard {
            let (Kind::Response, Some(id)) = (heard.kind, heard.message.id()) else { continue };
            let asked = observed.iter().find_map(|one| Some((one, one.script.asks.iter().find(|ask| ask.id == *id)?)));
            let Some((one, ask)) = asked else { continue };
            let subject = self.subject(ask);
            let accepts = heard.result().is_some_and(is_acceptance);
            let code = heard.error().and_then(|error| error["code"].as_i64());
            if let (Worth::Flawed(Flaw::Arguments { says, keyword }), true) = (&ask.worth, accepts) {
                let cause = format!("accepted against `{keyword}`");
                let (expected, actual) = (format!("the arguments are refused, since {says}"), "a result".to_owned());
                found.push(suspicion(Oracle::AcceptedInvalid, subject.clone(), cause, expected, actual));
            }
            if let (Worth::Flawed(flaw), Some(INTERNAL)) = (&ask.worth, code)
                && !is_of_metadata(flaw)
            {
                let (kind, why, wanted) = mistake(flaw);
                let words = heard.error().and_then(|error| error["message"].as_str()).unwrap_or_default();
                let cause = format!("{kind}: {}", self.cause_of_error(heard, &one.script));
                let actual = format!("code {INTERNAL}: {}", printable(words, SHOWN));
                let expected = format!("{wanted}, since the client made a mistake: {why}");
                // Which tool it is only matters where the tool has seen the arguments.
                let subject = match flaw {
                    Flaw::Arguments { .. } => subject.clone(),
                    _ => known(self.revision, &ask.method).to_owned(),
                };
                found.push(suspicion(Oracle::InternalError, subject, cause, expected, actual));
            }
            self.of_text(heard.message.value(), one, &subject, found);
            let refuses = heard.error().is_some() || heard.result().is_some_and(|result| result["isError"] == true);
            let length = heard.entry.payload().filter(|_| refuses).map_or(0, <[u8]>::len);
            let sent: usize = one.script.pieces.iter().map(|piece| piece.bytes.len()).sum();
            if length > REFUSAL + TIMES * sent {
                let (cause, actual) = ("long refusal".to_owned(), format!("a refusal of {length} bytes to {sent}"));
                let expected = "a refusal in proportion to what was asked".to_owned();
                // Only tools have schemas of their own.
                let is_of_its_own = ask.method == "tools/call";
                let subject = if is_of_its_own { subject } else { known(self.revision, &ask.method).to_owned() };
                found.push(suspicion(Oracle::Proportion, subject, cause, expected, actual));
            }
        }
    }

    /// Traces and paths in what refuses. What a tool answers when all goes well is its own affair.
    fn of_text(&self, message: &Value, observed: &Observed, subject: &str, found: &mut Vec<Suspicion>) {
        if !self.has(Oracle::LeakedInternals) {
            return;
        }
        let mut texts = Vec::new();
        if let Some(error) = message.get("error") {
            collect_texts(error, &mut texts);
        } else if message["result"]["isError"] == true {
            collect_texts(&message["result"]["content"], &mut texts);
        }
        if texts.is_empty() {
            return;
        }
        let sent = OnceCell::new();
        let sent = || {
            let pieces = observed.script.pieces.iter();
            sent.get_or_init(|| pieces.map(|piece| String::from_utf8_lossy(&piece.bytes)).collect::<String>())
        };
        for text in texts {
            let what = if has_trace(text) && !has_trace(sent()) {
                "a stack trace"
            } else if self.own_paths.iter().any(|path| text.contains(path.as_str()) && !sent().contains(path.as_str()))
            {
                "a path of the server's own"
            } else {
                continue;
            };
            let cause = format!("{what}: {}", cause(text, observed.script.echo()));
            let actual = format!("{what}: {}", printable(text, SHOWN));
            let expected = "an error that shows no internals".to_owned();
            found.push(suspicion(Oracle::LeakedInternals, subject.to_owned(), cause, expected, actual));
        }
    }

    fn of_watchers(&self, traffic: &Traffic<'_>, found: &mut Vec<Suspicion>) {
        let digests: Vec<_> = traffic.heard.iter().map(|heard| digest_heard(heard, self.revision)).collect();
        let mut is_new = digests.iter().map(|digest| digest.is_none_or(|digest| !self.cleared.contains(digest)));
        let new = traffic.filtered(|_| is_new.next().unwrap_or(true));
        let mut is_right = true;
        for scenario in &self.watchers {
            let judged: Vec<Judged> = match &scenario.body {
                Body::Always(watches) => {
                    let broken = broken(scenario, watches, self.revision, &new);
                    is_right &= broken.is_empty();
                    broken
                }
                Body::Invariant { name, .. } => {
                    invariant(name).map(|judge| judge(scenario, &self.context, traffic)).unwrap_or_default()
                }
                _ => Vec::new(),
            };
            for one in judged {
                let Verdict::Fail { evidence } = one.verdict else { continue };
                if !binds(&one.requirement, self.revision, self.kind) {
                    continue;
                }
                found.push(Suspicion {
                    oracle: oracle_of(&one.requirement),
                    requirement: one.requirement,
                    subject: String::new(),
                    cause: cause(&evidence.expected, &[]),
                    expected: evidence.expected,
                    actual: printable(&evidence.actual, SHOWN),
                });
            }
        }
        if is_right {
            self.cleared.extend(digests.into_iter().flatten());
        }
    }

    fn subject(&self, ask: &Ask) -> String {
        let method = known(self.revision, &ask.method);
        let is_listed = |name: &&str| {
            let tools = self.context.facts.get("tools").and_then(Value::as_array).into_iter().flatten();
            let prompts = self.context.facts.get("prompts").and_then(Value::as_array).into_iter().flatten();
            tools.chain(prompts).any(|item| item["name"] == **name)
        };
        match ask.name.as_deref().filter(is_listed) {
            Some(name) => format!("{method} {name}"),
            None => method.to_owned(),
        }
    }

    /// What an error says of its cause, without what was sent: further lines tell of one mistake among several.
    fn cause_of_error(&self, heard: &Heard<'_>, script: &Script) -> String {
        let words = heard.error().and_then(|error| error["message"].as_str()).unwrap_or_default();
        let first = words.lines().next().unwrap_or_default();
        self.refrains.text(cause, first, || script.echo())
    }

    /// What internal errors say after which sound requests of an input were answered with them.
    pub(super) fn internal_errors(&self, observed: &Observed, traffic: &Traffic<'_>) -> Vec<String> {
        let asks = || observed.script.asks.iter().filter(|ask| ask.worth == Worth::Sound);
        let is_sound = |heard: &&Heard<'_>| heard.message.id().is_some_and(|id| asks().any(|ask| ask.id == *id));
        let is_internal = |heard: &&Heard<'_>| heard.error().is_some_and(|error| error["code"] == INTERNAL);
        let errors = traffic.heard.iter().filter(is_internal).filter(is_sound);
        errors.map(|heard| self.cause_of_error(heard, &observed.script)).collect()
    }

    /// Whether an input is a single sound request for something.
    pub(super) fn is_sound_request(&self, input: &Input, subject: &str) -> bool {
        let script = Ids::new(self.revision).script(input, &self.assessor);
        let [ask] = script.asks.as_slice() else { return false };
        let own = self.subject(ask);
        ask.worth == Worth::Sound && (own == subject || own.split(' ').next() == Some(subject))
    }

    /// What the first request of a script is about.
    pub(super) fn first_subject(&self, script: &Script) -> String {
        script.asks.first().map_or_else(|| "no request".to_owned(), |ask| self.subject(ask))
    }
}

/// A watcher with what it proves that binds; none where nothing does.
fn binding(watcher: &Scenario, plan: &WorkPlan) -> Option<Scenario> {
    let binds = |requirement: &String| binds(requirement, plan.revision, plan.kind());
    let mut watcher = watcher.clone();
    let is_any = match &mut watcher.body {
        Body::Always(watches) => {
            watches.retain(|watch| binds(&watch.proves));
            !watches.is_empty()
        }
        Body::Invariant { proves, .. } => proves.iter().any(binds),
        _ => false,
    };
    is_any.then_some(watcher)
}

/// Whether who breaks a requirement does not conform.
fn binds(requirement: &str, revision: Revision, kind: TransportKind) -> bool {
    Requirement::find(requirement)
        .is_some_and(|found| found.applies(revision, kind) && found.effective_level().is_binding())
}

fn suspicion(oracle: Oracle, subject: String, cause: String, expected: String, actual: String) -> Suspicion {
    let requirement = oracle.requirement().to_owned();
    Suspicion { oracle, requirement, subject, cause, expected, actual }
}

/// The oracle under whose name a requirement is watched.
fn oracle_of(requirement: &str) -> Oracle {
    let stray =
        ["jsonrpc.response.id", "jsonrpc.response.at-most-one", "jsonrpc.response.never-null", "jsonrpc.error.id-"];
    if stray.iter().any(|start| requirement.starts_with(start)) {
        Oracle::StrayAnswer
    } else if requirement.starts_with("stdio.") || requirement == "jsonrpc.message.utf8" {
        Oracle::Noise
    } else {
        Oracle::InvalidMessage
    }
}

/// Whether a result says that the call was done.
fn is_acceptance(result: &Value) -> bool {
    let is_complete = result.get("resultType").is_none_or(|kind| kind == "complete") && result.get("task").is_none();
    is_complete && result["isError"] != true
}

/// Whether a mistake is in what a server may never look at, so that what it says may have another reason.
fn is_of_metadata(flaw: &Flaw) -> bool {
    matches!(flaw, Flaw::Params(place) if place.contains("/_meta"))
}

/// The kind of a client's mistake, the mistake in words, and what it deserves.
fn mistake(flaw: &Flaw) -> (&'static str, String, &'static str) {
    match flaw {
        Flaw::Method => ("method", "an unknown method".to_owned(), "code -32601"),
        Flaw::Params(place) => ("params", format!("params that break the schema ({place})"), "code -32602"),
        Flaw::Tool => ("tool", "an unknown tool".to_owned(), "code -32602"),
        Flaw::Arguments { says, .. } => {
            ("arguments", format!("arguments that break the tool's schema ({says})"), "a refusal that tells so")
        }
    }
}

fn collect_texts<'a>(value: &'a Value, texts: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => texts.push(text),
        Value::Array(items) => items.iter().for_each(|item| collect_texts(item, texts)),
        Value::Object(members) => members.values().for_each(|member| collect_texts(member, texts)),
        _ => {}
    }
}
