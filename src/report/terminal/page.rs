//! The page at the end of a run. What matters most stands last, where a terminal and the log of a pipeline are read from: the
//! failures, and the conclusion. Prints nothing itself.

use anstyle::{AnsiColor, Effects, Style};
use indexmap::IndexSet;
use textwrap::core::display_width;

use super::super::collected::{Collected, RunReport, TargetReport, columns, count};
use super::super::fold::{self, Failure};
use super::super::text::{clipped, plain};
use super::{Detail, Look};
use crate::source::printable;

/// The whole report as text.
pub(super) fn render(collected: &Collected, look: Look) -> String {
    let mut page = Page { look, text: String::new() };
    let (expected, failures): (Vec<_>, Vec<_>) =
        Failure::all(collected).into_iter().partition(|failure| failure.expected.is_some());
    let (counting, warnings): (Vec<_>, Vec<_>) = failures.iter().partition(|failure| failure.counts);
    let several = collected.targets.len() > 1;
    if look.detail > Detail::Quiet {
        page.counts(collected, several);
        page.expected(&expected);
        page.inconclusive(collected);
        page.skipped(collected);
        page.notes(collected);
        page.warnings(&warnings, several);
    }
    if look.detail == Detail::Quiet {
        for warning in &warnings {
            page.head(warning);
        }
    }
    for failure in &counting {
        page.failure(failure, several);
    }
    page.stale(collected);
    page.not_reached(collected);
    page.conclusion(collected);
    page.text
}

const FAIL: Style = AnsiColor::Red.on_default().effects(Effects::BOLD);
const WARN: Style = AnsiColor::Yellow.on_default();
const GOOD: Style = AnsiColor::Green.on_default().effects(Effects::BOLD);
const STRONG: Style = Style::new().effects(Effects::BOLD);
const QUIET: Style = Style::new().effects(Effects::DIMMED);

/// Lines of an excerpt that are shown where `--verbose` does not ask for all.
const EXCERPT_LINES: usize = 8;
/// Witnesses that are shown, likewise.
const WITNESSES: usize = 4;
/// Runs that are named, likewise.
const RUNS: usize = 6;
/// Columns of a server's name in a table.
const NAME: usize = 28;

struct Page {
    look: Look,
    text: String,
}

impl Page {
    /// Level and check in one line.
    fn head(&mut self, failure: &Failure) {
        let style = if failure.counts { FAIL } else { WARN };
        let word = if failure.counts { "FAIL" } else { "warn" };
        let head = format!("{} {}", self.painted(style, word), self.painted(style, failure.level().as_str()));
        self.line(&format!("{head}  {}", self.painted(STRONG, &plain(&failure.first.id.to_string()))));
    }

    /// All that a person needs to mend it.
    fn failure(&mut self, failure: &Failure, several: bool) {
        let (result, evidence) = (failure.first, failure.evidence);
        self.head(failure);
        if self.look.detail == Detail::Quiet {
            return;
        }
        self.wrapped("  ", "  ", &plain(&result.statement), Style::new());
        self.field("expected", &evidence.expected);
        self.field("actual", &evidence.actual);
        self.field("in", &self.runs(failure, several));
        self.field("asked at", &evidence.asked_at);
        self.excerpt(&evidence.excerpt);
        let witnesses = failure.witnesses();
        let shown = if self.is_verbose() { witnesses.len() } else { WITNESSES };
        for (id, actual) in witnesses.iter().take(shown) {
            let limit = if self.is_verbose() { usize::MAX } else { self.room(12) };
            let saw = actual.map(|actual| format!(": {}", clipped(actual, limit))).unwrap_or_default();
            self.field("also", &format!("{id}{saw}"));
        }
        if witnesses.len() > shown {
            self.field("also", &format!("{} more", witnesses.len() - shown));
        }
        self.copyable("spec", &result.spec);
        self.copyable("rerun", &result.rerun);
        self.line("");
    }

    /// What does not make the run fail, in short: it must not bury what does.
    fn warnings(&mut self, warnings: &[&Failure], several: bool) {
        if warnings.is_empty() {
            return;
        }
        if self.is_verbose() {
            self.heading("Warnings");
            for warning in warnings {
                self.failure(warning, several);
            }
            return;
        }
        self.heading("Warnings (they count with --fail-on should; --verbose shows the messages)");
        for warning in warnings {
            let (level, id) = (warning.level().as_str(), plain(&warning.first.id.to_string()));
            self.line(&format!("  {}  {id}", self.painted(WARN, level)));
            self.wrapped("    ", "    ", &plain(&warning.first.statement), QUIET);
            let actual = clipped(&warning.evidence.actual, self.room(9));
            self.line(&format!("    got: {actual}"));
        }
        self.line("");
    }

