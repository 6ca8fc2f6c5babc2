//! What becomes of a lead: what is suspected is seen again on a fresh session, made small and handed over; or it is not, and kept
//! apart.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use super::{Dossier, Lead, WAITING};
use crate::fuzz::finding::Finding;
use crate::fuzz::ground::{Ground, Judged, Trial};
use crate::fuzz::minimize::{Budget, shrink};
use crate::fuzz::oracle::{Oracle, Suspicion};
use crate::fuzz::sessions;
use crate::fuzz::tidings::Report;
use crate::smith::Input;

/// Follows leads, one after another.
pub(super) struct Investigator {
    pub(super) ground: Ground,
    pub(super) dossier: Arc<Dossier>,
    /// Where doubts are taken to; none on the lane that is for them.
    pub(super) spare: Option<Sender<(Lead, usize)>>,
    pub(super) report: fn(&Report),
}

/// Something that was seen again, and may be explained by what went before.
pub(in crate::fuzz) struct Doubt {
    /// The name under which it was suspected.
    name: String,
    seen: Suspicion,
    excerpt: Vec<String>,
    /// The inputs that bring it out.
    pub(in crate::fuzz) history: Vec<Arc<Input>>,
    haste: Duration,
    took: Duration,
}

/// Something that was seen again: the inputs that bring it out, what they bring out, and what was said then, in lines.
struct Case {
    inputs: Vec<Arc<Input>>,
    seen: Suspicion,
    excerpt: Vec<String>,
    /// It is so where all inputs are judged, not the last alone.
    is_certain: bool,
}

/// Attempts and time that shrinking a finding may take.
const ATTEMPTS: u32 = 400;
const SHRINKING: Duration = Duration::from_secs(20);
/// What takes long to bring out gets as much time as this many attempts take; what is not certain before, no more than that.
const LONG: u32 = 60;
const UNCERTAIN: Duration = Duration::from_mins(5);
/// A doubt that was not cleared counts as so many suspicions in vain.
const DOUBTED: u32 = 8;
/// Findings that are shrunk; of more the target has to be mended first.
const SHRUNK: usize = 100;

impl Investigator {
    /// Follows a lead to its end, if there is time left. `bytes`: what it keeps in memory, as was noted.
    pub(super) fn follow(&mut self, lead: Lead, bytes: usize) {
        let dossier = Arc::clone(&self.dossier);
        let _done = Done { dossier: &dossier, bytes, is_doubt: matches!(lead, Lead::Doubt(_)) };
        if dossier.is_late() {
            dossier.open().left += 1;
        } else {
            dossier.open().under_way += 1;
            self.pursue(lead);
            dossier.open().under_way -= 1;
        }
    }

    fn pursue(&mut self, lead: Lead) {
        match lead {
            Lead::Suspicion { suspicion, history, patient, haste } => {
                let name = suspicion.name();
                let doubt = self.look_into(&suspicion, &history, patient, haste);
                if !doubt.is_some_and(|doubt| self.hand_on(doubt)) {
                    self.dossier.open().waiting.remove(&name);
                }
            }
            Lead::Doubt(doubt) => {
                let Doubt { name, seen, excerpt, history, haste, took } = doubt;
                let case = Case { inputs: history.clone(), seen, excerpt, is_certain: false };
                let is_cleared = self.make_small(&name, case, &history, false, haste, took).is_some();
                let mut dossier = self.dossier.open();
                if !is_cleared {
                    *dossier.suspected.entry(name.clone()).or_default() += DOUBTED;
                }
                dossier.waiting.remove(&name);
            }
            Lead::Growth(inputs) => {
                let began = Instant::now();
                for input in inputs {
                    let Trial { suspicions, excerpt } = self.ground.growth(&input);
                    if let Some(seen) = suspicions.into_iter().next() {
                        self.settle(Case { inputs: vec![Arc::new(input)], seen, excerpt, is_certain: true });
                        break;
                    }
                }
                let mut dossier = self.dossier.open();
                dossier.has_growth = false;
                dossier.growth_took += began.elapsed();
            }
            Lead::Sessions(inputs) => self.compare_sessions(inputs),
        }
    }

