//! Breaks the traffic of a correct server on demand, by the rules of a `.broken.yaml`. Knows messages, nothing of how they travel.

use std::sync::atomic::Ordering;

use serde_json::{Map, Value, json};

use crate::protocol::Revision;
use crate::scenario::{Broken, HttpPatch, Moment};
use crate::transport::ExchangeId;
use crate::wire::pattern::{matches, merge_patch};
use crate::wire::{Kind, Message, same_id};

use super::placeholders::Facts;
use super::quirk::{Quirk, UnknownQuirk};
use super::server::Output;

/// The rules in force, and what they have seen.
#[derive(Debug, Default)]
pub struct Rules {
    table: Vec<Rule>,
    marks: Vec<Mark>,
    hung: bool,
}

#[derive(Debug)]
struct Rule {
    broken: Broken,
    seen: usize,
}

/// A request whose answer a rule is to change.
#[derive(Debug)]
struct Mark {
    exchange: ExchangeId,
    rule: usize,
    facts: Facts,
}

/// What becomes of one thing received.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Effects {
    /// What is done, in order.
    pub effects: Vec<Effect>,
    /// Changes to the answers of HTTP exchanges.
    pub patches: Vec<(ExchangeId, HttpPatch)>,
}

/// What an HTTP request sets off.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Requested {
    /// Whether the server ends.
    pub exits: bool,
    /// Changes to its answer.
    pub patches: Vec<HttpPatch>,
    /// The rules, to be handed to [`Rules::pass`] with the body.
    pub rules: Vec<usize>,
}

/// One thing that a server does.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Sends a message.
    Send(Output),
    /// Prints a text on standard output as it is.
    Print(String),
    /// Exits with this code.
    Exit(i32),
}

impl Rules {
    /// The rules of these broken servers, all at once.
    pub fn new(broken: impl IntoIterator<Item = Broken>) -> Self {
        let rules = broken.into_iter().map(|broken| Rule { broken, seen: 0 }).collect();
        Self { table: rules, ..Self::default() }
    }

    /// The quirks that the rules name.
    pub fn quirks(&self) -> Result<Vec<Quirk>, UnknownQuirk> {
        self.table.iter().filter_map(|rule| rule.broken.quirk.as_deref()).map(str::parse).collect()
    }

    /// What is done before anything is read.
    pub fn start(&mut self) -> Effects {
        self.at(&Moment::Start)
    }

    /// What is done when the input was closed: first what is broken, then what is right.
    pub fn eof(&mut self, outputs: Vec<Output>) -> Effects {
        let mut all = self.at(&Moment::Eof);
        if !self.hung {
            let exit = all.effects.iter().position(|effect| matches!(effect, Effect::Exit(_)));
            let at = exit.unwrap_or(all.effects.len());
            let mut right = Effects::default();
            for output in outputs {
                self.send(output, &Value::Null, &mut right);
            }
            all.effects.splice(at..at, right.effects);
        }
        all
    }

    /// What an HTTP request sets off, before its body is looked at.
    pub fn requested(&mut self, view: &Value) -> Requested {
        let rules = self.set_off(|moment| matches!(moment, Moment::Http(pattern) if matches(pattern, view)));
        let all = || rules.iter().map(|rule| &self.table[*rule].broken);
        self.hung |= all().any(|broken| broken.hang);
        let exits = all().any(|broken| broken.exit.is_some());
        let patches = all().filter_map(|broken| broken.http.clone()).collect();
        Requested { exits, patches, rules }
    }

    /// What rules send unasked on a stream that a GET opens: what comes before all else, and what comes after.
    pub fn unasked(&self, rules: &[usize]) -> (Vec<Value>, Vec<Value>) {
        let broken = || rules.iter().filter_map(|rule| self.table.get(*rule)).map(|rule| &rule.broken);
        let before = broken().flat_map(|broken| broken.before.iter().cloned()).collect();
        let after = broken().flat_map(|broken| broken.after.iter().cloned()).collect();
        (before, after)
    }

    /// Whether nothing is answered any more.
    pub fn is_hung(&self) -> bool {
        self.hung
    }

