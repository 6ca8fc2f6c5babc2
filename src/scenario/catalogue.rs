//! All scenarios there are: the built-in ones, and those of the user's folders. Runs none.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use include_dir::{Dir, include_dir};

use super::load::{checked_broken, checked_scenario, id, trusted_broken, trusted_scenario};
use super::{Broken, LoadError, Names, Scenario, files};
use crate::source::{Diagnostic, Source, Span};

static BUILT_IN: Dir = include_dir!("$CARGO_MANIFEST_DIR/scenarios");

/// Scenarios by id, with the broken servers that stand beside them.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    scenarios: Vec<Scenario>,
    broken: BTreeMap<String, BrokenFile>,
}

/// Broken servers are for tests and `serve`; nobody else pays for reading them.
#[derive(Debug, Clone)]
struct BrokenFile {
    path: PathBuf,
    source: Arc<Source>,
}

impl Catalogue {
    /// The built-in scenarios. An error is a mistake in one of ours, which a test would have found.
    pub fn built_in() -> Result<Self, LoadError> {
        let mut catalogue = Self::default();
        let mut mistakes = Vec::new();
        for file in BUILT_IN.dirs().flat_map(Dir::files) {
            let path = Path::new("scenarios").join(file.path());
            let Some(text) = file.contents_utf8() else { continue };
            let source = Source::new(path.to_string_lossy(), text);
            if files::is_broken(&path) {
                catalogue.broken.insert(id(&path), BrokenFile { path, source });
            } else {
                match trusted_scenario(&path, &source) {
                    Ok(scenario) => catalogue.scenarios.push(scenario),
                    Err(found) => mistakes.extend(found),
                }
            }
        }
        catalogue.scenarios.sort_by(|a, b| a.id.cmp(&b.id));
        if mistakes.is_empty() { Ok(catalogue) } else { Err(LoadError::Mistakes(mistakes)) }
    }

    /// Adds the scenarios of a folder, whole: with a mistake in any of them none is added. Paths are kept as given.
    pub fn add_folder(&mut self, folder: &Path, names: &Names) -> Result<(), LoadError> {
        let mut extended = self.clone();
        let mut mistakes = Vec::new();
        for file in files::below(folder)? {
            mistakes.extend(extended.add_file(&file, names)?);
        }
        if !mistakes.is_empty() {
            return Err(LoadError::Mistakes(mistakes));
        }
        *self = extended;
        Ok(())
    }

    /// The one scenario of a file that may have any name and lie anywhere, as findings do, under this id.
    pub fn of_file(file: &Path, id: &str, names: &Names) -> Result<Self, LoadError> {
        let source = files::text(file)?.map_err(|mistake| LoadError::Mistakes(vec![mistake]))?;
        let placed = PathBuf::from(format!("{id}.yaml"));
        let scenario = checked_scenario(&placed, &source, names).map_err(LoadError::Mistakes)?;
        let scenario = Scenario { file: file.to_owned(), ..scenario };
        Ok(Self { scenarios: vec![scenario], ..Self::default() })
    }

    /// Adds one file, or tells what is wrong with it.
    pub(super) fn add_file(&mut self, file: &Path, names: &Names) -> Result<Vec<Diagnostic>, LoadError> {
        let source = match files::text(file)? {
            Ok(source) => source,
            Err(mistake) => return Ok(vec![mistake]),
        };
        let mistake =
            |message: String, help: &str| Ok(vec![Diagnostic::new(&source, Span::default(), message).with_help(help)]);
        if file.extension().is_none_or(|e| e != "yaml") {
            return mistake("a scenario file ends in `.yaml`".into(), "rename it");
        }
        // A file named without a folder stands in one all the same.
        let placed = file.canonicalize().map_err(|e| LoadError::Unreadable { path: file.to_owned(), source: e })?;
        let id = id(&placed);
        if files::is_broken(file) {
            let scenario = placed.with_file_name(format!("{}.yaml", id.rsplit('/').next().unwrap_or_default()));
            if !scenario.is_file() {
                return mistake(
                    format!("broken servers for `{id}`, which is not there"),
                    "they stand beside their scenario",
                );
            }
            if let Err(mistakes) = checked_broken(&placed, &source, names) {
                return Ok(mistakes);
            }
            self.broken.insert(id, BrokenFile { path: file.to_owned(), source });
            return Ok(Vec::new());
        }
        match checked_scenario(&placed, &source, names) {
            Err(mistakes) => Ok(mistakes),
            Ok(scenario) => match self.scenarios.binary_search_by(|s| s.id.cmp(&id)) {
                Ok(at) => {
                    let other = self.scenarios[at].file.display();
                    mistake(format!("the id `{id}` is taken already by {other}"), "rename the file or its folder")
                }
                Err(at) => {
                    self.scenarios.insert(at, Scenario { file: file.to_owned(), ..scenario });
                    Ok(Vec::new())
                }
            },
        }
    }

    /// Every scenario, by id.
    pub fn scenarios(&self) -> &[Scenario] {
        &self.scenarios
    }

    /// The scenario of this id.
    pub fn scenario(&self, id: &str) -> Option<&Scenario> {
        self.scenarios.binary_search_by(|s| s.id.as_str().cmp(id)).ok().map(|at| &self.scenarios[at])
    }

    /// The broken servers that stand beside a scenario; none where there is no such file.
    pub fn broken(&self, scenario: &str) -> Result<Vec<Broken>, LoadError> {
        self.broken
            .get(scenario)
            .map_or(Ok(Vec::new()), |file| trusted_broken(&file.path, &file.source).map_err(LoadError::Mistakes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_scenarios_load() {
        let catalogue = Catalogue::built_in().unwrap_or_else(|e| panic!("{e}"));
        assert!(catalogue.scenarios().is_sorted_by(|a, b| a.id < b.id));
        let scenario = catalogue.scenario("errors/unknown-method").expect("is there");
        assert!(scenario.cases.contains_key("plain"));
        assert!(!catalogue.broken("errors/unknown-method").expect("loads").is_empty());
        assert_eq!(catalogue.broken("no/such").expect("is nothing").len(), 0);
    }
}
