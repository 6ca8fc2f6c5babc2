//! Folds what belongs together, so that one cause is shown once: failures by requirement, the rest by reason. Prints nothing.

use std::hash::Hash;

use indexmap::{IndexMap, IndexSet};

use super::collected::{Collected, RunReport, TargetReport, count};
use crate::outcome::{CheckResult, Evidence, Level, Verdict};

/// A requirement that failed, with every place where it did.
pub(super) struct Failure<'a> {
    /// The result that is shown: the first in plan order.
    pub(super) first: &'a CheckResult,
    /// Its evidence.
    pub(super) evidence: &'a Evidence,
    /// Every place, the first included.
    pub(super) places: Vec<Place<'a>>,
    /// Why it is expected, where a baseline expects it in all these places.
    pub(super) expected: Option<&'a str>,
}

/// One check that failed in one run.
pub(super) struct Place<'a> {
    pub(super) target: &'a TargetReport,
    pub(super) run: &'a RunReport,
    pub(super) result: &'a CheckResult,
    pub(super) evidence: &'a Evidence,
}

impl<'a> Failure<'a> {
    /// Every failed requirement; those that bind first, those that a baseline expects last, each kind in plan order. A
    /// requirement that fails as expected in some places and not in others comes twice.
    pub(super) fn all(collected: &'a Collected) -> Vec<Self> {
        let mut failures: IndexMap<(&str, bool), Self> = IndexMap::new();
        for (target, run) in collected.runs() {
            for result in &run.results {
                let Verdict::Fail { evidence } = &result.verdict else { continue };
                let place = Place { target, run, result, evidence };
                failures
                    .entry((&result.requirement, result.expected.is_some()))
                    .or_insert_with(|| Self {
                        first: result,
                        evidence,
                        places: Vec::new(),
                        expected: result.expected.as_deref(),
                    })
                    .places
                    .push(place);
            }
        }
        let mut failures: Vec<_> = failures.into_values().collect();
        failures.sort_by_key(|failure| (failure.expected.is_some(), !failure.is_binding()));
        failures
    }

    /// Whether any place of it binds: a level can differ between revisions.
    pub(super) fn is_binding(&self) -> bool {
        self.level().is_binding()
    }

    /// The strongest level that it has in any place.
    pub(super) fn level(&self) -> Level {
        let strength = |level: &Level| (!level.is_binding(), *level);
        self.places.iter().map(|place| place.result.level).min_by_key(strength).unwrap_or(self.first.level)
    }

    /// Each run in which it failed, once: `2025-11-25 stdio`, with the target's label where there are several targets.
    pub(super) fn runs(&self, several_targets: bool) -> Vec<String> {
        let labels = self.places.iter().map(|place| {
            let run = place.run.label();
            if several_targets { format!("{} ({run})", place.target.label()) } else { run }
        });
        distinct(labels)
    }

    /// Other checks that saw it, or that saw something else: check id and what was there.
    pub(super) fn witnesses(&self) -> Vec<(String, String)> {
        let shown = (self.first.id.to_string(), self.evidence.actual.clone());
        let own = self.places.iter().flat_map(|place| {
            let folded = place.evidence.witnesses.iter().map(|w| (w.id.to_string(), w.actual.clone()));
            std::iter::once((place.result.id.to_string(), place.evidence.actual.clone())).chain(folded)
        });
        distinct(own.filter(|seen| *seen != shown))
    }
}

impl Collected {
    /// How many requirements failed unexpectedly: those that bind, and those that do not.
    pub fn failed_requirements(&self) -> (usize, usize) {
        let failures = Failure::all(self);
        let (binding, rest): (Vec<_>, Vec<_>) =
            failures.iter().filter(|failure| failure.expected.is_none()).partition(|failure| failure.is_binding());
        (binding.len(), rest.len())
    }

    /// Entries of baselines that expect a failure which is there no more.
    pub(super) fn stale(&self) -> impl Iterator<Item = &String> {
        self.targets.iter().flat_map(|target| &target.stale)
    }
}