    /// Sees whether it is so again on a fresh session, makes it small, and hands it over; returns what remains in doubt.
    fn look_into(
        &mut self,
        suspicion: &Suspicion,
        history: &[Arc<Input>],
        patient: bool,
        haste: Duration,
    ) -> Option<Doubt> {
        let name = suspicion.name();
        // Another name may have come to the same cause meanwhile.
        let found = self.dossier.open().found(suspicion);
        if let Some(found) = found {
            (self.report)(&Report::Again(found, 1));
            return None;
        }
        if let Some(earlier) = self.earlier(suspicion, patient) {
            let mut dossier = self.dossier.open();
            dossier.settled.insert(name, earlier.suspicion.name());
            dossier.told.push(earlier.suspicion.clone());
            (self.report)(&Report::Found(Box::new(earlier)));
            return None;
        }
        let began = Instant::now();
        let Some(large) = self.reproduce(suspicion, history, patient) else {
            // What was only slow was never wrong.
            if suspicion.oracle != Oracle::Unanswered {
                self.keep_unreproduced(suspicion, history);
            }
            return None;
        };
        let took = began.elapsed();
        if !large.is_certain {
            let Case { inputs, seen, excerpt, .. } = large;
            let history = history[history.len() - inputs.len()..].to_vec();
            return Some(Doubt { name, seen, excerpt, history, haste, took });
        }
        // Whatever ends this process from here on, it is not lost.
        let written = self.write_if_new(&large);
        let first = large.seen.name();
        let small = self.make_small(&name, large, history, patient, haste, took);
        if let Some(written) = written
            && small.is_none_or(|small| small != first)
        {
            // Not there is as good as removed.
            let _ = std::fs::remove_file(written);
        }
        None
    }

    /// The finding of an earlier run that it comes to, if that is still there: what that run has made small is as small as it gets.
    fn earlier(&mut self, suspicion: &Suspicion, patient: bool) -> Option<Finding> {
        let earlier = {
            let earlier = &mut self.dossier.open().earlier;
            let place = earlier.iter().position(|earlier| earlier.suspicion.is_like(suspicion))?;
            earlier.swap_remove(place)
        };
        let inputs = earlier.inputs();
        let is_it = |trial: Trial| trial.suspicions.iter().any(|one| is_same(one, suspicion));
        // It had the last word on a fresh session then: on one that is open it has only to be seen.
        let is_there = is_quick(suspicion, inputs.len()) && is_it(self.ground.trial(&inputs, Judged::Alone, patient))
            || is_it(self.ground.trial_for(suspicion.oracle, &inputs, patient));
        is_there.then_some(earlier)
    }

    /// Has a doubt cleared where that does not keep others waiting. Says whether there is room for it.
    fn hand_on(&mut self, doubt: Doubt) -> bool {
        let lead = Lead::Doubt(doubt);
        let bytes = lead.bytes();
        let mut dossier = self.dossier.open();
        let Some(spare) = self.spare.as_ref().filter(|_| dossier.doubted_bytes <= WAITING) else { return false };
        dossier.waiting_bytes += bytes;
        dossier.doubted_bytes += bytes;
        // Nobody takes it where the thread has failed, which fails this one at its end.
        spare.send((lead, bytes)).is_ok()
    }

    /// Makes small what was seen under a name, which took so long, and hands it over; says what it is called then.
    fn make_small(
        &mut self,
        name: &str,
        large: Case,
        history: &[Arc<Input>],
        patient: bool,
        haste: Duration,
        took: Duration,
    ) -> Option<String> {
        let seen = large.seen.clone();
        let Some(small) = self.smaller(large, patient, haste, took) else {
            // It was there a moment ago, and is not any more, or only where there is doubt.
            self.keep_unreproduced(&seen, history);
            return None;
        };
        if small.seen.oracle == Oracle::InternalError && self.ground.is_so_without_flaw(&small.inputs, &small.seen) {
            *self.dossier.open().suspected.entry(name.to_owned()).or_default() += DOUBTED;
            return None;
        }
        let found = self.settle(small);
        self.dossier.open().settled.insert(name.to_owned(), found.clone());
        Some(found)
    }

