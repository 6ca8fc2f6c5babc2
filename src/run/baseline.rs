//! Failures that are expected: a file of the user's that names them, each with a reason. Reads its text, and no file.

use std::sync::Arc;

use time::Date;
use time::format_description::well_known::Iso8601;

use super::selection::Pattern;
use crate::outcome::CheckId;
use crate::protocol::Revision;
use crate::scenario::nearest;
use crate::source::{Diagnostic, Document, Node, Source, Span};

/// The failures that a file expects.
///
/// ```yaml
/// - check: tools/unknown#tools.call.unknown-tool
///   reason: the framework answers with a result; fixed in its version 3
///   expires: 2027-03-01
///   revisions: [2025-06-18]
/// ```
#[derive(Debug, Clone)]
pub struct Baseline {
    pub(super) source: Arc<Source>,
    pub(super) entries: Vec<Entry>,
}

/// One of them.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) check: String,
    pub(super) pattern: Pattern,
    line: usize,
    pub(super) reason: String,
    /// The last day on which it counts.
    pub(super) expires: Option<Date>,
    pub(super) has_expired: bool,
    /// In which revisions; empty means in all.
    pub(super) revisions: Vec<Revision>,
}

const KEYS: [&str; 4] = ["check", "reason", "expires", "revisions"];

impl Baseline {
    /// A baseline that expects nothing, for a file that is not there yet.
    pub fn empty(name: &str) -> Self {
        Self { source: Source::new(name, ""), entries: Vec::new() }
    }

    /// Reads a file. An entry that fits none of the checks there are is a mistake, as is whatever else is wrong.
    pub fn read(source: &Arc<Source>, checks: &[CheckId], today: Date) -> Result<Self, Vec<Diagnostic>> {
        let document = Document::read(source).map_err(|mistake| vec![mistake])?;
        let mut reader = Reader { source, checks, today, mistakes: document.mistakes.clone() };
        let entries = reader.entries(&document.root);
        if reader.mistakes.is_empty() { Ok(Self { source: Arc::clone(source), entries }) } else { Err(reader.mistakes) }
    }

    /// What the user should know: what counts no more, and what has no reason.
    pub fn notes(&self) -> Vec<String> {
        let expired = self.entries.iter().filter_map(|entry| {
            let date = entry.expires.filter(|_| entry.has_expired)?;
            Some(format!("{}: `{}` has expired on {date} and expects nothing any more", self.place(entry), entry.check))
        });
        let bare: Vec<_> = self.entries.iter().filter(|entry| entry.reason.is_empty()).collect();
        let bare = bare.first().map(|first| match bare.len() {
            1 => format!("{}: the entry has no reason yet", self.place(first)),
            number => format!("{}: this entry and {} more have no reason yet", self.place(first), number - 1),
        });
        expired.chain(bare).collect()
    }

    pub(super) fn place(&self, entry: &Entry) -> String {
        format!("{}:{}", self.source.name(), entry.line)
    }
}

impl Entry {
    pub(super) fn fits(&self, id: &CheckId, revision: Option<Revision>) -> bool {
        let in_force = self.revisions.is_empty() || revision.is_some_and(|revision| self.revisions.contains(&revision));
        in_force && self.pattern.fits(id)
    }
}

struct Reader<'a> {
    source: &'a Arc<Source>,
    checks: &'a [CheckId],
    today: Date,
    mistakes: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn entries(&mut self, root: &Node) -> Vec<Entry> {
        if root.to_value().is_null() {
            return Vec::new();
        }
        let Some(items) = root.items() else {
            let help = "each begins with `- check: ID`, and has a `reason`";
            return self.mistake(root.span, "a baseline is a list of entries", help).unwrap_or_default();
        };
        items.iter().filter_map(|item| self.entry(item)).collect()
    }

    fn entry(&mut self, node: &Node) -> Option<Entry> {
        let Some(members) = node.members() else {
            return self.mistake(node.span, "an entry is a mapping", "it has a `check` and a `reason`");
        };
        for (key, member) in members.iter().filter(|(key, _)| !KEYS.contains(&&***key)) {
            let help = nearest(key, &KEYS)
                .map_or("an entry has `check`, `reason`, `expires` and `revisions`".into(), |meant| {
                    format!("did you mean `{meant}`?")
                });
            self.mistake::<()>(member.key_span, format!("unknown key `{key}`"), help);
        }
        let pattern = self.pattern(node);
        let reason = self.reason(node);
        let expires = node.get("expires").and_then(|node| self.date(node));
        let revisions = node.get("revisions").map(|node| self.revisions(node)).unwrap_or_default();
        let (check, pattern) = pattern?;
        let has_expired = expires.is_some_and(|date| date < self.today);
        let line = self.source.line(node.span.start);
        Some(Entry { check, pattern, line, reason: reason?, expires, has_expired, revisions })
    }

    fn pattern(&mut self, entry: &Node) -> Option<(String, Pattern)> {
        let Some(node) = entry.get("check") else {
            return self.mistake(
                entry.span,
                "the entry has no `check`",
                "the id of a check, or a pattern as for --select",
            );
        };
        let Some(text) = node.text() else {
            return self.mistake(node.span, "`check` is no text", "the id of a check, or a pattern as for --select");
        };
        let pattern = match Pattern::read(text) {
            Ok(pattern) => pattern,
            Err(error) => return self.mistake(node.span, error.to_string(), ""),
        };
        if self.checks.iter().any(|id| pattern.fits(id)) {
            return Some((text.to_owned(), pattern));
        }
        let known: Vec<_> = self.checks.iter().map(ToString::to_string).collect();
        let names = known
            .iter()
            .map(String::as_str)
            .chain(self.checks.iter().flat_map(|id| [id.scenario.as_str(), &id.requirement]));
        let help = match nearest(text, &names.collect::<Vec<_>>()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "`mcp-litmus list` shows all there are".to_owned(),
        };
        self.mistake(node.span, format!("no check fits `{text}`"), help)
    }

    fn reason(&mut self, entry: &Node) -> Option<String> {
        match entry.get("reason").map(|node| (node, node.text())) {
            Some((_, Some(text))) => Some(text.to_owned()),
            Some((node, None)) => self.mistake(node.span, "`reason` is no text", "put it in double quotes"),
            None => self.mistake(entry.span, "the entry has no `reason`", "say why the failure is expected"),
        }
    }

    fn date(&mut self, node: &Node) -> Option<Date> {
        let date = node.text().and_then(|text| Date::parse(text, &Iso8601::DATE).ok());
        date.or_else(|| self.mistake(node.span, "`expires` is no date", "write it as 2027-03-01"))
    }

    fn revisions(&mut self, node: &Node) -> Vec<Revision> {
        let Some(items) = node.items().filter(|items| !items.is_empty()) else {
            let help = "such as [2025-06-18, 2025-11-25]";
            return self.mistake(node.span, "`revisions` is no list of revisions", help).unwrap_or_default();
        };
        let mut revisions = Vec::new();
        for item in items {
            match item.text().and_then(|text| text.parse().ok()) {
                Some(revision) => revisions.push(revision),
                None => drop(self.mistake::<()>(item.span, "this is no revision of the protocol", known_revisions())),
            }
        }
        revisions
    }

    fn mistake<T>(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) -> Option<T> {
        let mistake = Diagnostic::new(self.source, span, message);
        let help = help.into();
        self.mistakes.push(if help.is_empty() { mistake } else { mistake.with_help(help) });
        None
    }
}

fn known_revisions() -> String {
    let names: Vec<_> = Revision::ALL.iter().map(ToString::to_string).collect();
    format!("there are {}", names.join(", "))
}