    fn runs(&self, failure: &Failure, several: bool) -> String {
        let mut runs = failure.runs(several);
        let all = runs.len();
        if !self.is_verbose() && all > RUNS {
            runs.truncate(RUNS - 1);
            runs.push(format!("{} more", all + 1 - RUNS));
        }
        runs.join(", ")
    }

    fn excerpt(&mut self, excerpt: &[String]) {
        let shown = if self.is_verbose() { excerpt.len() } else { EXCERPT_LINES };
        let width = if self.is_verbose() { usize::MAX } else { self.room(4) * 4 };
        for line in excerpt.iter().take(shown) {
            let line = printable(line, width);
            let style = if line.starts_with('·') { QUIET } else { Style::new() };
            self.wrapped("    ", "      ", &line, style);
        }
        if excerpt.len() > shown {
            self.line(&self.painted(QUIET, &format!("    … {} more lines", excerpt.len() - shown)));
        }
    }

    /// What the baseline expects, in short: its reason says more than the evidence would.
    fn expected(&mut self, failures: &[Failure]) {
        if failures.is_empty() {
            return;
        }
        self.heading("Expected failures");
        for failure in failures {
            let (level, requirement) = (failure.level(), &failure.first.requirement);
            let text = format!("{level}  {requirement} in {}", count(failure.places.len(), "check"));
            self.wrapped("  ", "    ", &plain(&text), Style::new());
            self.wrapped("    ", "    ", &plain(failure.expected.unwrap_or_default()), QUIET);
        }
        self.line("");
    }

    fn inconclusive(&mut self, collected: &Collected) {
        let groups = fold::inconclusive(collected);
        if groups.is_empty() {
            return;
        }
        self.heading("Inconclusive");
        for (blame, reason, number) in groups {
            let blame = blame.map(|id| format!(", because of {id}")).unwrap_or_default();
            let text = format!("{}{blame}: {reason}", count(number, "check"));
            self.wrapped("  ", "    ", &plain(&text), Style::new());
        }
        self.line("");
    }

    fn skipped(&mut self, collected: &Collected) {
        let groups = fold::skipped(collected);
        if groups.is_empty() {
            return;
        }
        if !self.is_verbose() {
            let number = groups.iter().map(|(_, results)| results.len()).sum();
            let text =
                format!("{} skipped, for lack of an occasion (--verbose tells each reason)", count(number, "check"));
            self.wrapped("", "  ", &text, QUIET);
            return self.line("");
        }
        self.heading("Skipped");
        for (reason, results) in groups {
            self.wrapped("  ", "    ", &plain(&format!("{}: {reason}", count(results.len(), "check"))), QUIET);
            let ids: IndexSet<_> = results.iter().map(|result| result.id.to_string()).collect();
            for id in ids {
                self.line(&self.painted(QUIET, &format!("    {}", plain(&id))));
            }
        }
        self.line("");
    }

    fn counts(&mut self, collected: &Collected, several: bool) {
        if several && self.matrix(collected) {
            return;
        }
        let rows: Vec<_> = collected
            .runs()
            .map(|(target, run)| {
                let target = if several { format!("{} ", clipped(&target.label(), NAME)) } else { String::new() };
                (plain(&format!("{target}{}", run.label())), run)
            })
            .collect();
        let first = rows.iter().map(|(label, _)| display_width(label)).max().unwrap_or_default();
        if rows.is_empty() {
            return;
        }
        let columns = columns(collected.runs().map(|(_, run)| run));
        let shown = columns.iter().filter(|(_, shown)| *shown);
        let head: String = shown.map(|(column, _)| format!("  {column:>4}")).collect();
        if let [only] = &collected.targets[..] {
            self.subject(only);
        }
        self.line(&self.painted(QUIET, &format!("{:first$}{head}", "checks")));
        for (label, run) in rows {
            let mut line = padded(&label, first);
            let numbers = run.numbers(collected.strict);
            for ((column, _), number) in columns.into_iter().zip(numbers).filter(|((_, shown), _)| *shown) {
                let style = match column {
                    "fail" if number > 0 => FAIL,
                    "warn" if number > 0 => WARN,
                    _ => Style::new(),
                };
                line.push_str(&self.painted(style, &format!("  {number:>width$}", width = column.len().max(4))));
            }
            self.line(&line);
        }
        self.line("");
    }

