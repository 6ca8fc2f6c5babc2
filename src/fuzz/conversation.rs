//! One conversation with the target: opened, then one input after another, each with the alive request behind it, so that
//! silence can be told from death without waiting. Records; judges nothing.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::{Value, json};

use super::assess::{Assessor, Worth};
use super::feedback::known;
use super::glance::{Glance, glance};
use super::link::{End, Link, Observed, Patience, Step, arrived, continued};
use super::process::Process;
use super::script::{Ask, Ids, Script, request};
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
    /// Ids of requests that are still unanswered.
    waiting: HashSet<String>,
    /// More requests are unanswered than are remembered: who was answered before cannot be told any more.
    is_forgetful: bool,
    /// Digests of ids that inputs may have had whose ids are in doubt, with the first number that was given out for the last such
    /// input: an answer to one of them is that input's, perhaps a late one.
    doubtful: HashMap<u64, u64>,
    /// How often a class of message got no answer in its grace.
    pub(super) silent: HashMap<String, u32>,
    /// Messages that were sent, alive requests included.
    pub(super) messages: u64,
    /// Inputs that were sent and not waited for yet.
    under_way: usize,
    /// What came that is of such an input.
    ahead: Vec<(Instant, Incoming)>,
    /// When the wait for an input ended: the next one had the target to itself from then on.
    free_since: Instant,
}

