//! Brings verdicts, which come in any order, into the order of the plan, and sends them as events. Judges nothing.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Instant;

use tokio::sync::mpsc::UnboundedSender;

use crate::outcome::{CheckResult, Event, RunInfo, Summary};
use crate::source::{Secrets, printable};

/// Where runs write their verdicts.
pub struct Ledger {
    events: UnboundedSender<Event>,
    secrets: Secrets,
    began: Instant,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    runs: Vec<Page>,
    notes: Vec<String>,
    tools: BTreeSet<String>,
    uncalled: BTreeSet<String>,
    begun: bool,
    finished: bool,
}

/// The verdicts of one run.
struct Page {
    info: RunInfo,
    results: Vec<Option<CheckResult>>,
    summary: Summary,
    sent: usize,
    begun: bool,
    ended: bool,
}

impl Ledger {
    /// An empty one that sends to this channel. A closed channel is no error: nobody listens any more.
    pub fn new(events: UnboundedSender<Event>) -> Self {
        Self { events, secrets: Secrets::default(), began: Instant::now(), state: RefCell::default() }
    }

    /// The same, which takes these out of every event.
    #[must_use]
    pub fn hiding(self, secrets: Secrets) -> Self {
        Self { secrets, ..self }
    }

    /// Sends an event that belongs to no run.
    pub fn send(&self, mut event: Event) {
        if !self.secrets.is_empty() {
            event.each_text(&mut |text| *text = self.secrets.redacted(text));
        }
        let _ = self.events.send(event);
    }

    /// Sends the event with which all begins, if none has begun it yet.
    pub fn begin(&self, started: Event) {
        if !std::mem::replace(&mut self.state.borrow_mut().begun, true) {
            self.send(started);
        }
    }

    /// Adds a run of so many checks; returns its number.
    pub fn add_run(&self, info: RunInfo, checks: usize) -> usize {
        let mut state = self.state.borrow_mut();
        let results = std::iter::repeat_with(|| None).take(checks).collect();
        state.runs.push(Page { info, results, summary: Summary::default(), sent: 0, begun: false, ended: false });
        state.runs.len() - 1
    }

    /// Keeps something for the user to know; once, however many runs say it.
    pub fn note(&self, note: String) {
        let mut state = self.state.borrow_mut();
        if !state.notes.contains(&note) {
            state.notes.push(note);
        }
    }

    /// Keeps which of all tools may not be called; one note tells of all runs.
    pub fn left_alone(&self, tools: Vec<String>, uncalled: Vec<String>) {
        let mut state = self.state.borrow_mut();
        state.tools.extend(tools);
        state.uncalled.extend(uncalled);
    }

    /// Enters the verdict on the check at a position of a run's plan.
    pub fn enter(&self, run: usize, position: usize, result: CheckResult) {
        let mut state = self.state.borrow_mut();
        let scenario = result.id.scenario.clone();
        state.runs[run].results[position] = Some(result);
        let checks = state.runs.iter().map(|page| page.results.len()).sum();
        let done = state.runs.iter().map(|page| page.sent + page.results.iter().flatten().count()).sum();
        self.send(Event::Progress { done, checks, scenario });
        self.flush(&mut state, false);
    }

    /// Sends what has not been sent, holes left out where `partial`, and the end.
    pub fn finish(&self, partial: bool) {
        self.end(partial, None);
    }

    /// Sends the end of a run that could not begin, for this reason.
    pub fn unreached(&self, reason: String) {
        self.end(false, Some(reason));
    }

    fn end(&self, partial: bool, not_reached: Option<String>) {
        let mut state = self.state.borrow_mut();
        if std::mem::replace(&mut state.finished, true) {
            return;
        }
        self.flush(&mut state, true);
        let duration_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let notes = state.not_called().into_iter().chain(std::mem::take(&mut state.notes)).collect();
        self.send(Event::Finished { partial, not_reached, duration_ms, notes, stale: Vec::new() });
    }

    /// Sends what is next in order. `all`: also what comes after a hole.
    fn flush(&self, state: &mut State, all: bool) {
        for page in state.runs.iter_mut().filter(|page| !page.ended) {
            if !page.begun {
                page.begun = true;
                self.send(Event::RunStarted { run: page.info.clone(), checks: page.results.len() });
            }
            while page.sent < page.results.len() {
                match page.results[page.sent].take() {
                    Some(result) => {
                        page.summary.add(&result.verdict);
                        self.send(Event::Check { result: Box::new(result) });
                    }
                    None if all => {}
                    None => return,
                }
                page.sent += 1;
            }
            page.ended = true;
            self.send(Event::RunFinished { run: page.info.clone(), summary: page.summary });
        }
    }
}

impl State {
    /// Which tools were not called, and the flag that would.
    fn not_called(&self) -> Option<String> {
        let (left, all) = (self.uncalled.len(), self.tools.len());
        let mut names: Vec<_> = self.uncalled.iter().take(NAMES).map(|name| printable(name, NAME)).collect();
        if left > NAMES {
            names.push(format!("{} more", left - NAMES));
        }
        let verb = if left == 1 { "was" } else { "were" };
        (left > 0).then(|| {
            format!("{left} of {all} tools {verb} not called ({}); --call-tools all calls them", names.join(", "))
        })
    }
}

/// Names that a note tells, and bytes of each.
const NAMES: usize = 5;
const NAME: usize = 60;
