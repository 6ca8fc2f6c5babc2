//! Which sorts of requests the target does not answer: they are not waited for again and again.

use std::collections::HashMap;

use crate::fuzz::assess::Worth;
use crate::fuzz::feedback::known;
use crate::fuzz::script::Ask;
use crate::protocol::Revision;

/// How often classes of requests got no answer in their grace.
#[derive(Default)]
pub(in crate::fuzz) struct Silence {
    times: HashMap<String, u32>,
}

/// How often a class of requests may make the harness wait in vain.
const SILENCES: u32 = 3;
/// Classes that are remembered: a prompt may be asked for by any name.
const CLASSES: usize = 10_000;

impl Silence {
    /// Whether a request is of a class that is not worth waiting for any more.
    pub(super) fn is_expected(&self, revision: Revision, ask: &Ask) -> bool {
        self.times.get(&class(revision, ask)).is_some_and(|times| *times >= SILENCES)
    }

    /// Notes that a request was waited for in vain.
    pub(super) fn note(&mut self, revision: Revision, ask: &Ask) {
        if self.times.len() < CLASSES {
            *self.times.entry(class(revision, ask)).or_default() += 1;
        }
    }
}

/// What kind of request it is, as far as silence goes. Of those that are wrong there are as many kinds as inputs: they are told apart
/// by their methods alone, as far as the revision knows them.
fn class(revision: Revision, ask: &Ask) -> String {
    let method = known(revision, &ask.method);
    match &ask.name {
        Some(name) if ask.worth == Worth::Sound => format!("{method} {name}"),
        _ => format!("{method} {}", ask.worth == Worth::Sound),
    }
}
