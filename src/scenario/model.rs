//! The scenario language as types. What a file says, checked for form; what it means is the judge's business.
//!
//! JSON values in here may hold `"{{name}}"` placeholders: a text that is one placeholder becomes the value itself, a placeholder
//! inside a longer text becomes text. Names are bound values, values of the case, and facts (`revision`, `tool.name`, ...).

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use indexmap::IndexMap;
use jsonschema::Validator;
use serde_json::{Map, Value};

use crate::protocol::Revision;
use crate::wire::TransportKind;

/// One file of checks: one session, one purpose.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// `area/name`: folder and file name without `.yaml`.
    pub id: String,
    /// The file it was read from; for the built-in ones below `scenarios/`.
    pub file: PathBuf,
    /// A few words.
    pub title: String,
    /// What is done and why, in sentences.
    pub about: String,
    /// First revision it is for, beside what its requirements say.
    pub since: Option<Revision>,
    /// Last revision it is for, likewise.
    pub until: Option<Revision>,
    /// Transports it is for, likewise.
    pub transports: Option<Vec<TransportKind>>,
    /// What the target must offer, and must not offer.
    pub needs: Needs,
    /// What kind of session it wants.
    pub session: SessionUse,
    /// The table of cases; empty means one nameless case.
    pub cases: IndexMap<String, Case>,
    /// What it does.
    pub body: Body,
}

impl Scenario {
    /// Whether it watches what others do and drives nothing itself.
    pub fn is_watcher(&self) -> bool {
        matches!(self.body, Body::Always(_) | Body::Invariant { .. })
    }
}

/// Values of one row of a table of cases.
pub type Case = Map<String, Value>;

/// What a scenario wants of the target. Names are capabilities (`tools`, `resources.subscribe`) as the target declared
/// them, or survey facts (`tool`, `resource`, `prompt` ...; see `survey`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// All of these.
    pub all: Vec<String>,
    /// None of these.
    pub none: Vec<String>,
}

/// What kind of session a scenario wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SessionUse {
    /// An open one, shared with others: it leaves the session as it was.
    #[default]
    Shared,
    /// An open one of its own, because it harms it or reads its end.
    Fresh,
    /// One of its own where nothing has been said yet: no `initialize` is sent by the engine.
    Unopened,
}

/// What a scenario does.
#[derive(Debug, Clone)]
pub enum Body {
    /// `steps:` one message after another.
    Steps(Vec<Step>),
    /// `probe:` Rust that drives; proves these requirements.
    Probe {
        /// Its name in the judge's table.
        name: String,
        /// What it proves.
        proves: Vec<String>,
    },
    /// `always:` what holds for every message of every transcript.
    Always(Vec<Watch>),
    /// `invariant:` Rust that watches; proves these requirements.
    Invariant {
        /// Its name in the judge's table.
        name: String,
        /// What it proves.
        proves: Vec<String>,
    },
}

/// One step with its place in the file.
#[derive(Debug, Clone)]
pub struct Step {
    /// Line in the file, from 1.
    pub line: usize,
    /// What to do.
    pub kind: StepKind,
}

/// What a step does.
#[derive(Debug, Clone)]
pub enum StepKind {
    /// Sends a request. The engine adds `jsonrpc`, an `id` where none is given, and what the revision demands.
    Request(Message),
    /// Sends a notification, likewise without id.
    Notify(Message),
    /// Answers a request of the server's.
    Reply(Reply),
    /// Sends bytes where a message belongs: a line on stdio, a POST body with the usual headers on HTTP.
    Raw(Raw),
    /// Sends any HTTP request.
    Http(HttpCall),
    /// Waits for something and compares.
    Expect(Box<Expect>),
    /// Sends the cheapest request of the era and wants its result.
    Alive(Alive),
    /// Closes.
    Close(Close),
}

/// A message that the engine completes.
#[derive(Debug, Clone)]
pub struct Message {
    /// Name by which an `expect` can ask for its answer (`to: name`).
    pub name: Option<String>,
    /// The method.
    pub method: Value,
    /// The params, without what the revision demands (`_meta` of the stateless era is merged in).
    pub params: Option<Value>,
    /// The id, where it matters.
    pub id: Option<Value>,
    /// JSON pointers removed from the finished message.
    pub omit: Vec<String>,
    /// HTTP headers set (text) or left out (null) against the usual ones; no effect on stdio.
    pub headers: IndexMap<String, Value>,
}

/// An answer to a request of the server's.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Name given to the server's request by `expect: {request: ..., as: name}`; the newest one where absent.
    pub to: Option<String>,
    /// `{result: ...}` or `{error: ...}`.
    pub body: Value,
}

/// Bytes where a message belongs.
#[derive(Debug, Clone)]
pub struct Raw {
    /// Name by which an `expect` can ask for its answer.
    pub name: Option<String>,
    /// The bytes; placeholders in a text are filled in as JSON (`{{x}}`), base64 input is taken as it is.
    pub bytes: RawBytes,
    /// Whether a newline is added on stdio.
    pub newline: bool,
    /// HTTP headers against the usual ones of a POST in this revision.
    pub headers: IndexMap<String, Value>,
}

