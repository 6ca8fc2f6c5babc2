//! One worker: chooses inputs, tries them, learns from what they bring about, and hands over what is wrong. While the target works
//! on an input, the one before is judged.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::io;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::assess::Worth;
use super::chance::Chance;
use super::conversation::Conversation;
use super::corpus::Corpus;
use super::coverage::{Compared, Map, Operand};
use super::feedback::{edges, features};
use super::finding::{Finding, findings};
use super::ground::Ground;
use super::link::{End, Link, Observed, Patience, transcript};
use super::minimize::{Budget, shrink};
use super::oracle::{Oracle, Suspicion};
use super::resources::{Usage, conspicuous, usage};
use super::sessions;
use crate::judge::Traffic;
use crate::smith::{Input, Unstructured, World, cross, fresh, matched, mutate, neighbours, seeds};

/// What a worker tells.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Report {
    /// How far it is.
    Progress(Progress),
    /// A finding, new to this worker.
    Found(Box<Finding>),
    /// The same cause once more.
    Again(String),
    /// Something that was suspected once, and not seen again.
    Unreproduced(Box<Suspicion>),
    /// Something that the user should know.
    Note(String),
    /// It can do nothing any more; says why.
    Stuck(String),
    /// It has ended as it should.
    Done,
}

/// How far a worker is.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Progress {
    /// Inputs tried.
    pub executions: u64,
    /// Messages sent.
    pub messages: u64,
    /// Inputs in the corpus.
    pub corpus: usize,
    /// Behaviours and edges seen.
    pub features: usize,
    /// How often the target was started again, or a session opened anew.
    pub restarts: u64,
}

/// A worker at work.
pub(super) struct Worker {
    ground: Ground,
    world: World,
    corpus: Corpus,
    chance: Chance,
    map: Option<Map>,
    queue: VecDeque<Queued>,
    conversation: Option<Conversation>,
    /// What was sent in the present conversation, and its bytes.
    history: Vec<Input>,
    history_bytes: usize,
    /// Findings of earlier runs by their names, as long as they were not seen again.
    earlier: HashMap<String, Finding>,
    /// Names of causes that are settled: found, or given up.
    settled: BTreeSet<String>,
    /// How often a cause was suspected in vain.
    vain: HashMap<String, u32>,
    /// Classes whose silence was looked into.
    silences: BTreeSet<String>,
    /// What the process held when it had warmed up.
    usage: Option<Usage>,
    /// What was looked into because it may make the process grow.
    grown: BTreeSet<String>,
    progress: Progress,
    /// The slowest alive request so far.
    slowest: Duration,
    began: Instant,
    told: Instant,
    report: Box<dyn FnMut(Report)>,
    /// No session can be opened any more.
    is_stuck: bool,
    /// What the last input of a conversation has shown.
    last_shown: BTreeSet<u32>,
}

struct Queued {
    input: Input,
    /// It came from the corpus folder, and leaves it if it shows nothing new.
    is_kept: bool,
}

/// What came of an input that is not judged yet.
struct Pending {
    input: Input,
    is_kept: bool,
    /// Its place in the history.
    place: usize,
    observed: Observed,
    prelude: Vec<super::link::Step>,
    edges: BTreeSet<u32>,
    compared: Compared,
}

/// Inputs that one conversation takes, and their bytes: all of them can be replayed.
const INPUTS: usize = 5_000;
const BYTES: usize = 16 << 20;
/// How many neighbours of an input are tried, and how many comparisons of the target's count as something it shows.
const NEIGHBOURS: usize = 1_000;
const OPERANDS: usize = 64;
/// How long an answer may come after the alive request's.
const GRACE: Duration = Duration::from_millis(25);
/// The shortest deadline of an alive request while fuzzing; what is suspected of it is seen again with the whole one.
const SHORTEST: Duration = Duration::from_secs(1);
/// How often a cause may be suspected in vain.
const VAIN: u32 = 3;
/// Attempts and time that shrinking a finding may take.
const ATTEMPTS: u32 = 400;
const SHRINKING: Duration = Duration::from_secs(20);
/// Findings that are shrunk; of more the target has to be mended first.
const SHRUNK: usize = 100;
/// Values kept in the dictionary.
const DICTIONARY: usize = 400;
/// Bytes that chance gives for one input.
const DRAWN: usize = 4096;
/// How often sessions are compared, and the process looked at; and how many sorts of input are tried at once.
const SESSIONS: u64 = 500;
const USAGE: u64 = 256;
const SORTS: usize = 12;
/// How often progress is told, and the folder looked at for what others found.
const TELL: Duration = Duration::from_millis(500);
const SHARE: u64 = 1_000;

