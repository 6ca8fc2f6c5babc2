//! Which requirements the checks prove: those on which some broken server is caught, and on nothing else. Runs none.

use std::collections::BTreeSet;

use super::{Plan, PlannedCheck, Selection};
use crate::protocol::{Era, Revision};
use crate::scenario::{Broken, Catalogue, LoadError};
use crate::wire::TransportKind;

/// The servers that stand beside the scenarios of a catalogue. That each fares as its file says is for a test to show.
#[derive(Debug)]
pub struct Proofs<'a> {
    catalogue: &'a Catalogue,
    /// Those of each scenario, in the order of the catalogue.
    servers: Vec<Vec<Broken>>,
}

/// Ids of requirements, in one revision over one transport.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Proved {
    /// Those that have a check.
    pub checked: BTreeSet<&'static str>,
    /// Those of them on which some broken server is caught, and on nothing else.
    pub proved: BTreeSet<&'static str>,
}

impl<'a> Proofs<'a> {
    /// Reads the servers.
    pub fn of(catalogue: &'a Catalogue) -> Result<Self, LoadError> {
        let servers = catalogue.scenarios().iter().map(|scenario| catalogue.broken(&scenario.id));
        Ok(Self { catalogue, servers: servers.collect::<Result<_, _>>()? })
    }

    /// What is proved in a revision over a transport.
    pub fn over(&self, revision: Revision, kind: TransportKind) -> Proved {
        let plan = Plan::new(self.catalogue, &Selection::default(), revision, kind);
        let is_caught = |check: &PlannedCheck| {
            let scenario = &self.catalogue.scenarios()[check.scenario];
            let mut servers = self.servers[check.scenario].iter();
            let alone = [check.requirement.id.as_str()];
            servers.any(|server| server.fails == alone && server.makes_sense(scenario, revision, kind))
        };
        let mut all = Proved::default();
        for check in &plan.checks {
            let id = check.requirement.id.as_str();
            all.checked.insert(id);
            if is_caught(check) {
                all.proved.insert(id);
            }
        }
        all
    }

    /// The requirements by which some server that is unusual, and which a careless check would blame, is shown not to be
    /// blamed in some revision of the era.
    pub fn spared(&self, era: Era) -> BTreeSet<&str> {
        let revisions = || Revision::ALL.into_iter().filter(move |revision| revision.era() == era);
        let mut spared = BTreeSet::new();
        for (scenario, servers) in self.catalogue.scenarios().iter().zip(&self.servers) {
            let exists = |server: &&Broken| {
                revisions()
                    .any(|one| TransportKind::ALL.into_iter().any(|kind| server.makes_sense(scenario, one, kind)))
            };
            let unusual =
                servers.iter().filter(exists).flat_map(|server| server.passes.iter().chain(&server.leaves_open));
            spared.extend(unusual.map(String::as_str));
        }
        spared
    }
}
