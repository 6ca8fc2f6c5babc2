//! Folds what belongs together, so that one cause is shown once: failures by requirement, the rest by reason. Prints nothing.

use std::hash::Hash;

use indexmap::{IndexMap, IndexSet};

use super::collected::{Collected, RunReport, TargetReport, count};
use crate::outcome::{CheckResult, Evidence, Level, Summary, Verdict};

/// A requirement that failed, with every place where it did.
pub(super) struct Failure<'a> {
    /// The result that is shown: the first in plan order.
    pub(super) first: &'a CheckResult,
    /// Its evidence.
    pub(super) evidence: &'a Evidence,
    /// Every place, the first included.
    pub(super) places: Vec<Place<'a>>,
    /// Whether it makes the run fail, in any place: a level can differ between revisions.
    pub(super) counts: bool,
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
    /// Every failed requirement; those that count first, those that a baseline expects last, each kind in plan order. A
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
                        counts: false,
                        expected: result.expected.as_deref(),
                    })
                    .places
                    .push(place);
            }
        }
        let mut failures: Vec<_> = failures.into_values().collect();
        for failure in &mut failures {
            failure.counts = failure.places.iter().any(|place| place.result.counts(collected.strict));
        }
        failures.sort_by_key(|failure| (failure.expected.is_some(), !failure.counts));
        failures
    }

    /// The strongest level that it has in any place.
    pub(super) fn level(&self) -> Level {
        let strength = |level: &Level| (!level.is_binding(), *level);
        self.places.iter().map(|place| place.result.level).min_by_key(strength).unwrap_or(self.first.level)
    }

    /// Each run in which it failed, once: `2025-11-25 stdio`; where there are several targets, those of each together.
    pub(super) fn runs(&self, several_targets: bool) -> Vec<String> {
        if !several_targets {
            return distinct(self.places.iter().map(|place| place.run.label()));
        }
        let mut targets: IndexMap<String, IndexSet<String>> = IndexMap::new();
        for place in &self.places {
            targets.entry(place.target.label()).or_default().insert(place.run.label());
        }
        targets.into_iter().map(|(target, runs)| format!("{target} ({})", Vec::from_iter(runs).join(", "))).collect()
    }

    /// Other checks that saw it: each id once, and what was there, where that is something else.
    pub(super) fn witnesses(&self) -> Vec<(String, Option<&str>)> {
        let shown = self.first.id.to_string();
        let mut others: IndexMap<String, &str> = IndexMap::new();
        for place in &self.places {
            let folded = place.evidence.witnesses.iter().map(|witness| (&witness.id, &witness.actual));
            for (id, actual) in std::iter::once((&place.result.id, &place.evidence.actual)).chain(folded) {
                others.entry(id.to_string()).or_insert(actual);
            }
        }
        others.shift_remove(&shown);
        // What differs in numbers only (ids, times) is the same to a person.
        let digits = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "");
        let same = digits(&self.evidence.actual);
        others.into_iter().map(|(id, actual)| (id, Some(actual).filter(|actual| digits(actual) != same))).collect()
    }
}

impl Collected {
    /// Entries of baselines that expect a failure which is there no more.
    pub(super) fn stale(&self) -> impl Iterator<Item = &String> {
        self.targets.iter().flat_map(|target| &target.stale)
    }

    /// What the user should know besides: of which target, where there are several and not all have it, and what.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes: IndexMap<&String, Vec<&TargetReport>> = IndexMap::new();
        for (target, note) in self.targets.iter().flat_map(|target| target.notes.iter().map(move |note| (target, note)))
        {
            notes.entry(note).or_default().push(target);
        }
        let told = notes.into_iter().map(|(note, targets)| match &targets[..] {
            [only] if self.targets.len() > 1 => format!("{}: {note}", only.label()),
            _ => note.clone(),
        });
        told.collect()
    }

    /// Targets of which nothing could be checked, and why.
    pub(super) fn not_reached(&self) -> impl Iterator<Item = (&TargetReport, &str)> {
        self.targets.iter().filter_map(|target| Some((target, target.not_reached.as_deref()?)))
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
    let (expected, failures): (Vec<_>, Vec<_>) =
        Failure::all(collected).into_iter().partition(|failure| failure.expected.is_some());
    let (counting, warnings): (Vec<_>, Vec<_>) = failures.into_iter().partition(|failure| failure.counts);
    let sum = |number: fn(&Summary) -> usize| collected.runs().map(|(_, run)| number(&run.summary)).sum::<usize>();
    let (checks, passed, inconclusive) =
        (sum(Summary::total), sum(|summary| summary.pass), sum(|summary| summary.inconclusive));
    let servers = collected.targets.len();
    let (stale, absent) = (collected.stale().count(), collected.not_reached().count());
    let unjudged = collected.targets.iter().filter(|target| target.is_unjudged()).count();
    let what = if !counting.is_empty() {
        let places = || counting.iter().flat_map(|failure| &failure.places);
        let musts = count(counting.len(), "failure");
        let revisions = count(distinct(places().map(|place| &place.run.info.revision)).len(), "revision");
        let broken = distinct(places().map(|place| place.target.label())).len();
        let verb = if broken == 1 { "does" } else { "do" };
        let subject = if servers > 1 { format!("{broken} of {servers} servers {verb}") } else { "does".to_owned() };
        format!("{subject} not conform: {musts} in {revisions}")
    } else if checks == 0 && absent == 0 {
        "nothing was checked".to_owned()
    } else if collected.is_partial() {
        "no failure so far".to_owned()
    } else if expected.iter().any(|failure| failure.counts) {
        // Who expects a failure does not make it right.
        "no unexpected failure".to_owned()
    } else {
        match servers - absent - unjudged {
            0 if servers == 1 && unjudged == 1 => "no check could be judged".to_owned(),
            0 => String::new(),
            _ if passed == 0 => "no check applied".to_owned(),
            1 if servers == 1 => "conforms".to_owned(),
            1 => format!("1 of {servers} servers conforms"),
            all if all == servers => format!("all {servers} servers conform"),
            some => format!("{some} of {servers} servers conform"),
        }
    };
    let mut parts = Vec::from_iter(Some(what).filter(|what| !what.is_empty()));
    let mut add = |number: usize, text: String| parts.extend((number > 0).then_some(text));
    let verb = if absent == 1 { "was" } else { "were" };
    add(absent, format!("{absent} {verb} not reached"));
    add(if servers > 1 { unjudged } else { 0 }, format!("{unjudged} could not be judged"));
    add(warnings.len(), count(warnings.len(), "warning"));
    add(expected.len(), count(expected.len(), "expected failure"));
    let entries = if stale == 1 { "1 entry".to_owned() } else { format!("{stale} entries") };
    add(stale, format!("{entries} of the baseline out of date"));
    if counting.is_empty() {
        add(inconclusive, format!("{} inconclusive", count(inconclusive, "check")));
    }
    let partial = if collected.is_partial() { "interrupted, not all was checked: " } else { "" };
    let good = counting.is_empty() && checks > 0 && stale + absent + unjudged == 0 && !collected.is_partial();
    Conclusion { good, text: format!("{partial}{}", parts.join(", ")) }
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