/// What could not be judged, by what stands in the way: the check to blame and the reason, with the number of checks.
pub(super) fn inconclusive(collected: &Collected) -> Vec<(Option<String>, String, usize)> {
    let mut groups: IndexMap<(Option<String>, &str), usize> = IndexMap::new();
    for (_, run) in collected.runs() {
        for result in &run.results {
            let Verdict::Inconclusive { reason, blame } = &result.verdict else { continue };
            // Many checks blame one, each in its own words: the first of them will do.
            let blame = blame.as_ref().map(ToString::to_string);
            let known = groups.keys().find(|(known, _)| blame.is_some() && *known == blame).cloned();
            *groups.entry(known.unwrap_or((blame, reason))).or_default() += 1;
        }
    }
    groups.into_iter().map(|((blame, reason), number)| (blame, reason.to_owned(), number)).collect()
}

/// What was skipped, by reason.
pub(super) fn skipped(collected: &Collected) -> Vec<(String, Vec<&CheckResult>)> {
    let mut groups: IndexMap<&str, Vec<&CheckResult>> = IndexMap::new();
    for (_, run) in collected.runs() {
        for result in &run.results {
            if let Verdict::Skipped { reason } = &result.verdict {
                groups.entry(reason).or_default().push(result);
            }
        }
    }
    groups.into_iter().map(|(reason, results)| (reason.to_owned(), results)).collect()
}

/// What became of it all, in one sentence.
pub(super) fn conclusion(collected: &Collected) -> Conclusion {
    let failures = Failure::all(collected);
    let (expected, failures): (Vec<_>, Vec<_>) = failures.into_iter().partition(|failure| failure.expected.is_some());
    let binding: Vec<_> = failures.iter().filter(|failure| failure.is_binding()).collect();
    let passed = collected.runs().map(|(_, run)| run.summary.pass).sum::<usize>();
    let unjudged = collected.runs().map(|(_, run)| run.summary.inconclusive).sum::<usize>();
    let checks = collected.runs().map(|(_, run)| run.summary.total()).sum::<usize>();
    let partial = if collected.is_partial() { "interrupted, not all was checked: " } else { "" };
    let warnings = failures.len() - binding.len();
    let mut besides = match warnings {
        0 => String::new(),
        n => format!(", {}", count(n, "warning")),
    };
    if !expected.is_empty() {
        besides.extend([", ", &count(expected.len(), "expected failure")]);
    }
    let stale = collected.stale().count();
    if stale > 0 {
        let entries = if stale == 1 { "1 entry".to_owned() } else { format!("{stale} entries") };
        besides.extend([", ", &entries, " of the baseline out of date"]);
    }
    if !binding.is_empty() {
        let revisions = distinct(binding.iter().flat_map(|f| f.places.iter().map(|p| &p.run.info.revision)));
        let musts = count(binding.len(), "failure");
        let revisions = count(revisions.len(), "revision");
        let subject = match collected.targets.len() {
            0 | 1 => "does not conform".to_owned(),
            all => {
                let broken = distinct(binding.iter().flat_map(|f| f.places.iter().map(|p| p.target.label())));
                let verb = if broken.len() == 1 { "does" } else { "do" };
                format!("{} of {all} servers {verb} not conform", broken.len())
            }
        };
        let text = format!("{partial}{subject}: {musts} in {revisions}{besides}");
        return Conclusion { good: false, text };
    }
    if checks == 0 {
        return Conclusion { good: false, text: format!("{partial}nothing was checked") };
    }
    if passed == 0 {
        return Conclusion { good: false, text: format!("{partial}no check could be judged{besides}") };
    }
    let unjudged = match unjudged {
        0 => String::new(),
        n => format!(", {} inconclusive", count(n, "check")),
    };
    let is_excused = expected.iter().any(Failure::is_binding);
    let word = match collected.targets.len() {
        _ if collected.is_partial() => "no failure so far".to_owned(),
        // Who expects a failure does not make it right.
        _ if is_excused => "no unexpected failure".to_owned(),
        0 | 1 => "conforms".to_owned(),
        all => format!("all {all} servers conform"),
    };
    Conclusion { good: !collected.is_partial() && stale == 0, text: format!("{partial}{word}{besides}{unjudged}") }
}

/// The last line of a report.
pub(super) struct Conclusion {
    /// Whether it is good news.
    pub(super) good: bool,
    /// One sentence without a full stop.
    pub(super) text: String,
}

fn distinct<T: Hash + Eq>(items: impl Iterator<Item = T>) -> Vec<T> {
    items.collect::<IndexSet<_>>().into_iter().collect()
}
