//! What has to be set on a command so that the target reports what it does. Writes the hooks into a folder, starts nothing.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::detect::{Hook, detect};
use super::map::Map;
use crate::transport::CommandTarget;

/// Names the file of the map to hooks in the target.
pub const MAP_VARIABLE: &str = "LITMUS_COVERAGE_MAP";

/// Says what of the target counts: `own` (the default) or `packages`, all that does not belong to the language.
pub const SCOPE_VARIABLE: &str = "LITMUS_COVERAGE_SCOPE";

/// Which hook is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Whichever fits what the command starts, and none where none fits.
    #[default]
    Auto,
    /// None.
    Off,
    /// That for Python.
    Python,
    /// That for Node.
    Node,
    /// That for programs built with SanitizerCoverage.
    Native,
}

/// A command that reports into a map, and what was chosen.
#[derive(Debug)]
pub struct Prepared {
    /// What is to be started instead.
    pub command: CommandTarget,
    /// What will report; nothing where there is no coverage.
    pub hooks: Vec<Hook>,
    /// What was chosen and why, or why there is no coverage: one sentence without its full stop.
    pub sentence: String,
}

/// Why a hook that was asked for cannot be set.
#[derive(Debug, Error)]
pub enum CoverageError {
    /// The program would not report.
    #[error("no coverage of {language} here: {why}")]
    NotThere {
        /// What was asked for.
        language: &'static str,
        /// What was found instead.
        why: String,
    },
    /// The files of a hook cannot be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Sets on a command what makes the target report into the map. `folder` is kept as long as the target may start: the
/// hooks are written there. `inherited` is the environment that the target will inherit.
pub fn prepare(
    mode: Mode,
    command: &CommandTarget,
    map: &Map,
    folder: &Path,
    inherited: &BTreeMap<String, String>,
) -> Result<Prepared, CoverageError> {
    let mut prepared = Prepared { command: command.clone(), hooks: Vec::new(), sentence: String::new() };
    if mode == Mode::Off {
        prepared.sentence = "no coverage of the target, as asked for".to_owned();
        return Ok(prepared);
    }
    let detected = detect(command, inherited);
    prepared.hooks = match mode {
        Mode::Python => vec![Hook::Python],
        Mode::Node => vec![Hook::Node],
        Mode::Native if !detected.hooks.contains(&Hook::Native) => {
            return Err(CoverageError::NotThere { language: Hook::Native.language(), why: detected.why });
        }
        Mode::Native => vec![Hook::Native],
        Mode::Auto | Mode::Off => detected.hooks,
    };
    prepared.sentence = if prepared.hooks.is_empty() {
        format!("no coverage of the target, since {}", detected.why)
    } else {
        let languages: Vec<_> = prepared.hooks.iter().map(|hook| hook.language()).collect();
        format!("coverage of {}, since {}", languages.join(" and "), detected.why)
    };
    let environment = &mut prepared.command.environment;
    environment.insert(MAP_VARIABLE.to_owned(), map.path().display().to_string());
    let _ = (folder, inherited);
    Ok(prepared)
}

/// The source text in C of what native programs link to report their coverage.
pub fn native_runtime() -> &'static str {
    ""
}
