//! One conversation with the target: opened, then one input after another, each with the alive request behind it, so that
//! silence can be told from death without waiting. Records; judges nothing.

mod doubtful;
mod silence;

use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::{Value, json};

use self::doubtful::Doubtful;
pub(super) use self::silence::Silence;
use super::assess::Assessor;
use super::digest::digest;
use super::glance::{Glance, glance};
use super::link::{End, Link, Observed, Patience, Step, arrived, continued};
use super::process::Process;
use super::script::{Ids, Script, request};
use crate::protocol::{Era, Revision};
use crate::session::{Transcript, client_info};
use crate::smith::{Form, Input};
use crate::transport::Incoming;
use crate::wire::{Kind, Message, same_id};

/// A conversation that has been opened.
pub(super) struct Conversation {
    pub(super) link: Link,
    pub(super) revision: Revision,
    /// How it was opened.
    pub(super) opening: Transcript,
    prelude: Vec<Step>,
    /// The result that opened it.
    pub(super) offer: Value,
    pub(super) ids: Ids,
    /// Digests of ids of requests that are still unanswered.
    waiting: HashSet<u64>,
    /// More requests are unanswered than are remembered: who was answered before cannot be told any more.
    is_forgetful: bool,
    /// Ids of inputs of which it is in doubt which they have.
    doubtful: Doubtful,
    /// What is not worth waiting for.
    pub(super) silence: Silence,
    /// Messages that were sent, alive requests included.
    pub(super) messages: u64,
    /// Inputs that were sent and not waited for yet.
    under_way: usize,
    /// What came and is not taken yet, in its order: most of it is of such inputs.
    came: VecDeque<Came>,
    /// When the wait for an input ended: the next one had the target to itself from then on.
    free_since: Instant,
}

/// Something that came from a process, looked at.
struct Came {
    at: Instant,
    what: Incoming,
    seen: Option<Glance>,
}

/// Unanswered requests that are remembered.
const WAITING: usize = 400_000;

impl Conversation {
    /// Opens a conversation over a link on which nothing was said. An error says why not, in one clause.
    pub(super) fn open(link: Link, revision: Revision, within: Duration, name: &str) -> Result<Self, String> {
        let mut conversation = Self {
            opening: Transcript::new(link.kind()),
            link,
            revision,
            prelude: Vec::new(),
            offer: Value::Null,
            ids: Ids::new(revision),
            waiting: HashSet::new(),
            is_forgetful: false,
            doubtful: Doubtful::default(),
            silence: Silence::default(),
            messages: 0,
            under_way: 0,
            came: VecDeque::new(),
            free_since: Instant::now(),
        };
        let (method, params) = match revision.era() {
            Era::Handshake => {
                let mut client = client_info();
                if !name.is_empty() {
                    client["name"] = json!(name);
                }
                ("initialize", json!({"protocolVersion": revision, "capabilities": {}, "clientInfo": client}))
            }
            Era::Stateless => ("server/discover", json!({})),
        };
        let answer = conversation.ask(method, params, within)?;
        let Some(result) = answer.result() else { return Err(format!("{method} was refused: {}", answer.value())) };
        conversation.offer = result.clone();
        match revision.era() {
            Era::Handshake => {
                let version = result["protocolVersion"].as_str().unwrap_or_default();
                if version != revision.as_str() {
                    return Err(format!("the server answers with revision {version}"));
                }
                conversation.tell("notifications/initialized", within);
            }
            Era::Stateless => {
                // Some servers of both eras settle on one of them with the first request after discovery.
                conversation.ask("tools/list", json!({}), within)?;
            }
        }
        let steps = std::mem::take(&mut conversation.prelude);
        conversation.opening = continued(conversation.opening, steps.iter());
        Ok(conversation)
    }

    /// Sends an input, and the alive request behind it where the transport has one stream for all.
    pub(super) fn send(&mut self, input: &Input, assessor: &Assessor) -> Sent {
        let script = self.ids.script(input, assessor);
        self.send_script(script)
    }

