//! The report for the code quality widget of GitLab, in the form that GitLab documents: a list of issues, each with a fingerprint
//! that is the same in the next run. What a baseline expects is none.

use std::io::{self, Write};

use indexmap::IndexMap;
use serde::Serialize;

use super::certificate::sha256;
use super::collected::Collected;
use super::fold::{Failure, Place};
use super::sarif::place_in_file;
use super::text::{clipped, plain};
use crate::outcome::CheckResult;

#[derive(Serialize)]
struct Issue {
    description: String,
    check_name: String,
    fingerprint: String,
    severity: &'static str,
    location: Location,
}

#[derive(Serialize)]
struct Location {
    path: String,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: usize,
}

/// Characters of a description: the widget shows it in one line.
const DESCRIPTION: usize = 600;

/// Writes the report.
pub(super) fn write(collected: &Collected, out: &mut dyn Write) -> io::Result<()> {
    let failures = Failure::all(collected);
    let mut issues: Vec<_> = failures.iter().filter(|failure| failure.expected.is_none()).flat_map(issues).collect();
    let first = Location { path: "litmus.toml".to_owned(), lines: Lines { begin: 1 } };
    let whole = |check: &str, description: String, severity| Issue {
        fingerprint: sha256(format!("{check} {description}").as_bytes()),
        check_name: check.to_owned(),
        description: clipped(&description, DESCRIPTION),
        severity,
        location: Location { path: first.path.clone(), lines: Lines { begin: first.lines.begin } },
    };
    if collected.is_partial() {
        let what = "The run was interrupted: what is reported is true, but not all was checked.";
        issues.push(whole("mcp-litmus", what.to_owned(), "major"));
    }
    for (target, reason) in collected.not_reached() {
        issues.push(whole("mcp-litmus", format!("{} was not reached: {reason}", target.label()), "blocker"));
    }
    issues.extend(collected.stale().map(|entry| whole("baseline", entry.clone(), "major")));
    serde_json::to_writer_pretty(&mut *out, &issues)?;
    out.write_all(b"\n")
}

/// One for each check on each target; the runs in which it failed are told together.
fn issues(failure: &Failure) -> Vec<Issue> {
    let mut checks: IndexMap<(String, String), Vec<&Place>> = IndexMap::new();
    for place in &failure.places {
        checks.entry((place.target.label(), place.result.id.to_string())).or_default().push(place);
    }
    checks.into_iter().filter_map(|((target, id), places)| issue(&target, &id, &places)).collect()
}

fn issue(target: &str, id: &str, places: &[&Place]) -> Option<Issue> {
    let first = places.first()?;
    let CheckResult { requirement, statement, rerun, .. } = first.result;
    let evidence = first.evidence;
    let runs: Vec<_> = places.iter().map(|place| place.run.label()).collect();
    let level = places.iter().map(|place| place.result.level).find(|level| level.is_binding());
    let level = level.unwrap_or(first.result.level);
    let description = format!(
        "{}: {statement} Expected {}; got {} ({target}, {}; {id}).",
        level.as_str(),
        evidence.expected,
        clipped(&evidence.actual, DESCRIPTION / 3),
        runs.join(", ")
    );
    let (path, begin) = place_in_file(evidence, &first.result.id);
    Some(Issue {
        description: format!("{} Run just this check again: {}", clipped(&description, DESCRIPTION), plain(rerun)),
        check_name: plain(requirement),
        // The same check on the same target is the same issue, whatever was answered this time.
        fingerprint: sha256(format!("{id} on {target}").as_bytes()),
        severity: if places.iter().any(|place| place.result.is_binding()) { "critical" } else { "minor" },
        location: Location { path, lines: Lines { begin } },
    })
}
