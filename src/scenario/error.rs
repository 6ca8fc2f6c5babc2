//! What goes wrong when scenarios are loaded. Plain data; what a file says wrong is a diagnostic.

use std::path::PathBuf;
use std::{fmt, io};

use crate::source::Diagnostic;

/// Why scenarios could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file or folder that cannot be read.
    #[error("cannot read `{}`: {source}", path.display())]
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

/// Every mistake as text, with an empty line between.
struct Rendered<'a>(&'a [Diagnostic]);

impl fmt::Display for Rendered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, mistake) in self.0.iter().enumerate() {
            let gap = if i == 0 { "" } else { "\n" };
            write!(f, "{gap}{mistake}")?;
        }
        Ok(())
    }
}
