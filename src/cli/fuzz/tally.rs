//! What workers have told, counted, and shown as it comes. Judges nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, IsTerminal as _};
use std::time::{Duration, Instant};

use crate::cli::console;
use crate::fuzz::{Finding, Progress, Report, Suspicion, WorkPlan, findings};
use crate::source::printable;

/// What workers have told so far.
pub(super) struct Tally {
    pub(super) plan: WorkPlan,
    quiet: bool,
    pub(super) began: Instant,
    shown: Instant,
    progress: BTreeMap<u32, Progress>,
    pub(super) found: BTreeMap<String, (Finding, u64)>,
    earlier: BTreeSet<String>,
    unreproduced: BTreeMap<String, Suspicion>,
    notes: Vec<String>,
    pub(super) stuck: Option<String>,
    is_terminal: bool,
}

/// How often a line is told where there is no terminal.
const LINE: Duration = Duration::from_mins(1);
/// Notes that are kept.
const NOTES: usize = 50;

impl Tally {
    pub(super) fn new(plan: WorkPlan, quiet: bool) -> Self {
        let earlier = findings(&plan.out).unwrap_or_default();
        let now = Instant::now();
        Self {
            plan,
            quiet,
            began: now,
            shown: now,
            progress: BTreeMap::new(),
            found: BTreeMap::new(),
            earlier: earlier.into_iter().map(|(_, finding)| finding.suspicion.name()).collect(),
            unreproduced: BTreeMap::new(),
            notes: Vec::new(),
            stuck: None,
            is_terminal: io::stderr().is_terminal(),
        }
    }

    pub(super) fn take(&mut self, worker: u32, report: Report) {
        match report {
            Report::Progress(progress) => {
                self.progress.insert(worker, progress);
            }
            Report::Found(finding) => {
                let mut name = finding.suspicion.name();
                self.unreproduced.remove(&name);
                let is_it = |(found, _): &&(Finding, u64)| found.suspicion.is_like(&finding.suspicion);
                if let Some((found, _)) = self.found.values().find(is_it)
                    && found.suspicion.name() != name
                {
                    // Two workers have found it, each under a name of its own: the file of the first is enough.
                    let _ = std::fs::remove_file(finding.path(&self.plan.out));
                    name = found.suspicion.name();
                }
                let is_new = !self.found.contains_key(&name);
                let entry = self.found.entry(name).or_insert_with(|| (*finding, 0));
                entry.1 += 1;
                if is_new && !self.quiet {
                    let (finding, _) = entry;
                    let Suspicion { oracle, subject, actual, .. } = &finding.suspicion;
                    let line = format!("found: {oracle} {}: {}", printable(subject, 80), printable(actual, 200));
                    self.clear();
                    console::tell(&line);
                }
            }
            Report::Again(name, more) => {
                if let Some((_, times)) = self.found.get_mut(&name) {
                    *times += more;
                }
            }
            Report::Unreproduced(suspicion) => {
                let name = suspicion.name();
                if !self.found.contains_key(&name) {
                    self.unreproduced.insert(name, *suspicion);
                }
            }
            Report::Note(note) => {
                if self.notes.len() < NOTES && !self.notes.contains(&note) {
                    self.clear();
                    if !self.quiet {
                        console::tell(&printable(&note, 600));
                    }
                    self.notes.push(note);
                }
            }
            Report::Stuck(reason) => self.stuck = Some(reason),
            Report::Done => {}
        }
    }

    /// Tells how far it is: all the time on a terminal, now and then elsewhere.
    pub(super) fn show(&mut self) {
        if self.quiet || (!self.is_terminal && self.shown.elapsed() < LINE) {
            return;
        }
        self.shown = Instant::now();
        let line = self.line();
        if self.is_terminal { console::status(&line) } else { console::tell(&line) }
    }

    pub(super) fn clear(&self) {
        if self.is_terminal && !self.quiet {
            console::status("");
        }
    }

    fn line(&self) -> String {
        let all = self.progress.values();
        let sum = |of: fn(&Progress) -> u64| all.clone().map(of).sum::<u64>();
        let seconds = self.began.elapsed().as_secs_f64().max(0.001);
        let (executions, messages) = (sum(|p| p.executions), sum(|p| p.messages));
        let corpus = all.clone().map(|p| p.corpus).max().unwrap_or_default();
        let features = all.clone().map(|p| p.features).max().unwrap_or_default();
        let left = self.plan.time.map_or_else(String::new, |time| {
            let left = time.saturating_sub(self.began.elapsed()).as_secs();
            format!(", {}:{:02}:{:02} left", left / 3600, left / 60 % 60, left % 60)
        });
        #[expect(clippy::cast_precision_loss, reason = "a rate for people to read")]
        let rate = |count: u64| count as f64 / seconds;
        format!(
            "{executions} inputs ({:.0}/s), {messages} messages ({:.0}/s), corpus {corpus}, behaviours {features}, findings {}, \
             restarts {}{left}",
            rate(executions),
            rate(messages),
            self.found.len(),
            sum(|p| p.restarts)
        )
    }

    /// The notes at the end.
    pub(super) fn last_notes(&self) -> Vec<String> {
        let mut notes = self.notes.clone();
        notes.push(self.line());
        if !self.unreproduced.is_empty() {
            let folder = self.plan.out.join("unreproduced");
            let count = self.unreproduced.len();
            notes
                .push(format!("suspected, but not seen again on a fresh session: {count} (in `{}`)", folder.display()));
        }
        let gone: Vec<_> = self.earlier.iter().filter(|name| !self.found.contains_key(*name)).cloned().collect();
        if !gone.is_empty() {
            notes.push(format!("findings of earlier runs that were not seen this time: {}", gone.join(", ")));
        }
        notes.extend(self.stuck.clone());
        notes
    }
}