    /// The same with an input whose ids are given already. Over stdio another may be sent before what comes of this one is received.
    pub(super) fn send_script(&mut self, script: Script) -> Sent {
        self.under_way += 1;
        self.messages += script.pieces.len() as u64 + 1;
        self.doubtful.note(&script);
        let mut steps = Vec::with_capacity(script.pieces.len() + 4);
        if let Link::Process(process) = &mut self.link {
            process.begin();
            send_to_process(process, &script, &mut steps);
        }
        Sent { script, steps, began: Instant::now() }
    }

    /// Waits for what comes of it. Of inputs that are under way the first has to be received first.
    pub(super) fn receive(&mut self, sent: Sent, patience: Patience) -> Observed {
        self.under_way -= 1;
        let observed = match &self.link {
            Link::Process(_) => self.receive_from_process(sent, patience),
            Link::Endpoint(_) => self.exchange_with_endpoint(sent, patience),
        };
        self.free_since = Instant::now();
        observed
    }

    /// Whether it cannot remember any more what is owed, or which ids are in doubt: it has to give way to another.
    pub(super) fn is_full(&self) -> bool {
        self.is_forgetful || self.doubtful.is_full()
    }

    /// Sends a request and waits for its answer, as part of the prelude.
    fn ask(&mut self, method: &str, params: Value, within: Duration) -> Result<Message, String> {
        let id = json!(self.ids.fresh());
        let message = request(self.revision, &id, method, params);
        self.messages += 1;
        match &mut self.link {
            Link::Process(process) => ask_process(process, &message, &id, within, &mut self.prelude),
            Link::Endpoint(endpoint) => endpoint.ask(&message, &id, within, &mut self.prelude),
        }
    }

    fn tell(&mut self, method: &str, within: Duration) {
        let message = json!({"jsonrpc": "2.0", "method": method});
        self.messages += 1;
        match &mut self.link {
            Link::Process(process) => {
                let bytes = line(message.to_string().as_bytes());
                process.send(&bytes);
                self.prelude.push(Step::Wrote { bytes, deliberate: false, message: None });
            }
            Link::Endpoint(endpoint) => endpoint.tell(&message, within, &mut self.prelude),
        }
    }

    fn receive_from_process(&mut self, sent: Sent, patience: Patience) -> Observed {
        let Sent { script, mut steps, began } = sent;
        let mut open: Vec<bool> = vec![true; script.asks.len()];
        let mut again = Vec::new();
        let mut buffer = Vec::new();
        let (mut goes_on, mut passed) = (true, None);
        let mut fence_answered: Option<Instant> = None;
        let (mut nudges, mut newest) = (patience.nudges, script.fence.id.clone());
        let end = loop {
            self.came.extend(buffer.drain(..).map(|(at, what)| {
                let seen = if let Incoming::Line(text) = &what { glance(text) } else { None };
                Came { at, what, seen }
            }));
            let mut at = 0;
            while let Some(one) = self.came.get(at) {
                if self.is_of_the_next(one.seen.as_ref(), &script, fence_answered.is_some()) {
                    at += 1;
                    continue;
                }
                let Some(one) = self.came.remove(at) else { break };
                let Came { at, what, seen } = one;
                let keep = match (&what, &seen) {
                    (Incoming::Line(_), Some(seen)) if seen.method.is_some() => {
                        self.refuse(seen, &mut steps);
                        true
                    }
                    (Incoming::Line(text), Some(seen)) => {
                        let is_fence = seen.id.as_ref().is_some_and(|id| same_id(id, &newest));
                        if is_fence {
                            fence_answered.get_or_insert(at);
                            if nudges > 0 {
                                nudges -= 1;
                                newest = self.nudge(&mut steps);
                            }
                        }
                        is_fence || self.file(seen, text, &script, &mut open, &mut again)
                    }
                    _ => true,
                };
                if keep {
                    steps.push(arrived(at, what, seen.and_then(|seen| seen.message)));
                }
            }
            let is_awaited = fence_answered.is_none() || self.is_worth_waiting(&script, &open);
            // What ends the target while another input is under way is that one's, if this one has all that it waited for.
            if !goes_on && (is_awaited || self.under_way == 0) {
                steps.extend(self.came.drain(..).map(|Came { at, what, .. }| arrived(at, what, None)));
                break End::Over;
            }
            if !is_awaited {
                break End::Alive;
            }
            let deadline =
                fence_answered.map_or_else(|| began.max(self.free_since) + patience.deadline, |at| at + patience.grace);
            if passed == Some(deadline) {
                if fence_answered.is_none() {
                    break End::Silent;
                }
                self.note_silence(&script, &open);
                break End::Alive;
            }
            // What came until then is looked at once more.
            passed = Some(deadline).filter(|deadline| Instant::now() >= *deadline);
            let Link::Process(process) = &mut self.link else { break End::Over };
            goes_on = process.turn(deadline, &mut buffer);
        };
        let unanswered: Vec<_> = (0..open.len()).filter(|&at| open[at]).collect();
        self.remember(&script, &unanswered);
        Observed { script, steps, end, unanswered, again }
    }

