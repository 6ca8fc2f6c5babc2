//! Which requirements the checks prove: those on which some broken server is caught, and on nothing else. Runs none.

use std::collections::BTreeSet;

use super::{Plan, PlannedCheck, Selection};
use crate::protocol::Revision;
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
    /// Those that some unusual server is shown to pass, which a careless check would blame.
    pub spared: BTreeSet<&'static str>,
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
        let some = |check: &PlannedCheck, shows: &dyn Fn(&Broken) -> bool| {
            let scenario = &self.catalogue.scenarios()[check.scenario];
            let mut servers = self.servers[check.scenario].iter();
            servers.any(|server| shows(server) && server.makes_sense(scenario, revision, kind))
        };
        let mut all = Proved::default();
        for check in &plan.checks {
            let id = check.requirement.id.as_str();
            all.checked.insert(id);
            if some(check, &|server| server.fails == [id]) {
                all.proved.insert(id);
            }
            if some(check, &|server| server.passes.iter().any(|passed| passed == id)) {
                all.spared.insert(id);
            }
        }
        all
    }
}