impl Worker {
    /// A worker for a ground.
    pub(super) fn new(ground: Ground, map: Option<Map>, report: Box<dyn FnMut(Report)>) -> io::Result<Self> {
        let plan = &ground.plan;
        let mut corpus = Corpus::new(&plan.corpus)?;
        let mut queue = VecDeque::new();
        let mut queue_up = |input: Input, is_kept: bool| queue.push_back(Queued { input, is_kept });
        // What was wrong before is tried first.
        let mut earlier = HashMap::new();
        for (_, finding) in findings(&plan.out).unwrap_or_default() {
            finding.inputs().into_iter().for_each(|input| queue_up(input, false));
            earlier.insert(finding.suspicion.name(), finding);
        }
        let world = plan.world();
        for input in seeds(&world) {
            queue_up(input, false);
        }
        let is_mine = |at: usize| at % plan.workers.max(1) as usize == plan.worker as usize;
        let kept = corpus.news()?;
        // Another night with the same seed goes on from what is there, and is another one.
        let seed = plan.seed.wrapping_add(u64::from(plan.worker).wrapping_mul(0x9e37_79b9));
        let chance = Chance::new(seed.wrapping_add(kept.len() as u64));
        let kept = kept.into_iter().enumerate();
        kept.filter(|(at, _)| is_mine(*at)).for_each(|(_, input)| queue_up(input, true));
        for folder in &plan.merged.clone() {
            let merged = corpus.read(folder)?.into_iter().enumerate();
            merged.filter(|(at, _)| is_mine(*at)).for_each(|(_, input)| queue_up(input, false));
        }
        let now = Instant::now();
        Ok(Self {
            ground,
            world,
            corpus,
            chance,
            map,
            queue,
            conversation: None,
            history: Vec::new(),
            history_bytes: 0,
            earlier,
            settled: BTreeSet::new(),
            vain: HashMap::new(),
            silences: BTreeSet::new(),
            usage: None,
            grown: BTreeSet::new(),
            progress: Progress::default(),
            slowest: Duration::ZERO,
            began: now,
            told: now,
            report,
            is_stuck: false,
            last_shown: BTreeSet::new(),
        })
    }

    /// Goes on until its time or its inputs are used up, or `stop` says so.
    pub(super) fn work(&mut self, stop: &mut dyn FnMut() -> bool) {
        let mut pending: Option<Pending> = None;
        while !self.is_over() && !stop() {
            let Queued { input, is_kept } = self.next_input();
            if !self.ensure_open() {
                break;
            }
            pending = self.execute(input, is_kept, pending);
            self.after_each();
        }
        if let Some(pending) = pending {
            self.digest(pending);
        }
        self.tell();
    }

    /// Tries one input, and says what it has shown.
    pub(super) fn attempt(&mut self, input: Input) -> BTreeSet<u32> {
        if !self.ensure_open() {
            self.is_stuck = true;
            return BTreeSet::new();
        }
        let pending = self.execute(input, false, None);
        let shown = match pending {
            Some(pending) => self.digest(pending),
            None => std::mem::take(&mut self.last_shown),
        };
        self.after_each();
        shown
    }

    /// What to try next, where something else chooses what to go on from.
    pub(super) fn propose(&mut self, given: &[u8]) -> Input {
        let is_ours = self.queue.front().is_some() || self.chance.below(2) == 0;
        if is_ours || given.is_empty() {
            return self.next_input().input;
        }
        let mut bytes = vec![0; DRAWN];
        self.chance.fill(&mut bytes);
        mutate(&self.world, &Input::decode(given), &mut Unstructured::new(&bytes))
    }

    /// What is done after each input, whatever it was.
    fn after_each(&mut self) {
        self.look_around();
        self.keep_pace();
        if self.told.elapsed() >= TELL {
            self.tell();
        }
    }

    /// Whether there is nothing more to do.
    pub(super) fn is_over(&self) -> bool {
        self.is_stuck || self.has_done_enough()
    }

    fn has_done_enough(&self) -> bool {
        let plan = &self.ground.plan;
        plan.executions.is_some_and(|limit| self.progress.executions >= limit)
            || plan.time.is_some_and(|time| self.began.elapsed() >= time)
    }