    /// Whether something that came is of an input that is under way behind a script: what answers it; and once the alive request of
    /// the script is answered, all that tells neither whose it is nor wants an answer.
    fn is_of_the_next(&self, seen: Option<&Glance>, script: &Script, is_answered: bool) -> bool {
        if self.under_way == 0 {
            return false;
        }
        let Some(seen) = seen else { return is_answered };
        let mut ids = seen.parts.iter().flatten().filter_map(|part| part.id.as_ref()).chain(&seen.id).peekable();
        match (&seen.method, ids.peek()) {
            (_, None) => is_answered,
            (Some(_), _) => false,
            (None, _) => ids.any(|id| script.is_before(id) || self.doubtful.is_of_one_after(script, id)),
        }
    }

    fn exchange_with_endpoint(&mut self, sent: Sent, patience: Patience) -> Observed {
        let Sent { script, mut steps, .. } = sent;
        let mut open: Vec<bool> = vec![true; script.asks.len()];
        let mut again = Vec::new();
        let mut worth_waiting = Vec::with_capacity(script.asks.len());
        for ask in &script.asks {
            worth_waiting.push(script.is_owed(ask) && !self.silence.is_expected(self.revision, ask));
        }
        let Link::Endpoint(endpoint) = &mut self.link else {
            return Observed { script, steps, end: End::Over, unanswered: Vec::new(), again };
        };
        let (end, settled) = endpoint.exchange(&script, &worth_waiting, patience, &mut steps);
        for (open, ask) in open.iter_mut().zip(&script.asks) {
            *open &= !settled.contains(&ask.piece);
        }
        for step in &steps {
            let Step::Arrived(arrival) = step else { continue };
            let (Incoming::Body(text) | Incoming::Event { data: Some(text), .. }) = &arrival.what else { continue };
            if let Some(seen) = glance(text) {
                self.file(&seen, text, &script, &mut open, &mut again);
            }
        }
        if end == End::Alive {
            self.note_silence(&script, &open);
        }
        let unanswered: Vec<_> = (0..open.len()).filter(|&at| open[at]).collect();
        self.remember(&script, &unanswered);
        Observed { script, steps, end, unanswered, again }
    }

    /// Notes whom a response answers; says whether it belongs to this input.
    fn file(
        &mut self,
        seen: &Glance,
        text: &Bytes,
        script: &Script,
        open: &mut [bool],
        again: &mut Vec<Bytes>,
    ) -> bool {
        let ids = seen.parts.iter().flatten().filter_map(|part| part.id.as_ref()).chain(&seen.id);
        let mut own = true;
        for id in ids {
            let mut known = false;
            for (at, ask) in script.asks.iter().enumerate() {
                if same_id(&ask.id, id) {
                    open[at] = false;
                    known = true;
                }
            }
            if !known && Ids::is_earlier(id, script.first) {
                own = false;
                if !self.waiting.remove(&digest(&id.to_string())) && !self.is_forgetful {
                    again.push(text.clone());
                }
            } else if !known && self.doubtful.is_of_one_before(script, id) {
                own = false;
            }
        }
        own
    }

    /// Sends one more alive request; returns its id.
    fn nudge(&mut self, steps: &mut Vec<Step>) -> Value {
        let fence = self.ids.fence();
        self.messages += 1;
        if let Link::Process(process) = &mut self.link {
            let bytes = line(&fence.bytes);
            process.send(&bytes);
            steps.push(Step::Wrote { bytes, deliberate: false, message: None });
        }
        fence.id
    }

