//! What workers tell the supervisor. Plain data.

use serde::{Deserialize, Serialize};

use super::finding::Finding;
use super::oracle::Suspicion;

/// What a worker tells.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Report {
    /// How far it is.
    Progress(Progress),
    /// A finding, new to this worker.
    Found(Box<Finding>),
    /// The same cause so many times more.
    Again(String, u64),
    /// Something that was suspected once, and not seen again.
    Unreproduced(Box<Suspicion>),
    /// Something that the user should know.
    Note(String),
    /// It can do nothing any more; says why.
    Stuck(String),
    /// It has ended as it should.
    Done,
}

/// How far a worker is.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Progress {
    /// Inputs tried.
    pub executions: u64,
    /// Messages sent.
    pub messages: u64,
    /// Inputs in the corpus.
    pub corpus: usize,
    /// Behaviours and edges seen.
    pub features: usize,
    /// How often the target was started again, or a session opened anew.
    pub restarts: u64,
}
