//! From the verdicts on checks to one outcome for each requirement of a set, and the grade. Never says more than was seen.

use std::fmt;

use indexmap::IndexMap;

use crate::outcome::{CheckResult, Level, Verdict};

/// What became of one requirement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Every check that was made of it passed.
    Passed,
    /// Some check failed.
    Failed,
    /// No check failed, but some could not be judged; says why.
    Inconclusive(String),
    /// Nothing was there to exercise it on; says what was missing.
    NotExercised(String),
}

/// How far a server conforms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// It does not.
    None,
    /// Whatever MUST be and could be exercised is so.
    Conformant,
    /// So is whatever SHOULD be.
    Strict,
}

/// The outcomes of a whole set, in its order, with the levels of the set.
pub type Outcomes = IndexMap<String, (Level, Outcome)>;

/// Folds results by the requirements of a set.
pub fn outcomes<'a>(set: impl IntoIterator<Item = (&'a str, Level)>, results: &[CheckResult]) -> Outcomes {
    set.into_iter()
        .map(|(id, level)| {
            let mine = results.iter().filter(|result| result.requirement == id);
            (id.to_owned(), (level, outcome(mine)))
        })
        .collect()
}

impl Grade {
    /// The grade that these outcomes earn. A server of which no binding requirement was seen to hold earns none.
    pub fn of(outcomes: &Outcomes) -> Self {
        let spoilt = |binding: bool| {
            let mut levels = outcomes.values().filter(|(level, _)| level.is_binding() == binding);
            levels.any(|(_, outcome)| matches!(outcome, Outcome::Failed | Outcome::Inconclusive(_)))
        };
        let seen = outcomes.values().any(|(level, outcome)| level.is_binding() && *outcome == Outcome::Passed);
        match (seen && !spoilt(true), spoilt(false)) {
            (false, _) => Self::None,
            (true, true) => Self::Conformant,
            (true, false) => Self::Strict,
        }
    }

    /// The word for it in certificates.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Conformant => "conformant",
            Self::Strict => "strict",
        }
    }
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn outcome<'a>(results: impl Iterator<Item = &'a CheckResult>) -> Outcome {
    let worst = results.max_by_key(|result| result.verdict.rank());
    match worst.map(|result| &result.verdict) {
        Some(Verdict::Pass) => Outcome::Passed,
        Some(Verdict::Fail { .. }) => Outcome::Failed,
        Some(Verdict::Inconclusive { reason, .. }) => Outcome::Inconclusive(reason.clone()),
        Some(Verdict::Skipped { reason }) => Outcome::NotExercised(reason.clone()),
        None => Outcome::NotExercised("no check of it applies to this transport".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{CheckId, Evidence};

    fn result(requirement: &str, verdict: Verdict) -> CheckResult {
        CheckResult {
            id: CheckId::new("a/b", requirement, None),
            title: String::new(),
            requirement: requirement.to_owned(),
            statement: String::new(),
            level: Level::Must,
            verdict,
            spec: String::new(),
            rerun: String::new(),
            expected: None,
            duration_ms: 0,
        }
    }

    fn graded(must: &[Verdict], should: &[Verdict]) -> Grade {
        let of = |id: &str, verdicts: &[Verdict]| verdicts.iter().map(|v| result(id, v.clone())).collect::<Vec<_>>();
        let results = [of("m", must), of("s", should)].concat();
        Grade::of(&outcomes([("m", Level::Must), ("s", Level::Should)], &results))
    }

    #[test]
    fn the_worst_that_was_seen_counts() {
        let fail = || Verdict::Fail { evidence: Evidence::default() };
        let unsure = || Verdict::Inconclusive { reason: "x".to_owned(), blame: None };
        let skipped = || Verdict::Skipped { reason: "y".to_owned() };
        assert_eq!(graded(&[Verdict::Pass, skipped()], &[Verdict::Pass]), Grade::Strict);
        assert_eq!(graded(&[Verdict::Pass], &[skipped()]), Grade::Strict);
        assert_eq!(graded(&[Verdict::Pass], &[Verdict::Pass, fail()]), Grade::Conformant);
        assert_eq!(graded(&[Verdict::Pass], &[unsure()]), Grade::Conformant);
        assert_eq!(graded(&[Verdict::Pass, fail()], &[]), Grade::None);
        assert_eq!(graded(&[Verdict::Pass, unsure()], &[]), Grade::None);
        assert_eq!(graded(&[skipped()], &[Verdict::Pass]), Grade::None);
        assert_eq!(graded(&[], &[]), Grade::None);
    }
}
