//! The JSON report, whose form `schemas/report.schema.json` promises; and the way back to what it tells.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use super::collected::Collected;
use crate::outcome::{CheckId, CheckResult, Event, Evidence, Level, RunInfo, ServerInfo, Summary, TargetInfo, Verdict};

#[derive(Serialize)]
struct Document<'a> {
    tool: Tool<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'a TargetInfo>,
    started_at: Option<&'a str>,
    duration_ms: u64,
    partial: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    strict: bool,
    notes: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stale: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_reached: Vec<Unreached<'a>>,
    runs: Vec<Run<'a>>,
}

/// A target of which nothing could be checked.
#[derive(Serialize)]
struct Unreached<'a> {
    target: &'a TargetInfo,
    reason: &'a str,
}

#[derive(Serialize)]
struct Tool<'a> {
    name: &'a str,
    version: &'a str,
}

#[derive(Serialize)]
struct Run<'a> {
    revision: &'a str,
    transport: &'a str,
    server: &'a ServerInfo,
    target: &'a TargetInfo,
    results: Vec<Line<'a>>,
    summary: Summary,
}

#[derive(Serialize)]
struct Line<'a> {
    id: &'a CheckId,
    title: &'a str,
    requirement: &'a str,
    statement: &'a str,
    level: Level,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<&'a str>,
    reason: Option<&'a str>,
    blame: Option<&'a CheckId>,
    evidence: Option<&'a Evidence>,
    spec: &'a str,
    rerun: &'a str,
    duration_ms: u64,
}

/// Writes the report.
pub(super) fn write(collected: &Collected, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &document(collected))?;
    out.write_all(b"\n")
}

fn document(collected: &Collected) -> Document<'_> {
    let targets = &collected.targets;
    Document {
        tool: Tool { name: &collected.tool, version: &collected.version },
        target: if let [only] = &targets[..] { Some(&only.info) } else { None },
        started_at: targets.iter().filter_map(|target| target.started_at.as_deref()).min(),
        duration_ms: targets.iter().map(|target| target.duration_ms).sum(),
        partial: collected.is_partial(),
        strict: collected.strict,
        notes: targets.iter().flat_map(|target| &target.notes).map(String::as_str).collect(),
        stale: targets.iter().flat_map(|target| &target.stale).map(String::as_str).collect(),
        not_reached: targets
            .iter()
            .filter_map(|target| Some(Unreached { target: &target.info, reason: target.not_reached.as_deref()? }))
            .collect(),
        runs: collected
            .runs()
            .map(|(target, run)| Run {
                revision: &run.info.revision,
                transport: &run.info.transport,
                server: &run.info.server,
                target: &target.info,
                results: run.results.iter().map(line).collect(),
                summary: run.summary,
            })
            .collect(),
    }
}

fn line(result: &CheckResult) -> Line<'_> {
    let (reason, blame, evidence) = match &result.verdict {
        Verdict::Pass => (None, None, None),
        Verdict::Fail { evidence } => (Some(evidence.actual.as_str()), None, Some(evidence)),
        Verdict::Inconclusive { reason, blame } => (Some(reason.as_str()), blame.as_ref(), None),
        Verdict::Skipped { reason } => (Some(reason.as_str()), None, None),
    };
    Line {
        id: &result.id,
        title: &result.title,
        requirement: &result.requirement,
        statement: &result.statement,
        level: result.level,
        verdict: result.verdict.word(),
        expected: result.expected.as_deref(),
        reason,
        blame,
        evidence,
        spec: &result.spec,
        rerun: &result.rerun,
        duration_ms: result.duration_ms,
    }
}

#[derive(Deserialize)]
struct Saved {
    tool: SavedTool,
    started_at: Option<String>,
    duration_ms: u64,
    partial: bool,
    #[serde(default)]
    strict: bool,
    notes: Vec<String>,
    #[serde(default)]
    stale: Vec<String>,
    #[serde(default)]
    not_reached: Vec<SavedUnreached>,
    runs: Vec<SavedRun>,
    target: Option<TargetInfo>,
}

#[derive(Deserialize)]
struct SavedUnreached {
    target: TargetInfo,
    reason: String,
}

#[derive(Deserialize)]
struct SavedTool {
    name: String,
    version: String,
}

#[derive(Deserialize)]
struct SavedRun {
    revision: String,
    transport: String,
    server: ServerInfo,
    target: TargetInfo,
    results: Vec<CheckResult>,
    summary: Summary,
}

/// Whether a file holds a report rather than lines of events.
pub(super) fn looks_like_report(bytes: &[u8]) -> bool {
    let first = bytes.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii).find(|line| !line.is_empty());
    match first.map(serde_json::from_slice::<serde_json::Value>) {
        Some(Ok(value)) => value.get("runs").is_some(),
        Some(Err(_)) => serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok(),
        None => false,
    }
}

/// Reads a report. What belongs to no run (notes, times) goes to its first target.
pub(super) fn read(bytes: &[u8]) -> Result<Collected, Box<dyn std::error::Error>> {
    let saved: Saved = serde_json::from_slice(bytes)?;
    let started = |target: &TargetInfo| Event::Started {
        tool: saved.tool.name.clone(),
        version: saved.tool.version.clone(),
        target: target.clone(),
        started_at: saved.started_at.clone(),
        strict: saved.strict,
    };
    let finished = |duration_ms, notes, stale| Event::Finished {
        partial: saved.partial,
        not_reached: None,
        duration_ms,
        notes,
        stale,
    };
    let mut collected = Collected::default();
    if let Some(target) = saved.target.as_ref().or(saved.runs.first().map(|run| &run.target)) {
        collected.add(&started(target))?;
        collected.add(&finished(saved.duration_ms, saved.notes.clone(), saved.stale.clone()))?;
    }
    for run in saved.runs {
        let SavedRun { revision, transport, server, target, results, summary } = run;
        let info = RunInfo { revision, transport, server };
        collected.add(&started(&target))?;
        collected.add(&Event::RunStarted { run: info.clone(), checks: results.len() })?;
        for result in results {
            collected.add(&Event::Check { result: Box::new(result) })?;
        }
        collected.add(&Event::RunFinished { run: info, summary })?;
        collected.add(&finished(0, Vec::new(), Vec::new()))?;
    }
    for SavedUnreached { target, reason } in saved.not_reached {
        collected.add(&started(&target))?;
        let (notes, stale) = (Vec::new(), Vec::new());
        collected.add(&Event::Finished { partial: false, not_reached: Some(reason), duration_ms: 0, notes, stale })?;
    }
    Ok(collected)
}