    /// Turns the right outputs, which follow from the bytes received on an exchange, into what is done instead.
    pub fn pass(
        &mut self,
        exchange: ExchangeId,
        received: &[u8],
        revision: Option<Revision>,
        mut set_off: Vec<usize>,
        outputs: Vec<Output>,
    ) -> Effects {
        let mut all = Effects::default();
        if self.table.is_empty() {
            all.effects = outputs.into_iter().map(Effect::Send).collect();
            return all;
        }
        let revision = revision.map_or(Value::Null, |revision| json!(revision));
        let value = match Message::read(received) {
            Ok(message) => message.value().clone(),
            Err(_) => Value::String(String::from_utf8_lossy(received).into_owned()),
        };
        set_off.extend(self.set_off(|moment| matches!(moment, Moment::Received(pattern) if is_meant(pattern, &value))));
        // The rules for parts of a batch are about these parts; all else is about the whole.
        let mut unanswered = Vec::new();
        for rule in set_off {
            let broken = &self.table[rule].broken;
            if let Some(code) = broken.exit {
                all.effects = broken.print.iter().cloned().map(Effect::Print).chain([Effect::Exit(code)]).collect();
                return all;
            }
            self.hung |= broken.hang;
            if let (Some(patch), Moment::Received(_)) = (&broken.http, &broken.when) {
                all.patches.push((exchange, patch.clone()));
            }
            for part in parts(&broken.when, &value) {
                let facts = Facts::of(part, &revision);
                if Message::from(part.clone()).kind() == Kind::Request {
                    self.marks.push(Mark { exchange, rule, facts });
                } else {
                    unanswered.push((rule, facts));
                }
            }
        }
        if self.hung {
            return all;
        }
        for (rule, facts) in unanswered {
            self.answer_the_unanswerable(exchange, rule, &facts, &outputs, &mut all);
        }
        for output in outputs {
            self.send(output, &revision, &mut all);
            if all.effects.iter().any(|effect| matches!(effect, Effect::Exit(_))) {
                break;
            }
        }
        all
    }

    /// Applies a rule to what is no request: to the error that answers it, or else by itself.
    fn answer_the_unanswerable(
        &mut self,
        exchange: ExchangeId,
        rule: usize,
        facts: &Facts,
        outputs: &[Output],
        all: &mut Effects,
    ) {
        let is_error = |output: &Output| output.message.get("error").is_some() && is_nobody(output.message.get("id"));
        if outputs.iter().any(is_error) {
            self.marks.push(Mark { exchange, rule, facts: facts.clone() });
            return;
        }
        let broken = &self.table[rule].broken;
        all.effects.extend(broken.print.iter().cloned().map(Effect::Print));
        let answer = broken.answer.iter().map(|answer| answered(answer, &Value::Null));
        for message in broken.before.iter().cloned().chain(answer).chain(broken.after.iter().cloned()) {
            let message = facts.fill(&message);
            all.effects.push(Effect::Send(Output { exchange: Some(exchange), message }));
        }
    }

    /// Sends one message, or what the rules make of it.
    fn send(&mut self, output: Output, revision: &Value, all: &mut Effects) {
        let Output { exchange, message } = output;
        let Value::Array(parts) = message else { return self.send_one(exchange, message, revision, all) };
        // The parts of a batch are changed one by one, and stay one batch; what comes before or after them does not join it.
        let (mut answers, mut others) = (Vec::new(), Effects::default());
        for part in parts {
            self.send_one(exchange, part, revision, &mut others);
            for effect in others.effects.drain(..) {
                match effect {
                    Effect::Send(output) if Message::from(output.message.clone()).kind() == Kind::Response => {
                        answers.push(output.message);
                    }
                    other => all.effects.push(other),
                }
            }
        }
        all.patches.append(&mut others.patches);
        let whole = Value::Array(answers);
        let set_off = self.set_off(
            |moment| matches!(moment, Moment::Sending(pattern) if pattern.is_array() && matches(pattern, &whole)),
        );
        self.apply(exchange, whole, &set_off, &Facts::of(&Value::Null, revision), all);
    }

    fn send_one(&mut self, exchange: Option<ExchangeId>, message: Value, revision: &Value, all: &mut Effects) {
        let mut facts = Facts::of(&message, revision);
        let mut set_off = Vec::new();
        if message.get("result").is_some() || message.get("error").is_some() {
            let id = message.get("id");
            self.marks.retain(|mark| {
                let same = Some(mark.exchange) == exchange
                    && (id.is_some_and(|id| same_id(id, &mark.facts.id)) || is_nobody(id) && !is_id(&mark.facts.id));
                if same {
                    set_off.push(mark.rule);
                    facts = mark.facts.clone();
                }
                !same
            });
        }
        set_off.extend(self.set_off(|moment| matches!(moment, Moment::Sending(pattern) if matches(pattern, &message))));
        self.apply(exchange, message, &set_off, &facts, all);
    }

