//! All that a stream of events told, grouped by target and run. Gathers and counts; renders nothing.

use std::collections::HashMap;
use std::io;

use crate::outcome::{CheckId, CheckResult, Event, RunInfo, ServerInfo, Summary, TargetInfo, Verdict};

/// What has been gathered so far, from one run of the tool or from many.
///
/// Events of one target that come in several parts (shards, nights) are joined. Where a check comes more than once, the
/// worst verdict stands.
#[derive(Debug, Clone, Default)]
pub struct Collected {
    /// Name of the tool that judged.
    pub tool: String,
    /// Its version.
    pub version: String,
    /// Every target, in order of appearance.
    pub targets: Vec<TargetReport>,
    /// Failures of SHOULD count too.
    pub strict: bool,
    current: Option<usize>,
}

/// All that is known of one target.
#[derive(Debug, Clone, Default)]
pub struct TargetReport {
    /// How it was reached.
    pub info: TargetInfo,
    /// When the first part began, as RFC 3339.
    pub started_at: Option<String>,
    /// Wall-clock time of all parts, in milliseconds.
    pub duration_ms: u64,
    /// Each revision over each transport, in order of appearance.
    pub runs: Vec<RunReport>,
    /// What the user should know besides.
    pub notes: Vec<String>,
    /// Entries of the baseline that expect a failure which is there no more.
    pub stale: Vec<String>,
    /// Why nothing of it could be checked.
    pub not_reached: Option<String>,
    /// Some part was interrupted.
    pub partial: bool,
    /// Checks that came more than once, with different verdicts.
    pub unsteady: usize,
    open: bool,
    current: Option<usize>,
}

/// One revision over one transport.
#[derive(Debug, Clone)]
pub struct RunReport {
    /// Which.
    pub info: RunInfo,
    /// One for each check.
    pub results: Vec<CheckResult>,
    /// How many checks ended how.
    pub summary: Summary,
    index: HashMap<CheckId, usize>,
}

impl Collected {
    /// Takes one more event. Fails where it cannot follow what came before.
    pub fn add(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::Started { tool, version, target, started_at, strict } => {
                self.strict |= strict;
                self.tool.clone_from(tool);
                self.version.clone_from(version);
                self.start(target, started_at.as_ref());
            }
            Event::Progress { .. } => {}
            Event::RunStarted { run, .. } => self.target(event)?.enter(run),
            Event::Check { result } => {
                let target = self.target(event)?;
                let run = target.current.ok_or_else(|| misplaced(event))?;
                let unsteady = target.runs[run].add(result);
                target.unsteady += usize::from(unsteady);
            }
            Event::RunFinished { .. } => self.target(event)?.current = None,
            Event::Finished { partial, not_reached, duration_ms, notes, stale } => {
                let target = self.target(event)?;
                target.open = false;
                target.partial |= partial;
                target.duration_ms += duration_ms;
                if target.not_reached.is_none() {
                    target.not_reached.clone_from(not_reached);
                }
                extend(&mut target.notes, notes);
                extend(&mut target.stale, stale);
                self.current = None;
            }
        }
        Ok(())
    }

    /// Says that no event follows: what has not finished is partial.
    pub fn close(&mut self) {
        for target in &mut self.targets {
            target.partial |= target.open;
            target.open = false;
        }
        self.current = None;
    }

    /// Whether anything was interrupted.
    pub fn is_partial(&self) -> bool {
        self.targets.iter().any(|target| target.partial || target.open)
    }

    /// Every run with its target.
    pub fn runs(&self) -> impl Iterator<Item = (&TargetReport, &RunReport)> {
        self.targets.iter().flat_map(|target| target.runs.iter().map(move |run| (target, run)))
    }

    /// The events that tell the same again.
    pub fn into_events(self) -> Vec<Event> {
        let Self { tool, version, targets, strict, .. } = self;
        targets.into_iter().flat_map(|target| target.into_events(&tool, &version, strict)).collect()
    }

    fn start(&mut self, info: &TargetInfo, started_at: Option<&String>) {
        let place = self.targets.iter().position(|target| target.info == *info).unwrap_or_else(|| {
            self.targets.push(TargetReport { info: info.clone(), ..TargetReport::default() });
            self.targets.len() - 1
        });
        let target = &mut self.targets[place];
        target.partial |= target.open;
        target.open = true;
        target.current = None;
        if target.started_at.is_none() {
            target.started_at = started_at.cloned();
        }
        self.current = Some(place);
    }

    fn target(&mut self, event: &Event) -> io::Result<&mut TargetReport> {
        let place = self.current.ok_or_else(|| misplaced(event))?;
        Ok(&mut self.targets[place])
    }
}

impl TargetReport {
    /// The shortest text that tells this target from others: the name it was given, its command or its address.
    pub fn label(&self) -> String {
        let TargetInfo { name, command, url } = &self.info;
        name.clone()
            .or_else(|| url.clone())
            .or_else(|| command.as_ref().map(|words| words.join(" ")))
            .unwrap_or_else(|| "unnamed target".to_owned())
    }

