//! What kind of built-in server is wanted. Data only.

use std::time::Duration;

use crate::protocol::{Era, Revision};

use super::quirk::Quirk;

/// What the built-in server offers, and under which name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The revisions it speaks, oldest first.
    pub revisions: Vec<Revision>,
    /// What it offers.
    pub features: Features,
    /// Its name in `serverInfo`.
    pub name: String,
    /// Its version in `serverInfo`.
    pub version: String,
    /// Whether it lists tasks. It could not where nothing tells one requestor from another; here a session does.
    pub lists_tasks: bool,
    /// The bearer token that it wants over HTTP; absent where anybody may come.
    pub token: Option<String>,
    /// How long the client may take to reply to a request (in memory: for ever).
    pub patience: Duration,
    /// Named misbehaviours.
    pub quirks: Vec<Quirk>,
}

/// How much the built-in server offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Features {
    /// All that the revision knows.
    #[default]
    All,
    /// One tool, `add`, and nothing else.
    ToolsOnly,
    /// Nothing.
    Nothing,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            revisions: Revision::ALL.to_vec(),
            features: Features::All,
            name: "litmus-mock".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            lists_tasks: true,
            token: None,
            patience: Duration::from_secs(30),
            quirks: Vec::new(),
        }
    }
}

impl Options {
    /// Whether it has this quirk.
    pub(super) fn has(&self, quirk: Quirk) -> bool {
        self.quirks.contains(&quirk)
    }

    /// Whether it offers everything.
    pub(super) fn offers_all(&self) -> bool {
        self.features == Features::All
    }

    /// Whether it speaks this revision.
    pub(super) fn speaks(&self, revision: Revision) -> bool {
        self.revisions.contains(&revision)
    }

    /// The newest revision of an era that it speaks.
    pub(super) fn newest(&self, era: Era) -> Option<Revision> {
        self.revisions.iter().copied().filter(|revision| revision.era() == era).max()
    }

    /// The names of all revisions that it speaks, newest first.
    pub(super) fn revision_names(&self) -> Vec<&'static str> {
        let mut revisions = self.revisions.clone();
        revisions.sort_unstable_by(|a, b| b.cmp(a));
        revisions.into_iter().map(Revision::as_str).collect()
    }
}
