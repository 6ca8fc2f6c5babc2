//! Findings as verdicts, for the reports that `run` has. Judges nothing.

use super::tally::Tally;
use crate::cli::exit::Stop;
use crate::cli::outlets::Outlets;
use crate::fuzz::{Oracle, Suspicion, WorkPlan};
use crate::outcome::{CheckId, CheckResult, Event, Evidence, Level, RunInfo, Summary, Verdict};
use crate::protocol::Requirement;
use crate::run::{Offered, Settings};
use crate::wire::TransportKind;

/// Reports findings as failed checks, and what found nothing as passed ones.
pub(super) fn report(
    tally: &Tally,
    settings: &Settings,
    offered: &Offered,
    mut outlets: Outlets,
    partial: bool,
) -> Result<(), Stop> {
    let plan = &tally.plan;
    let mut results: Vec<CheckResult> = Vec::new();
    for &oracle in &plan.oracles {
        if !is_at_work(oracle, plan.kind()) {
            continue;
        }
        let mine: Vec<_> = tally.found.values().filter(|(finding, _)| finding.suspicion.oracle == oracle).collect();
        if mine.is_empty() {
            results.extend(result(oracle, oracle.requirement(), None, plan, Verdict::Pass));
        }
        for (finding, times) in mine {
            let Suspicion { requirement, expected, actual, subject, .. } = &finding.suspicion;
            let about = if subject.is_empty() { String::new() } else { format!("{subject}: ") };
            let times = if *times > 1 { format!(" ({times} times)") } else { String::new() };
            let file = plan.out.join(format!("{}.yaml", finding.suspicion.name()));
            let evidence = Evidence {
                expected: expected.clone(),
                actual: format!("{about}{actual}{times}"),
                asked_at: file.display().to_string(),
                excerpt: read_excerpt(&file),
                witnesses: Vec::new(),
            };
            results.extend(result(oracle, requirement, Some(&finding.suspicion), plan, Verdict::Fail { evidence }));
        }
    }
    let run = RunInfo {
        revision: plan.revision.to_string(),
        transport: plan.kind().to_string(),
        server: offered.server.clone(),
    };
    let mut summary = Summary::default();
    for result in &results {
        summary.add(&result.verdict);
    }
    let mut events = vec![settings.started(), Event::RunStarted { run: run.clone(), checks: results.len() }];
    events.extend(results.into_iter().map(|result| Event::Check { result: Box::new(result) }));
    events.push(Event::RunFinished { run, summary });
    let duration_ms = u64::try_from(tally.began.elapsed().as_millis()).unwrap_or(u64::MAX);
    events.push(Event::Finished {
        partial,
        duration_ms,
        notes: tally.last_notes(),
        stale: Vec::new(),
        not_reached: None,
    });
    for mut event in events {
        event.each_text(&mut |text| *text = settings.secrets.redacted(text));
        outlets.event(&event);
    }
    outlets.finish()
}

/// The lines of the transcript as the file tells them, so that a finding of another worker's has them too.
fn read_excerpt(file: &std::path::Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let lines = text.lines().skip_while(|line| *line != "# transcript:").skip(1);
    lines.map_while(|line| line.strip_prefix("#   ")).map(str::to_owned).collect()
}

fn is_at_work(oracle: Oracle, kind: TransportKind) -> bool {
    match oracle {
        Oracle::Noise | Oracle::Resources => kind == TransportKind::Stdio,
        Oracle::SessionMixup => kind == TransportKind::Http,
        _ => true,
    }
}

fn result(
    oracle: Oracle,
    requirement: &str,
    suspicion: Option<&Suspicion>,
    plan: &WorkPlan,
    verdict: Verdict,
) -> Option<CheckResult> {
    let entry = Requirement::find(requirement)?;
    let name = suspicion.map(Suspicion::name);
    let case = name.as_deref().and_then(|name| name.rsplit('-').next());
    let words = plan.words.join(" ");
    Some(CheckResult {
        id: CheckId::new(format!("fuzz/{oracle}"), requirement, case),
        title: oracle.title().to_owned(),
        requirement: requirement.to_owned(),
        statement: entry.statement.clone(),
        level: if suspicion.is_some() && !entry.effective_level().is_binding() {
            Level::House
        } else {
            entry.effective_level()
        },
        verdict,
        expected: None,
        spec: entry.page(plan.revision),
        rerun: match &name {
            Some(name) => format!("mcp-litmus replay {} {words}", plan.out.join(format!("{name}.yaml")).display()),
            None => format!("mcp-litmus fuzz --oracle {oracle} --seed {} {words}", plan.seed),
        },
        duration_ms: 0,
    })
}
