//! Checks scenario files without running them. Reports; prints nothing.

use std::path::Path;

use super::{Catalogue, LoadError, Names, files};
use crate::source::Diagnostic;

/// What came of checking files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LintReport {
    /// How many files were read.
    pub files: usize,
    /// Every mistake, file by file and line by line.
    pub mistakes: Vec<Diagnostic>,
}

/// Checks files, and all files below folders. An error is a path that cannot be read.
pub fn lint<P: AsRef<Path>>(paths: &[P], names: &Names) -> Result<LintReport, LoadError> {
    let mut report = LintReport::default();
    let mut catalogue = Catalogue::default();
    for path in paths {
        for file in files::below(path.as_ref())? {
            report.files += 1;
            report.mistakes.extend(catalogue.add_file(&file, names)?);
        }
    }
    Ok(report)
}
