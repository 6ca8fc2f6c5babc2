//! Loads scenario files: text in, scenarios or every mistake out. Touches no disk.

use std::path::Path;
use std::sync::Arc;

use super::{Broken, Scenario, read};
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

/// Loads a scenario. Its id is the name of the folder and the name of the file.
pub fn load_scenario(file: &Path, text: &str, _names: &Names) -> Result<Scenario, Vec<Diagnostic>> {
    trusted_scenario(file, &source(file, text))
}

/// Loads a file of broken servers.
pub fn load_broken(file: &Path, text: &str, _names: &Names) -> Result<Vec<Broken>, Vec<Diagnostic>> {
    trusted_broken(file, &source(file, text))
}

/// Loads a scenario of our own, whose form has been checked by a test.
pub(super) fn trusted_scenario(file: &Path, source: &Arc<Source>) -> Result<Scenario, Vec<Diagnostic>> {
    let document = Document::read(source).map_err(|mistake| vec![mistake])?;
    read::scenario(&id(file), file, &document).ok_or_else(|| vec![unreadable(source)])
}

/// Loads broken servers of our own, likewise.
pub(super) fn trusted_broken(file: &Path, source: &Arc<Source>) -> Result<Vec<Broken>, Vec<Diagnostic>> {
    let document = Document::read(source).map_err(|mistake| vec![mistake])?;
    read::broken(file, &document).ok_or_else(|| vec![unreadable(source)])
}

/// `area/name` of a file `…/area/name.yaml` or `…/area/name.broken.yaml`.
pub(super) fn id(file: &Path) -> String {
    let area = file.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let name = name.strip_suffix(".yaml").unwrap_or(&name);
    format!("{area}/{}", name.strip_suffix(".broken").unwrap_or(name))
}

fn source(file: &Path, text: &str) -> Arc<Source> {
    Source::new(file.to_string_lossy(), text)
}

fn unreadable(source: &Arc<Source>) -> Diagnostic {
    Diagnostic::new(source, Span::default(), "the file does not have the form of its kind")
}
