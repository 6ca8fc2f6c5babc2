//! The id of a check: `area/scenario#requirement.id[case]`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One check: a scenario, the requirement that it proves, and the case where the scenario has a table of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct CheckId {
    /// `area/name`.
    pub scenario: String,
    /// Id of the requirement.
    pub requirement: String,
    /// Name of the case.
    pub case: Option<String>,
}

impl CheckId {
    /// Puts an id together.
    pub fn new(scenario: impl Into<String>, requirement: impl Into<String>, case: Option<&str>) -> Self {
        Self { scenario: scenario.into(), requirement: requirement.into(), case: case.map(str::to_owned) }
    }

    /// The folder of the scenario.
    pub fn area(&self) -> &str {
        self.scenario.split('/').next().unwrap_or_default()
    }
}

impl fmt::Display for CheckId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.scenario, self.requirement)?;
        match &self.case {
            Some(case) => write!(f, "[{case}]"),
            None => Ok(()),
        }
    }
}

/// A text that is no check id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no check id (expected `area/scenario#requirement.id` or `area/scenario#requirement.id[case]`)")]
pub struct CheckIdError(String);

impl FromStr for CheckId {
    type Err = CheckIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fault = || CheckIdError(text.to_owned());
        let (scenario, rest) = text.split_once('#').ok_or_else(fault)?;
        let (requirement, case) = match rest.split_once('[') {
            Some((requirement, case)) => (requirement, Some(case.strip_suffix(']').ok_or_else(fault)?)),
            None => (rest, None),
        };
        if scenario.split('/').count() != 2 || requirement.is_empty() {
            return Err(fault());
        }
        Ok(Self::new(scenario, requirement, case))
    }
}

impl From<CheckId> for String {
    fn from(id: CheckId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for CheckId {
    type Error = CheckIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for text in ["errors/unknown-method#jsonrpc.error.method-not-found", "a/b#c.d[plain]"] {
            assert_eq!(text.parse::<CheckId>().map(|id| id.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "a#b", "a/b", "a/b#c[", "a/b/c#d"] {
            assert!(text.parse::<CheckId>().is_err(), "{text}");
        }
    }
}
