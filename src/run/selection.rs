//! Which checks are wanted: patterns over check ids, scenarios, areas and requirements. Knows no target.

use std::collections::BTreeSet;

use globset::{Glob, GlobBuilder, GlobMatcher};

use crate::outcome::CheckId;

/// Patterns of checks to run, and of checks to leave out.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    select: Vec<Pattern>,
    skip: Vec<Pattern>,
    /// Only checks of these requirements.
    requirements: Option<BTreeSet<String>>,
}

/// One pattern: an area (`errors`), a scenario (`errors/unknown-method`), a requirement (`jsonrpc.error.*`), or a check id;
/// each may hold `*` and `?`.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    text: String,
    matcher: GlobMatcher,
}

/// A text that is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{pattern}` is no pattern: {reason}")]
pub struct PatternError {
    pattern: String,
    reason: String,
}

impl Selection {
    /// Reads the patterns. Without any to select, everything is selected.
    pub fn new(select: &[String], skip: &[String]) -> Result<Self, PatternError> {
        let read = |texts: &[String]| texts.iter().map(|text| Pattern::read(text)).collect::<Result<Vec<_>, _>>();
        Ok(Self { select: read(select)?, skip: read(skip)?, requirements: None })
    }

    /// All checks of these requirements, and no others.
    pub fn of_requirements(ids: impl IntoIterator<Item = String>) -> Self {
        Self { requirements: Some(ids.into_iter().collect()), ..Self::default() }
    }

    /// Whether a check is wanted.
    pub fn wants(&self, id: &CheckId) -> bool {
        let selected = self.select.is_empty() || self.select.iter().any(|pattern| pattern.fits(id));
        let asked_for = self.requirements.as_ref().is_none_or(|ids| ids.contains(&id.requirement));
        asked_for && selected && !self.skip.iter().any(|pattern| pattern.fits(id))
    }

    /// The patterns that fit none of these checks: mistakes, most likely.
    pub fn idle<'a>(&'a self, ids: &[CheckId]) -> Vec<&'a str> {
        let idle = |pattern: &&Pattern| !ids.iter().any(|id| pattern.fits(id));
        self.select.iter().chain(&self.skip).filter(idle).map(|pattern| pattern.text.as_str()).collect()
    }
}

impl Pattern {
    pub(super) fn read(text: &str) -> Result<Self, PatternError> {
        let fault = |e: globset::Error| PatternError { pattern: text.to_owned(), reason: e.kind().to_string() };
        // The case of a check stands in brackets, which a glob would take as a set of characters.
        let literal = text.replace('[', "\\[").replace(']', "\\]");
        let glob: Glob =
            GlobBuilder::new(&literal).backslash_escape(true).literal_separator(false).build().map_err(fault)?;
        Ok(Self { text: text.to_owned(), matcher: glob.compile_matcher() })
    }

    pub(super) fn fits(&self, id: &CheckId) -> bool {
        let without_case = format!("{}#{}", id.scenario, id.requirement);
        [id.area(), &id.scenario, &id.requirement, &without_case, &id.to_string()]
            .into_iter()
            .any(|text| self.matcher.is_match(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str) -> bool {
        let id = "errors/unknown-method#jsonrpc.error.method-not-found[plain]".parse().expect("a check id");
        Selection::new(&[pattern.to_owned()], &[]).expect("a pattern").wants(&id)
    }

    #[test]
    fn a_pattern_fits_at_every_level() {
        for pattern in [
            "errors",
            "errors/*",
            "errors/unknown-method",
            "jsonrpc.error.*",
            "jsonrpc.*",
            "errors/unknown-method#jsonrpc.error.method-not-found",
            "errors/unknown-method#jsonrpc.error.method-not-found[plain]",
            "*[plain]",
        ] {
            assert!(fits(pattern), "{pattern}");
        }
        for pattern in ["tools", "jsonrpc.error", "unknown-method", "*[empty]"] {
            assert!(!fits(pattern), "{pattern}");
        }
    }
}
