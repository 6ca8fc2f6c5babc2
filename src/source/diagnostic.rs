//! The one renderer of mistakes in what a user wrote: message, file, line, column, caret, help. Prints nothing itself.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use super::{Position, Source, Span, printable};

/// One mistake in a file, shown as:
///
/// ```text
/// error: unknown key `expct`
///   --> mine/search.yaml:9:5
///    |
///  9 |   - expct: {result: {}}
///    |     ^^^^^
///    |
///    = help: did you mean `expect`?
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    source: Arc<Source>,
    span: Span,
    message: String,
    help: Option<String>,
}

/// Longest message and longest line of a file that are shown whole.
const SHOWN: usize = 600;

impl Diagnostic {
    /// A mistake at a place.
    pub fn new(source: &Arc<Source>, span: Span, message: impl Into<String>) -> Self {
        Self { source: Arc::clone(source), span, message: message.into(), help: None }
    }

    /// With a word on what to do about it.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// What is wrong.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The file it is in.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Where it is.
    pub fn position(&self) -> Position {
        self.source.position(self.span.start)
    }

    /// As text for people, with a line break at the end; with colours (ANSI) if asked for.
    pub fn render(&self, coloured: bool) -> String {
        let renderer = if coloured { Renderer::styled() } else { Renderer::plain() }.decor_style(DecorStyle::Ascii);
        let line = self.source.line(self.source.text().floor_char_boundary(self.span.start));
        let (excerpt, caret) = self.excerpt(line);
        let name = printable(self.source.name(), SHOWN);
        let snippet = Snippet::source(excerpt)
            .line_start(line)
            .path(name)
            .fold(false)
            .annotation(AnnotationKind::Primary.span(caret));
        let mut group = Level::ERROR.primary_title(printable(&self.message, SHOWN)).element(snippet);
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(printable(help, SHOWN)));
        }
        let mut text = renderer.render(&[group]);
        text.push('\n');
        text
    }

    /// The first line that it is about, made printable, and where in that the caret goes.
    fn excerpt(&self, line: usize) -> (String, Range<usize>) {
        let range = self.source.line_range(line);
        let text = self.source.text();
        let start = text.floor_char_boundary(self.span.start).min(range.end);
        let end = text.floor_char_boundary(self.span.end).clamp(start, range.end);
        let marked = text[start..end].trim_end();
        let before = printable(&text[range.start..start], usize::MAX);
        let mut shown = before.clone();
        shown.push_str(&printable(marked, SHOWN));
        let caret = before.len()..shown.len();
        shown.push_str(&printable(&text[start + marked.len()..range.end], SHOWN));
        (shown, caret)
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_at_the_place() {
        let source = Source::new("a/b.yaml", "title: ä\nüsteps: [x]\n");
        let mistake =
            Diagnostic::new(&source, Span::new(10, 17), "unknown key `üsteps`").with_help("did you mean `steps`?");
        assert_eq!(
            mistake.to_string(),
            "error: unknown key `üsteps`\n --> a/b.yaml:2:1\n  |\n2 | üsteps: [x]\n  | ^^^^^^\n  |\n  = help: did you mean `steps`?\n"
        );
    }

    #[test]
    fn nothing_hostile_is_printed() {
        let text = format!("a: \u{1b}]0;x\u{7}{}\u{202e}", "y".repeat(100_000));
        let source = Source::new("\u{1b}[2J.yaml", text);
        for span in [Span::new(0, 1), Span::new(3, 90_000), Span::new(99_999, 1 << 40)] {
            let shown = Diagnostic::new(&source, span, "\u{1b}[31m\nnote").to_string();
            assert!(!shown.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{shown}");
            assert!(shown.len() < 4000, "{}", shown.len());
        }
    }

    #[test]
    fn a_place_behind_the_end_is_the_end() {
        let source = Source::new("empty.yaml", "");
        let shown = Diagnostic::new(&source, Span::new(5, 9), "nothing here").to_string();
        assert!(shown.contains("empty.yaml:1:1"), "{shown}");
    }
}
