//! The terminal: whether there is one, how wide, whether in colour; and the few lines that are written to it outside a
//! report.

use std::io::{self, IsTerminal as _, Write as _};

use clap::ValueEnum;
use rustix::termios::tcgetwinsize;

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Colour {
    /// On a terminal, unless `NO_COLOR` is set
    #[default]
    Auto,
    /// In any case
    Always,
    /// Not at all
    Never,
}

/// Columns where nobody says how many there are.
const WIDTH: usize = 100;

impl Colour {
    /// Whether to colour what goes to standard output, or to standard error.
    pub(super) fn for_stdout(self) -> bool {
        self.wanted(io::stdout().is_terminal())
    }

    /// Likewise for standard error.
    pub(super) fn for_stderr(self) -> bool {
        self.wanted(io::stderr().is_terminal())
    }

    fn wanted(self, terminal: bool) -> bool {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        match self {
            Self::Auto => terminal && !set("NO_COLOR") && !dumb,
            Self::Always => true,
            Self::Never => false,
        }
    }
}

/// Columns of the terminal behind standard output or standard error.
pub(super) fn width() -> usize {
    let size = tcgetwinsize(io::stdout()).or_else(|_| tcgetwinsize(io::stderr()));
    size.map_or(WIDTH, |size| usize::from(size.ws_col)).max(1)
}

/// Tells the user something on standard error.
pub(super) fn tell(message: &str) {
    let message = message.trim_end();
    if !message.is_empty() {
        // With standard error closed there is nobody left to tell.
        let _ = writeln!(io::stderr(), "{message}");
    }
}