    fn apply(
        &mut self,
        exchange: Option<ExchangeId>,
        mut message: Value,
        set_off: &[usize],
        facts: &Facts,
        all: &mut Effects,
    ) {
        let (mut silent, mut twice, mut after) = (false, false, Vec::new());
        for rule in set_off {
            let broken = &self.table[*rule].broken;
            if let (Some(patch), Some(exchange), Moment::Sending(_)) = (&broken.http, exchange, &broken.when) {
                all.patches.push((exchange, patch.clone()));
            }
            all.effects.extend(broken.print.iter().cloned().map(Effect::Print));
            if let Some(code) = broken.exit {
                all.effects.push(Effect::Exit(code));
                return;
            }
            if broken.hang {
                self.hung = true;
                return;
            }
            let send = |message: &Value| Effect::Send(Output { exchange, message: facts.fill(message) });
            all.effects.extend(broken.before.iter().map(send));
            after.extend(broken.after.iter().map(send));
            if let Some(answer) = &broken.answer {
                message = answered(&facts.fill(answer), message.get("id").unwrap_or(&Value::Null));
                if facts.revision == json!(Revision::V2026_07_28) {
                    identify(&mut message);
                }
            }
            if let Some(patch) = &broken.merge {
                merge_patch(&mut message, &facts.fill(patch));
            }
            silent |= broken.silent;
            twice |= broken.twice;
        }
        let output = Output { exchange, message };
        if !silent {
            all.effects.extend(twice.then(|| Effect::Send(output.clone())));
            all.effects.push(Effect::Send(output));
        }
        all.effects.extend(after);
    }

    /// What is done at a moment that is no message.
    fn at(&mut self, moment: &Moment) -> Effects {
        let mut all = Effects::default();
        for rule in self.set_off(|of| of == moment) {
            let broken = &self.table[rule].broken;
            all.effects.extend(broken.print.iter().cloned().map(Effect::Print));
            for message in broken.before.iter().chain(&broken.after) {
                all.effects.push(Effect::Send(Output { exchange: None, message: message.clone() }));
            }
            all.effects.extend(broken.exit.map(Effect::Exit));
            self.hung |= broken.hang;
        }
        all
    }

    /// The rules whose moment has come, and often enough.
    fn set_off(&mut self, has_come: impl Fn(&Moment) -> bool) -> Vec<usize> {
        let mut set_off = Vec::new();
        for (index, rule) in self.table.iter_mut().enumerate() {
            if has_come(&rule.broken.when) {
                rule.seen += 1;
                if rule.seen >= rule.broken.from.unwrap_or(1) {
                    rule.broken.happened.store(true, Ordering::Relaxed);
                    set_off.push(index);
                }
            }
        }
        set_off
    }
}

/// The messages that a rule is about: those parts of a batch that match, or all that was received.
fn parts<'a>(moment: &Moment, value: &'a Value) -> Vec<&'a Value> {
    match (moment, value) {
        (Moment::Received(pattern), Value::Array(parts))
            if !parts.is_empty() && (is_any(pattern) || !matches(pattern, value)) =>
        {
            parts.iter().filter(|part| matches(pattern, part)).collect()
        }
        _ => vec![value],
    }
}

/// Whether a pattern means what was received, as a whole or in some part of a batch.
fn is_meant(pattern: &Value, value: &Value) -> bool {
    is_any(pattern)
        || matches(pattern, value)
        || value.as_array().is_some_and(|parts| parts.iter().any(|part| matches(pattern, part)))
}

/// `{}` is any message, bytes that are none included.
fn is_any(pattern: &Value) -> bool {
    pattern.as_object().is_some_and(Map::is_empty)
}

fn is_id(id: &Value) -> bool {
    id.is_string() || id.is_number()
}

fn is_nobody(id: Option<&Value>) -> bool {
    id.is_none_or(Value::is_null)
}

/// Adds who sent a result, as every one of the stateless revision has it, where an answer of the rules does not say.
fn identify(message: &mut Value) {
    if let Some(result) = message.get_mut("result").and_then(Value::as_object_mut) {
        let meta = result.entry("_meta").or_insert_with(|| json!({}));
        if let Some(meta) = meta.as_object_mut() {
            meta.entry("io.modelcontextprotocol/serverInfo")
                .or_insert_with(|| json!({"name": "broken", "version": "1"}));
        }
    }
}

/// A response made of an answer of the rules.
fn answered(answer: &Value, id: &Value) -> Value {
    let mut message = json!({"jsonrpc": "2.0", "id": id});
    if let (Value::Object(message), Value::Object(members)) = (&mut message, answer) {
        message.extend(members.clone());
    }
    message
}
