//! What a request comes to, and the request itself as the server sees it. Sends nothing.

use serde_json::{Map, Value, json};

use crate::protocol::Revision;
use crate::transport::ExchangeId;

use super::server::{Held, Until};

/// A JSON object.
pub(super) type Object = Map<String, Value>;

/// One request being served.
#[derive(Debug, Clone)]
pub(super) struct Request {
    /// The exchange it came on.
    pub(super) exchange: ExchangeId,
    /// Its id.
    pub(super) id: Value,
    /// Its method.
    pub(super) method: String,
    /// Its params; empty where it had none.
    pub(super) params: Object,
    /// The revision it is served by.
    pub(super) revision: Revision,
    /// What the client declared.
    pub(super) client: Value,
    /// The lowest log level wanted, as a position in [`LEVELS`]; absent for no log messages.
    pub(super) level: Option<usize>,
}

/// The log levels, least severe first.
pub(super) const LEVELS: [&str; 8] = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"];

/// What a request comes to.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Answer {
    /// A result.
    Result(Object),
    /// An error.
    Error(Refusal),
    /// Nothing yet: the request is held, and will be answered (or cancelled) later.
    Later,
}

/// A JSON-RPC error.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refusal {
    /// Its code.
    pub(super) code: i64,
    /// One short sentence.
    pub(super) message: String,
    /// More, for programs.
    pub(super) data: Option<Value>,
}

impl Request {
    /// The request, held until something comes.
    pub(super) fn held(&self, until: Until) -> Held {
        Held { exchange: self.exchange, id: self.id.clone(), era: self.revision.era(), until }
    }

    /// The token for progress, if the client wants to hear of it.
    pub(super) fn progress_token(&self) -> Option<&Value> {
        self.params.get("_meta")?.get("progressToken").filter(|token| token.is_string() || token.is_number())
    }

    /// Whether the client declared this capability, named by JSON pointer.
    pub(super) fn client_has(&self, pointer: &str) -> bool {
        self.client.pointer(pointer).is_some_and(Value::is_object)
    }

    /// A param that must be a text.
    pub(super) fn text(&self, name: &str) -> Result<&str, Refusal> {
        self.params
            .get(name)
            .and_then(Value::as_str)
            .ok_or_else(|| Refusal::params(format!("`{name}` must be given, as a string")))
    }

    /// A param that must be an object where it is given.
    pub(super) fn object(&self, name: &str) -> Result<Object, Refusal> {
        match self.params.get(name) {
            None => Ok(Object::new()),
            Some(Value::Object(object)) => Ok(object.clone()),
            Some(_) => Err(Refusal::params(format!("`{name}` must be an object"))),
        }
    }
}

impl Refusal {
    pub(super) fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None }
    }

    pub(super) fn with(self, data: Value) -> Self {
        Self { data: Some(data), ..self }
    }

    pub(super) fn parse() -> Self {
        Self::new(-32700, "Parse error")
    }

    pub(super) fn request(message: impl Into<String>) -> Self {
        Self::new(-32600, message)
    }

    pub(super) fn method(method: &str) -> Self {
        let shown: String = method.chars().take(60).collect();
        Self::new(-32601, format!("Method not found: {shown}"))
    }

    pub(super) fn params(message: impl Into<String>) -> Self {
        Self::new(-32602, message)
    }

    /// A client capability is missing that this request cannot do without (stateless era).
    pub(super) fn capability(name: &str, required: &Value) -> Self {
        Self::new(-32021, format!("This needs the client capability {name}"))
            .with(json!({"requiredCapabilities": required}))
    }

    pub(super) fn to_value(&self) -> Value {
        let mut error = json!({"code": self.code, "message": self.message});
        if let Some(data) = &self.data {
            error["data"] = data.clone();
        }
        error
    }
}

impl Answer {
    /// An answer with this result, which must be an object.
    pub(super) fn result(value: Value) -> Self {
        match value {
            Value::Object(object) => Self::Result(object),
            _ => Self::Error(Refusal::new(-32603, "Internal error")),
        }
    }

    pub(super) fn empty() -> Self {
        Self::Result(Object::new())
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        Self::Error(refusal)
    }
}

impl From<Result<Self, Refusal>> for Answer {
    fn from(outcome: Result<Self, Refusal>) -> Self {
        outcome.unwrap_or_else(Self::Error)
    }
}
