//! What is suspected is looked into on threads of its own, so that the worker goes on meanwhile: one for what takes a moment, one for
//! what has to be waited for, and one for what takes much work and comes to little, which gives way to all else. This side hands out
//! leads, and keeps what is known of each cause.

mod investigator;

use std::collections::{BTreeSet, HashMap};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{getpriority_process, setpriority_process};

use self::investigator::{Doubt, Investigator};
use super::finding::Finding;
use super::ground::Ground;
use super::oracle::{Oracle, Suspicion};
use super::tidings::Report;
use crate::smith::Input;

/// Something to look into.
pub(super) enum Lead {
    /// Something that the last of these inputs may have brought out, all of one conversation.
    Suspicion {
        /// What.
        suspicion: Suspicion,
        /// The inputs.
        history: Vec<Arc<Input>>,
        /// Whether answers that are owed have to be waited for until their deadline.
        patient: bool,
        /// How long an answer to the alive request may take while it is made smaller.
        haste: Duration,
    },
    /// What was seen again, but only where the last input is judged alone.
    Doubt(Doubt),
    /// Inputs of which one may make the process grow.
    Growth(Vec<Input>),
    /// What one session says, and what others ask, to see whether they are kept apart.
    Sessions(Vec<Input>),
}

impl Lead {
    /// What it keeps in memory: of inputs that others keep too, its share.
    fn bytes(&self) -> usize {
        match self {
            Self::Suspicion { history, .. } | Self::Doubt(Doubt { history, .. }) => {
                history.iter().map(|input| input.len() / Arc::strong_count(input)).sum::<usize>() + 1
            }
            Self::Growth(inputs) | Self::Sessions(inputs) => inputs.iter().map(Input::len).sum::<usize>() + 1,
        }
    }
}

/// What the worker should do about a suspicion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Known {
    /// It is a finding already, of this name.
    Found(String),
    /// It waits to be looked into, or was in vain, so often that it has to come again to be worth it.
    Doubted,
    /// It is worth looking into.
    New,
}

/// The worker's side.
pub(super) struct Inquest {
    quick: Lane,
    slow: Lane,
    spare: Lane,
    dossier: Arc<Dossier>,
    /// Each lead is followed to its end before the worker goes on: both would disturb one another at the same server.
    in_step: bool,
    report: fn(&Report),
}

/// Leads that wait for one thread, each with what it keeps in memory.
struct Lane {
    leads: Option<Sender<(Lead, usize)>>,
    thread: Option<JoinHandle<()>>,
}

/// Bytes of inputs that may wait in leads, before the worker waits too, and in doubts: each can hold those of a conversation.
const WAITING: usize = 16 << 20;
/// What is under way may take so long where all has to stop.
const MOMENT: Duration = Duration::from_secs(3);
/// By how much the spare lane gives way: it gets about a quarter of what each of the others gets where all want to compute.
const PATIENCE: i32 = 6;
/// Growth is looked into for one part of the time in so many: it takes much work.
const GROWTH: u32 = 10;
/// So often a cause that was suspected in vain is looked into each time; later only ever more seldom.
const VAIN: u32 = 3;

impl Inquest {
    /// Starts it. `earlier`: findings of runs before.
    pub(super) fn start(ground: &Ground, earlier: Vec<Finding>, report: fn(&Report)) -> Self {
        let dossier = Arc::new(Dossier::default());
        dossier.open().earlier = earlier;
        let in_step = ground.plan.place.command().is_none();
        let lane = |spare: Option<&Lane>, patience| {
            let (ground, dossier) = (ground.another(), Arc::clone(&dossier));
            let spare = spare.and_then(|lane| lane.leads.clone());
            Lane::start(Investigator { ground, dossier, spare, report }, patience)
        };
        let spare = lane(None, PATIENCE);
        let (quick, slow) = (lane(Some(&spare), 0), lane(Some(&spare), 0));
        Self { quick, slow, spare, dossier, in_step, report }
    }

    /// What is known of a cause; one that is worth looking into counts as waiting from now on.
    pub(super) fn ask(&self, suspicion: &Suspicion) -> Known {
        let name = suspicion.name();
        let mut dossier = self.dossier.open();
        if let Some(found) = dossier.settled.get(&name) {
            return Known::Found(found.clone());
        }
        if dossier.waiting.contains(&name) {
            return Known::Doubted;
        }
        let times = dossier.suspected.entry(name.clone()).or_default();
        *times += 1;
        if *times > VAIN && !times.is_power_of_two() {
            return Known::Doubted;
        }
        if let Some(found) = dossier.found(suspicion) {
            return Known::Found(found);
        }
        dossier.waiting.insert(name);
        Known::New
    }

    /// Whether it is time to look into what may make a process grow, so long after the beginning.
    pub(super) fn has_time_for_growth(&self, elapsed: Duration) -> bool {
        let dossier = self.dossier.open();
        !dossier.has_growth && dossier.growth_took * GROWTH <= elapsed
    }

