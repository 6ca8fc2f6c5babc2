//! A baseline beside what a run shows: which failures it expects, which of them are gone, and its next text. Writes no file.

use std::fmt::Write as _;

use indexmap::IndexMap;
use time::Date;

use super::{Baseline, Selection};
use crate::outcome::{CheckId, CheckResult, Verdict};
use crate::protocol::Revision;

/// A baseline beside what a run shows.
#[derive(Debug)]
pub struct Comparison {
    baseline: Baseline,
    /// For each entry.
    seen: Vec<Seen>,
    /// Each failing check that nothing expects and that counts, and the revisions in which it failed and in which it passed.
    judged: IndexMap<CheckId, Judged>,
}

/// What is to become of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// All of its text.
    pub text: String,
    /// Entries that are new.
    pub added: usize,
    /// Entries that are gone.
    pub removed: usize,
}

/// What a run has shown of one entry.
#[expect(clippy::struct_excessive_bools, reason = "any of them can hold beside any other")]
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    /// The run holds all checks that the entry fits.
    covered: bool,
    failed: bool,
    passed: bool,
    unclear: bool,
}

#[derive(Debug, Default)]
struct Judged {
    failed: Vec<Revision>,
    passed: Vec<Revision>,
    /// An unexpected failure of it counts.
    counts: bool,
    /// The reason of an entry that has expired, or is for other revisions.
    reason: Option<String>,
}

impl Comparison {
    /// Begins to compare a run with a baseline. `checks`: all there are; `asked`: the revisions asked for, empty for all.
    pub fn new(baseline: Baseline, selection: &Selection, checks: &[CheckId], asked: &[Revision]) -> Self {
        let seen = baseline.entries.iter().map(|entry| {
            let all_selected = checks.iter().filter(|id| entry.pattern.fits(id)).all(|id| selection.wants(id));
            let all_asked =
                asked.is_empty() || (!entry.revisions.is_empty() && entry.revisions.iter().all(|r| asked.contains(r)));
            // What passes in one part may fail in another.
            Seen { covered: all_selected && all_asked && !selection.is_shard(), ..Seen::default() }
        });
        let seen = seen.collect();
        Self { baseline, seen, judged: IndexMap::new() }
    }

    /// Compares one verdict of a run in this revision, and marks it if it is a failure that is expected. `counts`: whether a
    /// failure would make the target fail.
    pub fn check(&mut self, result: &mut CheckResult, revision: Option<Revision>, counts: bool) {
        let fitting =
            self.baseline.entries.iter().zip(&mut self.seen).filter(|(entry, _)| entry.fits(&result.id, revision));
        let mut expected = None;
        for (entry, seen) in fitting {
            match &result.verdict {
                Verdict::Fail { .. } => {
                    seen.failed = true;
                    if !entry.has_expired {
                        expected.get_or_insert(&entry.reason);
                    }
                }
                Verdict::Pass => seen.passed = true,
                Verdict::Inconclusive { .. } => seen.unclear = true,
                Verdict::Skipped { .. } => {}
            }
        }
        result.expected = expected.cloned();
        let Some(revision) = revision else { return };
        let judged = self.judged.entry(result.id.clone()).or_default();
        match &result.verdict {
            Verdict::Fail { .. } if result.expected.is_none() => {
                judged.failed.push(revision);
                judged.counts |= counts;
                let related = self.baseline.entries.iter().find(|entry| entry.pattern.fits(&result.id));
                judged.reason = related.map(|entry| entry.reason.clone());
            }
            Verdict::Pass => judged.passed.push(revision),
            _ => {}
        }
    }

    /// What the user should know: what counts no more, and what has no reason.
    pub fn notes(&self) -> Vec<String> {
        self.baseline.notes()
    }

    /// The entries whose failures are gone, as sentences. Only for a run that came to its end.
    pub fn stale(&self) -> Vec<String> {
        let entries = self.baseline.entries.iter().zip(&self.seen);
        let stale = entries.filter(|(entry, seen)| seen.is_stale() && !entry.has_expired);
        stale
            .map(|(entry, _)| {
                let place = self.baseline.place(entry);
                format!("{place}: `{}` fails no more: remove the entry, or use --update-baseline", entry.check)
            })
            .collect()
    }

