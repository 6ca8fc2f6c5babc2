//! One worker: chooses inputs, tries them, learns from what they bring about, and hands over what is wrong. While the target works
//! on an input, the one before is judged.

mod around;
mod choose;
mod history;
mod queue;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use self::choose::telling;
use self::history::History;
use self::queue::{Queue, Queued};
use super::cause::Refrains;
use super::chance::Chance;
use super::conversation::{Conversation, Sent, Silence};
use super::corpus::Corpus;
use super::coverage::{Compared, Map};
use super::feedback::{edges, features};
use super::finding::{Finding, findings};
use super::ground::Ground;
use super::inquest::{Inquest, Known, Lead};
use super::link::{End, Link, Observed, Patience, continued};
use super::oracle::Suspicion;
use super::resources::Usage;
use super::script::Script;
use super::tidings::{Progress, Report};
use crate::judge::Traffic;
use crate::session::Transcript;
use crate::smith::{Input, World, matched, seeds};

/// A worker at work.
pub(super) struct Worker {
    ground: Ground,
    world: World,
    corpus: Corpus,
    refrains: Refrains,
    chance: Chance,
    map: Option<Map>,
    queue: Queue,
    conversation: Option<Conversation>,
    /// The target of the next one, on its way up while this one comes to its end.
    next: Option<Link>,
    inquest: Inquest,
    /// What was sent in the present conversation.
    history: History,
    /// What was not worth waiting for in conversations before this one.
    silence: Silence,
    /// What the process held when it had warmed up.
    usage: Option<Usage>,
    /// How often each sort of input may have made the process grow.
    grown: HashMap<String, u32>,
    progress: Progress,
    /// How often findings were seen again since that was told.
    again: HashMap<String, u64>,
    /// The slowest alive request so far.
    slowest: Duration,
    began: Instant,
    told: Instant,
    report: fn(&Report),
    /// No session can be opened any more.
    is_stuck: bool,
    /// What the last input of a conversation has shown.
    last_shown: BTreeSet<u32>,
}

/// What came of an input that is not judged yet.
struct Pending {
    input: Arc<Input>,
    is_kept: bool,
    /// Its place in the conversation; and that of the last that was sent, which may have been under way when this one ended the target.
    place: usize,
    last: usize,
    observed: Observed,
    opening: Transcript,
    edges: BTreeSet<u32>,
    compared: Compared,
}

/// An input that was chosen.
struct Next {
    queued: Queued,
    state: State,
}

/// How far an input is in the present conversation.
enum State {
    /// Only chosen.
    Chosen,
    /// Made ready to be sent.
    Ready(Script),
    /// Sent, behind another.
    Sent(Sent),
}

/// Inputs that one conversation takes: starts of the target take little of the time, and nothing lasts all night that has gone wrong.
const INPUTS: usize = 100_000;
/// So many inputs before its end the next target is started.
const AHEAD: usize = 3_000;
/// Inputs that are under way at a time, where it can be told what comes of which, and about how many bytes.
const UNDER_WAY: usize = 64;
const UNDER_WAY_BYTES: usize = 256 << 10;
/// How long an answer may come after the alive request's.
const GRACE: Duration = Duration::from_millis(25);
/// The shortest deadline of an alive request while fuzzing; what is suspected of it is seen again with the whole one.
const SHORTEST: Duration = Duration::from_secs(1);
/// How often progress is told.
const TELL: Duration = Duration::from_millis(500);

