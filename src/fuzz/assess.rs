//! What is right or wrong with a message that the fuzzer sends, as far as it can be told for certain. On this hangs what the
//! target owes it; in doubt nothing is owed.

use std::collections::HashMap;

use jsonschema::Validator;
use serde_json::Value;

use super::text::member_count;

use crate::protocol::{Definitions, Era, Profile, Revision, validator};
use crate::wire::{Kind, Message};

/// What a message is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Worth {
    /// Nothing is wrong with it.
    Sound,
    /// One thing is wrong with it for certain, and a server owes the answer for just that.
    Flawed(Flaw),
    /// Wrong in some way, or of unknown worth.
    Doubtful,
}

/// What is wrong with a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Flaw {
    /// A method that no revision knows, under no prefix of anybody's.
    Method,
    /// Params that break the definition of the request; says where.
    Params(String),
    /// A tool that was not listed.
    Tool,
    /// Arguments that the tool's own schema forbids.
    Arguments {
        /// Where and why.
        says: String,
        /// By which keyword.
        keyword: String,
    },
}

impl Flaw {
    /// Where in the message it is, where that is a place of its own (a JSON pointer).
    fn place(&self) -> Option<String> {
        match self {
            Self::Params(says) => Some(says.split(' ').next()?.to_owned()),
            Self::Arguments { says, .. } => Some(format!("/params/arguments{}", says.split(": ").next()?)),
            Self::Method | Self::Tool => None,
        }
    }
}

/// The tools of a target with their schemas, compiled.
pub(super) struct Assessor {
    revision: Revision,
    tools: HashMap<String, Option<Validator>>,
    /// Whether the list of tools is known as a whole.
    knows_tools: bool,
}

/// Integers beyond this are not the same in every language.
const SAFE: f64 = 9_007_199_254_740_992.0;

impl Assessor {
    /// For a target that lists these tools.
    pub(super) fn new(revision: Revision, tools: &[Value], knows_tools: bool) -> Self {
        let compiled = |tool: &Value| Some((tool["name"].as_str()?.to_owned(), validator(&tool["inputSchema"])));
        Self { revision, tools: tools.iter().filter_map(compiled).collect(), knows_tools }
    }

    /// What a text is worth, and the message that it holds.
    pub(super) fn assess(&self, text: &[u8]) -> (Option<Message>, Worth) {
        let Ok(message) = Message::read(text) else { return (None, Worth::Doubtful) };
        let worth = self.assess_read(text, &message);
        (Some(message), worth)
    }

    /// What a text is worth, of which it is known already what message it holds.
    pub(super) fn assess_read(&self, text: &[u8], message: &Message) -> Worth {
        if member_count(text) == members_of(message.value()) { self.worth(message) } else { Worth::Doubtful }
    }

    /// A flawed message without the member that is wrong with it, if nothing is wrong with it then.
    pub(super) fn repaired(&self, text: &[u8]) -> Option<Vec<u8>> {
        let (Some(message), Worth::Flawed(flaw)) = self.assess(text) else { return None };
        let mut value = message.value().clone();
        let place = flaw.place()?;
        let (parent, name) = place.rsplit_once('/')?;
        let name = name.replace("~1", "/").replace("~0", "~");
        value.pointer_mut(parent)?.as_object_mut()?.remove(&name)?;
        let repaired = value.to_string().into_bytes();
        (self.assess(&repaired).1 == Worth::Sound).then_some(repaired)
    }

    fn worth(&self, message: &Message) -> Worth {
        let profile = Profile::of(self.revision);
        let value = message.value();
        if value["jsonrpc"] != "2.0" || !has_safe_numbers(value) {
            return Worth::Doubtful;
        }
        match message.kind() {
            Kind::Notification => {
                let definition = message.method().and_then(|method| profile.client_notification_definition(method));
                let is_sound = definition.is_some_and(|name| Definitions::of(self.revision).accepts(name, value));
                if is_sound { Worth::Sound } else { Worth::Doubtful }
            }
            Kind::Request => {
                let has_id = message.id().is_some_and(|id| id.is_string() || id.is_i64() || id.is_u64());
                let has_params = message.params().is_none_or(Value::is_object);
                match message.method() {
                    Some(method) if has_id && has_params => self.of_request(method, message),
                    _ => Worth::Doubtful,
                }
            }
            Kind::Response | Kind::Batch | Kind::Other => Worth::Doubtful,
        }
    }

    fn of_request(&self, method: &str, message: &Message) -> Worth {
        let profile = Profile::of(self.revision);
        if profile.era == Era::Stateless && !self.has_metadata(message) {
            return Worth::Doubtful;
        }
        let Some(definition) = profile.request_definition(method) else {
            let is_foreign = Revision::ALL.iter().any(|other| Profile::of(*other).request_definition(method).is_some());
            return if is_foreign || !method.starts_with("litmus/") {
                Worth::Doubtful
            } else {
                Worth::Flawed(Flaw::Method)
            };
        };
        if method == "initialize" {
            // Once is enough, and a session has been opened already.
            return Worth::Doubtful;
        }
        if let Some(violation) = Definitions::of(self.revision).violations(definition, message.value()).first() {
            return Worth::Flawed(Flaw::Params(violation.to_string()));
        }
        if method == "tools/call" { self.of_call(message) } else { Worth::Sound }
    }

