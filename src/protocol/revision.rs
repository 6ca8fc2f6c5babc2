//! The revisions of the protocol, oldest first.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A dated revision of MCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Revision {
    /// The first one; HTTP+SSE.
    #[serde(rename = "2024-11-05")]
    V2024_11_05,
    /// Streamable HTTP, batches.
    #[serde(rename = "2025-03-26")]
    V2025_03_26,
    /// No batches any more; structured output, elicitation.
    #[serde(rename = "2025-06-18")]
    V2025_06_18,
    /// Tasks, icons, URL elicitation.
    #[serde(rename = "2025-11-25")]
    V2025_11_25,
    /// Stateless: no handshake, metadata on every request.
    #[serde(rename = "2026-07-28")]
    V2026_07_28,
}

/// How a conversation is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Era {
    /// `initialize` opens a session (through 2025-11-25).
    Handshake,
    /// Every request stands alone (2026-07-28).
    Stateless,
}

impl Revision {
    /// Every revision, oldest first.
    pub const ALL: [Self; 5] =
        [Self::V2024_11_05, Self::V2025_03_26, Self::V2025_06_18, Self::V2025_11_25, Self::V2026_07_28];

    /// The newest revision of the handshake era.
    pub const LATEST_HANDSHAKE: Self = Self::V2025_11_25;

    /// How a conversation in this revision is opened.
    pub fn era(self) -> Era {
        if self == Self::V2026_07_28 { Era::Stateless } else { Era::Handshake }
    }

    /// The date that names it, as it stands on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V2024_11_05 => "2024-11-05",
            Self::V2025_03_26 => "2025-03-26",
            Self::V2025_06_18 => "2025-06-18",
            Self::V2025_11_25 => "2025-11-25",
            Self::V2026_07_28 => "2026-07-28",
        }
    }

    /// The cursor of the page after this one. An empty one is a cursor like any other from 2026-07-28 on; before, pages leave
    /// open what it means, and to follow it would begin the list again.
    pub fn next_cursor(self, page: &Value) -> Option<&str> {
        let cursor = page.get("nextCursor")?.as_str()?;
        (!cursor.is_empty() || self.era() == Era::Stateless).then_some(cursor)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no revision.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no revision of MCP (known: 2024-11-05, 2025-03-26, 2025-06-18, 2025-11-25, 2026-07-28)")]
pub struct UnknownRevision(String);

impl FromStr for Revision {
    type Err = UnknownRevision;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|r| r.as_str() == text).ok_or_else(|| UnknownRevision(text.to_owned()))
    }
}
