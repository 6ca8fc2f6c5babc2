//! The facts of a revision that code and scenarios need: methods, definitions, error codes, headers. Data only.

use std::sync::LazyLock;

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value;

use super::{Era, Revision};

/// What sets one revision apart, from `schemas/<revision>.profile.yaml`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Profile {
    /// The revision it speaks of.
    pub revision: Revision,
    /// How a conversation is opened.
    pub era: Era,
    /// The method of the cheapest request, which any living server answers.
    pub alive: String,
    /// What the revision says of JSON-RPC batches.
    pub batch: Batch,
    /// The header that carries a session's id, as this revision spells it.
    pub session_header: Option<String>,
    /// Whether requests after the opening carry `MCP-Protocol-Version`.
    pub version_header: bool,
    /// The definition of an error response.
    pub error_response: String,
    /// The address of its specification.
    pub spec: String,
    /// Error codes by what they mean.
    pub errors: IndexMap<String, i64>,
    /// What a client may ask of a server, by method.
    pub requests: IndexMap<String, Method>,
    /// What a server may ask of a client, by method.
    pub server_requests: IndexMap<String, Method>,
    /// Definitions of the notifications that a client sends, by method.
    pub client_notifications: IndexMap<String, String>,
    /// Definitions of the notifications that a server sends, by method.
    pub server_notifications: IndexMap<String, String>,
}

/// What a revision says of JSON-RPC batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Batch {
    /// Nothing.
    Unspecified,
    /// A server takes them.
    Required,
    /// Nobody sends them.
    Forbidden,
}

/// One method: the definitions of its messages, and what must have been declared before it is used.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Method {
    /// Definition of the whole request.
    pub request: String,
    /// Definition of the result.
    pub result: String,
    /// The server capability behind it: a path such as `resources.subscribe`, or the name of an extension.
    pub capability: Option<String>,
    /// The client capability behind it.
    pub client_capability: Option<String>,
    /// Whether the server may answer that it needs input first.
    #[serde(default)]
    pub input_required: bool,
    /// Definition of the result that hands out a task instead.
    pub task_result: Option<String>,
}

impl Profile {
    /// The definition of a result that demands input, where [`Method::input_required`] allows one.
    pub const INPUT_REQUIRED_RESULT: &str = "InputRequiredResult";

    /// The profile of a revision.
    pub fn of(revision: Revision) -> &'static Self {
        PROFILES.iter().find(|profile| profile.revision == revision).expect("every revision has a profile")
    }

    /// The error code of a meaning such as `method-not-found`, where the revision has one.
    pub fn error_code(&self, meaning: &str) -> Option<i64> {
        self.errors.get(meaning).copied()
    }

    /// The definition of a request that the client sends.
    pub fn request_definition(&self, method: &str) -> Option<&str> {
        self.requests.get(method).map(|m| m.request.as_str())
    }

    /// The definition that this result of a client's request must satisfy: that of the method, or of the demand for
    /// input or the task that stands in its place.
    pub fn result_definition(&self, method: &str, result: &Value) -> Option<&str> {
        let method = self.requests.get(method)?;
        let says = |word| result.get("resultType").and_then(Value::as_str) == Some(word);
        if method.input_required && says("input_required") {
            return Some(Self::INPUT_REQUIRED_RESULT);
        }
        let is_task = match self.era {
            Era::Handshake => result.get("task").is_some(),
            Era::Stateless => says("task"),
        };
        Some(method.task_result.as_ref().filter(|_| is_task).unwrap_or(&method.result))
    }

    /// The definition of a request that the server sends.
    pub fn server_request_definition(&self, method: &str) -> Option<&str> {
        self.server_requests.get(method).map(|m| m.request.as_str())
    }

    /// The definition of a notification that the client sends.
    pub fn client_notification_definition(&self, method: &str) -> Option<&str> {
        self.client_notifications.get(method).map(String::as_str)
    }

    /// The definition of a notification that the server sends.
    pub fn server_notification_definition(&self, method: &str) -> Option<&str> {
        self.server_notifications.get(method).map(String::as_str)
    }

    /// Every definition that the profile names.
    pub fn definitions(&self) -> impl Iterator<Item = &str> {
        let methods = self.requests.values().chain(self.server_requests.values());
        let of_methods = methods.flat_map(|m| [&m.request, &m.result].into_iter().chain(&m.task_result));
        let needs_input = self.requests.values().any(|m| m.input_required).then_some(Self::INPUT_REQUIRED_RESULT);
        let notifications = self.client_notifications.values().chain(self.server_notifications.values());
        of_methods.chain(notifications).chain([&self.error_response]).map(String::as_str).chain(needs_input)
    }
}

/// The build script turns `schemas/*.profile.yaml` into one JSON file.
static PROFILES: LazyLock<Vec<Profile>> = LazyLock::new(|| {
    let text = include_str!(concat!(env!("OUT_DIR"), "/profiles.json"));
    serde_json::from_str(text).expect("a test reads every profile")
});

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_revision_has_a_profile_that_agrees_with_itself() {
        for revision in Revision::ALL {
            let profile = Profile::of(revision);
            assert_eq!(profile.era, revision.era());
            assert!(profile.requests.contains_key(&profile.alive), "{revision}: nobody answers {}", profile.alive);
            assert!(profile.spec.ends_with(revision.as_str()));
            assert_eq!(profile.error_code("method-not-found"), Some(-32601));
            assert_eq!(profile.batch == Batch::Required, revision == Revision::V2025_03_26);
            assert_eq!(profile.version_header, revision >= Revision::V2025_06_18);
        }
    }

    #[test]
    fn a_result_is_judged_by_what_it_says_it_is() {
        let stateless = Profile::of(Revision::V2026_07_28);
        let asks = json!({"resultType": "input_required", "requestState": "s"});
        assert_eq!(stateless.result_definition("tools/call", &asks), Some("InputRequiredResult"));
        assert_eq!(stateless.result_definition("tools/list", &asks), Some("ListToolsResult"));
        let task = json!({"resultType": "task", "taskId": "t"});
        assert_eq!(stateless.result_definition("tools/call", &task), Some("TasksExtensionCreateTaskResult"));
        assert_eq!(stateless.result_definition("prompts/get", &task), Some("GetPromptResult"));

        let handshake = Profile::of(Revision::V2025_11_25);
        assert_eq!(handshake.result_definition("tools/call", &json!({"task": {}})), Some("CreateTaskResult"));
        assert_eq!(handshake.result_definition("tools/call", &json!({"content": []})), Some("CallToolResult"));
        assert_eq!(handshake.result_definition("litmus/unknown", &json!({})), None);
    }

    #[test]
    fn both_sides_have_methods_of_their_own() {
        let profile = Profile::of(Revision::V2025_11_25);
        assert_eq!(profile.request_definition("tools/call"), Some("CallToolRequest"));
        assert_eq!(profile.server_request_definition("sampling/createMessage"), Some("CreateMessageRequest"));
        assert_eq!(profile.server_request_definition("tools/call"), None);
        assert_eq!(profile.server_notification_definition("notifications/message"), Some("LoggingMessageNotification"));
        assert_eq!(profile.client_notification_definition("notifications/message"), None);
        assert!(Profile::of(Revision::V2026_07_28).server_requests.is_empty());
    }
}