    fn of_call(&self, message: &Message) -> Worth {
        let params = message.params().cloned().unwrap_or_default();
        let Some(name) = params["name"].as_str() else { return Worth::Doubtful };
        let empty = Value::Object(serde_json::Map::new());
        let arguments = params.get("arguments").unwrap_or(&empty);
        match self.tools.get(name) {
            None if self.knows_tools => Worth::Flawed(Flaw::Tool),
            None | Some(None) => Worth::Doubtful,
            Some(Some(schema)) => match schema.iter_errors(arguments).next() {
                None => Worth::Sound,
                Some(error) => {
                    let place = error.instance_path().to_string();
                    let words = error.masked().to_string();
                    let says = if place.is_empty() { words } else { format!("{place}: {words}") };
                    let rule = error.schema_path().to_string();
                    let keyword = rule.rsplit('/').next().unwrap_or_default().to_owned();
                    Worth::Flawed(Flaw::Arguments { says, keyword })
                }
            },
        }
    }

    fn has_metadata(&self, message: &Message) -> bool {
        let meta = message.params().and_then(|params| params.get("_meta"));
        let version = meta.and_then(|meta| meta.get("io.modelcontextprotocol/protocolVersion"));
        version.and_then(Value::as_str) == Some(self.revision.as_str())
    }
}

fn members_of(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(members_of).sum(),
        Value::Object(members) => members.len() + members.values().map(members_of).sum::<usize>(),
        _ => 0,
    }
}

fn has_safe_numbers(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.as_f64().is_some_and(|number| number.abs() < SAFE),
        Value::Array(items) => items.iter().all(has_safe_numbers),
        Value::Object(members) => members.values().all(has_safe_numbers),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn assessor() -> Assessor {
        let properties = json!({"n": {"type": "integer"}, "a/b": {"type": "string"}});
        let schema = json!({"type": "object", "properties": properties, "required": ["n"]});
        Assessor::new(Revision::V2025_11_25, &[json!({"name": "double", "inputSchema": schema})], true)
    }

    fn worth(message: &str) -> Worth {
        assessor().assess(message.as_bytes()).1
    }

    #[test]
    fn what_is_wrong_is_said_only_where_it_is_certain() {
        let call = |rest: &str| worth(&format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{rest}}}"#));
        assert_eq!(call(r#"{"name":"double","arguments":{"n":1}}"#), Worth::Sound);
        assert!(matches!(call(r#"{"name":"double","arguments":{"n":"1"}}"#), Worth::Flawed(Flaw::Arguments { .. })));
        assert!(matches!(call(r#"{"name":"double"}"#), Worth::Flawed(Flaw::Arguments { .. })));
        assert!(matches!(call(r#"{"arguments":{}}"#), Worth::Flawed(Flaw::Params(_))));
        assert_eq!(call(r#"{"name":"treble"}"#), Worth::Flawed(Flaw::Tool));
        for doubtful in [
            r#"{"name":"double","arguments":{"n":1,"n":"x"}}"#,
            r#"{"name":"double","arguments":{"n":9007199254740993}}"#,
            r#"{"name":"double","arguments":{"n":1e400}}"#,
        ] {
            assert_eq!(call(doubtful), Worth::Doubtful, "{doubtful}");
        }
        assert_eq!(worth(r#"{"jsonrpc":"2.0","id":1,"method":"litmus/nothing"}"#), Worth::Flawed(Flaw::Method));
        assert_eq!(worth(r#"{"jsonrpc":"2.0","id":1,"method":"server/discover"}"#), Worth::Doubtful);
        assert_eq!(worth(r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#), Worth::Doubtful);
    }

    #[test]
    fn what_can_be_left_out_is_left_out() {
        let repaired = |params: Value| {
            let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
            let repaired = assessor().repaired(message.to_string().as_bytes())?;
            Some(serde_json::from_slice::<Value>(&repaired).unwrap()["params"].clone())
        };
        let sound = json!({"name": "double", "arguments": {"n": 1}});
        assert_eq!(repaired(json!({"name": "double", "arguments": {"n": 1, "a/b": 2}})), Some(sound.clone()));
        assert_eq!(repaired(json!({"name": "double", "arguments": {"n": 1}, "_meta": 5})), Some(sound.clone()));
        for flawed in [json!({"name": "double", "arguments": {"n": "1"}}), json!({"arguments": {"n": 1}}), sound] {
            assert_eq!(repaired(flawed.clone()), None, "{flawed}");
        }
    }
}
