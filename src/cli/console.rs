//! The terminal: whether there is one, how wide, whether in colour; and the few lines that are written to it outside a
//! report.

use std::io::{self, IsTerminal as _, Write as _};

use clap::ValueEnum;
use rustix::termios::tcgetwinsize;

use super::exit::{Exit, Stop};

/// When to use colours: always, never, or on a terminal unless `NO_COLOR` is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Colour {
    #[default]
    Auto,
    Always,
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

/// Writes to standard output.
pub(super) fn print(text: &str) -> Result<Exit, Stop> {
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map(|()| Exit::Conforms).map_err(|error| Stop::unwritten("to standard output", &error))
}

/// Shows one line on a terminal behind standard error, in place of the one before; an empty one clears it.
pub(super) fn status(line: &str) {
    let cut: String = line.chars().take(width().saturating_sub(1)).collect();
    // With standard error closed there is nobody left to show it.
    let _ = write!(io::stderr(), "\r\x1b[2K{cut}");
}

/// Tells the user something on standard error.
pub(super) fn tell(message: &str) {
    let message = message.trim_end();
    if !message.is_empty() {
        // With standard error closed there is nobody left to tell.
        let _ = writeln!(io::stderr(), "{message}");
    }
}
