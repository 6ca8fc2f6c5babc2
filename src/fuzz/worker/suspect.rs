//! What becomes of a suspicion: it is seen again on a fresh session, made small and handed over; or it is not, and kept apart.

use std::time::{Duration, Instant};

use super::Worker;
use crate::fuzz::finding::Finding;
use crate::fuzz::ground::Judged;
use crate::fuzz::link::Observed;
use crate::fuzz::minimize::{Budget, shrink};
use crate::fuzz::oracle::{Oracle, Suspicion};
use crate::fuzz::tidings::Report;
use crate::smith::Input;

/// So often a cause that was suspected in vain is looked into each time; later only ever more seldom.
const VAIN: u32 = 3;
/// Attempts and time that shrinking a finding may take.
const ATTEMPTS: u32 = 400;
pub(super) const SHRINKING: Duration = Duration::from_secs(20);
/// What takes long to bring out gets as much time as this many attempts take.
const LONG: u32 = 60;
/// Findings that are shrunk; of more the target has to be mended first.
const SHRUNK: usize = 100;

impl Worker {
    /// Requests that are owed an answer and had none so far: each class is waited for to the end, once.
    pub(super) fn look_into_silence(&mut self, observed: &Observed, input: &Input, place: usize) {
        for suspicion in self.ground.court.of_silence(observed) {
            if self.silences.insert(suspicion.subject.clone()) {
                self.suspect(&suspicion, input, place, true);
            }
        }
    }

    /// Something is suspected: sees whether it is so again on a fresh session, makes it small, and hands it over.
    pub(super) fn suspect(&mut self, suspicion: &Suspicion, input: &Input, place: usize, patient: bool) {
        let name = suspicion.name();
        if self.settled.contains(&name) {
            return (self.report)(Report::Again(name));
        }
        let times = self.suspected.entry(name.clone()).or_default();
        *times += 1;
        let is_first = *times == 1;
        if *times > VAIN && !times.is_power_of_two() {
            return;
        }
        self.tell();
        // What an earlier run has made small is as small as it gets.
        if let Some(earlier) = self.earlier.remove(&name) {
            let trial = self.ground.trial_for(suspicion.oracle, &earlier.inputs(), patient);
            if trial.suspicions.iter().any(|one| is_same(one, suspicion)) {
                self.settled.insert(name);
                return (self.report)(Report::Found(Box::new(earlier)));
            }
        }
        let history: Vec<Input> = self.history[..(place + 1).min(self.history.len())].to_vec();
        let began = Instant::now();
        let Some((inputs, seen)) = self.reproduce(suspicion, input, &history, patient) else {
            // What was only slow was never wrong.
            if is_first && suspicion.oracle != Oracle::Unanswered {
                self.keep_unreproduced(suspicion, input);
            }
            return;
        };
        let (inputs, seen, excerpt) = self.smaller(inputs, seen, patient, began.elapsed());
        if inputs.is_empty() {
            if is_first {
                self.keep_unreproduced(&seen, input);
            }
            return;
        }
        self.settled.insert(name);
        // In what is left, the words may differ from those of what was suspected at first.
        let seen_name = seen.name();
        if seen_name != suspicion.name() && !self.settled.insert(seen_name.clone()) {
            return (self.report)(Report::Again(seen_name));
        }
        self.hand_over(seen, &inputs, excerpt);
    }

    /// Hands over what was seen to be so.
    pub(super) fn found(&mut self, seen: Suspicion, inputs: &[Input], excerpt: Vec<String>) {
        if !self.settled.insert(seen.name()) && self.is_told(&seen) {
            return (self.report)(Report::Again(seen.name()));
        }
        self.hand_over(seen, inputs, excerpt);
    }

    fn is_told(&self, seen: &Suspicion) -> bool {
        self.ground.out().join(format!("{}.yaml", seen.name())).exists()
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
        patient: bool,
    ) -> Option<(Vec<Input>, Suspicion)> {
        let mut lengths = vec![1, 1, 4, 32, 256];
        lengths.retain(|&length| length == 1 || length < history.len());
        if history.len() > 1 {
            lengths.push(history.len());
        }
        for length in lengths {
            let inputs = if length == 1 { vec![input.clone()] } else { history[history.len() - length..].to_vec() };
            let trial = self.ground.trial(&inputs, Judged::Last, patient && length == 1);
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

    /// Shrinks what brings something out, which took so long; the last word has a fresh session, and says what it is.
    fn smaller(
        &mut self,
        inputs: Vec<Input>,
        seen: Suspicion,
        patient: bool,
        took: Duration,
    ) -> (Vec<Input>, Suspicion, Vec<String>) {
        let is_slow = matches!(seen.oracle, Oracle::Hang | Oracle::Unanswered);
        let attempts = if self.settled.len() > SHRUNK { 0 } else { ATTEMPTS };
        let left = self.ground.plan.time.map_or(SHRINKING, |all| all.saturating_sub(self.began.elapsed()) / 2);
        let deadline = self.deadline();
        let time = if is_slow { SHRINKING.min(deadline * 10) } else { SHRINKING.max(took * LONG) };
        let budget = Budget { attempts, until: Instant::now() + time.min(left) };
        let ground = &mut self.ground;
        ground.haste = is_slow.then_some(deadline);
        let mut holds = |inputs: &[Input]| {
            let trial = ground.trial(inputs, Judged::Last, patient);
            trial.suspicions.iter().any(|one| is_same(one, &seen))
        };
        let smaller = shrink(inputs.clone(), budget, &mut holds);
        self.ground.haste = None;
        for inputs in [smaller, inputs] {
            let trial = self.ground.trial(&inputs, Judged::Whole, patient);
            if let Some(last) = trial.suspicions.into_iter().find(|one| is_same(one, &seen)) {
                return (inputs, last, trial.excerpt);
            }
        }
        // It was there a moment ago, and is not any more, or only where there is doubt: what was seen is told as it was seen.
        (Vec::new(), seen, Vec::new())
    }

    fn keep_unreproduced(&mut self, suspicion: &Suspicion, input: &Input) {
        let finding = Finding::new(suspicion.clone(), &self.ground.plan, std::slice::from_ref(input), Vec::new());
        if let Err(error) = finding.write(&self.ground.out().join("unreproduced"), &self.ground.plan) {
            (self.report)(Report::Note(format!("cannot write to `{}`: {error}", self.ground.out().display())));
        }
        (self.report)(Report::Unreproduced(Box::new(suspicion.clone())));
    }
}

/// Whether two suspicions are of the same fault. Which request a death or a hang is put down to changes while what else was
/// sent falls away.
fn is_same(one: &Suspicion, other: &Suspicion) -> bool {
    one.is_like(other) || one.oracle.is_fatal() && one.oracle == other.oracle && one.cause == other.cause
}
