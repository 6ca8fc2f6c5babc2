//! Where inputs are tried: opens conversations with the target, and replays sequences of inputs on fresh ones, to see whether
//! what was suspected is so. Decides nothing about what to try.

use std::borrow::Borrow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::cause::is_same;
use super::conversation::Conversation;
use super::court::Court;
use super::endpoint::Endpoint;
use super::launch::through_this;
use super::link::{End, Link, Observed, Patience, Step, continued};
use super::oracle::{Oracle, Suspicion};
use super::plan::{Place, WorkPlan};
use super::process::Process;
use super::resources::{Growth, steady, usage};
use super::sandbox;
use crate::judge::{Traffic, excerpt};
use crate::scenario::Catalogue;
use crate::smith::{Input, Piece, seeds};
use crate::transport::{CommandTarget, Target};

/// A target, and all that judges it.
pub(super) struct Ground {
    pub(super) plan: WorkPlan,
    pub(super) court: Arc<Court>,
    /// The command as it is started: with hooks for coverage, and through this executable.
    command: Option<CommandTarget>,
    /// The same without hooks.
    plain: Option<CommandTarget>,
    /// A deadline for answers that is shorter than the plan's, while something is made smaller that hangs.
    pub(super) haste: Option<Duration>,
    /// A session on which one input after another is tried by itself.
    shared: Option<Conversation>,
    /// Messages of replays, of all grounds of a worker.
    pub(super) messages: Arc<AtomicU64>,
}

/// What a replay came to.
pub(super) struct Trial {
    /// What is suspected after it.
    pub(super) suspicions: Vec<Suspicion>,
    /// What was said, in lines.
    pub(super) excerpt: Vec<String>,
}

/// Which part of a replay is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judged {
    /// The last input alone, as if nothing had gone before: a lead to follow, no finding, since what went before may leave doubt.
    Last,
    /// The same of a lone input, on a session on which others were tried before.
    Alone,
    /// All of it.
    Whole,
}

/// Repetitions in the runs that show whether something grows; and memory that is enough to show it.
const RUNS: [u64; 4] = [200, 400, 800, 1600];
const ENOUGH: u64 = 256 << 20;
/// Alive requests that are sent while an answer is waited for to the end.
const NUDGES: u32 = 200;
/// How long an answer may come after the alive request's, where it is what is looked for.
const ANSWERED: Duration = Duration::from_secs(1);
/// Sound requests that something is compared with.
const ALIKE: usize = 16;
/// How much memory what is judged as a whole may take, as far as can be told: it is read, and compared. Of what is longer only the
/// end is certain.
const WHOLE: usize = 4 << 20;
/// How long an answer may come after the alive request's, when inputs are replayed.
const GRACE: Duration = Duration::from_millis(60);

impl Ground {
    /// For a plan. `command` is what is started instead of the plan's, where hooks are set on it.
    pub(super) fn new(plan: WorkPlan, catalogue: &Catalogue, hooked: Option<CommandTarget>, folder: &Path) -> Self {
        let court = Arc::new(Court::new(&plan, catalogue));
        let is_shut_in = matches!(plan.place, Place::Command { sandbox: true, .. });
        let through = |command: CommandTarget| {
            let home = sandbox::home(folder);
            through_this(if is_shut_in { sandbox::shut_in(command, &home, folder) } else { command })
        };
        let plain = plan.place.command().map(through);
        let command = hooked.map(through).or_else(|| plain.clone());
        Self { plan, court, command, plain, haste: None, shared: None, messages: Arc::default() }
    }

    /// Another with the same target and the same judge.
    pub(super) fn another(&self) -> Self {
        Self {
            plan: self.plan.clone(),
            court: Arc::clone(&self.court),
            command: self.command.clone(),
            plain: self.plain.clone(),
            haste: None,
            shared: None,
            messages: Arc::clone(&self.messages),
        }
    }

    /// Begins a connection on which nothing is said yet; a process has the thread that calls this for its parent. An error says why
    /// there is none, in one clause.
    pub(super) fn connect(&self) -> Result<Link, String> {
        self.connect_by(self.command.as_ref())
    }

    /// Opens a conversation over a connection.
    pub(super) fn open(&self, link: Link) -> Result<Conversation, String> {
        Conversation::open(link, self.plan.revision, self.plan.start_timeout, "")
    }

