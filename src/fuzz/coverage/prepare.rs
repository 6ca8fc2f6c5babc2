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
    /// That for programs built with `SanitizerCoverage`.
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
    #[error("no coverage of {language}: {why}")]
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
        "no coverage of the target, as asked for".clone_into(&mut prepared.sentence);
        return Ok(prepared);
    }
    let detected = detect(command, inherited);
    let asked = match mode {
        Mode::Python => Some(Hook::Python),
        Mode::Node => Some(Hook::Node),
        Mode::Native => Some(Hook::Native),
        Mode::Auto | Mode::Off => None,
    };
    prepared.hooks = detected.hooks;
    let mut why = format!("since {}", detected.why);
    if let Some(hook) = asked {
        // A program with its own name may well start Python or Node; what cannot be is said.
        if prepared.hooks.is_empty() && (hook == Hook::Native || !detected.may_start) {
            return Err(CoverageError::NotThere { language: hook.language(), why: detected.why });
        }
        prepared.hooks = vec![hook];
        "as asked for".clone_into(&mut why);
    }
    if prepared.hooks.is_empty() {
        prepared.sentence = format!("no coverage of the target, {why}");
        return Ok(prepared);
    }
    let languages: Vec<_> = prepared.hooks.iter().map(|hook| hook.language()).collect();
    prepared.sentence = format!("coverage of {}, {why}", languages.join(" or "));
    let environment = &mut prepared.command.environment;
    environment.insert(MAP_VARIABLE.to_owned(), map.path().display().to_string());
    for hook in &prepared.hooks {
        set(*hook, environment, folder, inherited)?;
    }
    Ok(prepared)
}

/// The source text in C of what native programs link to report their coverage.
pub fn native_runtime() -> &'static str {
    include_str!("shims/runtime.c")
}

/// Writes a hook into the folder, and names it in the variable that its language reads.
fn set(
    hook: Hook,
    environment: &mut BTreeMap<String, String>,
    folder: &Path,
    inherited: &BTreeMap<String, String>,
) -> Result<(), CoverageError> {
    let (file, text, variable) = match hook {
        Hook::Python => ("python/sitecustomize.py", include_str!("shims/sitecustomize.py"), "PYTHONPATH"),
        Hook::Node => ("node/hook.cjs", include_str!("shims/hook.cjs"), "NODE_OPTIONS"),
        Hook::Native => return Ok(()),
    };
    let path = write(folder, file, text)?;
    let before = environment.get(variable).or_else(|| inherited.get(variable)).filter(|value| !value.is_empty());
    let value = match (hook, before) {
        (Hook::Python, before) => {
            let own = path.parent().unwrap_or(folder).display().to_string();
            before.map_or(own.clone(), |before| format!("{own}:{before}"))
        }
        (_, before) => {
            let quoted = path.display().to_string().replace('\\', "\\\\").replace('"', "\\\"");
            let own = format!("--require \"{quoted}\"");
            before.map_or(own.clone(), |before| format!("{before} {own}"))
        }
    };
    environment.insert(variable.to_owned(), value);
    Ok(())
}

fn write(folder: &Path, file: &str, text: &str) -> Result<PathBuf, CoverageError> {
    let path = folder.join(file);
    let failed = |source| CoverageError::Write { path: path.clone(), source };
    std::fs::create_dir_all(path.parent().unwrap_or(folder)).map_err(failed)?;
    std::fs::write(&path, text).map_err(failed)?;
    path.canonicalize().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(words: &[&str]) -> CommandTarget {
        CommandTarget {
            program: words[0].to_owned(),
            arguments: words[1..].iter().map(|&word| word.to_owned()).collect(),
            environment: BTreeMap::new(),
            directory: None,
        }
    }

    #[test]
    fn what_is_set_comes_before_or_after_what_was() {
        let folder = tempfile::tempdir().expect("a folder");
        let map = Map::create(folder.path()).expect("is made");
        let inherited = BTreeMap::from([
            ("PYTHONPATH".to_owned(), "/mine".to_owned()),
            ("NODE_OPTIONS".to_owned(), "--no-warnings".to_owned()),
        ]);
        let set =
            |words: &[&str]| prepare(Mode::Auto, &command(words), &map, folder.path(), &inherited).expect("is set");
        let place = folder.path().canonicalize().expect("is there");
        let python = set(&["python3", "server.py"]);
        assert_eq!(python.command.environment["PYTHONPATH"], format!("{}/python:/mine", place.display()));
        assert!(!python.command.environment.contains_key("NODE_OPTIONS"));
        assert_eq!(python.sentence, "coverage of Python, since `python3` starts Python");
        let node = set(&["npx", "server"]);
        let expected = format!("--no-warnings --require \"{}/node/hook.cjs\"", place.display());
        assert_eq!(node.command.environment["NODE_OPTIONS"], expected);
        assert_eq!(node.command.environment[MAP_VARIABLE], map.path().display().to_string());
    }

    #[test]
    fn what_cannot_report_is_said() {
        let folder = tempfile::tempdir().expect("a folder");
        let map = Map::create(folder.path()).expect("is made");
        let nothing = BTreeMap::new();
        let set = |mode, words: &[&str]| prepare(mode, &command(words), &map, folder.path(), &nothing);
        let absent = set(Mode::Auto, &["./absent"]).expect("is no error");
        assert_eq!(absent.sentence, "no coverage of the target, since `./absent` is not found");
        assert!(absent.command.environment.is_empty());
        let native = set(Mode::Native, &["/bin/true"]).expect_err("cannot be");
        assert_eq!(native.to_string(), "no coverage of a native program: `/bin/true` was built without it");
        assert!(set(Mode::Python, &["python3", "-I", "server.py"]).is_err());
        assert_eq!(set(Mode::Node, &["/bin/true"]).expect("may be").hooks, [Hook::Node]);
        assert!(set(Mode::Off, &["python3"]).expect("is no error").hooks.is_empty());
    }
}
