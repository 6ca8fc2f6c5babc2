//! Conversations with the built-in server in every revision: each message must satisfy its revision's schema.

use serde_json::{Value, json};

use crate::protocol::{Definitions, Era, Profile, Revision};
use crate::transport::{Incoming, Peer as _};

use super::{Lines, Options};

mod requests;
mod rules;
mod tasks;
mod waiting;

/// A client that checks the form of all that it gets.
pub(super) struct Client {
    peer: Lines,
    revision: Revision,
    next: u64,
    capabilities: Value,
    /// Methods asked, by id, to judge the answers by.
    asked: Vec<(Value, String)>,
}

impl Client {
    pub(super) fn open(revision: Revision, options: Options, capabilities: Value) -> Self {
        let peer = Lines::new(options, []).expect("no rules, no unknown quirks");
        let mut client = Self { peer, revision, next: 0, capabilities, asked: Vec::new() };
        if revision.era() == Era::Handshake {
            let params = json!({"protocolVersion": revision, "capabilities": client.capabilities,
                                "clientInfo": {"name": "test", "version": "0"}});
            let answer = client.request("initialize", params);
            assert_eq!(answer["result"]["protocolVersion"], revision.as_str());
            assert_eq!(client.say(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"})), [] as [Value; 0]);
        }
        client
    }

    fn new(revision: Revision) -> Self {
        let capabilities = json!({"roots": {}, "sampling": {}, "elicitation": {"form": {}, "url": {}}});
        Self::open(revision, Options::default(), capabilities)
    }

    /// Sends a line, and returns the messages that come back.
    fn say_bytes(&mut self, line: &[u8]) -> Vec<Value> {
        let seen = self.peer.receive(Some(line));
        let messages: Vec<Value> = seen
            .iter()
            .map(|incoming| match incoming {
                Incoming::Line(line) => serde_json::from_slice(line).expect("every line is JSON"),
                other => panic!("{other:?}"),
            })
            .collect();
        for message in &messages {
            self.judge(message);
        }
        messages
    }

    fn say(&mut self, message: &Value) -> Vec<Value> {
        self.say_bytes(message.to_string().as_bytes())
    }

    /// Sends a request, and returns all that comes back.
    fn exchange(&mut self, method: &str, mut params: Value) -> Vec<Value> {
        if self.revision.era() == Era::Stateless {
            let meta = json!({"_meta": {
                "io.modelcontextprotocol/protocolVersion": self.revision,
                "io.modelcontextprotocol/clientCapabilities": self.capabilities,
            }});
            crate::wire::pattern::merge_patch(&mut params, &meta);
        }
        self.next += 1;
        self.asked.push((json!(self.next), method.to_owned()));
        self.say(&json!({"jsonrpc": "2.0", "id": self.next, "method": method, "params": params}))
    }

    /// Sends a request that is answered by one message.
    fn request(&mut self, method: &str, params: Value) -> Value {
        let mut answers = self.exchange(method, params);
        let answer = answers.pop().expect("an answer");
        assert_eq!(answers, [] as [Value; 0], "{method}");
        answer
    }

    fn call(&mut self, tool: &str, arguments: &Value) -> Vec<Value> {
        self.exchange("tools/call", json!({"name": tool, "arguments": arguments}))
    }

    /// Walks a list to its end.
    fn walk(&mut self, method: &str, member: &str) -> Vec<Value> {
        let (mut items, mut params, mut pages) = (Vec::new(), json!({}), 0);
        loop {
            let answer = self.request(method, params);
            items.extend(answer["result"][member].as_array().expect("a list").clone());
            pages += 1;
            match answer["result"].get("nextCursor") {
                Some(cursor) => params = json!({"cursor": cursor}),
                None => break,
            }
        }
        assert!(pages > 1, "{method} has one page only");
        items
    }

    /// Panics where a message breaks its definition.
    fn judge(&self, message: &Value) {
        let (profile, definitions) = (Profile::of(self.revision), Definitions::of(self.revision));
        let check = |definition: &str, value: &Value| {
            assert_eq!(definitions.violations(definition, value), [], "{} {definition}: {value}", self.revision);
        };
        if let Some(parts) = message.as_array() {
            return parts.iter().for_each(|part| self.judge(part));
        }
        if let Some(method) = message["method"].as_str() {
            let definition = if message.get("id").is_some() {
                profile.server_requests.get(method).map(|request| request.request.clone())
            } else {
                profile.server_notifications.get(method).cloned()
            };
            return check(&definition.unwrap_or_else(|| panic!("{} has no {method}", self.revision)), message);
        }
        if message.get("error").is_some() {
            if message.get("id").is_some_and(|id| !id.is_null()) {
                check(&profile.error_response, message);
            }
            return;
        }
        let (_, method) = self.asked.iter().find(|(id, _)| *id == message["id"]).expect("an answer to a request");
        let definition = match message["result"]["resultType"].as_str() {
            Some("input_required") => "InputRequiredResult",
            Some("task") => "TasksExtensionCreateTaskResult",
            _ if message["result"].get("task").is_some() => "CreateTaskResult",
            _ => &profile.requests[method].result,
        };
        check(definition, &message["result"]);
    }
}
