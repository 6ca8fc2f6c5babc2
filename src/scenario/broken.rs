//! Broken servers as data: what the built-in server does wrong, and which requirements must be caught for it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use indexmap::IndexMap;
use serde_json::Value;

use super::Scenario;
use crate::protocol::{Requirement, Revision};
use crate::wire::TransportKind;

/// One server: the correct one, with one thing changed. A broken one must fail exactly the requirements of `fails`; one that is
/// only unusual has none, and must fail nothing.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of the file that is either there or not")]
pub struct Broken {
    /// The file it stands in.
    pub file: PathBuf,
    /// Its line there.
    pub line: usize,
    /// Why a server might be so, where that is worth a word.
    pub about: String,
    /// Ids of the requirements that must fail; none where the server is only unusual.
    pub fails: Vec<String>,
    /// Ids of the requirements that must pass, though a careless check would blame the server.
    pub passes: Vec<String>,
    /// Ids of the requirements of which nothing can be said: they must neither pass nor fail.
    pub leaves_open: Vec<String>,
    /// First and last revision, and transports, for which this breakage makes sense, beside what `fails` says.
    pub since: Option<Revision>,
    /// See `since`.
    pub until: Option<Revision>,
    /// See `since`.
    pub transports: Option<Vec<TransportKind>>,
    /// Scenarios that drive the server beside the one it stands with: a watcher drives nothing itself.
    pub during: Vec<String>,
    /// The server that is broken is the small one, with one tool and nothing else.
    pub tools_only: bool,
    /// The revisions that it speaks; all where absent.
    pub speaks: Option<Vec<Revision>>,
    /// When it happens.
    pub when: Moment,
    /// Only from the n-th such moment on (1 = first).
    pub from: Option<usize>,
    /// `{result: ...}` or `{error: ...}` instead of the right answer (id and `jsonrpc` are kept).
    pub answer: Option<Value>,
    /// JSON merge patch over the message about to be sent (RFC 7396: null removes).
    pub merge: Option<Value>,
    /// The message is not sent at all.
    pub silent: bool,
    /// The message is sent twice.
    pub twice: bool,
    /// Messages sent before it. `{{id}}`, `{{progressToken}}` and `{{revision}}` are those of the request at hand.
    pub before: Vec<Value>,
    /// Messages sent after it, likewise.
    pub after: Vec<Value>,
    /// Text written to standard output as it is (a newline included where wanted) before it.
    pub print: Option<String>,
    /// The process exits with this code instead of answering (on HTTP: the connection is closed without an answer, as are all later ones).
    pub exit: Option<i32>,
    /// From now on nothing is ever answered.
    pub hang: bool,
    /// Changes to the HTTP answer.
    pub http: Option<HttpPatch>,
    /// A behaviour of the built-in server that no rule can say, by name.
    pub quirk: Option<String>,
    /// Whether its moment has come in any server that is broken so; copies share it.
    pub happened: Arc<AtomicBool>,
}

impl Broken {
    /// Whether the server makes sense beside its scenario: all that it must fail, or pass, holds there.
    pub fn makes_sense(&self, scenario: &Scenario, revision: Revision, kind: TransportKind) -> bool {
        let holds = |id: &String| Requirement::find(id).is_some_and(|requirement| requirement.applies(revision, kind));
        [&self.fails, &self.passes, &self.leaves_open].into_iter().flatten().all(holds)
            && [self.since, scenario.since].into_iter().flatten().all(|since| since <= revision)
            && [self.until, scenario.until].into_iter().flatten().all(|until| revision <= until)
            && [&self.transports, &scenario.transports].into_iter().flatten().all(|kinds| kinds.contains(&kind))
    }
}

/// When a breakage happens.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Moment {
    /// `when: {...}`: a message of the client's matches the pattern. `{}` is any.
    Received(Value),
    /// `sending: {...}`: a message that the server is about to send matches the pattern.
    Sending(Value),
    /// `request: {method: GET, headers: {...}}`: an HTTP request matches (header names lower-case; body as `json` where it is).
    Http(Value),
    /// `at: start`: before anything is read.
    Start,
    /// `at: eof`: standard input was closed.
    Eof,
    /// Always in force (for a quirk).
    #[default]
    Always,
}

/// Changes to an HTTP answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HttpPatch {
    /// The status instead.
    pub status: Option<u16>,
    /// Headers set (text) or left out (null).
    pub headers: IndexMap<String, Option<String>>,
    /// The body instead, as it is.
    pub body: Option<String>,
}
