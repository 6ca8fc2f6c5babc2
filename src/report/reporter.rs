//! What a reporter is, which formats there are, and where reports go. Knows no format from inside.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::{fmt, process};

use super::collected::Collected;
use super::{codequality, html, json, junit, markdown, sarif};
use crate::outcome::Event;

/// Takes the events of a run, one after another, and makes a report of them.
pub trait Reporter {
    /// Takes the next event.
    fn event(&mut self, event: &Event) -> io::Result<()>;

    /// Writes what is still to be written. If the events ended before their time, the report says that it is partial.
    fn finish(self: Box<Self>) -> io::Result<()>;
}

/// A format of `--report FORMAT=PATH`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JUnit XML, which every CI system reads.
    Junit,
    /// JSON, as `schemas/report.schema.json` describes it.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// One page that shows everything and needs nothing.
    Html,
    /// Markdown for a comment or the summary of a CI step.
    Markdown,
    /// JSON for the code quality widget of GitLab.
    Codequality,
}

impl Format {
    /// Every format, as `--help` lists them.
    pub const ALL: [Self; 6] = [Self::Junit, Self::Json, Self::Sarif, Self::Html, Self::Markdown, Self::Codequality];

    /// The word for it on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Junit => "junit",
            Self::Json => "json",
            Self::Sarif => "sarif",
            Self::Html => "html",
            Self::Markdown => "markdown",
            Self::Codequality => "codequality",
        }
    }

    /// A reporter that gathers the events and writes them in this format when they end.
    pub fn reporter(self, output: Output) -> Box<dyn Reporter> {
        Box::new(Document { format: self, output, collected: Collected::default() })
    }

    /// Writes a report in this format.
    pub fn write(self, collected: &Collected, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Junit => junit::write(collected, out),
            Self::Json => json::write(collected, out),
            Self::Sarif => sarif::write(collected, out),
            Self::Html => html::write(collected, out),
            Self::Markdown => markdown::write(collected, out),
            Self::Codequality => codequality::write(collected, out),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no report format (there are {known})", known = Format::ALL.map(Format::as_str).join(", "))]
pub struct UnknownFormat(String);

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|format| format.as_str() == text).ok_or_else(|| UnknownFormat(text.to_owned()))
    }
}

/// Where a report goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Standard output, written `-`.
    Stdout,
    /// A file, which is replaced as a whole or not at all.
    File(PathBuf),
}

impl From<OsString> for Output {
    fn from(text: OsString) -> Self {
        if text == "-" { Self::Stdout } else { Self::File(PathBuf::from(text)) }
    }
}

impl Output {
    /// Fails where it can be seen beforehand that writing will: better now than after an hour of checks.
    pub fn check(&self) -> io::Result<()> {
        let Self::File(path) = self else { return Ok(()) };
        if path.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, format!("`{}` is a folder", path.display())));
        }
        let folder = folder_of(path);
        if !folder.is_dir() {
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!("the folder `{}` does not exist", folder.display()),
            ));
        }
        // A file is replaced, for which its folder must be writable; a device is written into.
        let written = if path.exists() && !path.is_file() { path.as_path() } else { folder };
        Ok(rustix::fs::access(written, rustix::fs::Access::WRITE_OK)?)
    }

    /// Opens it for a stream, of which every part is worth having.
    pub fn stream(&self) -> io::Result<Box<dyn Write>> {
        match self {
            Self::Stdout => Ok(Box::new(io::stdout())),
            Self::File(path) => Ok(Box::new(BufWriter::new(File::create(path)?))),
        }
    }

    /// Writes a whole: a file appears when all of it is there, or stays as it was.
    pub fn write(&self, content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        match self {
            Self::Stdout => {
                let mut out = BufWriter::new(io::stdout().lock());
                content(&mut out)?;
                out.flush()
            }
            Self::File(path) => match fs::canonicalize(path) {
                // A device or a pipe is written into; put in its place, the report would do harm.
                Ok(real) if !real.is_file() => write_into(&real, content),
                Ok(real) => replace(&real, content),
                Err(_) => replace(path, content),
            },
        }
    }
}

struct Document {
    format: Format,
    output: Output,
    collected: Collected,
}

impl Reporter for Document {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.collected.add(event)
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.collected.close();
        self.output.write(|out| self.format.write(&self.collected, out))
    }
}

fn replace(path: &Path, content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.tmp", process::id()));
    let draft = folder_of(path).join(name);
    let done = write_into(&draft, content).and_then(|()| fs::rename(&draft, path));
    if done.is_err() {
        // The first mistake is the one to tell; a draft that cannot be removed either changes nothing.
        let _ = fs::remove_file(&draft);
    }
    done
}

fn write_into(path: &Path, content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    content(&mut file)?;
    file.flush()
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_read_by_name() {
        for format in Format::ALL {
            assert_eq!(format.as_str().parse(), Ok(format));
        }
        let error = "pdf".parse::<Format>().unwrap_err().to_string();
        assert!(error.starts_with("`pdf` is no report format (there are junit, json"), "{error}");
    }

    #[test]
    fn a_file_is_replaced_as_a_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        fs::write(&path, "old").unwrap();
        let output = Output::File(path.clone());
        output
            .write(|out| {
                out.write_all(b"half of ")?;
                Err(io::Error::from(io::ErrorKind::StorageFull))
            })
            .unwrap_err();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        output.write(|out| out.write_all(b"new")).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left");
    }

    #[test]
    fn a_device_is_written_into() {
        Output::from(OsString::from("/dev/null")).write(|out| out.write_all(b"gone")).unwrap();
        assert!(!Path::new("/dev/null").is_file());
    }

    #[test]
    fn a_missing_folder_is_told_beforehand() {
        let output = Output::from(OsString::from("no/such/folder/report.json"));
        assert_eq!(output.check().unwrap_err().to_string(), "the folder `no/such/folder` does not exist");
        assert!(Output::Stdout.check().is_ok());
    }
}