    /// Writes a finding that is not there yet; says where.
    fn write_if_new(&self, case: &Case) -> Option<PathBuf> {
        let finding = Finding::new(case.seen.clone(), &self.ground.plan, &case.inputs, case.excerpt.clone());
        let is_there = finding.path(self.ground.out()).exists();
        if is_there { None } else { finding.write(self.ground.out(), &self.ground.plan).ok() }
    }

    /// Hands over what was seen to be so; what was found before counts once more. Says under which name it is known from now on.
    fn settle(&mut self, case: Case) -> String {
        let found = self.dossier.open().found(&case.seen);
        if let Some(found) = found {
            (self.report)(&Report::Again(found.clone(), 1));
            return found;
        }
        let name = case.seen.name();
        let mut dossier = self.dossier.open();
        dossier.settled.insert(name.clone(), name.clone());
        dossier.told.push(case.seen.clone());
        drop(dossier);
        let finding = Finding::new(case.seen, &self.ground.plan, &case.inputs, case.excerpt);
        if let Err(error) = finding.write(self.ground.out(), &self.ground.plan) {
            self.complain(&error);
        }
        (self.report)(&Report::Found(Box::new(finding)));
        name
    }

    /// The shortest of some sequences that brings it out again on a fresh session: the last input alone, or with what went before.
    fn reproduce(&mut self, suspicion: &Suspicion, history: &[Arc<Input>], patient: bool) -> Option<Case> {
        if suspicion.oracle == Oracle::Unanswered {
            // On a session that is open it takes no start to see that something is only slow.
            let last = &history[history.len() - 1..];
            let trial = self.ground.trial(last, Judged::Alone, patient);
            trial.suspicions.iter().find(|seen| seen.is_like(suspicion))?;
        }
        let lengths = [1, 1, 4, 32, 256].into_iter().filter(|&length| length == 1 || length < history.len());
        let whole = Some(history.len()).filter(|&length| length > 1);
        for length in lengths.chain(whole) {
            let inputs = history[history.len() - length..].to_vec();
            let patient = patient && length == 1;
            let is_it = |seen: &Suspicion| {
                // Who dies is only noticed with the next message.
                seen.is_like(suspicion) || suspicion.oracle.is_fatal() && seen.oracle == suspicion.oracle
            };
            let trial = self.ground.trial(&inputs, Judged::Last, patient);
            if let Some(seen) = trial.suspicions.into_iter().find(is_it) {
                // What went before may explain it, as an answer that seems to be to nothing may be a late one; or may only leave
                // doubt, which ends where it falls away.
                let is_certain =
                    length == 1 || self.ground.trial(&inputs, Judged::Whole, patient).suspicions.iter().any(is_it);
                return Some(Case { inputs, seen, excerpt: trial.excerpt, is_certain });
            }
            if suspicion.oracle == Oracle::Unanswered && length == 1 {
                // Slow, not silent.
                return None;
            }
        }
        None
    }

    /// Makes small what brings something out, which took so long; the last word has a fresh session, and says what it is.
    fn smaller(&mut self, large: Case, patient: bool, haste: Duration, took: Duration) -> Option<Case> {
        let Case { inputs, seen, .. } = &large;
        let is_slow = matches!(seen.oracle, Oracle::Hang | Oracle::Unanswered);
        let attempts = if self.dossier.open().told.len() > SHRUNK { 0 } else { ATTEMPTS };
        let time = if is_slow { SHRINKING.min(haste * 30) } else { SHRINKING.max(took * LONG) };
        let time = if large.is_certain { time } else { time.min(UNCERTAIN) };
        let budget = Budget { attempts, until: Instant::now() + time };
        // What leaves the target alive is tried on one session first, where an attempt takes no start; what is only small there, on
        // fresh ones.
        let is_quick = is_quick(seen, inputs.len());
        for judged in [Judged::Alone, Judged::Last].into_iter().filter(|&judged| is_quick || judged == Judged::Last) {
            if inputs.len() == 1 && self.dossier.is_late() {
                // A lone input had the last word when it was seen again.
                return Some(large);
            }
            self.ground.haste = is_slow.then_some(haste);
            let (ground, dossier) = (&mut self.ground, &self.dossier);
            let mut holds = |inputs: &[Arc<Input>]| {
                !dossier.is_late()
                    && ground.trial(inputs, judged, patient).suspicions.iter().any(|one| is_same(one, seen))
            };
            let smaller = shrink(inputs.clone(), budget, &mut holds);
            self.ground.haste = None;
            if let Some(small) = self.last_word(smaller, seen, patient) {
                return Some(small);
            }
        }
        self.last_word(large.inputs, &large.seen, patient)
    }

