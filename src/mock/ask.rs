//! What some tools ask of the client: its model, its roots, its user. Builds the questions and reads the replies; sends nothing.

use serde_json::{Value, json};

use crate::protocol::Revision;

use super::answer::{Object, Refusal, Request};
use super::{call, clock};

/// A question to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Question {
    /// Sampling.
    Model,
    /// The roots.
    Roots,
    /// The roots, because they have changed; nobody waits for the reply.
    RootsAgain,
    /// Elicitation by a form.
    Name,
    /// Elicitation by a page to visit; with its id, where the revision wants one.
    Page(Option<String>),
}

impl Question {
    /// The question that a tool asks, if it is one that asks.
    pub(super) fn of_tool(tool: &str, revision: Revision) -> Option<Self> {
        match tool {
            "ask_model" => Some(Self::Model),
            "ask_roots" => Some(Self::Roots),
            "ask_name" => Some(Self::Name),
            "ask_page" => Some(Self::Page((revision == Revision::V2025_11_25).then(clock::unguessable))),
            _ => None,
        }
    }

    /// The key under which it stands among `inputRequests`.
    pub(super) fn key(&self) -> &'static str {
        match self {
            Self::Model => "answer",
            Self::Roots | Self::RootsAgain => "roots",
            Self::Name => "name",
            Self::Page(_) => "visit",
        }
    }

    /// Whether the client declared that it can be asked this.
    pub(super) fn is_allowed(&self, request: &Request) -> bool {
        match self {
            Self::Model => request.client_has("/sampling"),
            Self::Roots | Self::RootsAgain => request.client_has("/roots"),
            // Up to 2025-06-18 there was only this kind, and an empty capability still means it.
            Self::Name => {
                request.client_has("/elicitation/form")
                    || request.client_has("/elicitation") && !request.client_has("/elicitation/url")
            }
            Self::Page(_) => request.client_has("/elicitation/url"),
        }
    }

    /// The capabilities that it takes.
    pub(super) fn required(&self) -> (&'static str, Value) {
        match self {
            Self::Model => ("sampling", json!({"sampling": {}})),
            Self::Roots | Self::RootsAgain => ("roots", json!({"roots": {}})),
            Self::Name => ("elicitation.form", json!({"elicitation": {"form": {}}})),
            Self::Page(_) => ("elicitation.url", json!({"elicitation": {"url": {}}})),
        }
    }

    /// The request itself, without envelope.
    pub(super) fn request(&self, revision: Revision) -> Value {
        match self {
            Self::Model => json!({"method": "sampling/createMessage", "params": {
                "messages": [{"role": "user", "content": {"type": "text", "text": "What is the capital of Finland?"}}],
                "maxTokens": 100,
            }}),
            Self::Roots | Self::RootsAgain => json!({"method": "roots/list"}),
            Self::Name => {
                let mut params = json!({
                    "message": "Your name is needed to greet you.",
                    "requestedSchema": {
                        "type": "object",
                        "properties": {"name": {"type": "string", "title": "Name", "minLength": 1, "maxLength": 100}},
                        "required": ["name"],
                    },
                });
                if revision >= Revision::V2025_11_25 {
                    params["mode"] = json!("form");
                }
                json!({"method": "elicitation/create", "params": params})
            }
            Self::Page(id) => {
                let mut params = json!({
                    "mode": "url",
                    "message": "Please visit this page, to show that you can.",
                    "url": "https://example.com/visit",
                });
                if let Some(id) = id {
                    params["elicitationId"] = json!(id);
                }
                json!({"method": "elicitation/create", "params": params})
            }
        }
    }

    /// The result of the tool, from the result that the client sent; `None` if it sent an error.
    pub(super) fn conclude(&self, reply: Option<&Value>) -> Result<Object, Refusal> {
        let Some(reply) = reply else { return Ok(call::failed("the client could not be asked")) };
        match self {
            Self::Model => {
                let content =
                    reply.get("content").ok_or_else(|| Refusal::params("the model's answer has no content"))?;
                if !reply.get("role").is_some_and(Value::is_string) || !reply.get("model").is_some_and(Value::is_string)
                {
                    return Err(Refusal::params("the model's answer lacks its role or its model"));
                }
                let first = if content.is_array() { content.get(0) } else { Some(content) };
                let text = first.and_then(|content| content.get("text")).and_then(Value::as_str);
                Ok(call::text(text.unwrap_or("The model did not answer in words.")))
            }
            Self::Roots | Self::RootsAgain => {
                let roots = reply.get("roots").and_then(Value::as_array);
                let roots = roots.ok_or_else(|| Refusal::params("`roots` must be an array"))?;
                if !roots.iter().all(|root| root.get("uri").is_some_and(Value::is_string)) {
                    return Err(Refusal::params("every root must have a `uri`"));
                }
                Ok(call::text(&format!("The client has {} roots.", roots.len())))
            }
            Self::Name | Self::Page(_) => match reply.get("action").and_then(Value::as_str) {
                Some("accept") if matches!(self, Self::Page(_)) => Ok(call::text("Thank you for visiting.")),
                Some("accept") => {
                    let name = reply.pointer("/content/name").and_then(Value::as_str);
                    let name = name.filter(|name| (1..=100).contains(&name.chars().count()));
                    let name = name.ok_or_else(|| Refusal::params("the name must be a text of 1 to 100 characters"))?;
                    Ok(call::text(&format!("Hello, {name}!")))
                }
                Some("decline") => Ok(call::failed("the user declined to answer")),
                Some("cancel") => Ok(call::failed("the user dismissed the question")),
                _ => Err(Refusal::params("`action` must be `accept`, `decline` or `cancel`")),
            },
        }
    }

    /// The notification that tells that what was asked for has happened, where there is one.
    pub(super) fn notice(&self, reply: Option<&Value>) -> Option<Value> {
        let Self::Page(Some(id)) = self else { return None };
        reply.filter(|reply| reply["action"] == "accept")?;
        Some(json!({"jsonrpc": "2.0", "method": "notifications/elicitation/complete", "params": {"elicitationId": id}}))
    }
}