    /// Connects without hooks, and opens a conversation under a name.
    pub(super) fn open_as(&self, name: &str) -> Result<Conversation, String> {
        let link = self.connect_by(self.plain.as_ref())?;
        Conversation::open(link, self.plan.revision, self.plan.start_timeout, name)
    }

    fn connect_by(&self, command: Option<&CommandTarget>) -> Result<Link, String> {
        let limits = WorkPlan::limits();
        match (self.plan.place.target(), command) {
            (Target::Url(target), _) => Ok(Link::Endpoint(Box::new(Endpoint::new(target, self.plan.revision, limits)))),
            (_, Some(command)) => {
                let process = Process::start(command, limits);
                Ok(Link::Process(Box::new(process.map_err(|error| format!("cannot start the server: {error}"))?)))
            }
            _ => Err("there is no server".to_owned()),
        }
    }

    /// Replays inputs, on a fresh conversation if not judged alone. `patient`: answers that are owed are waited for until their deadline.
    pub(super) fn trial(&mut self, inputs: &[impl Borrow<Input>], judged: Judged, patient: bool) -> Trial {
        let shared = self.shared.take().filter(|_| judged == Judged::Alone);
        let mut conversation = match shared.map_or_else(|| self.open_as(""), Ok) {
            Ok(conversation) => conversation,
            Err(reason) => return Trial { suspicions: self.unopened(&reason), excerpt: vec![format!("· {reason}")] },
        };
        let messages = conversation.messages;
        let timeout = self.haste.unwrap_or(self.plan.timeout);
        let (grace, nudges) = if patient { (timeout, NUDGES) } else { (GRACE, 0) };
        let patience = Patience { deadline: timeout, grace, nudges };
        let mut observed: Vec<Observed> = Vec::new();
        let (mut whole, mut weight) = (judged == Judged::Whole, 0);
        // Who dies of an input may do so a little later: a round more shows it.
        for (place, input) in inputs.iter().map(Borrow::borrow).chain([&Input::default()]).enumerate() {
            if !whole && place < inputs.len() {
                observed.clear();
            }
            let sent = conversation.send(input, &self.court.assessor);
            let one = conversation.receive(sent, patience);
            let end = one.end;
            weight += one.steps.iter().map(Step::weight).sum::<usize>();
            observed.push(one);
            if end != End::Alive {
                break;
            }
            whole &= weight <= WHOLE || inputs.len() == 1;
        }
        self.count(conversation.messages - messages);
        let steps = observed.iter().flat_map(|one| &one.steps);
        let transcript = continued(conversation.opening.clone(), steps);
        let traffic = Traffic::of(&transcript);
        let mut suspicions = self.court.judge(&observed.iter().collect::<Vec<_>>(), &traffic);
        if patient {
            suspicions.extend(observed.iter().flat_map(|one| self.court.of_silence(one)));
        }
        if judged == Judged::Whole && !whole {
            // Whatever went before, nobody may die of it.
            suspicions.retain(|suspicion| suspicion.oracle.is_fatal());
        }
        let shown = if suspicions.is_empty() { 0 } else { transcript.entries().len() };
        let excerpt = excerpt(&transcript, 0, shown);
        let is_usable = observed.last().is_some_and(|one| one.end == End::Alive);
        self.shared = Some(conversation).filter(|_| judged == Judged::Alone && is_usable);
        Trial { suspicions, excerpt }
    }

    /// Whether an internal error has nothing to do with what is wrong with the last of these inputs: it comes as well where that is
    /// left out, or after a request for the same in which nothing is wrong.
    pub(super) fn is_so_without_flaw(&mut self, inputs: &[Arc<Input>], seen: &Suspicion) -> bool {
        let Some((last, before)) = inputs.split_last() else { return false };
        let assessor = &self.court.assessor;
        let mut repaired = (**last).clone();
        let repair = |piece: &mut Piece| assessor.repaired(&piece.bytes).map(|bytes| piece.bytes = bytes);
        let is_repaired = repaired.pieces.iter_mut().filter_map(repair).count() > 0;
        let alike =
            seeds(&self.plan.world()).into_iter().filter(|seed| self.court.is_sound_request(seed, &seen.subject));
        let sound: Vec<Input> = is_repaired.then_some(repaired).into_iter().chain(alike.take(ALIKE)).collect();
        let Ok(mut conversation) = self.open_as("") else { return false };
        let patience = Patience { deadline: self.plan.timeout, grace: ANSWERED, nudges: 0 };
        let (kind, _) = seen.cause.split_once(": ").unwrap_or_default();
        let mut is_so = false;
        for input in before.iter().map(Arc::as_ref).chain(&sound) {
            let sent = conversation.send(input, assessor);
            let observed = conversation.receive(sent, patience);
            let transcript = continued(conversation.opening.clone(), observed.steps.iter());
            let errors = self.court.internal_errors(&observed, &Traffic::of(&transcript));
            is_so = errors.iter().any(|error| is_same(&seen.cause, &format!("{kind}: {error}")));
            if is_so || observed.end != End::Alive {
                break;
            }
        }
        self.count(conversation.messages);
        is_so
    }