    /// Servers side by side, a column for each revision over each transport; false where they do not fit.
    fn matrix(&mut self, collected: &Collected) -> bool {
        const CELL: usize = 13;
        let columns: IndexSet<_> = collected.runs().map(|(_, run)| run.label()).collect();
        let names: Vec<_> = collected.targets.iter().map(|target| clipped(&target.label(), NAME)).collect();
        let title = "servers";
        let first = names.iter().map(|name| display_width(name)).max().unwrap_or_default().max(title.len());
        if columns.is_empty() || first + columns.len() * CELL > self.look.width.max(20) {
            return false;
        }
        // A label is a revision and a transport: one above the other.
        for half in [0, 1] {
            let cells = columns.iter().map(|label| label.split(' ').nth(half).unwrap_or_default());
            let cells: String = cells.map(|text| format!("  {:<width$}", plain(text), width = CELL - 2)).collect();
            let title = if half == 0 { title } else { "" };
            self.line(&self.painted(QUIET, &format!("{title:first$}{cells}")));
        }
        for (target, name) in collected.targets.iter().zip(names) {
            let mut line = padded(&name, first);
            for label in &columns {
                let run = target.runs.iter().find(|run| run.label() == *label);
                let (text, style) = match run {
                    Some(run) => cell(run, collected.strict),
                    None if target.not_reached.is_some() => ("no answer".to_owned(), FAIL),
                    None => ("–".to_owned(), QUIET),
                };
                let pad = " ".repeat((CELL - 2).saturating_sub(display_width(&text)));
                line.push_str(&format!("  {}{pad}", self.painted(style, &text)));
            }
            self.line(&line);
        }
        self.line("");
        true
    }

    /// What was tested, in one line.
    fn subject(&mut self, target: &TargetReport) {
        let label = target.label();
        let text = match target.server() {
            Some(server) => format!("{} {} ({label})", server.name, server.version),
            None => label,
        };
        self.line(&clipped(&text, self.look.width));
    }

    /// What the baseline expects in vain.
    fn stale(&mut self, collected: &Collected) {
        let stale: IndexSet<_> = collected.stale().collect();
        for entry in &stale {
            self.wrapped("stale: ", "       ", &plain(entry), WARN);
        }
        if !stale.is_empty() {
            self.line("");
        }
    }

    fn not_reached(&mut self, collected: &Collected) {
        let mut absent = collected.not_reached().peekable();
        let any = absent.peek().is_some();
        for (target, reason) in absent {
            self.wrapped("not reached: ", "  ", &plain(&format!("{}: {reason}", target.label())), FAIL);
        }
        if any {
            self.line("");
        }
    }

    fn notes(&mut self, collected: &Collected) {
        let notes = collected.notes();
        for note in &notes {
            self.wrapped("note: ", "      ", &plain(note), Style::new());
        }
        if !notes.is_empty() {
            self.line("");
        }
    }

    fn conclusion(&mut self, collected: &Collected) {
        let conclusion = fold::conclusion(collected);
        let style = if conclusion.good { GOOD } else { FAIL };
        self.wrapped("", "", &conclusion.text, style);
    }

    fn heading(&mut self, text: &str) {
        self.line(&self.painted(STRONG, text));
    }

    fn field(&mut self, name: &str, text: &str) {
        let text = printable(text, if self.is_verbose() { usize::MAX } else { self.room(12) * 3 });
        if !text.is_empty() {
            self.wrapped(&format!("  {name:<8}  "), "            ", &text, Style::new());
        }
    }

    /// A field that is not wrapped, since a person copies it.
    fn copyable(&mut self, name: &str, text: &str) {
        if !text.is_empty() {
            self.line(&format!("  {name:<8}  {}", plain(text)));
        }
    }

    fn wrapped(&mut self, first: &str, rest: &str, text: &str, style: Style) {
        let options = textwrap::Options::new(self.look.width.max(20))
            .initial_indent(first)
            .subsequent_indent(rest)
            .word_splitter(textwrap::WordSplitter::NoHyphenation);
        for (index, line) in textwrap::wrap(text, options).iter().enumerate() {
            let indent = if index == 0 { first } else { rest };
            let line = line.strip_prefix(indent).unwrap_or(line);
            self.line(&format!("{indent}{}", self.painted(style, line)));
        }
    }

    fn line(&mut self, text: &str) {
        self.text.push_str(text.trim_end());
        self.text.push('\n');
    }

    fn is_verbose(&self) -> bool {
        self.look.detail == Detail::Verbose
    }

    fn room(&self, indent: usize) -> usize {
        self.look.width.saturating_sub(indent).max(20)
    }

    fn painted(&self, style: Style, text: &str) -> String {
        if self.look.colour && style != Style::new() && !text.is_empty() {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }
}

/// What became of one run, in a word.
fn cell(run: &RunReport, strict: bool) -> (String, Style) {
    match run.numbers(strict) {
        [_, fail, ..] if fail > 0 => (format!("{fail} failed"), FAIL),
        [0, ..] => ("not judged".to_owned(), WARN),
        [_, _, warn, ..] if warn > 0 => (format!("ok, {warn} warn"), WARN),
        _ => ("ok".to_owned(), GOOD),
    }
}

fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(display_width(text))))
}