impl Worker {
    /// A worker for a ground.
    pub(super) fn new(ground: Ground, map: Option<Map>, report: fn(&Report)) -> io::Result<Self> {
        let plan = &ground.plan;
        let mut corpus = Corpus::new(&plan.corpus)?;
        let mut queue = Queue::default();
        // What was wrong before is tried first.
        let earlier: Vec<_> = findings(&plan.out).unwrap_or_default().into_iter().map(|(_, finding)| finding).collect();
        earlier.iter().flat_map(Finding::inputs).for_each(|input| queue.add(input, false));
        let world = plan.world();
        for input in seeds(&world) {
            queue.add(input, false);
        }
        let is_mine = |at: usize| at % plan.workers.max(1) as usize == plan.worker as usize;
        let kept = corpus.news()?;
        // Another night with the same seed goes on from what is there, and is another one.
        let seed = plan.seed.wrapping_add(u64::from(plan.worker).wrapping_mul(0x9e37_79b9));
        let chance = Chance::new(seed.wrapping_add(kept.len() as u64));
        let kept = kept.into_iter().enumerate();
        kept.filter(|(at, _)| is_mine(*at)).for_each(|(_, input)| queue.add(input, true));
        for folder in &plan.merged.clone() {
            let merged = corpus.read(folder)?.into_iter().enumerate();
            merged.filter(|(at, _)| is_mine(*at)).for_each(|(_, input)| queue.add(input, false));
        }
        let inquest = Inquest::start(&ground, earlier, report);
        let now = Instant::now();
        Ok(Self {
            ground,
            inquest,
            world,
            corpus,
            refrains: Refrains::default(),
            chance,
            map,
            queue,
            conversation: None,
            next: None,
            history: History::default(),
            silence: Silence::default(),
            usage: None,
            grown: HashMap::new(),
            progress: Progress::default(),
            again: HashMap::new(),
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
        let mut ahead = VecDeque::new();
        while !self.is_over() && !stop() {
            let now = ahead.pop_front().unwrap_or_else(|| Next { queued: self.next_input(), state: State::Chosen });
            if !self.ensure_open() {
                break;
            }
            pending = self.execute(now, pending, Some(&mut ahead));
            self.after_each();
        }
        if let Some(pending) = pending {
            self.digest(pending);
        }
        let is_stopped = !self.is_over();
        self.finish(is_stopped);
    }

    /// Has what is suspected looked into: all of it, or, where time is limited or was cut short, what is soon done.
    pub(super) fn finish(&mut self, is_stopped: bool) {
        let plan = &self.ground.plan;
        let within = plan.time.map(|time| (time / 10).min(plan.timeout));
        self.conversation = None;
        self.next = None;
        if is_stopped {
            self.inquest.stop();
        } else {
            self.inquest.finish(within);
        }
        self.tell();
    }

    /// Tries one input, and says what it has shown.
    #[cfg(feature = "libfuzzer")]
    pub(super) fn attempt(&mut self, input: Input) -> BTreeSet<u32> {
        if !self.ensure_open() {
            self.is_stuck = true;
            return BTreeSet::new();
        }
        let next = Next { queued: Queued { input, is_kept: false }, state: State::Chosen };
        let shown = match self.execute(next, None, None) {
            Some(pending) => self.digest(pending),
            None => std::mem::take(&mut self.last_shown),
        };
        self.after_each();
        shown
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

    /// Sends an input, judges the one before while the target is at it, and waits for what comes. Where it may look `ahead`, the inputs
    /// after it are chosen meanwhile, and some are sent before it is waited for, so that the target has something to do at any time.
    fn execute(
        &mut self,
        now: Next,
        before: Option<Pending>,
        mut ahead: Option<&mut VecDeque<Next>>,
    ) -> Option<Pending> {
        if let Some(map) = &mut self.map {
            // A map that cannot be cleared shows what was there before: nothing new.
            let _ = map.clear();
        }
        let Next { queued: Queued { input, is_kept }, state } = now;
        let sent = self.send(&input, state)?;
        let is_pipelined = self.is_pipelined();
        let more = if is_pipelined { UNDER_WAY - 1 } else { 0 };
        for next in ahead.iter_mut().flat_map(|ahead| ahead.iter_mut()).take(more) {
            let state = std::mem::replace(&mut next.state, State::Chosen);
            next.state = self.send(&next.queued.input, state).map_or(State::Chosen, State::Sent);
        }
        if let Some(before) = before {
            self.digest(before);
        }
        if let Some(ahead) = &mut ahead {
            let mut bytes: usize = ahead.iter().map(|next| next.queued.input.len()).sum();
            while ahead.is_empty() || ahead.len() <= more && bytes < UNDER_WAY_BYTES {
                let queued = self.next_input();
                let Some(conversation) = &mut self.conversation else { break };
                let script = conversation.ids.script(&queued.input, &self.ground.court.assessor);
                bytes += queued.input.len();
                ahead.push_back(Next { queued, state: State::Ready(script) });
            }
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
        let opening = conversation.opening.clone();
        let (edges, compared) = self.covered();
        let input = Arc::new(input);
        let place = self.history.add(Arc::clone(&input));
        if is_pipelined && self.next.is_none() && place >= INPUTS - AHEAD {
            // Where it cannot be started, that is seen when it is needed.
            self.next = self.ground.connect().ok();
        }
        let ends = observed.end != End::Alive || self.is_used_up();
        let mut pending = Pending { input, is_kept, place, last: place, observed, opening, edges, compared };
        if !ends {
            return Some(pending);
        }
        for next in ahead.into_iter().flatten() {
            if let State::Sent(_) = next.state {
                pending.last = self.history.add(Arc::new(next.queued.input.clone()));
            }
            // Its ids were those of this conversation.
            next.state = State::Chosen;
        }
        self.last_shown = self.digest(pending);
        self.close();
        None
    }

    /// Sends an input as far as it is not sent already.
    fn send(&mut self, input: &Input, state: State) -> Option<Sent> {
        let conversation = self.conversation.as_mut()?;
        Some(match state {
            State::Sent(sent) => sent,
            State::Ready(script) => conversation.send_script(script),
            State::Chosen => conversation.send(input, &self.ground.court.assessor),
        })
    }

    /// Whether several inputs can be under way, and two processes: whose edges were taken could not be told then.
    fn is_pipelined(&self) -> bool {
        self.map.is_none() && self.ground.plan.place.command().is_some()
    }

    /// Whether the conversation has to give way to another.
    fn is_used_up(&self) -> bool {
        let is_spent = |conversation: &Conversation| {
            conversation.is_full() || matches!(&conversation.link, Link::Endpoint(endpoint) if endpoint.is_stale)
        };
        self.history.total() >= INPUTS || self.conversation.as_ref().is_some_and(is_spent)
    }

    fn close(&mut self) {
        self.usage = None;
        self.silence = self.conversation.take().map(|conversation| conversation.silence).unwrap_or_default();
        self.history = History::default();
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
            let link = self.next.take().map_or_else(|| self.ground.connect(), Ok);
            match link.and_then(|link| self.ground.open(link)) {
                Ok(mut conversation) => {
                    conversation.silence = std::mem::take(&mut self.silence);
                    self.progress.restarts += u64::from(self.progress.executions > 0);
                    self.conversation = Some(conversation);
                    return true;
                }
                Err(reason) if Instant::now() >= patience => {
                    (self.report)(&Report::Stuck(format!("no session can be opened any more: {reason}")));
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

    /// Learns from what came of an input, and judges it; says what it has shown.
    fn digest(&mut self, pending: Pending) -> BTreeSet<u32> {
        let Pending { input, is_kept, place, last, observed, opening, edges, compared } = pending;
        let transcript = continued(opening, observed.steps.iter());
        let traffic = Traffic::of(&transcript);
        let mut shown = features(&self.world, &self.refrains, &observed, &traffic);
        shown.extend(edges);
        let is_new = self.corpus.note(&shown);
        if is_new && observed.end == End::Alive {
            for heard in &traffic.heard {
                self.world.mined.mine(heard.message.value());
            }
            let operands = compared.operands();
            // What its own values were compared with goes before all that waits.
            self.queue.put_first(matched(&self.world, &input, &operands).into_iter());
            if let Err(error) = self.corpus.add(&input, &shown, telling(operands)) {
                (self.report)(&Report::Note(format!(
                    "cannot write to `{}`: {error}",
                    self.ground.plan.corpus.display()
                )));
            }
        } else if is_kept && !is_new {
            self.corpus.forget(&input);
        }
        for suspicion in self.ground.court.judge(&[&observed], &traffic) {
            let place = if suspicion.oracle.is_fatal() { last } else { place };
            self.suspect(suspicion, place, false);
        }
        // Requests that are owed an answer and had none so far.
        for suspicion in self.ground.court.of_silence(&observed) {
            self.suspect(suspicion, place, true);
        }
        shown
    }

    /// Something is suspected: has it looked into, if that is worth it.
    fn suspect(&mut self, suspicion: Suspicion, place: usize, patient: bool) {
        match self.inquest.ask(&suspicion) {
            Known::Found(name) => *self.again.entry(name).or_default() += 1,
            Known::Doubted => {}
            Known::New => {
                let until = self.history.up_to(place);
                // What is silent by itself needs nothing before it.
                let from = if patient { until.len().saturating_sub(1) } else { 0 };
                let history = until.skip(from).cloned().collect();
                let haste = self.deadline();
                self.inquest.follow(Lead::Suspicion { suspicion, history, patient, haste });
            }
        }
    }

    /// Tells how far it is.
    pub(super) fn tell(&mut self) {
        self.told = Instant::now();
        self.progress.corpus = self.corpus.len();
        self.progress.features = self.corpus.features();
        for (name, times) in std::mem::take(&mut self.again) {
            (self.report)(&Report::Again(name, times));
        }
        (self.report)(&Report::Progress(self.progress));
    }
}
