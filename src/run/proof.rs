//! Which requirements the checks prove: those of a check that some broken server is caught by, and by nothing else. Runs none.

use std::collections::BTreeSet;

use super::{Plan, Selection};
use crate::protocol::Revision;
use crate::scenario::{Broken, Catalogue, LoadError};
use crate::wire::TransportKind;

/// The broken servers of a catalogue. That each is caught for exactly what it says is for a test to show.
#[derive(Debug)]
pub struct Proofs<'a> {
    catalogue: &'a Catalogue,
    /// Those of each scenario, in the order of the catalogue.
    broken: Vec<Vec<Broken>>,
}

impl<'a> Proofs<'a> {
    /// Reads the broken servers.
    pub fn of(catalogue: &'a Catalogue) -> Result<Self, LoadError> {
        let broken = catalogue.scenarios().iter().map(|scenario| catalogue.broken(&scenario.id));
        Ok(Self { catalogue, broken: broken.collect::<Result<_, _>>()? })
    }

    /// The requirements that are proved in a revision over a transport.
    pub fn proved(&self, revision: Revision, kind: TransportKind) -> BTreeSet<&'static str> {
        let plan = Plan::new(self.catalogue, &Selection::default(), revision, kind);
        let is_proved = |scenario: usize, requirement: &str| {
            let caught = |broken: &Broken| {
                broken.fails == [requirement]
                    && broken.makes_sense(&self.catalogue.scenarios()[scenario], revision, kind)
            };
            self.broken[scenario].iter().any(caught)
        };
        let checks = plan.checks.iter().filter(|check| is_proved(check.scenario, &check.requirement.id));
        checks.map(|check| check.requirement.id.as_str()).collect()
    }
}