    /// Sends an input; judges the one before while the target is at it; waits for what comes.
    fn execute(&mut self, input: Input, is_kept: bool, before: Option<Pending>) -> Option<Pending> {
        if let Some(map) = &mut self.map {
            // A map that cannot be cleared shows what was there before: nothing new.
            let _ = map.clear();
        }
        let conversation = self.conversation.as_mut()?;
        let sent = conversation.send(&input, &self.ground.court.assessor);
        if let Some(before) = before {
            self.digest(before);
        }
        let patience = Patience { deadline: self.deadline(), grace: GRACE, nudges: 0 };
        let conversation = self.conversation.as_mut()?;
        let began = Instant::now();
        let messages = conversation.messages;
        let observed = conversation.receive(sent, patience);
        if observed.end == End::Alive {
            self.slowest = self.slowest.max(began.elapsed());
        }
        self.progress.executions += 1;
        self.progress.messages += observed.script.pieces.len() as u64 + 1 + (conversation.messages - messages);
        self.history_bytes += input.len();
        self.history.push(input.clone());
        let (edges, compared) = self.covered();
        let prelude = self.conversation.as_ref().map(|conversation| conversation.prelude.clone()).unwrap_or_default();
        let place = self.history.len() - 1;
        let ends = observed.end != End::Alive || self.is_used_up();
        let pending = Pending { input, is_kept, place, observed, prelude, edges, compared };
        if ends {
            self.last_shown = self.digest(pending);
            self.close();
            return None;
        }
        Some(pending)
    }

    /// Whether the conversation has to give way to another.
    fn is_used_up(&self) -> bool {
        let is_stale =
            matches!(self.conversation.as_ref().map(|c| &c.link), Some(Link::Endpoint(endpoint)) if endpoint.is_stale);
        is_stale || self.history.len() >= INPUTS || self.history_bytes >= BYTES
    }

    /// Looks now and then at what no single exchange shows.
    fn look_around(&mut self) {
        let executions = self.progress.executions;
        if executions % SESSIONS == 1 && self.ground.court.has(Oracle::SessionMixup) {
            self.compare_sessions(executions);
        }
        if executions.is_multiple_of(USAGE) && self.ground.court.has(Oracle::Resources) {
            self.look_at_usage();
        }
    }

    fn look_at_usage(&mut self) {
        let process = self.conversation.as_ref().and_then(|conversation| conversation.link.process());
        let Some(now) = process.and_then(usage) else { return };
        let Some(before) = self.usage else {
            self.usage = Some(now);
            return;
        };
        if !conspicuous(before, now) {
            return;
        }
        self.usage = Some(now);
        // The newest input of each sort, one sort after the other.
        let mut candidates: Vec<(String, Input)> = Vec::new();
        let is_sound = |input: &&Input| match input.pieces.as_slice() {
            [piece] => self.ground.court.assessor.assess(&piece.bytes).1 == Worth::Sound,
            _ => false,
        };
        for input in self.history.iter().rev().filter(is_sound) {
            let sort = sort(input);
            if !self.grown.contains(&sort) && candidates.iter().all(|(other, _)| *other != sort) {
                candidates.push((sort, input.clone()));
            }
        }
        for (sort, input) in candidates.into_iter().take(SORTS) {
            self.grown.insert(sort);
            if let Some(suspicion) = self.ground.growth(&input) {
                self.found(suspicion, &[input], Vec::new());
                return;
            }
        }
    }

    fn compare_sessions(&mut self, number: u64) {
        if !matches!(self.conversation.as_ref().map(|c| &c.link), Some(Link::Endpoint(endpoint)) if endpoint.session.is_some())
        {
            return;
        }
        let inputs = sessions::inputs(&self.world, number);
        let trial = sessions::trial(&mut self.ground, &inputs);
        let Some(suspicion) = trial.suspicions.into_iter().next() else { return };
        if self.settled.contains(&suspicion.name()) {
            return;
        }
        let ground = &mut self.ground;
        let mut holds = |inputs: &[Input]| inputs.len() == 2 && !sessions::trial(ground, inputs).suspicions.is_empty();
        let budget = Budget { attempts: 60, until: Instant::now() + SHRINKING };
        let smaller = shrink(inputs, budget, &mut holds);
        let trial = sessions::trial(&mut self.ground, &smaller);
        if !trial.suspicions.is_empty() {
            self.found(suspicion, &smaller, trial.excerpt);
        }
    }

