//! Which checks are wanted: patterns over check ids, scenarios, areas and requirements. Knows no target.

use std::collections::BTreeSet;

use std::str::FromStr;

use globset::{Glob, GlobBuilder, GlobMatcher};

use crate::outcome::{CheckId, profile_of};

/// Patterns of checks to run, and of checks to leave out.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    select: Vec<Pattern>,
    skip: Vec<Pattern>,
    shard: Option<Shard>,
    /// Only checks of these requirements.
    requirements: Option<BTreeSet<String>>,
    /// Profiles of clients and model providers whose checks are wanted too.
    profiles: BTreeSet<String>,
}

/// One pattern: an area (`errors`), a scenario (`errors/unknown-method`), a requirement (`jsonrpc.error.*`), or a check id;
/// each may hold `*` and `?`.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    text: String,
    matcher: GlobMatcher,
}

/// One of several parts of a plan, for as many machines: `2/5`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// From 0.
    part: usize,
    parts: usize,
}

/// A text that is no shard.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a shard is a number and how many there are, such as 2/5")]
pub struct ShardError;

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let (number, parts) = text.split_once('/').ok_or(ShardError)?;
        match (number.parse::<usize>(), parts.parse()) {
            (Ok(number), Ok(parts)) if (1..=parts).contains(&number) => Ok(Self { part: number - 1, parts }),
            _ => Err(ShardError),
        }
    }
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
        Ok(Self { select: read(select)?, skip: read(skip)?, ..Self::default() })
    }

    /// All checks of these requirements, and no others.
    pub fn of_requirements(ids: impl IntoIterator<Item = String>) -> Self {
        Self { requirements: Some(ids.into_iter().collect()), ..Self::default() }
    }

    /// Only the scenarios of one part; watchers are in every part, since each sees its own sessions only.
    #[must_use]
    pub fn in_shard(self, shard: Option<Shard>) -> Self {
        Self { shard, ..self }
    }

    /// The checks of these profiles as well, such as `openai`; without, those of none are wanted.
    #[must_use]
    pub fn with_profiles(self, profiles: impl IntoIterator<Item = String>) -> Self {
        Self { profiles: profiles.into_iter().collect(), ..self }
    }

    /// Whether this is one of several parts.
    pub fn is_shard(&self) -> bool {
        self.shard.is_some_and(|shard| shard.parts > 1)
    }

    /// Whether the scenario at a position of the catalogue belongs to the part.
    pub(super) fn holds(&self, position: usize) -> bool {
        self.shard.is_none_or(|shard| position % shard.parts == shard.part)
    }

    /// Whether a check is wanted, in whatever part.
    pub fn wants(&self, id: &CheckId) -> bool {
        if profile_of(&id.requirement).is_some_and(|profile| !self.profiles.contains(profile)) {
            return false;
        }
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
        let fault = |error: globset::Error| {
            // What it advises in parentheses does not hold here, where brackets stand for themselves.
            let reason = error.kind().to_string().split(" (").next().unwrap_or_default().to_owned();
            PatternError { pattern: text.to_owned(), reason }
        };
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

    #[test]
    fn a_profile_is_asked_for() {
        let id = "profiles/openai-names#profile-openai.tool.name".parse().expect("a check id");
        let all = Selection::new(&[], &[]).expect("no patterns");
        assert!(!all.wants(&id));
        assert!(!all.clone().with_profiles(["gemini".to_owned()]).wants(&id));
        assert!(all.with_profiles(["openai".to_owned()]).wants(&id));
        let named = Selection::new(&["profiles".to_owned()], &[]).expect("a pattern");
        assert!(!named.wants(&id), "nothing but --profile asks for one");
    }

    #[test]
    fn shards_are_counted_from_one() {
        for text in ["1/1", "1/5", "5/5"] {
            assert!(text.parse::<Shard>().is_ok(), "{text}");
        }
        for text in ["", "1", "0/5", "6/5", "1/0", "-1/5", "a/b", "1/5/6"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
        let of = |text: &str| Selection::default().in_shard(text.parse().ok());
        for position in 0..20 {
            assert_eq!(["1/3", "2/3", "3/3"].iter().filter(|text| of(text).holds(position)).count(), 1);
        }
    }
}
