//! Which checks a revision over a transport has, in the order in which they are reported. Asks no target.

use super::Selection;
use crate::outcome::CheckId;
use crate::protocol::{Requirement, Revision};
use crate::scenario::{Body, Catalogue, Scenario, Step, StepKind};
use crate::wire::TransportKind;

/// All that one revision over one transport is checked for.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The revision.
    pub revision: Revision,
    /// The transport.
    pub kind: TransportKind,
    /// The checks, those of one scenario and case together; watchers last.
    pub checks: Vec<PlannedCheck>,
}

/// One check of a plan.
#[derive(Debug, Clone)]
pub struct PlannedCheck {
    /// Its id.
    pub id: CheckId,
    /// Its scenario's position in the catalogue.
    pub scenario: usize,
    /// Its requirement.
    pub requirement: &'static Requirement,
}

impl Plan {
    /// The checks of a catalogue that hold in a revision over a transport and are wanted.
    pub fn new(catalogue: &Catalogue, selection: &Selection, revision: Revision, kind: TransportKind) -> Self {
        let mut checks: Vec<_> = (catalogue.scenarios().iter().enumerate())
            .filter(|(_, scenario)| is_for(scenario, revision, kind))
            .filter(|(index, scenario)| scenario.is_watcher() || selection.holds(*index))
            .flat_map(|(index, scenario)| checks_of(scenario, index))
            .filter(|check| check.requirement.applies(revision, kind) && selection.wants(&check.id))
            .collect();
        checks.sort_by_key(|check| catalogue.scenarios()[check.scenario].is_watcher());
        Self { revision, kind, checks }
    }
}

/// Every check of a scenario, whatever the revision.
pub fn checks_of(scenario: &Scenario, index: usize) -> Vec<PlannedCheck> {
    let cases: Vec<Option<&str>> = if scenario.cases.is_empty() {
        vec![None]
    } else {
        scenario.cases.keys().map(|name| Some(name.as_str())).collect()
    };
    let mut checks = Vec::new();
    for case in cases {
        for requirement in proves(scenario) {
            // The loader has checked that every id is in the catalogue.
            let Some(entry) = Requirement::find(requirement) else { continue };
            let id = CheckId::new(&scenario.id, requirement, case);
            checks.push(PlannedCheck { id, scenario: index, requirement: entry });
        }
    }
    checks
}

/// The requirements that a scenario proves, each once, in the order of the file.
pub fn proves(scenario: &Scenario) -> Vec<&str> {
    let all: Vec<&str> = match &scenario.body {
        Body::Steps(steps) => steps.iter().filter_map(step_proves).collect(),
        Body::Probe { proves, .. } | Body::Invariant { proves, .. } => proves.iter().map(String::as_str).collect(),
        Body::Always(watches) => watches.iter().map(|watch| watch.proves.as_str()).collect(),
    };
    let mut once: Vec<&str> = Vec::new();
    for requirement in all {
        if !once.contains(&requirement) {
            once.push(requirement);
        }
    }
    once
}

fn step_proves(step: &Step) -> Option<&str> {
    match &step.kind {
        StepKind::Expect(expect) => expect.proves.as_deref(),
        StepKind::Alive(alive) => alive.proves.as_deref(),
        _ => None,
    }
}

fn is_for(scenario: &Scenario, revision: Revision, kind: TransportKind) -> bool {
    scenario.since.is_none_or(|since| since <= revision)
        && scenario.until.is_none_or(|until| revision <= until)
        && scenario.transports.as_ref().is_none_or(|kinds| kinds.contains(&kind))
}