    /// Hands over what was seen to be so.
    fn found(&mut self, seen: Suspicion, inputs: &[Input], excerpt: Vec<String>) {
        if !self.settled.insert(seen.name()) && self.is_told(&seen) {
            return (self.report)(Report::Again(seen.name()));
        }
        self.hand_over(seen, inputs, excerpt);
    }

    fn is_told(&self, seen: &Suspicion) -> bool {
        self.ground.out().join(format!("{}.yaml", seen.name())).exists()
    }

    /// Not more messages a second than wanted.
    fn keep_pace(&mut self) {
        let Some(rate) = self.ground.plan.rate else { return };
        let messages = self.progress.messages + self.ground.messages;
        let due = Duration::from_secs(messages) / rate;
        if let Some(early) = due.checked_sub(self.began.elapsed()) {
            std::thread::sleep(early.min(Duration::from_secs(1)));
        }
    }

    fn close(&mut self) {
        self.usage = None;
        self.conversation = None;
        self.history.clear();
        self.history_bytes = 0;
    }

    fn deadline(&self) -> Duration {
        (self.slowest * 20).max(SHORTEST).min(self.ground.plan.timeout)
    }

    /// Has a conversation open; says false where the target cannot be had any more.
    fn ensure_open(&mut self) -> bool {
        if self.conversation.is_some() {
            return true;
        }
        let patience = Instant::now() + self.ground.plan.start_timeout.max(Duration::from_secs(5));
        let mut pause = Duration::from_millis(10);
        loop {
            match self.ground.open() {
                Ok(conversation) => {
                    self.progress.restarts += u64::from(self.progress.executions > 0);
                    self.conversation = Some(conversation);
                    return true;
                }
                Err(reason) if Instant::now() >= patience => {
                    (self.report)(Report::Stuck(format!("no session can be opened any more: {reason}")));
                    return false;
                }
                // A server elsewhere may be on its way up again.
                Err(_) => std::thread::sleep(pause),
            }
            pause = (pause * 2).min(Duration::from_secs(1));
        }
    }

    fn covered(&mut self) -> (BTreeSet<u32>, Compared) {
        let Some(map) = &mut self.map else { return (BTreeSet::new(), Compared::default()) };
        let edges = map.edges().map(|counters| edges(counters).collect()).unwrap_or_default();
        (edges, map.compared().unwrap_or_default())
    }

    fn next_input(&mut self) -> Queued {
        if self.progress.executions % SHARE == SHARE - 1 {
            for input in self.corpus.news().unwrap_or_default() {
                self.queue.push_front(Queued { input, is_kept: false });
            }
        }
        let is_idle = self.corpus.len() > 0 && self.chance.below(4) == 0;
        let kept_first = self.queue.front().is_some_and(|queued| queued.is_kept);
        if (!is_idle || kept_first)
            && let Some(queued) = self.queue.pop_front()
        {
            return queued;
        }
        if !is_idle && let Some((input, compared)) = self.corpus.untried() {
            self.queue_neighbours(&input, &compared);
            if let Some(queued) = self.queue.pop_front() {
                return queued;
            }
        }
        let mut bytes = vec![0; DRAWN];
        self.chance.fill(&mut bytes);
        let mut drawn = Unstructured::new(&bytes);
        let kind = self.chance.below(20);
        let chosen = if kind < 3 { None } else { self.corpus.choose(&mut self.chance) };
        let input = match chosen {
            None => fresh(&self.world, &mut drawn),
            Some(chosen) => {
                let other = if kind < 6 { self.corpus.any(&mut self.chance).cloned() } else { None };
                let mut input = match other {
                    Some(other) => cross(&self.world, &chosen, &other, &mut drawn),
                    None => mutate(&self.world, &chosen, &mut drawn),
                };
                for _ in 0..self.chance.below(3) {
                    input = mutate(&self.world, &input, &mut drawn);
                }
                input
            }
        };
        Queued { input, is_kept: false }
    }

    /// Learns from what came of an input, and judges it; says what it has shown.
    fn digest(&mut self, pending: Pending) -> BTreeSet<u32> {
        let Pending { input, is_kept, place, observed, prelude, edges, compared } = pending;
        let transcript = transcript(self.ground.plan.kind(), prelude.iter().chain(&observed.steps));
        let traffic = Traffic::of(&transcript);
        let mut shown = features(&self.world, &observed, &traffic);
        shown.extend(edges);
        let is_new = self.corpus.note(&shown);
        if is_new && observed.end == End::Alive {
            for heard in &traffic.heard {
                self.world.mined.mine(heard.message.value());
            }
            let operands = compared.operands();
            // What its own values were compared with goes before all that waits.
            for input in matched(&self.world, &input, &operands).into_iter().rev() {
                self.queue.push_front(Queued { input, is_kept: false });
            }
            if let Err(error) = self.corpus.add(&input, &shown, telling(operands)) {
                (self.report)(Report::Note(format!(
                    "cannot write to `{}`: {error}",
                    self.ground.plan.corpus.display()
                )));
            }
        } else if is_kept && !is_new {
            self.corpus.forget(&input);
        }
        for suspicion in self.ground.court.judge(&[&observed], &traffic) {
            self.suspect(&suspicion, &input, place, false);
        }
        self.look_into_silence(&observed, &input, place);
        shown
    }