    /// What a fresh session shows of it, judged as a whole.
    fn last_word(&mut self, inputs: Vec<Arc<Input>>, seen: &Suspicion, patient: bool) -> Option<Case> {
        let trial = self.ground.trial(&inputs, Judged::Whole, patient);
        let seen = trial.suspicions.into_iter().find(|one| is_same(one, seen))?;
        Some(Case { inputs, seen, excerpt: trial.excerpt, is_certain: true })
    }

    fn keep_unreproduced(&self, suspicion: &Suspicion, history: &[Arc<Input>]) {
        let last = &history[history.len().saturating_sub(1)..];
        let finding = Finding::new(suspicion.clone(), &self.ground.plan, last, Vec::new());
        if let Err(error) = finding.write(&self.ground.out().join("unreproduced"), &self.ground.plan) {
            self.complain(&error);
        }
        (self.report)(&Report::Unreproduced(Box::new(suspicion.clone())));
    }

    fn complain(&self, error: &io::Error) {
        (self.report)(&Report::Note(format!("cannot write to `{}`: {error}", self.ground.out().display())));
    }

    /// Whether two sessions are kept apart; what mixes them up is made small.
    fn compare_sessions(&mut self, inputs: Vec<Input>) {
        let Some(seen) = sessions::trial(&mut self.ground, &inputs).suspicions.into_iter().next() else { return };
        if self.dossier.open().found(&seen).is_some() {
            return;
        }
        let ground = &mut self.ground;
        let mut holds =
            |inputs: &[Arc<Input>]| inputs.len() == 2 && !sessions::trial(ground, inputs).suspicions.is_empty();
        let budget = Budget { attempts: 60, until: Instant::now() + SHRINKING };
        let smaller = shrink(inputs.into_iter().map(Arc::new).collect(), budget, &mut holds);
        let trial = sessions::trial(&mut self.ground, &smaller);
        if !trial.suspicions.is_empty() {
            self.settle(Case { inputs: smaller, seen, excerpt: trial.excerpt, is_certain: true });
        }
    }
}

/// Takes a lead off what waits, however it ends.
struct Done<'a> {
    dossier: &'a Dossier,
    bytes: usize,
    is_doubt: bool,
}

impl Drop for Done<'_> {
    fn drop(&mut self) {
        let mut dossier = self.dossier.open();
        dossier.waiting_bytes -= self.bytes;
        dossier.doubted_bytes -= if self.is_doubt { self.bytes } else { 0 };
        drop(dossier);
        self.dossier.done.notify_all();
    }
}

/// Whether something can be tried on a session on which others were tried before.
fn is_quick(suspicion: &Suspicion, inputs: usize) -> bool {
    let is_of_one = ![Oracle::Resources, Oracle::SessionMixup].contains(&suspicion.oracle);
    inputs == 1 && is_of_one && !suspicion.oracle.is_fatal()
}

/// Whether two suspicions are of the same fault. Which request a death or a hang is put down to changes while what else was
/// sent falls away.
fn is_same(one: &Suspicion, other: &Suspicion) -> bool {
    one.is_like(other) || one.oracle.is_fatal() && one.oracle == other.oracle && one.cause == other.cause
}
