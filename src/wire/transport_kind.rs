//! The names of the ways on which messages travel.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Which transport a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TransportKind {
    /// Lines on standard input and output (and servers in memory).
    Stdio,
    /// Streamable HTTP.
    Http,
    /// HTTP+SSE of 2024-11-05.
    Sse,
}

impl TransportKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Stdio, Self::Http, Self::Sse];

    /// The word used in files and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stdio => "stdio",
            Self::Http => "http",
            Self::Sse => "sse",
        }
    }
}

impl fmt::Display for TransportKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
