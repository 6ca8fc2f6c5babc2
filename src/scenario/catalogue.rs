//! All scenarios there are: the built-in ones, and those of the user's folders. Runs none.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use include_dir::{Dir, include_dir};

use super::load::{id, trusted_broken, trusted_scenario};
use super::{Broken, Scenario};
use crate::source::{Diagnostic, Source};

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

/// Why scenarios could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file or folder that cannot be read.
    #[error("cannot read `{}`", path.display())]
    Unreadable {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Files with mistakes in them.
    #[error("{}", Rendered(.0))]
    Mistakes(Vec<Diagnostic>),
}

impl Catalogue {
    /// The built-in scenarios. An error is a mistake in one of ours, which a test would have found.
    pub fn built_in() -> Result<Self, LoadError> {
        let mut catalogue = Self::default();
        let mut mistakes = Vec::new();
        for file in BUILT_IN.dirs().flat_map(Dir::files) {
            let path = Path::new("scenarios").join(file.path());
            let Some(text) = file.contents_utf8().filter(|_| is_yaml(&path)) else { continue };
            let source = Source::new(path.to_string_lossy(), text);
            if is_broken(&path) {
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

/// Every mistake as text, one behind the other.
struct Rendered<'a>(&'a [Diagnostic]);

impl fmt::Display for Rendered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|mistake| write!(f, "{mistake}"))
    }
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "yaml")
}

fn is_broken(path: &Path) -> bool {
    path.to_string_lossy().ends_with(".broken.yaml")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_scenarios_load() {
        let catalogue = Catalogue::built_in().unwrap_or_else(|e| panic!("{e}"));
        assert!(catalogue.scenarios().is_sorted_by(|a, b| a.id < b.id));
        let scenario = catalogue.scenario("errors/unknown-method").expect("is there");
        assert_eq!(scenario.cases.len(), 2);
        assert_eq!(catalogue.broken("errors/unknown-method").expect("loads").len(), 2);
        assert_eq!(catalogue.broken("no/such").expect("is nothing").len(), 0);
    }
}
