//! The SARIF 2.1.0 report: a rule for each requirement that failed, a result for each check that did. What passed is not told.
//!
//! The crates for the format generate their types at build time from the whole schema; the dozen members written here are
//! cheaper as types of our own.

use std::io::{self, Write};

use indexmap::IndexMap;
use serde::Serialize;

use super::collected::Collected;
use super::fold::{Failure, Place};
use super::text::plain;
use crate::outcome::{CheckId, CheckResult, Evidence};

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'a str,
    version: &'a str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Tool<'a>,
    invocations: [Invocation; 1],
    column_kind: &'a str,
    results: Vec<Finding>,
}

#[derive(Serialize)]
struct Tool<'a> {
    driver: Driver<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    semantic_version: &'a str,
    rules: Vec<Rule>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_execution_notifications: Vec<Notification>,
}

#[derive(Serialize)]
struct Notification {
    level: &'static str,
    message: Text,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: String,
    short_description: Text,
    help: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    help_uri: Option<String>,
    default_configuration: Configuration,
    properties: RuleProperties,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
struct RuleProperties {
    tags: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Finding {
    rule_id: String,
    rule_index: usize,
    level: &'static str,
    message: Text,
    locations: [Location; 1],
    partial_fingerprints: IndexMap<&'static str, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suppressions: Option<[Suppression; 1]>,
    properties: FindingProperties,
}

/// Says that the baseline of the user's expects a result.
#[derive(Serialize)]
struct Suppression {
    kind: &'static str,
    status: &'static str,
    justification: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: PhysicalLocation,
    logical_locations: [LogicalLocation; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
    region: Region,
}

#[derive(Serialize)]
struct ArtifactLocation {
    uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogicalLocation {
    fully_qualified_name: String,
    kind: &'static str,
}

#[derive(Serialize)]
struct FindingProperties {
    target: String,
    runs: Vec<String>,
    rerun: String,
}

#[derive(Serialize)]
struct Text {
    text: String,
}

/// Writes the report.
pub(super) fn write(collected: &Collected, out: &mut dyn Write) -> io::Result<()> {
    let failures = Failure::all(collected);
    // A requirement that fails as expected in some places and not in others is one rule.
    let mut rules: IndexMap<&str, &Failure> = IndexMap::new();
    let mut results = Vec::new();
    for failure in &failures {
        let rule = rules.entry(&failure.first.requirement);
        results.extend(findings(rule.index(), failure));
        rule.or_insert(failure);
    }
    let driver = Driver {
        name: if collected.tool.is_empty() { "mcp-litmus" } else { &collected.tool },
        semantic_version: &collected.version,
        rules: rules.values().map(|failure| rule(failure)).collect(),
    };
    let log = Log {
        schema: SCHEMA,
        version: "2.1.0",
        runs: [Run {
            tool: Tool { driver },
            invocations: [invocation(collected)],
            column_kind: "unicodeCodePoints",
            results,
        }],
    };
    serde_json::to_writer_pretty(&mut *out, &log)?;
    out.write_all(b"\n")
}

fn invocation(collected: &Collected) -> Invocation {
    let partial = collected.is_partial();
    let interrupted = partial.then(|| Notification {
        level: "warning",
        message: text("the run was interrupted: what is reported is true, but not all was checked"),
    });
    let notes = collected.notes().into_iter().map(|note| Notification { level: "note", message: text(&note) });
    let absent = collected.not_reached().map(|(target, reason)| Notification {
        level: "error",
        message: text(&format!("{} was not reached: {reason}", target.label())),
    });
    let stale = collected.stale().map(|entry| Notification { level: "error", message: text(entry) });
    let tool_execution_notifications = interrupted.into_iter().chain(absent).chain(stale).chain(notes).collect();
    let execution_successful = !partial && collected.not_reached().next().is_none();
    Invocation { execution_successful, tool_execution_notifications }
}

fn rule(failure: &Failure) -> Rule {
    let result = failure.first;
    let level = failure.level();
    Rule {
        id: plain(&result.requirement),
        short_description: text(&result.statement),
        help: text(&format!("{level}: {} See {}", result.statement, result.spec)),
        help_uri: is_address(&result.spec).then(|| result.spec.clone()),
        default_configuration: Configuration {
            level: severity(failure.places.iter().any(|place| place.result.is_binding())),
        },
        properties: RuleProperties { tags: vec!["mcp".to_owned(), plain(result.id.area()), level.to_string()] },
    }
}

/// One for each check on each target; the runs in which it failed are told together.
fn findings(index: usize, failure: &Failure) -> Vec<Finding> {
    let mut checks: IndexMap<(String, String), Vec<&Place>> = IndexMap::new();
    for place in &failure.places {
        checks.entry((place.target.label(), place.result.id.to_string())).or_default().push(place);
    }
    checks.into_iter().filter_map(|((target, _), places)| finding(index, &target, &places)).collect()
}

fn finding(index: usize, target: &str, places: &[&Place]) -> Option<Finding> {
    let first = places.first()?;
    let runs: Vec<_> = places.iter().map(|place| plain(&place.run.label())).collect();
    let CheckResult { id, requirement, statement, rerun, .. } = first.result;
    let evidence = first.evidence;
    let message = format!(
        "{} Expected {}; got {} (in {}). Run just this check again: {}",
        plain(statement),
        plain(&evidence.expected),
        plain(&evidence.actual),
        runs.join(", "),
        plain(rerun)
    );
    let location = Location {
        physical_location: physical(evidence, id),
        logical_locations: [LogicalLocation { fully_qualified_name: plain(&id.to_string()), kind: "check" }],
    };
    let expected = first.result.expected.as_deref();
    let apart = if expected.is_some() { ", as expected" } else { "" };
    Some(Finding {
        rule_id: plain(requirement),
        rule_index: index,
        level: severity(places.iter().any(|place| place.result.is_binding())),
        message: Text { text: message },
        locations: [location],
        // The same check on the same target is the same finding, whatever was answered this time.
        partial_fingerprints: [("checkAndTarget/v1", plain(&format!("{id} on {target}{apart}")))].into_iter().collect(),
        suppressions: expected
            .map(|reason| [Suppression { kind: "external", status: "accepted", justification: plain(reason) }]),
        properties: FindingProperties { target: plain(target), runs, rerun: plain(rerun) },
    })
}

/// The step that asked, as a place in a file: code scanning refuses a result without one.
fn physical(evidence: &Evidence, id: &CheckId) -> PhysicalLocation {
    let (uri, start_line) = place_in_file(evidence, id);
    PhysicalLocation { artifact_location: ArtifactLocation { uri }, region: Region { start_line } }
}

/// The file of the step that asked, and the line in it.
pub(super) fn place_in_file(evidence: &Evidence, id: &CheckId) -> (String, usize) {
    let (file, line) = evidence.asked_at.rsplit_once(':').unwrap_or_default();
    let is_relative = !file.is_empty() && !file.starts_with('/') && file.chars().all(is_path);
    match line.parse() {
        Ok(line) if line > 0 && is_relative => (file.to_owned(), line),
        _ => (format!("scenarios/{}.yaml", id.scenario.replace(|c| !is_path(c), "_")), 1),
    }
}

fn is_address(text: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#[]@!$&'()*+,;=%".contains(c);
    text.starts_with("https://") && text.chars().all(is_allowed)
}

fn is_path(c: char) -> bool {
    c.is_ascii_alphanumeric() || "/._-".contains(c)
}

fn severity(binding: bool) -> &'static str {
    if binding { "error" } else { "warning" }
}

fn text(text: &str) -> Text {
    Text { text: plain(text) }
}
