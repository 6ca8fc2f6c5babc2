//! Snapshot files as `insta` writes and reads them: front matter between `---`, then the content. A changed one waits beside
//! the old one as `.snap.new` until somebody accepts it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;
use similar::TextDiff;

use crate::source::printable;

use super::super::reporter::Output;

/// One snapshot: a file, whether it is there already or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    path: PathBuf,
}

const ENDING: &str = ".snap";

impl Snapshot {
    /// The snapshot of a revision in a folder; of a named server where several share the folder.
    pub fn new(folder: &Path, server: Option<&str>, revision: &str) -> Self {
        Self { path: folder.join(format!("{}{revision}{ENDING}", prefix(server))) }
    }

    /// The snapshots of a server in a folder, with their revisions; none where the folder does not exist.
    pub fn all(folder: &Path, server: Option<&str>) -> io::Result<Vec<(String, Self)>> {
        let entries = match fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let prefix = prefix(server);
        let mut found = Vec::new();
        for entry in entries {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let revision = name.strip_prefix(&prefix).and_then(|rest| rest.strip_suffix(ENDING));
            if let Some(revision) = revision.filter(|text| text.chars().all(|c| c.is_ascii_digit() || c == '-')) {
                found.push((revision.to_owned(), Self { path: path.clone() }));
            }
        }
        found.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(found)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its content; `None` where there is no file. Content that is no JSON object is an error.
    pub fn read(&self) -> io::Result<Option<Value>> {
        let text = match fs::read_to_string(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            text => text?.replace("\r\n", "\n"),
        };
        let content =
            text.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n")).map(|(_, content)| content);
        let value = content.map(serde_json::from_str::<Value>);
        match value {
            Some(Ok(value)) if value.is_object() => Ok(Some(value)),
            _ => Err(io::Error::new(io::ErrorKind::InvalidData, "it is no snapshot of an offer")),
        }
    }

    /// Writes it, and removes what waited to be accepted.
    pub fn accept(&self, description: &str, offer: &Value) -> io::Result<()> {
        write(&self.path, description, offer)?;
        self.unpropose()
    }

    /// Writes what it would be beside it.
    pub fn propose(&self, description: &str, offer: &Value) -> io::Result<()> {
        write(&self.proposal(), description, offer)
    }

    /// Removes what waited to be accepted.
    pub fn unpropose(&self) -> io::Result<()> {
        absent(fs::remove_file(self.proposal()))
    }

    /// Removes it, and what waited to be accepted.
    pub fn remove(&self) -> io::Result<()> {
        absent(fs::remove_file(&self.path))?;
        self.unpropose()
    }

    fn proposal(&self) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(".new");
        path.into()
    }
}

/// What changed between two offers, as a unified difference, harmless to print.
pub fn difference(old: &Value, new: &Value) -> String {
    let (old, new) = (format!("{old:#}\n"), format!("{new:#}\n"));
    let difference = TextDiff::from_lines(&old, &new);
    let text = difference.unified_diff().context_radius(3).to_string();
    text.lines().map(|line| printable(line, LINE) + "\n").collect()
}

/// Bytes of a line of a difference that are shown.
const LINE: usize = 400;

fn prefix(server: Option<&str>) -> String {
    // A name may hold anything, a path too.
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    server.map_or_else(String::new, |name| format!("{}@", name.chars().map(plain).collect::<String>()))
}

fn write(path: &Path, description: &str, offer: &Value) -> io::Result<()> {
    let description = Value::from(printable(description, LINE));
    Output::File(path.to_owned()).write(|out| write!(out, "---\ndescription: {description}\n---\n{offer:#}\n"))
}

fn absent(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn insta_reads_what_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let offer = json!({"instructions": "a: \"b\"\n---\nc", "tools": []});
        let snapshot = Snapshot::new(folder.path(), Some("../x y"), "2025-11-25");
        assert_eq!(snapshot.path(), folder.path().join("..-x-y@2025-11-25.snap"));
        assert_eq!(snapshot.read().unwrap(), None);
        snapshot.propose("not yet", &offer).unwrap();
        snapshot.accept("the \"server\"\u{1b}", &offer).unwrap();
        assert_eq!(snapshot.read().unwrap(), Some(offer.clone()));
        assert_eq!(
            Snapshot::all(folder.path(), Some("../x y")).unwrap(),
            [("2025-11-25".to_owned(), snapshot.clone())]
        );
        assert_eq!(Snapshot::all(folder.path(), None).unwrap(), []);
        insta::with_settings!({snapshot_path => folder.path(), prepend_module_to_snapshot => false}, {
            insta::assert_snapshot!("..-x-y@2025-11-25", format!("{offer:#}"));
        });
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing waits to be accepted");
        fs::write(snapshot.path(), "---\n---\n[").unwrap();
        assert!(snapshot.read().is_err());
        snapshot.remove().unwrap();
        assert_eq!(Snapshot::all(folder.path(), Some("../x y")).unwrap(), []);
    }

    #[test]
    fn a_difference_shows_lines_and_nothing_hostile() {
        let text = difference(&json!({"a": 1, "b": "x"}), &json!({"a": 1, "b": "\u{202e}"}));
        assert!(text.contains("-  \"b\": \"x\"\n") && text.contains("+  \"b\": \"\\u{202e}\"\n"), "{text}");
    }
}
