//! The Markdown report: for a comment on a pull request or the summary of a CI step. Never longer than these take.

use std::fmt::Write as _;
use std::io::{self, Write};

use indexmap::IndexSet;

use super::collected::{Collected, TargetReport, columns, count};
use super::fold::{self, Failure};
use super::text::{clipped, plain};

/// Characters of the whole report: GitHub takes 65,536 in a comment.
const LIMIT: usize = 60_000;
/// Characters of one line of evidence.
const LINE: usize = 600;
const EXCERPT_LINES: usize = 20;
const WITNESSES: usize = 10;
/// Characters of the side-by-side table, and of one cell in it.
const TABLE: usize = 30_000;
const CELL: usize = 16;
/// Characters of a server's name.
const NAME: usize = 60;
/// Servers that were not reached whose reasons are told.
const ABSENT: usize = 20;

/// Writes the report.
pub(super) fn write(collected: &Collected, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(render(collected).as_bytes())
}

fn render(collected: &Collected) -> String {
    let several = collected.targets.len() > 1;
    let mut failures = Failure::all(collected);
    failures.retain(|failure| failure.expected.is_none());
    let end = ending(collected, several);
    let mut page = heading(collected);
    if several {
        servers(&mut page, collected);
    }
    // What concludes the report has its place kept; failures get the room that is left.
    let room = LIMIT.saturating_sub(end.chars().count() + 200);
    let mut length = page.chars().count();
    let mut in_warnings = false;
    for (index, failure) in failures.iter().enumerate() {
        let mut part = String::new();
        if !failure.counts && !in_warnings {
            in_warnings = true;
            part.push_str("### Warnings\n\n");
        }
        part.push_str(&failure_part(failure, several, index < 3 && failure.counts));
        let added = part.chars().count();
        if length + added > room {
            let _ =
                writeln!(page, "… and {} that this page has no room for.\n", count(failures.len() - index, "failure"));
            break;
        }
        page.push_str(&part);
        length += added;
    }
    page.push_str(&end);
    page
}

fn heading(collected: &Collected) -> String {
    let conclusion = fold::conclusion(collected);
    let sign = if conclusion.good { "✅" } else { "❌" };
    let mut text = format!("## {sign} MCP conformance: {}\n\n", conclusion.text);
    if let [only] = &collected.targets[..] {
        let named = only.server().map(|s| format!("{} {}: ", clipped(&s.name, 80), clipped(&s.version, 40)));
        let _ = writeln!(text, "{}{}\n", escaped(&named.unwrap_or_default()), code(&clipped(&only.label(), 200)));
    }
    text
}

fn failure_part(failure: &Failure, several: bool, open: bool) -> String {
    let (result, evidence) = (failure.first, failure.evidence);
    let attribute = if open { " open" } else { "" };
    let mut text = format!(
        "<details{attribute}><summary><b>{}</b> {} <code>{}</code></summary>\n\n",
        failure.level(),
        html(&clipped(&result.statement, LINE)),
        html(&plain(&result.id.to_string())),
    );
    let mut runs = failure.runs(several);
    let hidden = runs.len().saturating_sub(12);
    runs.truncate(12);
    let mut runs = runs.join(", ");
    if hidden > 0 {
        let _ = write!(runs, " and {hidden} more");
    }
    let _ = writeln!(text, "- **Expected:** {}", escaped(&clipped(&evidence.expected, LINE)));
    let _ = writeln!(text, "- **Actual:** {}", code(&clipped(&evidence.actual, LINE)));
    let _ = writeln!(text, "- **In:** {}", escaped(&clipped(&runs, LINE)));
    let witnesses = failure.witnesses();
    for (id, actual) in witnesses.iter().take(WITNESSES) {
        let saw = actual.map(|actual| format!(": {}", code(&clipped(actual, LINE / 3)))).unwrap_or_default();
        let _ = writeln!(text, "- **Also:** {}{saw}", code(&plain(id)));
    }
    if witnesses.len() > WITNESSES {
        let _ = writeln!(text, "- and {} more", witnesses.len() - WITNESSES);
    }
    let _ = writeln!(text, "- **Asked at:** {}", code(&plain(&evidence.asked_at)));
    if result.spec.starts_with("https://") {
        let _ = writeln!(text, "- **Specification:** <{}>", plain(&result.spec).replace(['<', '>', ' '], ""));
    }
    let mut block: Vec<_> = evidence.excerpt.iter().take(EXCERPT_LINES).map(|line| clipped(line, LINE)).collect();
    if evidence.excerpt.len() > EXCERPT_LINES {
        block.push(format!("… {} more lines", evidence.excerpt.len() - EXCERPT_LINES));
    }
    text.push('\n');
    text.push_str(&fenced("text", &block.join("\n")));
    text.push_str("Run just this check again:\n\n");
    text.push_str(&fenced("sh", &plain(&result.rerun)));
    text.push_str("</details>\n\n");
    text
}

