//! `${NAME}` in files that people wrote becomes what the environment holds. Shows no value to anybody.

use std::cell::RefCell;
use std::path::PathBuf;

use crate::source::Secrets;

/// What variables stand for.
pub(super) struct Variables {
    /// What VS Code calls `${workspaceFolder}`.
    pub folder: PathBuf,
    /// The values that were filled in, which no report may show.
    pub secrets: RefCell<Secrets>,
}

impl Variables {
    /// None filled in yet.
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, secrets: RefCell::default() }
    }

    /// `${NAME}`, `${NAME:-default}`, `${env:NAME}`, `${workspaceFolder}`, `${userHome}`; any other text stays as it is. An
    /// error is what is wrong, and what to do about it.
    pub(super) fn filled(&self, text: &str) -> Result<String, (String, String)> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once("${") {
            let Some((inner, after)) = behind.split_once('}') else { break };
            filled.push_str(before);
            if is_variable(inner) {
                filled.push_str(&self.variable(inner)?);
            } else {
                // A shell's own, such as `${A#b}`.
                filled.extend(["${", inner, "}"]);
            }
            rest = after;
        }
        filled.push_str(rest);
        Ok(filled)
    }

    fn variable(&self, inner: &str) -> Result<String, (String, String)> {
        let (name, default) = match inner {
            "workspaceFolder" => return Ok(self.folder.display().to_string()),
            "userHome" => ("HOME", None),
            _ if inner.starts_with("input:") => {
                let why = format!("`${{{inner}}}` is asked for by the client, which is not there");
                return Err((why, "give the value with --env or --header, and leave it out here".to_owned()));
            }
            _ => {
                let inner = inner.strip_prefix("env:").unwrap_or(inner);
                inner.split_once(":-").map_or((inner, None), |(name, default)| (name, Some(default)))
            }
        };
        let set = std::env::var(name).ok().filter(|value| !value.is_empty() || default.is_none());
        if let Some(value) = &set {
            self.secrets.borrow_mut().add(value, &format!("${{{name}}}"));
        }
        set.or_else(|| default.map(str::to_owned)).ok_or_else(|| {
            (
                format!("the environment variable `{name}` is not set"),
                format!("set it, or write `${{{name}:-default}}`"),
            )
        })
    }
}

fn is_variable(inner: &str) -> bool {
    let name = inner.split_once(":-").map_or(inner, |(name, _)| name);
    let name = name.strip_prefix("env:").unwrap_or(name);
    inner.starts_with("input:") || (!name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
}