    /// The text of the file as this run would have it: without entries that are stale or have expired, with a new one for
    /// each failure that nothing expects, its reason left to the user. `None` where it would be the same.
    pub fn updated(&self) -> Option<Update> {
        let entries = self.baseline.entries.iter().zip(&self.seen);
        let kept: Vec<_> = entries.filter(|(entry, seen)| !seen.is_stale() && !entry.has_expired).collect();
        let fresh: Vec<_> = self.judged.iter().filter(|(_, judged)| judged.counts).collect();
        if kept.len() == self.seen.len() && fresh.is_empty() && !self.baseline.source.text().is_empty() {
            return None;
        }
        let mut text = HEAD.to_owned();
        for (entry, _) in &kept {
            write_entry(&mut text, &entry.check, &entry.reason, entry.expires, &entry.revisions);
        }
        for (id, judged) in &fresh {
            let mut revisions = judged.failed.clone();
            revisions.sort_unstable();
            revisions.dedup();
            // What passes somewhere is to go on passing there.
            let everywhere = judged.passed.is_empty();
            let reason = judged.reason.as_deref().unwrap_or_default();
            write_entry(&mut text, &id.to_string(), reason, None, if everywhere { &[] } else { &revisions });
        }
        if kept.is_empty() && fresh.is_empty() {
            text.push_str("[]\n");
        }
        Some(Update { text, added: fresh.len(), removed: self.seen.len() - kept.len() })
    }
}

impl Seen {
    fn is_stale(self) -> bool {
        self.covered && self.passed && !self.failed && !self.unclear
    }
}

const HEAD: &str = "\
# Failures that are expected. A run fails where anything else does, and where one of these does no more.
# Each has a `check` (an id, or a pattern as for --select) and a `reason`; it may have `expires`, its last day, and
# `revisions`. Written by --update-baseline, which keeps the reasons and no other comments than this one.
";

fn write_entry(text: &mut String, check: &str, reason: &str, expires: Option<Date>, revisions: &[Revision]) {
    let mut line = |key: &str, value: &str| writeln!(text, "{key}: {value}").expect("writing to a String never fails");
    line("- check", &quoted(check));
    line("  reason", &quoted(reason));
    if let Some(date) = expires {
        line("  expires", &date.to_string());
    }
    if !revisions.is_empty() {
        let names: Vec<_> = revisions.iter().map(ToString::to_string).collect();
        line("  revisions", &format!("[{}]", names.join(", ")));
    }
}

