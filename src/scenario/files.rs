//! Finds scenario files on disk and reads their text. Knows nothing of what is in them.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::LoadError;
use crate::source::{Diagnostic, Source, Span};

/// A little more than the reader of YAML takes, so that it can say so.
const SIZE_LIMIT: u64 = (4 << 20) + 1;

/// Every scenario file below a folder, in order of their names; or the file itself. Hidden folders, and links to folders, are
/// passed over.
pub(super) fn below(path: &Path) -> Result<Vec<PathBuf>, LoadError> {
    let mut files = Vec::new();
    if fs::metadata(path).map_err(|e| unreadable(path, e))?.is_dir() {
        collect(path, &mut files)?;
        files.sort();
    } else {
        files.push(path.to_owned());
    }
    Ok(files)
}

/// The text of a file. What is not UTF-8 is a mistake with a place, as any other.
pub(super) fn text(path: &Path) -> Result<Result<Arc<Source>, Diagnostic>, LoadError> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|e| unreadable(path, e))?;
    file.take(SIZE_LIMIT).read_to_end(&mut bytes).map_err(|e| unreadable(path, e))?;
    let name = path.to_string_lossy();
    Ok(match String::from_utf8(bytes) {
        Ok(text) => Ok(Source::new(name, text)),
        Err(e) => {
            let end = e.utf8_error().valid_up_to();
            let source = Source::new(name, String::from_utf8_lossy(e.as_bytes()));
            Err(Diagnostic::new(&source, Span::new(end, end + 1), "not UTF-8"))
        }
    })
}

/// Whether this is a file of broken servers.
pub(super) fn is_broken(path: &Path) -> bool {
    path.to_string_lossy().ends_with(".broken.yaml")
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), LoadError> {
    for entry in fs::read_dir(folder).map_err(|e| unreadable(folder, e))? {
        let entry = entry.map_err(|e| unreadable(folder, e))?;
        let kind = entry.file_type().map_err(|e| unreadable(folder, e))?;
        let path = entry.path();
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if kind.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|e| e == "yaml" || e == "yml") && path.is_file() {
            files.push(path);
        }
    }
    Ok(())
}

fn unreadable(path: &Path, source: io::Error) -> LoadError {
    LoadError::Unreadable { path: path.to_owned(), source }
}