/// Counts, what could not be judged, what was skipped, notes.
fn ending(collected: &Collected, several: bool) -> String {
    let mut text = String::new();
    if !several {
        counts(&mut text, collected);
    }
    let expected = Failure::all(collected).into_iter().filter_map(|failure| Some((failure.expected?, failure)));
    let expected: Vec<_> = expected
        .map(|(reason, failure)| {
            let (level, id) = (failure.level(), code(&plain(&failure.first.requirement)));
            format!("{level} {id} in {}: {}", count(failure.places.len(), "check"), escaped(&clipped(reason, LINE / 3)))
        })
        .collect();
    group(&mut text, "Expected failures", expected.into_iter());
    group(
        &mut text,
        "Inconclusive",
        fold::inconclusive(collected).into_iter().map(|(blame, reason, number)| {
            let blame = blame.map(|id| format!(", because of {}", code(&plain(&id)))).unwrap_or_default();
            format!("{}{blame}: {}", count(number, "check"), escaped(&clipped(&reason, LINE / 3)))
        }),
    );
    group(
        &mut text,
        "Skipped",
        fold::skipped(collected).into_iter().map(|(reason, results)| {
            format!("{}: {}", count(results.len(), "check"), escaped(&clipped(&reason, LINE / 3)))
        }),
    );
    let notes: IndexSet<_> = collected.stale().cloned().chain(collected.notes()).collect();
    for note in notes.into_iter().take(20) {
        let _ = writeln!(text, "> {}\n", escaped(&clipped(&note, LINE)));
    }
    let _ = writeln!(text, "<sub>{} {}</sub>", escaped(&plain(&collected.tool)), escaped(&plain(&collected.version)));
    text
}

fn counts(text: &mut String, collected: &Collected) {
    let columns = columns(collected.runs().map(|(_, run)| run));
    let shown: Vec<_> = columns.iter().filter(|(_, shown)| *shown).map(|(name, _)| *name).collect();
    let _ = writeln!(text, "| | {} |\n|---|{}", shown.join(" | "), "--:|".repeat(shown.len()));
    for (_, run) in collected.runs() {
        let _ = write!(text, "| {} |", escaped(&clipped(&run.label(), 60)));
        for (number, _) in run.numbers(collected.strict).iter().zip(columns).filter(|(_, (_, shown))| *shown) {
            let _ = write!(text, " {number} |");
        }
        text.push('\n');
    }
    text.push('\n');
}

/// Servers side by side: a row for each, a column for each revision over each transport.
fn servers(text: &mut String, collected: &Collected) {
    let columns: IndexSet<_> = collected.runs().map(|(_, run)| run.label()).collect();
    let heads: Vec<_> = columns.iter().map(|label| escaped(label)).collect();
    let _ = writeln!(text, "| | {} |\n|---|{}", heads.join(" | "), ":-:|".repeat(columns.len()));
    let rows = TABLE / (NAME + CELL * columns.len());
    for target in collected.targets.iter().take(rows) {
        let cells: Vec<_> = columns.iter().map(|label| cell(target, label, collected.strict)).collect();
        let _ = writeln!(text, "| {} | {} |", escaped(&clipped(&target.label(), NAME)), cells.join(" | "));
    }
    for (target, reason) in collected.not_reached().take(ABSENT) {
        let name = escaped(&clipped(&target.label(), NAME));
        let _ = writeln!(text, "\n⛔ {name} was not reached: {}", escaped(&clipped(reason, LINE / 3)));
    }
    if collected.targets.len() > rows {
        let _ = writeln!(text, "\n… and {} more", collected.targets.len() - rows);
    }
    text.push('\n');
}

fn cell(target: &TargetReport, label: &str, strict: bool) -> String {
    let Some(run) = target.runs.iter().find(|run| run.label() == label) else {
        return if target.not_reached.is_some() { "⛔".to_owned() } else { String::new() };
    };
    let partial = if target.partial { " (partial)" } else { "" };
    let verdict = match run.numbers(strict) {
        [_, fail, ..] if fail > 0 => format!("❌ {fail}"),
        [0, ..] => "❔".to_owned(),
        [_, _, warn, ..] if warn > 0 => format!("✅ {}", count(warn, "warning")),
        _ => "✅".to_owned(),
    };
    format!("{verdict}{partial}")
}

fn group(text: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    let lines: Vec<_> = lines.collect();
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(text, "<details><summary>{title}</summary>\n");
    for line in lines.iter().take(50) {
        let _ = writeln!(text, "- {line}");
    }
    if lines.len() > 50 {
        let _ = writeln!(text, "- and {} more", lines.len() - 50);
    }
    text.push_str("\n</details>\n\n");
}

/// Text between Markdown's own: nothing in it is markup, a link or a mention.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            // A space without width, or somebody is called.
            '@' => safe.push_str("@&#8203;"),
            ':' => safe.push_str("&#58;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '$' => {
                safe.push('\\');
                safe.push(c);
            }
            c => safe.push(c),
        }
    }
    safe
}

/// Text inside an HTML element.
fn html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A span of code, in which nothing means anything.
fn code(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let fence = "`".repeat(longest_run(text) + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// A block of code, likewise.
fn fenced(language: &str, text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let fence = "`".repeat((longest_run(text) + 1).max(3));
    format!("{fence}{language}\n{text}\n{fence}\n\n")
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fences_are_longer_than_what_they_hold() {
        assert_eq!(code("a"), "`a`");
        assert_eq!(code("``a`"), "``` ``a` ```");
        assert_eq!(fenced("text", "````"), "`````text\n````\n`````\n\n");
    }

    #[test]
    fn nothing_is_left_that_markdown_obeys() {
        assert_eq!(escaped("[a](b) <b> @all | `x`"), "\\[a\\](b) &lt;b&gt; @&#8203;all \\| \\`x\\`");
    }
}
