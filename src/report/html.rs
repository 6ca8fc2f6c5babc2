//! The HTML report: one file that carries its style, its script and its data, and loads nothing.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};

use indexmap::IndexSet;
use serde::Serialize;

use super::collected::{Collected, RunReport, TargetReport};
use super::fold;
use super::text::{clipped, plain};
use crate::outcome::{CheckId, CheckResult, Evidence, Verdict, Witness};

const PAGE: &str = include_str!("html/page.html");
const STYLE: &str = include_str!("html/style.css");
const SCRIPT: &str = include_str!("html/script.js");

/// Lines of one excerpt that are carried.
const EXCERPT_LINES: usize = 60;

/// Writes the report.
pub(super) fn write(collected: &Collected, out: &mut dyn Write) -> io::Result<()> {
    // Inside a script element only `<` could end it or open a comment.
    let data = serde_json::to_string(&Tables::fill(collected))?.replace('<', "\\u003c");
    let mut rest = PAGE;
    for (name, content) in [("{{style}}", STYLE), ("{{data}}", &data), ("{{script}}", SCRIPT)] {
        let (before, after) = rest.split_once(name).unwrap_or((rest, ""));
        out.write_all(before.as_bytes())?;
        out.write_all(content.as_bytes())?;
        rest = after;
    }
    out.write_all(rest.as_bytes())
}

/// What the script reads. What many results share (checks, evidence, reasons, addresses) stands once and is told by its
/// place, so that hundreds of servers fit into one page.
#[derive(Serialize, Default)]
struct Data {
    tool: String,
    version: String,
    good: bool,
    conclusion: String,
    checks: Vec<Check>,
    evidence: Vec<Evidence>,
    reasons: IndexSet<String>,
    addresses: IndexSet<String>,
    /// Revision → check → address.
    pages: BTreeMap<String, BTreeMap<usize, usize>>,
    servers: Vec<Server>,
}

#[derive(Serialize)]
struct Check {
    id: String,
    title: String,
    area: String,
    requirement: String,
    statement: String,
    level: &'static str,
}

#[derive(Serialize)]
struct Server {
    label: String,
    name: String,
    version: String,
    started_at: Option<String>,
    duration_ms: u64,
    partial: bool,
    /// Why nothing of it could be checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_reached: Option<String>,
    notes: Vec<String>,
    runs: Vec<Run>,
}

#[derive(Serialize)]
struct Run {
    revision: String,
    transport: String,
    /// One letter for each check: `p`, `f` (binding), `w` (failed, not binding), `x` (failed as the baseline expects), `i`,
    /// `s`, or `-` where it was not made.
    verdicts: String,
    /// Check → place of its evidence and the command to rerun it; or place of its reason and the check to blame.
    told: BTreeMap<usize, (usize, Option<String>)>,
    /// Check → place of the reason.
    skipped: BTreeMap<usize, usize>,
    /// Check → place of the reason why its failure is expected.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    expected: BTreeMap<usize, usize>,
}

/// Fills the data, and remembers what is in it already.
#[derive(Default)]
struct Tables {
    data: Data,
    checks: HashMap<CheckId, usize>,
    evidence: HashMap<String, usize>,
    strict: bool,
}

impl Tables {
    fn fill(collected: &Collected) -> Data {
        let mut tables = Self { strict: collected.strict, ..Self::default() };
        let conclusion = fold::conclusion(collected);
        tables.data.servers = collected.targets.iter().map(|target| tables.server(target)).collect();
        Data {
            tool: plain(&collected.tool),
            version: plain(&collected.version),
            good: conclusion.good,
            conclusion: conclusion.text,
            ..tables.data
        }
    }

    fn server(&mut self, target: &TargetReport) -> Server {
        let server = target.server().cloned().unwrap_or_default();
        Server {
            label: clipped(&target.label(), 200),
            name: clipped(&server.name, 100),
            version: clipped(&server.version, 60),
            started_at: target.started_at.as_deref().map(plain),
            duration_ms: target.duration_ms,
            partial: target.partial,
            not_reached: target.not_reached.as_deref().map(plain),
            notes: target.stale.iter().chain(&target.notes).map(|note| plain(note)).collect(),
            runs: target.runs.iter().map(|run| self.run(run)).collect(),
        }
    }

    fn run(&mut self, run: &RunReport) -> Run {
        let mut verdicts = Vec::new();
        let (mut told, mut skipped, mut expected) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let revision = plain(&run.info.revision);
        for result in &run.results {
            let check = self.check(result);
            let address = self.data.addresses.insert_full(plain(&result.spec)).0;
            self.data.pages.entry(revision.clone()).or_default().insert(check, address);
            if verdicts.len() <= check {
                verdicts.resize(check + 1, '-');
            }
            verdicts[check] = letter(result, self.strict);
            match &result.verdict {
                Verdict::Pass => {}
                Verdict::Fail { evidence } => {
                    told.insert(check, (self.evidence(evidence), Some(plain(&result.rerun))));
                    expected.extend(result.expected.as_deref().map(|reason| (check, self.reason(reason))));
                }
                Verdict::Inconclusive { reason, blame } => {
                    told.insert(check, (self.reason(reason), blame.as_ref().map(|id| plain(&id.to_string()))));
                }
                Verdict::Skipped { reason } => {
                    skipped.insert(check, self.reason(reason));
                }
            }
        }
        let transport = plain(&run.info.transport);
        Run { revision, transport, verdicts: verdicts.into_iter().collect(), told, skipped, expected }
    }

    fn check(&mut self, result: &CheckResult) -> usize {
        if let Some(&place) = self.checks.get(&result.id) {
            return place;
        }
        self.data.checks.push(Check {
            id: plain(&result.id.to_string()),
            title: plain(&result.title),
            area: plain(result.id.area()),
            requirement: plain(&result.requirement),
            statement: plain(&result.statement),
            level: result.level.as_str(),
        });
        self.checks.insert(result.id.clone(), self.data.checks.len() - 1);
        self.data.checks.len() - 1
    }

    fn reason(&mut self, reason: &str) -> usize {
        self.data.reasons.insert_full(plain(reason)).0
    }

    fn evidence(&mut self, evidence: &Evidence) -> usize {
        let shown = shown(evidence);
        let list = &mut self.data.evidence;
        *self.evidence.entry(format!("{shown:?}")).or_insert_with(|| {
            list.push(shown);
            list.len() - 1
        })
    }
}

/// The evidence as a page can bear it.
fn shown(evidence: &Evidence) -> Evidence {
    let mut excerpt: Vec<_> = evidence.excerpt.iter().take(EXCERPT_LINES).map(|line| plain(line)).collect();
    if evidence.excerpt.len() > EXCERPT_LINES {
        excerpt.push(format!("… {} more lines", evidence.excerpt.len() - EXCERPT_LINES));
    }
    let witness = |witness: &Witness| Witness { id: witness.id.clone(), actual: plain(&witness.actual) };
    Evidence {
        expected: plain(&evidence.expected),
        actual: plain(&evidence.actual),
        asked_at: plain(&evidence.asked_at),
        excerpt,
        witnesses: evidence.witnesses.iter().map(witness).collect(),
    }
}

fn letter(result: &CheckResult, strict: bool) -> char {
    match result.verdict {
        Verdict::Pass => 'p',
        Verdict::Fail { .. } if result.expected.is_some() => 'x',
        Verdict::Fail { .. } if result.counts(strict) => 'f',
        Verdict::Fail { .. } => 'w',
        Verdict::Inconclusive { .. } => 'i',
        Verdict::Skipped { .. } => 's',
    }
}