    /// What the server says it is: the first name that any run got.
    pub fn server(&self) -> Option<&ServerInfo> {
        self.runs.iter().map(|run| &run.info.server).find(|server| !server.name.is_empty())
    }

    /// Whether something stood in the way of every check.
    pub(super) fn is_unjudged(&self) -> bool {
        let mut summaries = self.runs.iter().map(|run| run.summary);
        summaries.clone().any(|summary| summary.inconclusive > 0)
            && summaries.all(|summary| summary.pass == 0 && summary.fail == 0)
    }

    fn enter(&mut self, info: &RunInfo) {
        let same = |run: &RunReport| (&run.info.revision, &run.info.transport) == (&info.revision, &info.transport);
        let place = self.runs.iter().position(same).unwrap_or_else(|| {
            self.runs.push(RunReport::new(info.clone()));
            self.runs.len() - 1
        });
        if self.runs[place].info.server.name.is_empty() {
            self.runs[place].info.server = info.server.clone();
        }
        self.current = Some(place);
    }

    fn into_events(self, tool: &str, version: &str, strict: bool) -> Vec<Event> {
        let mut events = vec![Event::Started {
            tool: tool.to_owned(),
            version: version.to_owned(),
            target: self.info,
            started_at: self.started_at,
            strict,
        }];
        for run in self.runs {
            events.push(Event::RunStarted { run: run.info.clone(), checks: run.results.len() });
            events.extend(run.results.into_iter().map(|result| Event::Check { result: Box::new(result) }));
            events.push(Event::RunFinished { run: run.info, summary: run.summary });
        }
        let mut notes = self.notes;
        if self.unsteady > 0 {
            notes.push(format!(
                "{} came more than once with different verdicts; the worst is shown",
                count(self.unsteady, "check")
            ));
        }
        let Self { not_reached, duration_ms, stale, .. } = self;
        events.push(Event::Finished { partial: self.partial || self.open, not_reached, duration_ms, notes, stale });
        events
    }
}

impl RunReport {
    fn new(info: RunInfo) -> Self {
        Self { info, results: Vec::new(), summary: Summary::default(), index: HashMap::new() }
    }

    /// `2025-11-25 stdio`.
    pub fn label(&self) -> String {
        format!("{} {}", self.info.revision, self.info.transport)
    }

    /// How many checks passed, failed, failed without counting, failed as expected, could not be judged, were skipped.
    pub(super) fn numbers(&self, strict: bool) -> [usize; 6] {
        let Summary { pass, fail, inconclusive, skipped } = self.summary;
        let failed = self.results.iter().filter(|result| matches!(result.verdict, Verdict::Fail { .. }));
        let (expected, unexpected): (Vec<_>, Vec<_>) = failed.partition(|result| result.expected.is_some());
        let counting = unexpected.iter().filter(|result| result.counts(strict)).count();
        [pass, counting, fail - counting - expected.len(), expected.len(), inconclusive, skipped]
    }

    /// Adds a result; says whether the same check was there already with another verdict.
    fn add(&mut self, result: &CheckResult) -> bool {
        let Some(&place) = self.index.get(&result.id) else {
            self.index.insert(result.id.clone(), self.results.len());
            self.summary.add(&result.verdict);
            self.results.push(result.clone());
            return false;
        };
        let known = &mut self.results[place];
        // What one shard skips another one may have had the occasion to judge.
        let judged = |result: &CheckResult| !matches!(result.verdict, Verdict::Skipped { .. });
        let differs = judged(known) && judged(result) && known.verdict.word() != result.verdict.word();
        let is_worse =
            (result.verdict.rank(), result.expected.is_none()) > (known.verdict.rank(), known.expected.is_none());
        if is_worse {
            *known = result.clone();
            self.summary = Summary::default();
            self.results.iter().for_each(|result| self.summary.add(&result.verdict));
        }
        differs
    }
}

/// Adds what is not there yet.
fn extend(known: &mut Vec<String>, more: &[String]) {
    let fresh: Vec<_> = more.iter().filter(|text| !known.contains(text)).cloned().collect();
    known.extend(fresh);
}

/// The columns of [`RunReport::numbers`], with whether any of these runs has something to show in it.
pub(super) fn columns<'r>(runs: impl Iterator<Item = &'r RunReport>) -> [(&'static str, bool); 6] {
    let is_expected = |result: &CheckResult| result.expected.is_some();
    let expected = runs.into_iter().any(|run| run.results.iter().any(is_expected));
    [("pass", true), ("fail", true), ("warn", true), ("expected", expected), ("inconclusive", true), ("skipped", true)]
}

/// `1 check`, `2 checks`.
pub(super) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

fn misplaced(event: &Event) -> io::Error {
    let what = match event {
        Event::Started { .. } => "`started`",
        Event::RunStarted { .. } => "`run-started`",
        Event::Progress { .. } => "`progress`",
        Event::Check { .. } => "`check`",
        Event::RunFinished { .. } => "`run-finished`",
        Event::Finished { .. } => "`finished`",
    };
    let before = if matches!(event, Event::Check { .. }) { "`run-started`" } else { "`started`" };
    io::Error::new(io::ErrorKind::InvalidData, format!("{what} before {before}"))
}