    /// Has a lead followed; waits where too much is waiting.
    pub(super) fn follow(&mut self, lead: Lead) {
        let lane = match &lead {
            Lead::Suspicion { suspicion, .. } if matches!(suspicion.oracle, Oracle::Hang | Oracle::Unanswered) => {
                &mut self.slow
            }
            Lead::Suspicion { .. } | Lead::Sessions(_) => &mut self.quick,
            Lead::Growth(_) | Lead::Doubt(_) => &mut self.spare,
        };
        let bytes = lead.bytes();
        let mut dossier = self.dossier.open();
        dossier.waiting_bytes += bytes;
        dossier.has_growth |= matches!(lead, Lead::Growth(_));
        drop(dossier);
        lane.send(lead, bytes);
        let most = if self.in_step { 0 } else { WAITING };
        let dossier = self.dossier.open();
        let waits = |dossier: &mut Content| dossier.waiting_bytes - dossier.doubted_bytes > most;
        drop(self.dossier.done.wait_while(dossier, waits));
    }

    /// Waits until all leads are followed; if there is a limit in time, what is not begun by then is left.
    pub(super) fn finish(&mut self, within: Option<Duration>) {
        self.dossier.open().until = within.map(|time| Instant::now() + time);
        self.quick.end();
        self.slow.end();
        self.spare.end();
        self.tell_what_is_left();
    }

    /// Ends at once, but for what is done in a moment.
    pub(super) fn stop(&mut self) {
        let mut dossier = self.dossier.open();
        dossier.until = Some(Instant::now());
        let waited = self.dossier.done.wait_timeout_while(dossier, MOMENT, |dossier| dossier.waiting_bytes > 0);
        dossier = waited.unwrap_or_else(PoisonError::into_inner).0;
        dossier.left += dossier.under_way;
        drop(dossier);
        self.tell_what_is_left();
    }

    fn tell_what_is_left(&self) {
        let left = self.dossier.open().left;
        if left > 0 {
            let suspicions = if left == 1 { "suspicion was" } else { "suspicions were" };
            (self.report)(&Report::Note(format!("{left} {suspicions} not looked into to the end: the time was up")));
        }
    }
}

impl Lane {
    /// `patience`: by how much its thread, and the servers that it starts, give way to others (a difference in niceness).
    fn start(mut investigator: Investigator, patience: i32) -> Self {
        let (leads, waiting) = channel();
        let thread = thread::spawn(move || {
            // Elsewhere it is the whole process that has a priority.
            if cfg!(target_os = "linux") && patience > 0 {
                let now = getpriority_process(None).unwrap_or_default();
                // At the lowest priority it is as patient as can be.
                let _ = setpriority_process(None, now + patience);
            }
            for (lead, bytes) in waiting {
                investigator.follow(lead, bytes);
            }
        });
        Self { leads: Some(leads), thread: Some(thread) }
    }

    fn send(&mut self, lead: Lead, bytes: usize) {
        let is_taken = self.leads.as_ref().is_some_and(|leads| leads.send((lead, bytes)).is_ok());
        if !is_taken {
            self.end();
        }
    }

    /// Waits for the thread to end, and fails as it has failed.
    fn end(&mut self) {
        self.leads = None;
        if let Some(thread) = self.thread.take()
            && let Err(panic) = thread.join()
        {
            std::panic::resume_unwind(panic);
        }
    }
}

/// What is known of causes, by their names.
#[derive(Default)]
struct Dossier {
    content: Mutex<Content>,
    /// A lead was followed to its end.
    done: Condvar,
}

#[derive(Default)]
struct Content {
    /// Names of what was suspected and found, with the names under which it was.
    settled: HashMap<String, String>,
    /// What was handed over.
    told: Vec<Suspicion>,
    /// Findings of earlier runs, as long as they were not seen again.
    earlier: Vec<Finding>,
    /// How often each was suspected that was not found.
    suspected: HashMap<String, u32>,
    /// What waits to be looked into.
    waiting: BTreeSet<String>,
    /// Bytes of leads that are not followed to their ends.
    waiting_bytes: usize,
    /// Those among them that are doubts.
    doubted_bytes: usize,
    /// Growth waits to be looked into, or is.
    has_growth: bool,
    /// How long it took so far.
    growth_took: Duration,
    /// Leads that are being followed.
    under_way: usize,
    /// Leads that were not followed since the time was up.
    left: usize,
    /// When to stop.
    until: Option<Instant>,
}

impl Content {
    /// The name of the finding that a suspicion comes to.
    fn found(&mut self, suspicion: &Suspicion) -> Option<String> {
        let found = self.told.iter().find(|told| told.is_like(suspicion))?.name();
        self.settled.insert(suspicion.name(), found.clone());
        Some(found)
    }
}

impl Dossier {
    fn open(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_late(&self) -> bool {
        self.open().until.is_some_and(|until| Instant::now() >= until)
    }
}
