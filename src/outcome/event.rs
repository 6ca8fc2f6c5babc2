//! What happens during a run, as data: one channel carries these to every reporter, and a file of them replays the run.

use serde::{Deserialize, Serialize};

use super::{CheckId, Level, Verdict};

/// One thing that happened. A file of events has one of these as JSON on each line, in this order:
/// `started`, then for each run `run-started`, its `check`s in plan order, `run-finished`; last `finished`.
/// Several targets follow one another, each from `started` to `finished`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The plan is made; nothing has been judged yet.
    Started {
        /// Name of this tool.
        tool: String,
        /// Its version.
        version: String,
        /// What is under test.
        target: TargetInfo,
        /// When it began, as RFC 3339 in UTC, where the caller knows the time of day.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        started_at: Option<String>,
        /// Failures of SHOULD count too.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        strict: bool,
    },
    /// One revision over one transport begins.
    RunStarted {
        /// Which.
        run: RunInfo,
        /// How many checks will follow.
        checks: usize,
    },
    /// How far the current run is; for progress on a terminal only, never in a file.
    Progress {
        /// Checks that have a verdict already.
        done: usize,
        /// Checks in all.
        checks: usize,
        /// The scenario at work.
        scenario: String,
    },
    /// One check has its verdict.
    Check {
        /// The verdict and all that a report shows of it.
        result: Box<CheckResult>,
    },
    /// All checks of the run have come.
    RunFinished {
        /// Which run.
        run: RunInfo,
        /// Its counts.
        summary: Summary,
    },
    /// Nothing follows.
    Finished {
        /// The run was interrupted: what is reported is true, but not all.
        partial: bool,
        /// Why nothing could be checked, where the target was not reached or does not speak what was asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        not_reached: Option<String>,
        /// Wall-clock time of all runs, in milliseconds.
        duration_ms: u64,
        /// What the user should know though it is no verdict: tools that were not called, and the flag that would.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        notes: Vec<String>,
        /// Entries of the baseline that expect a failure which is there no more, each in one sentence with its place.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        stale: Vec<String>,
    },
}

impl Event {
    /// Visits every text that may repeat what the target said or the user wrote, so that secrets can be taken out of it.
    pub fn each_text(&mut self, visit: &mut impl FnMut(&mut String)) {
        match self {
            Self::Started { target, .. } => {
                target.command.iter_mut().flatten().chain(&mut target.url).for_each(visit);
            }
            Self::RunStarted { run, .. } | Self::RunFinished { run, .. } => {
                visit(&mut run.server.name);
                visit(&mut run.server.version);
            }
            Self::Check { result } => result.each_text(visit),
            Self::Finished { notes, stale, not_reached, .. } => {
                notes.iter_mut().chain(stale).chain(not_reached).for_each(visit);
            }
            Self::Progress { .. } => {}
        }
    }
}

impl CheckResult {
    /// Whether its failure means that the target does not conform. What some client or model expects never does.
    pub fn is_binding(&self) -> bool {
        self.level.is_binding() && profile_of(&self.requirement).is_none()
    }

    /// Whether its failure makes a run fail; `strict`: those of SHOULD do so too.
    pub fn counts(&self, strict: bool) -> bool {
        self.level.counts(strict) && profile_of(&self.requirement).is_none()
    }

    fn each_text(&mut self, visit: &mut impl FnMut(&mut String)) {
        visit(&mut self.rerun);
        self.expected.iter_mut().for_each(&mut *visit);
        match &mut self.verdict {
            Verdict::Pass => {}
            Verdict::Fail { evidence } => {
                visit(&mut evidence.expected);
                visit(&mut evidence.actual);
                evidence.excerpt.iter_mut().for_each(&mut *visit);
                evidence.witnesses.iter_mut().for_each(|witness| visit(&mut witness.actual));
            }
            Verdict::Inconclusive { reason, .. } | Verdict::Skipped { reason } => visit(reason),
        }
    }
}

/// What is under test. Exactly one of `command` and `url` is there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TargetInfo {
    /// What the user calls it, where a configuration file names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Program and arguments of a stdio server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
    /// Address of an HTTP server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// One run: a revision over a transport.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunInfo {
    /// `2025-11-25`.
    pub revision: String,
    /// `stdio`, `http` or `sse`.
    pub transport: String,
    /// What the server says it is.
    pub server: ServerInfo,
}

/// Name and version that a server gives itself; empty where it gives none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ServerInfo {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// One check with its verdict and all that a report shows of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckResult {
    /// Which check.
    pub id: CheckId,
    /// Title of the scenario.
    pub title: String,
    /// Id of the requirement.
    pub requirement: String,
    /// The obligation in our words.
    pub statement: String,
    /// How strongly it binds; already lowered where the catalogue's basis asks for it.
    pub level: Level,
    /// What became of it.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Why the failure is expected, in the words of the baseline, where one expects it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// Address of the specification's page.
    pub spec: String,
    /// The command that reruns just this check.
    pub rerun: String,
    /// Time that the scenario took, in milliseconds.
    pub duration_ms: u64,
}

/// The profile of a client or model provider that a requirement belongs to, if it is none of the protocol's:
/// `openai` of `profile-openai.tool.name`.
pub fn profile_of(requirement: &str) -> Option<&str> {
    requirement.split('.').next()?.strip_prefix("profile-")
}

/// How many checks ended how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Summary {
    /// Checks that passed.
    pub pass: usize,
    /// Checks that failed.
    pub fail: usize,
    /// Checks that could not be judged.
    pub inconclusive: usize,
    /// Checks that did not apply.
    pub skipped: usize,
}

impl Summary {
    /// Checks in all.
    pub fn total(&self) -> usize {
        self.pass + self.fail + self.inconclusive + self.skipped
    }

    /// Counts one more verdict.
    pub fn add(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Pass => self.pass += 1,
            Verdict::Fail { .. } => self.fail += 1,
            Verdict::Inconclusive { .. } => self.inconclusive += 1,
            Verdict::Skipped { .. } => self.skipped += 1,
        }
    }
}
