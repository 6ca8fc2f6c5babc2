//! How the program ends: exit codes, and why it stopped early. Ends nothing itself.

use std::fmt::Display;
use std::io;
use std::process::ExitCode;

use super::console::Colour;
use crate::scenario::LoadError;
use crate::source::Diagnostic;

/// How the program ends. The numbers are part of the contract with scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// The target conforms, or what was asked for is done.
    Conforms,
    /// The target does not conform.
    Fails,
    /// A mistake in what the user typed or wrote.
    Usage,
    /// The target was not reached, or does not speak the revision asked for.
    NotReached,
    /// The harness failed.
    Fault,
    /// The built-in server ended with this code.
    Served(u8),
    /// A signal asked for the end, or nobody reads the output any more; as shells tell it.
    Signal(u8),
}

/// Why a command stopped before its end.
#[derive(Debug)]
pub(super) struct Stop {
    /// The exit code.
    pub exit: Exit,
    /// What the user is told, as it is printed; empty where there is nobody to tell.
    pub message: String,
}

/// The signal that a program gets whose reader has gone.
const SIGPIPE: u8 = 13;

impl Exit {
    /// The number that the system is given.
    pub(super) fn number(self) -> u8 {
        match self {
            Self::Conforms => 0,
            Self::Fails => 1,
            Self::Usage => 2,
            Self::NotReached => 3,
            Self::Fault => 4,
            Self::Served(number) => number,
            Self::Signal(number) => 128 + number,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.number())
    }
}

impl Stop {
    fn new(exit: Exit, message: impl Display) -> Self {
        Self { exit, message: format!("error: {message}") }
    }

    /// A mistake of the user's.
    pub(super) fn usage(message: impl Display) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Mistakes in files of the user's, each with its place.
    pub(super) fn mistakes(mistakes: &[Diagnostic]) -> Self {
        let colour = Colour::default().for_stderr();
        let shown: Vec<_> = mistakes.iter().map(|mistake| mistake.render(colour)).collect();
        Self { exit: Exit::Usage, message: shown.join("\n") }
    }

    /// A target that is not there.
    pub(super) fn not_reached(message: impl Display) -> Self {
        Self::new(Exit::NotReached, message)
    }

    /// A failure of ours, or of the machine.
    pub(super) fn fault(message: impl Display) -> Self {
        Self::new(Exit::Fault, message)
    }

    /// Output that could not be written. A reader that has gone has seen enough and is told nothing.
    pub(super) fn unwritten(what: &str, error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self { exit: Exit::Signal(SIGPIPE), message: String::new() }
        } else {
            Self::fault(format!("cannot write {what}: {error}"))
        }
    }
}

impl From<LoadError> for Stop {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Mistakes(mistakes) => Self::mistakes(&mistakes),
            LoadError::Unreadable { .. } => Self::usage(error),
        }
    }
}