    fn queue_neighbours(&mut self, input: &Input, operands: &[Value]) {
        if let Some(map) = &mut self.map {
            for constant in map.constants().unwrap_or_default() {
                if !self.world.dictionary.contains(&constant) {
                    self.world.dictionary.push(constant);
                }
            }
        }
        let excess = self.world.dictionary.len().saturating_sub(DICTIONARY);
        self.world.dictionary.drain(..excess);
        // What was just compared with is the best to try, then what the code entered last holds.
        let known = std::mem::take(&mut self.world.dictionary);
        self.world.dictionary = operands.to_vec();
        self.world.dictionary.extend(known.iter().rev().filter(|value| !operands.contains(value)).take(64).cloned());
        let found = neighbours(&self.world, input).take(NEIGHBOURS);
        self.queue.extend(found.map(|input| Queued { input, is_kept: false }));
        self.world.dictionary = known;
    }

    /// Requests that are owed an answer and had none so far: each class is waited for to the end, once.
    fn look_into_silence(&mut self, observed: &Observed, input: &Input, place: usize) {
        for suspicion in self.ground.court.of_silence(observed) {
            if self.silences.insert(suspicion.subject.clone()) {
                self.suspect(&suspicion, input, place, true);
            }
        }
    }

    /// Something is suspected: sees whether it is so again on a fresh session, makes it small, and hands it over.
    fn suspect(&mut self, suspicion: &Suspicion, input: &Input, place: usize, whole: bool) {
        let name = suspicion.name();
        if self.settled.contains(&name) {
            if !self.vain.contains_key(&name) {
                (self.report)(Report::Again(name));
            }
            return;
        }
        self.tell();
        // What an earlier run has made small is as small as it gets.
        if let Some(earlier) = self.earlier.remove(&name) {
            let trial = self.ground.trial_for(suspicion.oracle, &earlier.inputs(), whole);
            if trial.suspicions.iter().any(|one| is_same(one, suspicion)) {
                self.settled.insert(name);
                return (self.report)(Report::Found(Box::new(earlier)));
            }
        }
        let history: Vec<Input> = self.history[..(place + 1).min(self.history.len())].to_vec();
        let Some((inputs, seen)) = self.reproduce(suspicion, input, &history, whole) else {
            let vain = self.vain.entry(name.clone()).or_default();
            *vain += 1;
            if *vain >= VAIN {
                self.settled.insert(name);
            }
            // What was only slow was never wrong.
            if *vain == 1 && suspicion.oracle != Oracle::Unanswered {
                self.keep_unreproduced(suspicion, input);
            }
            return;
        };
        self.vain.remove(&name);
        self.settled.insert(name);
        let (inputs, seen, excerpt) = self.smaller(inputs, seen, whole);
        if inputs.is_empty() {
            return self.keep_unreproduced(&seen, input);
        }
        // In what is left, the words may differ from those of what was suspected at first.
        let seen_name = seen.name();
        if seen_name != suspicion.name() && !self.settled.insert(seen_name.clone()) {
            return (self.report)(Report::Again(seen_name));
        }
        self.hand_over(seen, &inputs, excerpt);
    }

    /// Writes a finding, and tells of it.
    fn hand_over(&mut self, seen: Suspicion, inputs: &[Input], excerpt: Vec<String>) {
        let finding = Finding::new(seen, &self.ground.plan, inputs, excerpt);
        match finding.write(self.ground.out(), &self.ground.plan) {
            Ok(_) => (self.report)(Report::Found(Box::new(finding))),
            Err(error) => {
                let note = format!("cannot write to `{}`: {error}", self.ground.out().display());
                (self.report)(Report::Note(note));
                (self.report)(Report::Found(Box::new(finding)));
            }
        }
    }