    fn count(&self, messages: u64) {
        self.messages.fetch_add(messages, Ordering::Relaxed);
    }

    /// Replays inputs as the oracle wants it that found them.
    pub(super) fn trial_for(&mut self, oracle: Oracle, inputs: &[impl Borrow<Input>], patient: bool) -> Trial {
        match (oracle, inputs) {
            (Oracle::SessionMixup, _) => super::sessions::trial(self, inputs),
            (Oracle::Resources, [input, ..]) => self.growth(input.borrow()),
            _ => self.trial(inputs, Judged::Whole, patient),
        }
    }

    /// Replays one input over and over on a fresh process, in ever longer runs, and sees what grows in all of them. What was said is
    /// that of one repetition.
    pub(super) fn growth(&mut self, input: &Input) -> Trial {
        let (suspicion, excerpt) = self.grown(input).unzip();
        Trial { suspicions: suspicion.into_iter().collect(), excerpt: excerpt.unwrap_or_default() }
    }

    fn grown(&mut self, input: &Input) -> Option<(Suspicion, Vec<String>)> {
        let mut conversation = self.open_as("").ok()?;
        let process = conversation.link.process()?;
        let patience = Patience { deadline: self.plan.timeout, grace: ANSWERED, nudges: 0 };
        let mut windows = Vec::new();
        for (round, times) in RUNS.into_iter().enumerate() {
            let before = usage(process)?;
            for _ in 0..times {
                let sent = conversation.send(input, &self.court.assessor);
                let observed = conversation.receive(sent, patience);
                // What is still at work holds what it needs: it grows with what is asked at once.
                if observed.end != End::Alive || !observed.unanswered.is_empty() {
                    return None;
                }
            }
            let after = usage(process)?;
            // The first run is for caches, pools and compilers.
            if round > 0 {
                windows.push((times, before, after));
                steady(&windows, input.len())?;
                if after.memory.saturating_sub(before.memory) > ENOUGH {
                    break;
                }
            }
        }
        let growth = steady(&windows, input.len())?;
        let sent = conversation.send(input, &self.court.assessor);
        let observed = conversation.receive(sent, patience);
        self.count(conversation.messages);
        let transcript = continued(conversation.opening, observed.steps.iter());
        let excerpt = excerpt(&transcript, 0, transcript.entries().len());
        let (times, before, after) = *windows.last()?;
        let actual = match growth {
            Growth::Memory => format!("{} more bytes", after.memory.saturating_sub(before.memory)),
            Growth::Files => format!("{} more", after.files.saturating_sub(before.files)),
            Growth::Children => format!("{} more", after.children.saturating_sub(before.children)),
        };
        let suspicion = Suspicion {
            oracle: Oracle::Resources,
            requirement: Oracle::Resources.requirement().to_owned(),
            subject: self.court.first_subject(&observed.script),
            cause: growth.as_str().to_owned(),
            expected: format!("{} that stay within bounds while the same is asked again", growth.as_str()),
            actual: format!("{actual} after {times} repetitions, and in every run before"),
        };
        Some((suspicion, excerpt))
    }

    /// A server elsewhere that does not open a session any more has been lost for good.
    fn unopened(&self, reason: &str) -> Vec<Suspicion> {
        if matches!(self.plan.place, Place::Command { .. }) || !self.court.has(Oracle::Died) {
            return Vec::new();
        }
        vec![Suspicion {
            oracle: Oracle::Died,
            requirement: Oracle::Died.requirement().to_owned(),
            subject: String::new(),
            cause: "unreachable".to_owned(),
            expected: "the server lives on".to_owned(),
            actual: reason.to_owned(),
        }]
    }

    /// Where findings are written.
    pub(super) fn out(&self) -> &Path {
        &self.plan.out
    }
}
