//! The oracles by name, and what one of them suspects. Judges nothing.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::cause::is_same;

/// Something that says whether an input has brought out a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Oracle {
    /// The process ended, or a thread of it panicked.
    Died,
    /// Not even the alive request is answered in time.
    Hang,
    /// A request that is owed an answer gets none in time, although the alive request is answered. A tool that is there may take as
    /// long as its arguments want.
    Unanswered,
    /// A message that the revision does not allow.
    InvalidMessage,
    /// An answer to nothing, twice, or with a wrong id.
    StrayAnswer,
    /// Bytes on standard output that are no message.
    Noise,
    /// Arguments that the tool's own schema forbids were accepted.
    AcceptedInvalid,
    /// What the client did wrong was answered as an internal error.
    InternalError,
    /// A stack trace, or a path of the server's own files, in an answer.
    LeakedInternals,
    /// Memory, file descriptors or processes grow without bound.
    Resources,
    /// What one HTTP session sent is seen in another.
    SessionMixup,
    /// An answer out of all proportion.
    Proportion,
}

impl Oracle {
    /// Every oracle.
    pub const ALL: [Self; 12] = [
        Self::Died,
        Self::Hang,
        Self::Unanswered,
        Self::InvalidMessage,
        Self::StrayAnswer,
        Self::Noise,
        Self::AcceptedInvalid,
        Self::InternalError,
        Self::LeakedInternals,
        Self::Resources,
        Self::SessionMixup,
        Self::Proportion,
    ];

    /// Its name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Died => "died",
            Self::Hang => "hang",
            Self::Unanswered => "unanswered",
            Self::InvalidMessage => "invalid-message",
            Self::StrayAnswer => "stray-answer",
            Self::Noise => "noise",
            Self::AcceptedInvalid => "accepted-invalid",
            Self::InternalError => "internal-error",
            Self::LeakedInternals => "leaked-internals",
            Self::Resources => "resources",
            Self::SessionMixup => "session-mixup",
            Self::Proportion => "proportion",
        }
    }

    /// What it looks for, in a few words.
    pub fn title(self) -> &'static str {
        match self {
            Self::Died => "The server lives on",
            Self::Hang => "The server does not hang",
            Self::Unanswered => "Every request is answered",
            Self::InvalidMessage => "Every message is as the revision wants it",
            Self::StrayAnswer => "Answers answer requests, once",
            Self::Noise => "Standard output carries messages and nothing else",
            Self::AcceptedInvalid => "Arguments are held to the tool's own schema",
            Self::InternalError => "Mistakes of the client are no internal errors",
            Self::LeakedInternals => "Answers show no internals of the server",
            Self::Resources => "Memory, files and processes are given back",
            Self::SessionMixup => "Sessions are kept apart",
            Self::Proportion => "Answers are in proportion",
        }
    }

    /// The requirement behind it where no watcher names one.
    pub fn requirement(self) -> &'static str {
        match self {
            Self::Unanswered => "jsonrpc.response.every-request-answered",
            Self::StrayAnswer => "jsonrpc.response.at-most-one",
            Self::AcceptedInvalid => "tools.inputs.validated",
            Self::InternalError => "jsonrpc.error.invalid-params",
            Self::SessionMixup => "http.session.isolated",
            _ => "house.survives",
        }
    }

    /// Whether it goes by what answer belongs to what request, and by the revision.
    pub(super) fn needs_clarity(self) -> bool {
        matches!(self, Self::StrayAnswer | Self::InvalidMessage)
    }

    /// Whether the target is of no use any more once it is convicted.
    pub(super) fn is_fatal(self) -> bool {
        matches!(self, Self::Died | Self::Hang)
    }
}

impl fmt::Display for Oracle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name that no oracle has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no oracle `{0}` (there are {all})", all = Oracle::ALL.map(Oracle::as_str).join(", "))]
pub struct UnknownOracle(String);

impl FromStr for Oracle {
    type Err = UnknownOracle;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|oracle| oracle.as_str() == text).ok_or_else(|| UnknownOracle(text.to_owned()))
    }
}

/// What an oracle suspects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspicion {
    /// Which.
    pub oracle: Oracle,
    /// The requirement that would be broken.
    pub requirement: String,
    /// The method, and the tool or prompt, that it is about.
    pub subject: String,
    /// What is wrong, without what differs from one time to the next.
    pub cause: String,
    /// What is expected, in one line.
    pub expected: String,
    /// What was there instead, in one line.
    pub actual: String,
}

impl Suspicion {
    /// Whether two have the same cause, as far as can be told.
    pub fn is_like(&self, other: &Self) -> bool {
        let what = |one: &Self| (one.oracle, one.requirement.clone(), one.subject.clone());
        what(self) == what(other) && is_same(&self.cause, &other.cause)
    }

    /// A short name for the cause. Two that are alike may have two names, where one has a word masked that the other has not.
    pub fn name(&self) -> String {
        // FNV-1a: a file keeps its name when another toolchain hashes otherwise.
        let hash = format!("{} {} {} {}", self.oracle, self.requirement, self.subject, self.cause)
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let folded = (hash >> 32) ^ (hash & 0xffff_ffff);
        format!("{}-{folded:08x}", self.oracle)
    }
}
