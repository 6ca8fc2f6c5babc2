//! What became of one check. A verdict is a result, never an error.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::CheckId;

/// How strongly a requirement binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Level {
    /// Must be so.
    #[serde(rename = "MUST")]
    Must,
    /// Must not be so.
    #[serde(rename = "MUST NOT")]
    MustNot,
    /// Should be so.
    #[serde(rename = "SHOULD")]
    Should,
    /// Should not be so.
    #[serde(rename = "SHOULD NOT")]
    ShouldNot,
    /// May be so: what has to be tolerated.
    #[serde(rename = "MAY")]
    May,
    /// Not in the specification, but every user expects it: do not die, do not hang.
    #[serde(rename = "HOUSE")]
    House,
}

impl Level {
    /// Whether a failure at this level means that the target does not conform (MUST, MUST NOT, HOUSE).
    pub fn is_binding(self) -> bool {
        matches!(self, Self::Must | Self::MustNot | Self::House)
    }

    /// Whether a failure at this level makes a run fail; `strict`: those of SHOULD do so too.
    pub fn counts(self, strict: bool) -> bool {
        self.is_binding() || strict && self != Self::May
    }

    /// The level as the specification writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Must => "MUST",
            Self::MustNot => "MUST NOT",
            Self::Should => "SHOULD",
            Self::ShouldNot => "SHOULD NOT",
            Self::May => "MAY",
            Self::House => "HOUSE",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What became of one check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "lowercase")]
pub enum Verdict {
    /// The target did what the requirement asks.
    Pass,
    /// The target did not.
    Fail {
        /// What was expected and what came instead.
        evidence: Evidence,
    },
    /// Could not be judged, because something else failed first.
    Inconclusive {
        /// What stood in the way, one sentence.
        reason: String,
        /// The check to blame, where one is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        blame: Option<CheckId>,
    },
    /// Not applicable, or the target offers nothing to exercise it on.
    Skipped {
        /// Which of the two, and what was missing.
        reason: String,
    },
}

impl Verdict {
    /// The word used in reports.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail { .. } => "fail",
            Self::Inconclusive { .. } => "inconclusive",
            Self::Skipped { .. } => "skipped",
        }
    }

    /// Order of badness, for folding several verdicts on one check into one: fail, inconclusive, pass, skipped.
    pub fn rank(&self) -> u8 {
        match self {
            Self::Fail { .. } => 3,
            Self::Inconclusive { .. } => 2,
            Self::Pass => 1,
            Self::Skipped { .. } => 0,
        }
    }
}

/// What a failed check saw.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Evidence {
    /// What the requirement asks for, in one line.
    pub expected: String,
    /// What was there instead, in one line.
    pub actual: String,
    /// Where it was asked: the step of the scenario, `scenarios/errors/unknown-method.yaml:9`.
    pub asked_at: String,
    /// The lines of the transcript that show it, oldest first: `→` sent, `←` received, `·` happened.
    pub excerpt: Vec<String>,
    /// Other places where the same requirement failed in the same way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub witnesses: Vec<Witness>,
}

/// One more place where a requirement failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Witness {
    /// The check that saw it.
    pub id: CheckId,
    /// What was there, in one line.
    pub actual: String,
}