/// Bytes of a raw step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RawBytes {
    /// Text, with placeholders.
    Text(String),
    /// Decoded from base64.
    Bytes(Vec<u8>),
}

/// Any HTTP request.
#[derive(Debug, Clone)]
pub struct HttpCall {
    /// Name by which an `expect` can ask for its answer.
    pub name: Option<String>,
    /// The HTTP method.
    pub method: String,
    /// Path and query instead of the endpoint's.
    pub path: Option<String>,
    /// Headers against the usual ones of this method in this revision.
    pub headers: IndexMap<String, Value>,
    /// The body; a text is sent as it is, anything else as JSON.
    pub body: Option<Value>,
}

/// Waits for something and compares.
#[derive(Debug, Clone)]
pub struct Expect {
    /// Name by which a `reply` can answer the request of the server's that is expected here.
    pub name: Option<String>,
    /// Which sent message it is about; the newest where absent.
    pub to: Option<String>,
    /// What is expected.
    pub subject: Subject,
    /// `or: silence`: no answer is as good, and then nothing is judged.
    pub or_silence: bool,
    /// JSON Schema that the thing compared must satisfy, beside the pattern.
    pub schema: Option<Value>,
    /// What is wanted, in words, for evidence where pattern and schema would be hard to read.
    pub wants: Option<String>,
    /// Values taken from it, by JSON pointer.
    pub bind: IndexMap<String, String>,
    /// Deadline instead of the run's.
    pub within: Option<Duration>,
    /// The requirement that this proves; without one, a miss makes the rest inconclusive.
    pub proves: Option<String>,
}

/// What is expected. Patterns: an object matches as a subset, an array exactly, all else by equality.
#[derive(Debug, Clone, PartialEq)]
pub enum Subject {
    /// A response with a result; the pattern and the schema are about the result.
    Result(Value),
    /// A response with an error; about the error object.
    Error(Value),
    /// A response of either kind; about the whole message.
    Answer(Value),
    /// A request from the server; about the whole message. `reply` answers it.
    Request(Value),
    /// A notification from the server; about the whole message.
    Notification(Value),
    /// The HTTP answer; about `{status, headers: {lower-case name: value}, body: text, json: value or absent}`.
    /// Over stdio the step is left out.
    Http(Value),
    /// The process exits (on HTTP the step is left out); about `{code, signal, after}`.
    Exit(Value),
    /// Nothing is answered: the alive request is sent as a fence, and only its answer comes. Messages that match the
    /// pattern are the forbidden ones (`{}`: anything but notifications and requests of the server's own).
    Silence(Value),
}

/// Sends the cheapest request of the era and wants its result.
#[derive(Debug, Clone)]
pub struct Alive {
    /// The requirement that this proves, as in [`Expect`].
    pub proves: Option<String>,
}

/// Closes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Close {
    /// Standard input; nothing on HTTP.
    Input,
    /// The HTTP exchange of the named request (its answer stream is closed early); nothing on stdio.
    Exchange(String),
}

/// What holds for every message of a kind.
#[derive(Debug, Clone)]
pub struct Watch {
    /// Line in the file.
    pub line: usize,
    /// Which messages of the target.
    pub when: When,
    /// Only messages that match this pattern.
    pub matching: Option<Value>,
    /// JSON pointers with `*` for every element or member, relative to the message: what is compared. Empty: the message.
    pub at: String,
    /// The revision's definition it must satisfy: a name, or `auto` for what the profile says of the method. A result that
    /// is of another kind than a name says (a task, a demand for input) is left out, as is all where no such name is defined.
    pub definition: Option<String>,
    /// JSON pointers, with `*` as in `at`, to parts that the definition is not held to: another requirement is about them.
    pub except: Vec<String>,
    /// JSON Schema it must satisfy.
    pub schema: Option<Schema>,
    /// What is wanted, in words, as in [`Expect`].
    pub wants: Option<String>,
    /// The requirement that this proves.
    pub proves: String,
}

/// A JSON Schema, compiled when it is first used.
#[derive(Debug, Clone)]
pub struct Schema {
    /// As it is written.
    pub value: Value,
    validator: OnceLock<Arc<Validator>>,
}

impl Schema {
    /// A schema that the loader has found to be one.
    pub fn new(value: Value) -> Self {
        Self { value, validator: OnceLock::new() }
    }

    /// What holds values against it.
    pub fn validator(&self) -> &Validator {
        self.validator
            .get_or_init(|| Arc::new(jsonschema::draft202012::new(&self.value).expect("the loader has compiled it")))
    }
}

/// Which messages a watch is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    /// Any.
    Message,
    /// A response of either kind, to a request of this method (any where absent).
    Response(Option<String>),
    /// A response with a result, likewise.
    Result(Option<String>),
    /// A response with an error, likewise.
    Error(Option<String>),
    /// A notification, of this method.
    Notification(Option<String>),
    /// A request from the server, of this method.
    Request(Option<String>),
}