/// How often a class of message may make the harness wait in vain.
const SILENCES: u32 = 3;
/// Classes that are remembered: a prompt may be asked for by any name.
const CLASSES: usize = 10_000;
/// Unanswered requests that are remembered, and ids that are in doubt.
const WAITING: usize = 50_000;
const DOUBTFUL: usize = 50_000;
/// Bytes of an id that are looked at.
const ID: usize = 1024;

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
            doubtful: HashMap::new(),
            silent: HashMap::new(),
            messages: 0,
            under_way: 0,
            ahead: Vec::new(),
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
        if !script.is_clear() {
            let sent: Vec<u8> = script.pieces.iter().flat_map(|piece| piece.bytes.iter().copied()).collect();
            if self.doubtful.len() < DOUBTFUL {
                self.doubtful.extend(possible_ids(&sent).map(|id| (digest(&id), script.first)));
            }
        }
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
                self.prelude.push(Step::Wrote { bytes, deliberate: false });
            }
            Link::Endpoint(endpoint) => endpoint.tell(&message, within, &mut self.prelude),
        }
    }

    fn receive_from_process(&mut self, sent: Sent, patience: Patience) -> Observed {
        let Sent { script, mut steps, began } = sent;
        let mut open: Vec<bool> = vec![true; script.asks.len()];
        let mut again = Vec::new();
        let mut buffer = std::mem::take(&mut self.ahead);
        let (mut goes_on, mut passed) = (true, None);
        let mut fence_answered: Option<Instant> = None;
        let (mut nudges, mut newest) = (patience.nudges, script.fence.id.clone());
        let end = loop {
            for (at, what) in buffer.drain(..) {
                let seen = if let Incoming::Line(text) = &what { glance(text) } else { None };
                if self.is_of_the_next(seen.as_ref(), &script, fence_answered.is_some()) {
                    self.ahead.push((at, what));
                    continue;
                }
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
                    steps.push(arrived(at, what));
                }
            }
            let is_awaited = fence_answered.is_none() || self.is_worth_waiting(&script, &open);
            // What ends the target while another input is under way is that one's, if this one has all that it waited for.
            if !goes_on && (is_awaited || self.under_way == 0) {
                steps.extend(self.ahead.drain(..).map(|(at, what)| arrived(at, what)));
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
            (None, _) => {
                let is_later =
                    |id: &Value| self.doubtful.get(&digest(&id.to_string())).is_some_and(|first| *first > script.first);
                ids.any(|id| script.is_before(id) || is_later(id))
            }
        }
    }

    fn exchange_with_endpoint(&mut self, sent: Sent, patience: Patience) -> Observed {
        let Sent { script, mut steps, .. } = sent;
        let mut open: Vec<bool> = vec![true; script.asks.len()];
        let mut again = Vec::new();
        let mut worth_waiting = Vec::with_capacity(script.asks.len());
        for ask in &script.asks {
            worth_waiting.push(script.is_owed(ask) && !self.is_silent(&class(self.revision, ask)));
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
                if !self.waiting.remove(&id.to_string()) && !self.is_forgetful {
                    again.push(text.clone());
                }
            } else if !known && self.doubtful.get(&digest(&id.to_string())).is_some_and(|first| *first < script.first) {
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
            steps.push(Step::Wrote { bytes, deliberate: false });
        }
        fence.id
    }

    /// Answers a request of the server's, as a client that offers nothing does.
    fn refuse(&mut self, seen: &Glance, steps: &mut Vec<Step>) {
        let (Some(id), Some(method), Link::Process(process)) = (&seen.id, &seen.method, &mut self.link) else { return };
        let bytes = line(reply(id, method).to_string().as_bytes());
        process.send(&bytes);
        steps.push(Step::Wrote { bytes, deliberate: false });
    }

    fn is_silent(&self, class: &str) -> bool {
        self.silent.get(class).is_some_and(|times| *times >= SILENCES)
    }

    fn is_worth_waiting(&self, script: &Script, open: &[bool]) -> bool {
        let mut asks = script.asks.iter().zip(open).filter(|(_, open)| **open);
        asks.any(|(ask, _)| script.is_owed(ask) && !self.is_silent(&class(self.revision, ask)))
    }

    fn note_silence(&mut self, script: &Script, open: &[bool]) {
        for (ask, _) in script.asks.iter().zip(open).filter(|(ask, open)| **open && script.is_owed(ask)) {
            if self.silent.len() < CLASSES {
                *self.silent.entry(class(self.revision, ask)).or_default() += 1;
            }
        }
    }

    fn remember(&mut self, script: &Script, unanswered: &[usize]) {
        for &at in unanswered {
            self.is_forgetful |= self.waiting.len() >= WAITING;
            if !self.is_forgetful {
                self.waiting.insert(script.asks[at].id.to_string());
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

/// What kind of request it is, as far as silence goes. Of those that are wrong there are as many kinds as inputs: they are told apart
/// by their methods alone, as far as the revision knows them.
fn class(revision: Revision, ask: &Ask) -> String {
    let method = known(revision, &ask.method);
    match &ask.name {
        Some(name) if ask.worth == Worth::Sound => format!("{method} {name}"),
        _ => format!("{method} {}", ask.worth == Worth::Sound),
    }
}

fn digest(id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}

/// The values of all that is named as an id in a text, whether it is JSON or not, as a reader may take them that minds little.
fn possible_ids(text: &[u8]) -> impl Iterator<Item = String> {
    memchr::memmem::find_iter(text, b"\"id\"").filter_map(|at| {
        let value = text[at + 4..].trim_ascii_start().strip_prefix(b":")?;
        let value = String::from_utf8_lossy(&value[..value.len().min(ID)]);
        let first = serde_json::Deserializer::from_str(&value).into_iter::<Value>().next()?;
        Some(first.ok()?.to_string())
    })
}

fn send_to_process(process: &mut Process, script: &Script, steps: &mut Vec<Step>) {
    let mut together: Vec<u8> = Vec::with_capacity(512);
    let mut ends_a_line = true;
    for piece in &script.pieces {
        let is_raw = piece.form == Form::Raw;
        let from = together.len();
        together.extend_from_slice(&piece.bytes);
        if !is_raw {
            together.push(b'\n');
        }
        ends_a_line = together.last().map_or(ends_a_line, |byte| *byte == b'\n');
        let bytes = Bytes::copy_from_slice(&together[from..]);
        steps.push(Step::Wrote { bytes, deliberate: piece.deliberate });
        if is_raw {
            process.send(&together);
            together.clear();
        }
    }
    if !ends_a_line {
        together.push(b'\n');
        steps.push(Step::Wrote { bytes: Bytes::from_static(b"\n"), deliberate: true });
    }
    let fence = line(&script.fence.bytes);
    together.extend_from_slice(&fence);
    steps.push(Step::Wrote { bytes: fence, deliberate: false });
    process.send(&together);
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
    steps.push(Step::Wrote { bytes, deliberate: false });
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
            steps.push(arrived(at, what));
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
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::smith::Piece;
    use crate::transport::{CommandTarget, Limits};

    /// Answers what it can read, in order; an id that is a text late; and dies when it is told to.
    const SERVER: &str = r#"
import json, sys
late = []
for line in sys.stdin:
    try:
        asked = json.loads(line)
    except ValueError:
        asked = {"id": None, "method": "broken"}
    if asked.get("method") == "die":
        sys.exit(3)
    if "id" not in asked:
        continue
    answer = {"jsonrpc": "2.0", "id": asked["id"], "result": {}}
    if asked["method"] == "initialize":
        answer["result"] = {"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {"name": "s", "version": "1"}}
    if asked["method"] == "broken":
        answer = {"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "broken"}}
    late.append(answer)
    if asked["method"] == "late":
        continue
    for answer in reversed(late):
        print(json.dumps(answer), flush=True)
    late = []
"#;
    const PATIENCE: Patience =
        Patience { deadline: Duration::from_secs(10), grace: Duration::from_millis(25), nudges: 0 };

    fn opened() -> Conversation {
        let command = CommandTarget {
            program: "python3".to_owned(),
            arguments: vec!["-c".to_owned(), SERVER.to_owned()],
            environment: BTreeMap::new(),
            directory: None,
        };
        let process = Process::start(&command, Limits::default()).expect("there is Python");
        let link = Link::Process(Box::new(process));
        Conversation::open(link, Revision::V2025_11_25, Duration::from_secs(10), "").expect("it opens")
    }

    fn input(texts: &[&str]) -> Input {
        Input { pieces: texts.iter().map(|text| Piece::message(text.as_bytes())).collect() }
    }

    /// What came, as text, alive requests' answers left out.
    fn said(observed: &Observed) -> Vec<String> {
        let lines = observed.steps.iter().filter_map(|step| match step {
            Step::Arrived(arrival) => match &arrival.what {
                Incoming::Line(text) => Some(String::from_utf8_lossy(text).into_owned()),
                _ => None,
            },
            _ => None,
        });
        let fence = format!("\"id\": {}", observed.script.fence.id);
        lines.filter(|line| !line.contains(&fence)).collect()
    }

    #[test]
    fn what_comes_while_several_are_under_way_is_told_apart() {
        let mut conversation = opened();
        let assessor = Assessor::new(Revision::V2025_11_25, &[], false);
        let inputs = [
            input(&[r#"{"jsonrpc":"2.0","id":1,"method":"late"}"#]),
            input(&["{"]),
            input(&[
                r#"{"jsonrpc":"2.0","id":"mine","id":"mine","method":"late"}"#,
                r#"{"jsonrpc":"2.0","id":7,"method":"tools/list"}"#,
            ]),
            input(&[r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#]),
        ];
        let sent: Vec<Sent> = inputs.iter().map(|input| conversation.send(input, &assessor)).collect();
        let observed: Vec<_> = sent.into_iter().map(|sent| conversation.receive(sent, PATIENCE)).collect();
        let said: Vec<_> = observed.iter().map(said).collect();
        assert_eq!(said[0].len(), 1, "{said:?}");
        assert!(said[1].len() == 1 && said[1][0].contains("-32700"), "{said:?}");
        assert!(said[2].len() == 2 && said[2].iter().any(|line| line.contains("\"mine\"")), "{said:?}");
        assert_eq!(said[3].len(), 0, "{said:?}");
        assert!(observed.iter().all(|one| one.end == End::Alive && one.unanswered.is_empty() && one.again.is_empty()));
    }

    #[test]
    fn who_dies_dies_of_what_was_not_answered() {
        let mut conversation = opened();
        let assessor = Assessor::new(Revision::V2025_11_25, &[], false);
        let inputs = [
            input(&[r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#]),
            input(&[r#"{"method":"die"}"#]),
            input(&["{"]),
        ];
        let sent: Vec<Sent> = inputs.iter().map(|input| conversation.send(input, &assessor)).collect();
        let mut observed = sent.into_iter().map(|sent| conversation.receive(sent, PATIENCE));
        let first = observed.next().expect("three");
        assert!(first.end == End::Alive && said(&first).len() == 1, "{first:?}");
        let second = observed.next().expect("three");
        assert_eq!(second.end, End::Over);
        let is_exit = |step: &Step| matches!(step, Step::Arrived(arrival) if matches!(arrival.what, Incoming::Exited(exit) if exit.code == Some(3)));
        assert!(second.steps.iter().any(is_exit), "{second:?}");
    }
}
