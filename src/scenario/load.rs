//! Loads scenario files: text in, scenarios or every mistake out. Touches no disk.

use std::path::Path;
use std::sync::Arc;

use super::{Broken, Scenario, form, meaning, read};
use crate::source::{Diagnostic, Document, Source, Span};

/// Names that only the floors above know, so that a file cannot ask for what nobody has.
#[derive(Debug, Clone, Copy, Default)]
pub struct Names<'a> {
    /// What `probe:` may name.
    pub probes: &'a [&'a str],
    /// What `invariant:` may name.
    pub invariants: &'a [&'a str],
    /// What `quirk:` may name.
    pub quirks: &'a [&'a str],
}

/// More mistakes than these nobody reads.
const MISTAKES_SHOWN: usize = 100;

/// Loads a scenario, or tells all that is wrong with it (at most 100 mistakes). Its id is the name of the folder and the name
/// of the file.
pub fn load_scenario(file: &Path, text: &str, names: &Names) -> Result<Scenario, Vec<Diagnostic>> {
    checked_scenario(file, &source(file, text), names)
}

/// Loads a file of broken servers, likewise.
pub fn load_broken(file: &Path, text: &str, names: &Names) -> Result<Vec<Broken>, Vec<Diagnostic>> {
    checked_broken(file, &source(file, text), names)
}

pub(super) fn checked_scenario(file: &Path, source: &Arc<Source>, names: &Names) -> Result<Scenario, Vec<Diagnostic>> {
    let document = Document::read(source).map_err(|mistake| vec![mistake])?;
    let mistakes = [form::SCENARIO.mistakes(&document), meaning::of_scenario(&document, names), misnamed(file, source)];
    let mut mistakes = mistakes.concat();
    if mistakes.is_empty() {
        mistakes.extend(meaning::proves_nothing(&document));
    }
    outcome(&document, mistakes, read::scenario(&id(file), file, &document))
}

pub(super) fn checked_broken(file: &Path, source: &Arc<Source>, names: &Names) -> Result<Vec<Broken>, Vec<Diagnostic>> {
    let document = Document::read(source).map_err(|mistake| vec![mistake])?;
    let mistakes = [form::BROKEN.mistakes(&document), meaning::of_broken(&document, names), misnamed(file, source)];
    outcome(&document, mistakes.concat(), read::broken(file, &document))
}

/// Loads a scenario of our own. A test has checked it, so that here it is only read, unless that fails.
pub(super) fn trusted_scenario(file: &Path, source: &Arc<Source>) -> Result<Scenario, Vec<Diagnostic>> {
    let document = Document::read(source).map_err(|mistake| vec![mistake])?;
    match read::scenario(&id(file), file, &document) {
        Some(scenario) => Ok(scenario),
        None => outcome(&document, form::SCENARIO.mistakes(&document), None),
    }
}

/// Loads broken servers of our own, likewise.
pub(super) fn trusted_broken(file: &Path, source: &Arc<Source>) -> Result<Vec<Broken>, Vec<Diagnostic>> {
    let document = Document::read(source).map_err(|mistake| vec![mistake])?;
    match read::broken(file, &document) {
        Some(broken) => Ok(broken),
        None => outcome(&document, form::BROKEN.mistakes(&document), None),
    }
}

/// `area/name` of a file `…/area/name.yaml` or `…/area/name.broken.yaml`.
pub(super) fn id(file: &Path) -> String {
    let area = file.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let name = name.strip_suffix(".yaml").unwrap_or(&name);
    format!("{area}/{}", name.strip_suffix(".broken").unwrap_or(name))
}

fn outcome<T>(document: &Document, found: Vec<Diagnostic>, read: Option<T>) -> Result<T, Vec<Diagnostic>> {
    let mut mistakes = document.mistakes.clone();
    mistakes.extend(found);
    mistakes.sort_by_key(Diagnostic::position);
    mistakes.truncate(MISTAKES_SHOWN);
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    // The schema allows nothing that cannot be read; this is for the day on which somebody forgets that.
    read.ok_or_else(|| {
        vec![Diagnostic::new(&document.source, Span::default(), "the file does not have the form of its kind")]
    })
}

/// Folder and file name become the id, in which not every character can stand.
fn misnamed(file: &Path, source: &Arc<Source>) -> Vec<Diagnostic> {
    let id = id(file);
    let is_name = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric())
            && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    if id.split('/').all(is_name) {
        return Vec::new();
    }
    let message = format!("`{id}` cannot be the id of a scenario");
    let help = "folder and file are named by small letters, digits and dashes, such as `search/empty-query.yaml`";
    vec![Diagnostic::new(source, Span::default(), message).with_help(help)]
}

fn source(file: &Path, text: &str) -> Arc<Source> {
    Source::new(file.to_string_lossy(), text)
}