/// A text as JSON writes it, which YAML reads as it is.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use time::Month;

    use super::*;
    use crate::outcome::{Evidence, Level};
    use crate::source::Source;

    const OLD: Revision = Revision::V2025_06_18;
    const NEW: Revision = Revision::V2025_11_25;

    fn checks() -> Vec<CheckId> {
        ["a/x#r.one", "a/x#r.two", "a/y#r.one[plain]", "b/z#r.three"].map(|id| id.parse().expect("an id")).to_vec()
    }

    fn comparison(text: &str, select: &[&str], asked: &[Revision]) -> Comparison {
        let source = Source::new("base.yaml", text);
        let today = Date::from_calendar_date(2026, Month::November, 21).expect("a date");
        let baseline = Baseline::read(&source, &checks(), today).expect("no mistakes");
        let select: Vec<_> = select.iter().map(|&pattern| pattern.to_owned()).collect();
        let selection = Selection::new(&select, &[]).expect("patterns");
        Comparison::new(baseline, &selection, &checks(), asked)
    }

    /// Judges every check in both revisions: those named fail, others pass. Returns what was expected.
    fn judge(comparison: &mut Comparison, failing: &[(&str, Revision)]) -> Vec<String> {
        let mut expected = Vec::new();
        for revision in [OLD, NEW] {
            for id in checks() {
                let fails = failing.iter().any(|(one, of)| *one == id.to_string() && *of == revision);
                let verdict = if fails { Verdict::Fail { evidence: Evidence::default() } } else { Verdict::Pass };
                let mut result = result(id, verdict);
                comparison.check(&mut result, Some(revision), true);
                expected.extend(result.expected.map(|reason| format!("{} {revision}: {reason}", result.id)));
            }
        }
        expected
    }

    fn result(id: CheckId, verdict: Verdict) -> CheckResult {
        let requirement = id.requirement.clone();
        let text = String::new;
        CheckResult {
            id,
            title: text(),
            requirement,
            statement: text(),
            level: Level::Must,
            verdict,
            expected: None,
            spec: text(),
            rerun: text(),
            duration_ms: 0,
        }
    }

    #[test]
    fn failures_are_expected_by_id_pattern_and_revision_until_they_expire() {
        let text = "- {check: r.one, reason: slow, revisions: [2025-06-18], expires: 2026-11-21}\n\
                    - {check: 'a/x#*', reason: old, expires: 2026-11-20}\n- {check: b, reason: ''}\n";
        let mut comparison = comparison(text, &[], &[]);
        let failing = [("a/x#r.one", OLD), ("a/x#r.one", NEW), ("a/x#r.two", NEW), ("b/z#r.three", NEW)];
        assert_eq!(judge(&mut comparison, &failing), ["a/x#r.one 2025-06-18: slow", "b/z#r.three 2025-11-25: "]);
        assert_eq!(
            comparison.notes(),
            [
                "base.yaml:2: `a/x#*` has expired on 2026-11-20 and expects nothing any more",
                "base.yaml:3: the entry has no reason yet"
            ]
        );
        assert!(comparison.stale().is_empty());
    }

    #[test]
    fn an_entry_is_stale_where_all_it_fits_was_run_and_passes() {
        let text = "- {check: a/x#r.one, reason: one}\n- {check: r.one, reason: both, revisions: [2025-06-18]}\n";
        let stale = |select: &[&str], asked: &[Revision], failing: &[(&str, Revision)]| {
            let mut comparison = comparison(text, select, asked);
            judge(&mut comparison, failing);
            comparison.stale().len()
        };
        assert_eq!(stale(&[], &[], &[]), 2);
        assert_eq!(stale(&[], &[], &[("a/x#r.one", NEW)]), 1, "the second is for another revision");
        assert_eq!(stale(&["a/x"], &[], &[]), 1, "the second fits more than was selected");
        assert_eq!(stale(&[], &[OLD], &[]), 1, "the first may be for a revision that was not asked for");
        let mut comparison = comparison(text, &[], &[]);
        let verdict = Verdict::Inconclusive { reason: String::new(), blame: None };
        judge(&mut comparison, &[]);
        comparison.check(&mut result(checks()[0].clone(), verdict), Some(OLD), true);
        assert!(comparison.stale().is_empty(), "who cannot be judged may still fail");
    }

    #[test]
    fn the_next_text_keeps_reasons_and_names_what_is_new() {
        let text = "- {check: r.two, reason: \"it's: known\", expires: 2027-01-01}\n- {check: b, reason: gone}\n\
                    - {check: a/y, reason: was late, expires: 2026-01-01}\n";
        let mut first = comparison(text, &[], &[]);
        let failing = [("a/x#r.two", OLD), ("a/x#r.one", NEW), ("a/y#r.one[plain]", OLD), ("a/y#r.one[plain]", NEW)];
        judge(&mut first, &failing);
        let update = first.updated().expect("differs");
        assert_eq!((update.added, update.removed), (2, 2));
        insta::with_settings!({snapshot_path => "../../snapshots/cli", prepend_module_to_snapshot => false, omit_expression => true}, {
            insta::assert_snapshot!("baseline-updated", update.text);
        });
        let mut second = comparison(&update.text, &[], &[]);
        assert_eq!(judge(&mut second, &failing).len(), 4);
        assert_eq!(second.updated(), None);
    }
}