    /// Answers a request of the server's, as a client that offers nothing does.
    fn refuse(&mut self, seen: &Glance, steps: &mut Vec<Step>) {
        let (Some(id), Some(method), Link::Process(process)) = (&seen.id, &seen.method, &mut self.link) else { return };
        let bytes = line(reply(id, method).to_string().as_bytes());
        process.send(&bytes);
        steps.push(Step::Wrote { bytes, deliberate: false, message: None });
    }

    fn is_worth_waiting(&self, script: &Script, open: &[bool]) -> bool {
        let mut asks = script.asks.iter().zip(open).filter(|(_, open)| **open);
        asks.any(|(ask, _)| script.is_owed(ask) && !self.silence.is_expected(self.revision, ask))
    }

    fn note_silence(&mut self, script: &Script, open: &[bool]) {
        for (ask, _) in script.asks.iter().zip(open).filter(|(ask, open)| **open && script.is_owed(ask)) {
            self.silence.note(self.revision, ask);
        }
    }

    fn remember(&mut self, script: &Script, unanswered: &[usize]) {
        for &at in unanswered {
            self.is_forgetful |= self.waiting.len() >= WAITING;
            if !self.is_forgetful {
                self.waiting.insert(digest(&script.asks[at].id.to_string()));
            }
        }
    }
}

/// What was sent and is not answered yet.
pub(super) struct Sent {
    pub(super) script: Script,
    steps: Vec<Step>,
    began: Instant,
}

fn send_to_process(process: &mut Process, script: &Script, steps: &mut Vec<Step>) {
    let mut ends_a_line = true;
    for piece in &script.pieces {
        let is_raw = piece.form == Form::Raw;
        let bytes = if is_raw { piece.bytes.clone() } else { line(&piece.bytes) };
        ends_a_line = bytes.last().map_or(ends_a_line, |byte| *byte == b'\n');
        process.queue(&bytes);
        steps.push(Step::Wrote { bytes, deliberate: piece.deliberate, message: piece.message.clone() });
        if is_raw {
            process.write();
        }
    }
    if !ends_a_line {
        process.queue(b"\n");
        steps.push(Step::Wrote { bytes: Bytes::from_static(b"\n"), deliberate: true, message: None });
    }
    let fence = line(&script.fence.bytes);
    process.send(&fence);
    steps.push(Step::Wrote { bytes: fence, deliberate: false, message: Some(script.fence.message.clone()) });
}

fn ask_process(
    process: &mut Process,
    message: &Value,
    id: &Value,
    within: Duration,
    steps: &mut Vec<Step>,
) -> Result<Message, String> {
    let bytes = line(message.to_string().as_bytes());
    process.begin();
    process.send(&bytes);
    steps.push(Step::Wrote { bytes, deliberate: false, message: None });
    let deadline = Instant::now() + within;
    let mut buffer = Vec::new();
    loop {
        let goes_on = process.turn(deadline, &mut buffer);
        let mut answer = None;
        for (at, what) in buffer.drain(..) {
            if let Incoming::Line(text) = &what
                && let Ok(message) = Message::read(text)
                && message.kind() == Kind::Response
                && message.id().is_some_and(|own| same_id(own, id))
            {
                answer = Some(message);
            }
            steps.push(arrived(at, what, None));
        }
        match answer {
            Some(answer) => return Ok(answer),
            None if !goes_on => return Err("the server ended before it answered".to_owned()),
            None if Instant::now() >= deadline => return Err(format!("no answer within {} s", within.as_secs_f32())),
            None => {}
        }
    }
}

/// What a client that offers nothing answers.
pub(super) fn reply(id: &Value, method: &str) -> Value {
    if method == "ping" {
        json!({"jsonrpc": "2.0", "id": id, "result": {}})
    } else {
        json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32601, "message": "this client offers no such method"}})
    }
}

fn line(text: &[u8]) -> Bytes {
    [text, b"\n"].concat().into()
}

#[cfg(test)]
mod tests;
