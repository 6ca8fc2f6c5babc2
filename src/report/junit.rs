//! The JUnit report: a suite for each scenario in each run, a case for each check. Valid by `junit-10.xsd`, the schema that
//! the xUnit plugin of Jenkins publishes. Prints nothing that XML 1.0 forbids.

use std::io::{self, Write};

use indexmap::IndexMap;
use junit_report::{Duration, OffsetDateTime, Report, TestCase, TestCaseBuilder, TestSuite};
use time::format_description::well_known::Rfc3339;

use super::collected::{Collected, RunReport, TargetReport};
use super::text::plain;
use crate::outcome::{CheckResult, Evidence, Verdict};

/// Writes the report.
pub(super) fn write(collected: &Collected, out: &mut dyn Write) -> io::Result<()> {
    let mut report = Report::new();
    let several = collected.targets.len() > 1;
    for (target, run) in collected.runs() {
        report.add_testsuites(suites(target, run, several));
    }
    if collected.stale().next().is_some() {
        let mut suite = TestSuite::new("mcp-litmus baseline");
        suite.set_timestamp(started(collected.targets.first()));
        suite.add_testcases(
            collected.stale().map(|entry| TestCase::failure("baseline", Duration::ZERO, "stale", &plain(entry))),
        );
        report.add_testsuite(suite);
    }
    for (target, reason) in collected.not_reached() {
        let mut suite = TestSuite::new(&plain(&format!("{} mcp-litmus", target.label())));
        suite.set_timestamp(started(Some(target)));
        suite.add_testcase(TestCase::error("reached", Duration::ZERO, "not reached", &plain(reason)));
        report.add_testsuite(suite);
    }
    if collected.is_partial() {
        let mut suite = TestSuite::new("mcp-litmus");
        suite.set_timestamp(started(collected.targets.first()));
        let message = "the run was interrupted: what is reported is true, but not all was checked";
        suite.add_testcase(TestCase::error("complete", Duration::ZERO, "partial", message));
        report.add_testsuite(suite);
    }
    report.write_xml(&mut *out).map_err(io::Error::other)?;
    out.write_all(b"\n")
}

fn suites(target: &TargetReport, run: &RunReport, several: bool) -> impl Iterator<Item = TestSuite> {
    let mut scenarios: IndexMap<&str, Vec<&CheckResult>> = IndexMap::new();
    for result in &run.results {
        scenarios.entry(&result.id.scenario).or_default().push(result);
    }
    let of_target = if several { format!("{} ", plain(&target.label())) } else { String::new() };
    scenarios.into_iter().map(move |(scenario, results)| {
        let mut suite = TestSuite::new(&plain(&format!("{of_target}{} {scenario}", run.label())));
        suite.package = plain(&format!("{}.{}", run.info.revision, run.info.transport));
        suite.set_timestamp(started(Some(target)));
        let class = format!("{}.{}", suite.package, plain(&scenario.replace('/', ".")));
        suite.add_testcases(results.into_iter().map(|result| case(result, &class)));
        suite
    })
}

fn case(result: &CheckResult, class: &str) -> TestCase {
    let name = match &result.id.case {
        Some(case) => format!("{}[{case}]", result.requirement),
        None => result.requirement.clone(),
    };
    let (name, took) = (plain(&name), milliseconds(result.duration_ms));
    let mut case = match &result.verdict {
        Verdict::Pass => TestCaseBuilder::success(&name, took),
        // A tool that reads JUnit knows no better word for what is known and waits.
        Verdict::Fail { .. } if let Some(reason) = &result.expected => {
            TestCaseBuilder::skipped_with_cause(&name, "expected failure", &plain(reason))
        }
        Verdict::Fail { evidence } => {
            let message = format!("expected {}; got {}", evidence.expected, evidence.actual);
            let mut case = TestCaseBuilder::failure(&name, took, result.level.as_str(), &plain(&message));
            case.set_trace(&character_data(&story(result, evidence)));
            case
        }
        Verdict::Inconclusive { reason, blame } => {
            let mut case = TestCaseBuilder::error(&name, took, "inconclusive", &plain(reason));
            if let Some(blame) = blame {
                case.set_trace(&character_data(&format!("blame: {}", plain(&blame.to_string()))));
            }
            case
        }
        Verdict::Skipped { reason } => TestCaseBuilder::skipped_with_cause(&name, "skipped", &plain(reason)),
    };
    case.set_classname(class);
    case.build()
}

/// All that a person needs to understand a failure, as text of several lines.
fn story(result: &CheckResult, evidence: &Evidence) -> String {
    let mut lines = vec![
        plain(&result.statement),
        format!("expected: {}", plain(&evidence.expected)),
        format!("actual:   {}", plain(&evidence.actual)),
        format!("asked at: {}", plain(&evidence.asked_at)),
    ];
    lines.extend(evidence.excerpt.iter().map(|line| format!("    {}", plain(line))));
    lines.extend(evidence.witnesses.iter().map(|w| plain(&format!("also:     {}: {}", w.id, w.actual))));
    lines.push(format!("spec:     {}", plain(&result.spec)));
    lines.push(format!("rerun:    {}", plain(&result.rerun)));
    lines.join("\n")
}

/// Text for a CDATA section, which `]]>` would end.
fn character_data(text: &str) -> String {
    text.replace("]]>", "]]]]><![CDATA[>")
}

fn milliseconds(number: u64) -> Duration {
    Duration::milliseconds(i64::try_from(number).unwrap_or(i64::MAX))
}

/// When the target's run began; the format demands a time, so where none is known it is the beginning of 1970.
fn started(target: Option<&TargetReport>) -> OffsetDateTime {
    target
        .and_then(|target| OffsetDateTime::parse(target.started_at.as_deref()?, &Rfc3339).ok())
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}
