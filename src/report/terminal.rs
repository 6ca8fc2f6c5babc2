//! The report for a person at a terminal: a line of progress while it runs, then what failed and why, then the counts.

use std::io::{self, Write};

use anstyle::{AnsiColor, Effects, Style};
use indexmap::IndexSet;
use textwrap::core::display_width;

use super::collected::{Collected, TargetReport, columns, count};
use super::fold::{self, Failure};
use super::reporter::Reporter;
use super::text::{clipped, plain};
use crate::outcome::Event;
use crate::source::printable;

/// How the report should look; the caller knows the terminal.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Columns.
    pub width: usize,
    /// Whether colours may be used.
    pub colour: bool,
    /// Whether to show progress: only where it can be wiped out again.
    pub progress: bool,
    /// How much to tell.
    pub detail: Detail,
}

/// How much a report tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// Which checks failed, and the conclusion.
    Quiet,
    /// What a person needs to mend the failures.
    Normal,
    /// Everything: whole excerpts, and each check that was skipped.
    Verbose,
}

/// Reports to a person.
pub struct Terminal {
    out: Box<dyn Write>,
    look: Look,
    collected: Collected,
    run: String,
    progress_shown: bool,
}

impl Terminal {
    /// One that writes there.
    pub fn new(out: Box<dyn Write>, look: Look) -> Self {
        Self { out, look, collected: Collected::default(), run: String::new(), progress_shown: false }
    }

    fn wipe_progress(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.progress_shown) {
            self.out.write_all(b"\r\x1b[K")?;
        }
        Ok(())
    }
}

impl Reporter for Terminal {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::RunStarted { run, .. } => self.run = format!("{} {}", run.revision, run.transport),
            Event::Progress { done, checks, scenario } if self.look.progress => {
                let line = plain(&format!("{}  {done}/{checks}  {scenario}", self.run));
                let line = textwrap::wrap(&line, self.look.width.saturating_sub(1).max(1)).swap_remove(0);
                write!(self.out, "\r\x1b[K{line}")?;
                self.out.flush()?;
                self.progress_shown = true;
            }
            _ => {}
        }
        self.collected.add(event)
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.collected.close();
        self.wipe_progress()?;
        self.out.write_all(render(&self.collected, self.look).as_bytes())?;
        self.out.flush()
    }
}

/// The whole report as text.
fn render(collected: &Collected, look: Look) -> String {
    let mut page = Page { look, text: String::new() };
    let failures = Failure::all(collected);
    let (expected, failures): (Vec<_>, Vec<_>) = failures.into_iter().partition(|failure| failure.expected.is_some());
    let (binding, warnings): (Vec<_>, Vec<_>) = failures.iter().partition(|failure| failure.is_binding());
    let several = collected.targets.len() > 1;
    for failure in binding {
        page.failure(failure, several);
    }
    if !warnings.is_empty() {
        if look.detail > Detail::Quiet {
            page.heading("Warnings");
        }
        for warning in warnings {
            page.failure(warning, several);
        }
    }
    if look.detail > Detail::Quiet {
        page.expected(&expected);
        page.inconclusive(collected);
        page.skipped(collected);
        page.counts(collected, several);
        page.notes(collected);
    }
    page.stale(collected);
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

struct Page {
    look: Look,
    text: String,
}

impl Page {
    fn failure(&mut self, failure: &Failure, several: bool) {
        let (result, evidence) = (failure.first, failure.evidence);
        let style = if failure.is_binding() { FAIL } else { WARN };
        let word = if failure.is_binding() { "FAIL" } else { "warn" };
        let head = format!("{} {}", self.painted(style, word), self.painted(style, failure.level().as_str()));
        self.line(&format!("{head}  {}", self.painted(STRONG, &plain(&result.id.to_string()))));
        if self.look.detail == Detail::Quiet {
            return;
        }
        self.wrapped("  ", "  ", &plain(&result.statement), Style::new());
        self.field("expected", &evidence.expected);
        self.field("actual", &evidence.actual);
        self.field("in", &failure.runs(several).join(", "));
        self.field("asked at", &evidence.asked_at);
        self.excerpt(&evidence.excerpt);
        let witnesses = failure.witnesses();
        let shown = if self.is_verbose() { witnesses.len() } else { WITNESSES };
        for (id, actual) in witnesses.iter().take(shown) {
            self.field("also", &if *actual == evidence.actual { id.clone() } else { format!("{id}: {actual}") });
        }
        if witnesses.len() > shown {
            self.field("also", &format!("{} more", witnesses.len() - shown));
        }
        self.copyable("spec", &result.spec);
        self.copyable("rerun", &result.rerun);
        self.line("");
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
        self.heading("Skipped");
        for (reason, results) in groups {
            self.wrapped("  ", "    ", &plain(&format!("{}: {reason}", count(results.len(), "check"))), QUIET);
            if self.is_verbose() {
                let mut ids: Vec<_> = results.iter().map(|result| result.id.to_string()).collect();
                ids.dedup();
                for id in ids {
                    self.line(&self.painted(QUIET, &format!("    {}", plain(&id))));
                }
            }
        }
        self.line("");
    }

    fn counts(&mut self, collected: &Collected, several: bool) {
        let rows: Vec<_> = collected
            .runs()
            .map(|(target, run)| {
                let target = if several { format!("{} ", clipped(&target.label(), 28)) } else { String::new() };
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
            let pad = " ".repeat(first - display_width(&label));
            let mut line = format!("{label}{pad}");
            for ((column, _), number) in columns.into_iter().zip(run.numbers()).filter(|((_, shown), _)| *shown) {
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

    fn notes(&mut self, collected: &Collected) {
        let notes: IndexSet<_> = collected.targets.iter().flat_map(|target| &target.notes).collect();
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
        let text = printable(text, if self.is_verbose() { usize::MAX } else { self.room(12) * 6 });
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
