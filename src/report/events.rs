//! Files of events: one JSON object on each line, written while a run goes on and read again by `report`.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::collected::Collected;
use super::json;
use super::reporter::{Output, Reporter};
use crate::outcome::Event;

/// Writes each event as it comes, so that what is there when a run is killed can still be read.
pub struct EventFile {
    out: Box<dyn Write>,
}

impl EventFile {
    /// Opens the file; what was in it is gone.
    pub fn create(output: &Output) -> io::Result<Self> {
        Ok(Self { out: output.stream()? })
    }
}

impl Reporter for EventFile {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        if matches!(event, Event::Progress { .. }) {
            return Ok(());
        }
        serde_json::to_writer(&mut self.out, event)?;
        self.out.write_all(b"\n")?;
        self.out.flush()
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.out.flush()
    }
}

/// Why a file of events cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file itself.
    #[error("cannot read `{path}`: {why}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        why: io::Error,
    },
    /// One of its lines.
    #[error("{path}:{line}: {why}")]
    Line {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// The file as a whole.
    #[error("{path}: {why}")]
    Whole {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

/// Reads the events of a file, which may also be a JSON report. A file that ends too early is read as far as it goes, and
/// its last event says that it is partial.
pub fn read_events(path: &Path) -> Result<Vec<Event>, ReadError> {
    let bytes = fs::read(path).map_err(|why| ReadError::File { path: path.to_owned(), why })?;
    let whole = |why: String| ReadError::Whole { path: path.to_owned(), why };
    if json::looks_like_report(&bytes) {
        let collected = json::read(&bytes).map_err(|why| whole(format!("this is no report of mcp-litmus: {why}")))?;
        return Ok(collected.into_events());
    }
    let mut collected = Collected::default();
    for (line, is_last, text) in lines(&bytes) {
        let event = match serde_json::from_slice::<Event>(text) {
            Ok(event) => event,
            // A run that was killed, or a disk that was full, leaves half a line.
            Err(_) if is_last && line > 1 => break,
            Err(why) => return Err(fault(path, line, &format!("not an event: {}", bare(&why)))),
        };
        collected.add(&event).map_err(|why| fault(path, line, &why.to_string()))?;
    }
    if collected.targets.is_empty() {
        return Err(whole("there are no events in this file".to_owned()));
    }
    collected.close();
    Ok(collected.into_events())
}

/// Joins several streams into one: the parts of one target become one, different targets follow one another.
pub fn merge(streams: impl IntoIterator<Item = Vec<Event>>) -> io::Result<Vec<Event>> {
    let mut collected = Collected::default();
    for event in streams.into_iter().flatten() {
        collected.add(&event)?;
    }
    collected.close();
    Ok(collected.into_events())
}

/// Lines that are not blank: number, whether it is an unfinished last one, text.
fn lines(bytes: &[u8]) -> impl Iterator<Item = (usize, bool, &[u8])> {
    bytes
        .split_inclusive(|&byte| byte == b'\n')
        .enumerate()
        .map(|(index, line)| (index + 1, !line.ends_with(b"\n"), line.trim_ascii()))
        .filter(|(_, _, line)| !line.is_empty())
}

fn fault(path: &Path, line: usize, why: &str) -> ReadError {
    ReadError::Line { path: path.to_owned(), line, why: why.to_owned() }
}

/// The message without serde's own place, which counts lines within one line.
fn bare(why: &serde_json::Error) -> String {
    let text = why.to_string();
    match text.rfind(" at line ") {
        Some(end) => format!("{} (column {})", &text[..end], why.column()),
        None => text,
    }
}
