//! The frozen sets of requirements that certificates stand for, one for each revision. Data only; judges nothing.

use serde::Deserialize;

use super::Revision;
use crate::outcome::Level;
use crate::source::{Document, Source};

/// What a certificate of one revision stands for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequirementSet {
    /// The revision.
    pub revision: Revision,
    /// Which set of this revision it is, from 1. A set that was published is never changed: the next one has the next number.
    pub version: u32,
    /// The requirements, in the order of their ids.
    pub requirements: Vec<SetEntry>,
}

/// One requirement of a set.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetEntry {
    /// Its id.
    pub id: String,
    /// How strongly it binds, whatever the catalogue says by now.
    pub level: Level,
}

/// Every set that was ever frozen: revision, version and SHA-256 of its file, one to a line.
const FROZEN: &str = include_str!("../../schemas/certificates/frozen.txt");

impl RequirementSet {
    /// The file with the set of a revision, as it is frozen.
    pub fn file(revision: Revision) -> &'static str {
        match revision {
            Revision::V2024_11_05 => include_str!("../../schemas/certificates/2024-11-05.yaml"),
            Revision::V2025_03_26 => include_str!("../../schemas/certificates/2025-03-26.yaml"),
            Revision::V2025_06_18 => include_str!("../../schemas/certificates/2025-06-18.yaml"),
            Revision::V2025_11_25 => include_str!("../../schemas/certificates/2025-11-25.yaml"),
            Revision::V2026_07_28 => include_str!("../../schemas/certificates/2026-07-28.yaml"),
        }
    }

    /// The set of a revision.
    pub fn of(revision: Revision) -> Self {
        Self::read(Self::file(revision)).expect("a test reads every set")
    }

    /// Reads the file of a set, which may be that of another version of this tool. Says what is wrong with it.
    pub fn read(text: &str) -> Result<Self, String> {
        let document = Document::read(&Source::new("requirements.yaml", text.to_owned()));
        let document = document.map_err(|mistake| mistake.render(false))?;
        serde_json::from_value(document.root.to_value()).map_err(|error| error.to_string())
    }

    /// The SHA-256 of the file of a set that this version of the tool knows, in hexadecimal.
    pub fn frozen(revision: Revision, version: u32) -> Option<&'static str> {
        let wanted = format!("{revision} {version} ");
        FROZEN.lines().find_map(|line| line.strip_prefix(&wanted))
    }
}