    /// The shortest of some sequences that brings it out again on a fresh session: the input alone, or with what went before.
    fn reproduce(
        &mut self,
        suspicion: &Suspicion,
        input: &Input,
        history: &[Input],
        whole: bool,
    ) -> Option<(Vec<Input>, Suspicion)> {
        let mut lengths = vec![1, 1, 4, 32, 256];
        lengths.retain(|&length| length == 1 || length < history.len());
        if history.len() > 1 {
            lengths.push(history.len());
        }
        for length in lengths {
            let inputs = if length == 1 { vec![input.clone()] } else { history[history.len() - length..].to_vec() };
            let trial = self.ground.trial(&inputs, whole && length == 1);
            let is_it = |seen: &&Suspicion| {
                // Who dies is only noticed with the next message.
                seen.is_like(suspicion) || suspicion.oracle.is_fatal() && seen.oracle == suspicion.oracle
            };
            if let Some(seen) = trial.suspicions.iter().find(is_it) {
                return Some((inputs, seen.clone()));
            }
            if suspicion.oracle == Oracle::Unanswered && length == 1 {
                // Slow, not silent.
                return None;
            }
        }
        None
    }

    /// Shrinks what brings something out; the last word has a fresh session, and says what it is.
    fn smaller(&mut self, inputs: Vec<Input>, seen: Suspicion, whole: bool) -> (Vec<Input>, Suspicion, Vec<String>) {
        let is_slow = matches!(seen.oracle, Oracle::Hang | Oracle::Unanswered);
        let attempts = if self.settled.len() > SHRUNK { 0 } else { ATTEMPTS };
        let left = self.ground.plan.time.map_or(SHRINKING, |all| all.saturating_sub(self.began.elapsed()) / 2);
        let deadline = self.deadline();
        let time = if is_slow { SHRINKING.min(deadline * 10) } else { SHRINKING };
        let budget = Budget { attempts, until: Instant::now() + time.min(left) };
        let ground = &mut self.ground;
        ground.haste = is_slow.then_some(deadline);
        let mut holds = |inputs: &[Input]| ground.trial(inputs, whole).suspicions.iter().any(|one| is_same(one, &seen));
        let smaller = shrink(inputs.clone(), budget, &mut holds);
        self.ground.haste = None;
        for inputs in [smaller, inputs] {
            let trial = self.ground.trial(&inputs, whole);
            if let Some(last) = trial.suspicions.into_iter().find(|one| is_same(one, &seen)) {
                return (inputs, last, trial.excerpt);
            }
        }
        // It was there a moment ago, and is not any more: what was seen is told as it was seen.
        (Vec::new(), seen, Vec::new())
    }

    fn keep_unreproduced(&mut self, suspicion: &Suspicion, input: &Input) {
        let finding = Finding::new(suspicion.clone(), &self.ground.plan, std::slice::from_ref(input), Vec::new());
        if let Err(error) = finding.write(&self.ground.out().join("unreproduced"), &self.ground.plan) {
            (self.report)(Report::Note(format!("cannot write to `{}`: {error}", self.ground.out().display())));
        }
        (self.report)(Report::Unreproduced(Box::new(suspicion.clone())));
    }

    /// Tells how far it is.
    pub(super) fn tell(&mut self) {
        self.told = Instant::now();
        self.progress.corpus = self.corpus.len();
        self.progress.features = self.corpus.features();
        (self.report)(Report::Progress(self.progress));
    }
}

/// What an input is about, roughly: its method, and the tool that it calls.
fn sort(input: &Input) -> String {
    let value =
        input.pieces.first().and_then(|piece| serde_json::from_slice::<Value>(&piece.bytes).ok()).unwrap_or_default();
    let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    format!("{} {}", text("/method"), text("/params/name"))
}

/// Values that were compared and may be worth trying in any place: numbers alone are compared too often.
fn telling(operands: Vec<Operand>) -> Vec<Value> {
    let mut found: Vec<Value> = Vec::new();
    for (left, right) in operands {
        let is_telling = !(left.is_number() && right.is_number());
        for value in [right, left].into_iter().filter(|_| is_telling) {
            if found.len() < OPERANDS && !found.contains(&value) {
                found.push(value);
            }
        }
    }
    found
}

/// Whether two suspicions are of the same fault. Which request a death or a hang is put down to changes while what else was
/// sent falls away.
fn is_same(one: &Suspicion, other: &Suspicion) -> bool {
    one.is_like(other) || one.oracle.is_fatal() && one.oracle == other.oracle && one.cause == other.cause
}
