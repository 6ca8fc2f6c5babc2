//! One conversation with a target: what is known of it, from its first byte to its end. Judges nothing.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::polling::Polling;
use super::send::Edits;
use super::{CallBudget, Transcript, What};
use crate::protocol::{Era, Revision};
use crate::transport::{Connection, ExchangeId, Incoming};
use crate::wire::TransportKind;

/// One conversation with a target in one revision.
pub struct Session {
    pub(super) connection: Option<Connection>,
    pub(super) revision: Revision,
    pub(super) transcript: Transcript,
    /// The handshake is done, or the era has none.
    pub(super) opened: bool,
    /// The session id that the server gave (Streamable HTTP).
    pub(super) given_id: Option<String>,
    /// Where HTTP+SSE wants its POSTs.
    pub(super) post_path: Option<String>,
    /// `capabilities`, `serverInfo`, `instructions` as the target told them.
    pub(super) offer: Map<String, Value>,
    /// Capabilities that the harness declares.
    pub(super) client_capabilities: Value,
    /// Whether requests of the server's other than `ping` are refused at once, or left to the scenario.
    pub(super) answers_by_itself: bool,
    pub(super) tool_headers: HashMap<String, Vec<(String, Vec<String>)>>,
    pub(super) next_id: u64,
    pub(super) next_exchange: u64,
    /// An alive request of this session had a result.
    pub(super) has_lived: bool,
    /// Ids of all requests sent.
    pub(super) used_ids: Vec<Value>,
    /// How often each tool may still be called; as often as anybody likes where nobody has said.
    pub(super) calls: Option<CallBudget>,
    /// Entries up to here have been looked at by [`Session::react`].
    pub(super) reacted: usize,
    /// Streams that the server may close before its answer.
    pub(super) polling: Polling,
}

/// How long a server may take to end a session that the client gives up.
const FAREWELL: Duration = Duration::from_secs(2);

impl Session {
    /// A session over a connection on which nothing has been said.
    pub fn new(connection: Connection, revision: Revision) -> Self {
        Self {
            transcript: Transcript::new(connection.kind),
            connection: Some(connection),
            revision,
            opened: revision.era() == Era::Stateless,
            given_id: None,
            post_path: None,
            offer: Map::new(),
            client_capabilities: json!({}),
            answers_by_itself: true,
            tool_headers: HashMap::new(),
            next_id: 1,
            next_exchange: 1,
            has_lived: false,
            used_ids: Vec::new(),
            calls: None,
            reacted: 0,
            polling: Polling::default(),
        }
    }

    /// Has calls of tools counted, and withheld once there were enough.
    pub fn bound_calls(&mut self, calls: CallBudget) {
        self.calls = Some(calls);
    }

    /// The revision spoken.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// The transport spoken over.
    pub fn kind(&self) -> TransportKind {
        self.transcript.kind()
    }

    /// All that was said so far.
    pub fn transcript(&self) -> &Transcript {
        &self.transcript
    }

    /// The capabilities that the target declared; an empty object before the session is open.
    pub fn capabilities(&self) -> Value {
        self.offer.get("capabilities").cloned().unwrap_or_else(|| json!({}))
    }

    /// Name, version and the like that the target gives itself; an empty object before the session is open.
    pub fn server_info(&self) -> Value {
        self.offer.get("serverInfo").cloned().unwrap_or_else(|| json!({}))
    }

    /// What the target tells models about itself, if it tells anything.
    pub fn instructions(&self) -> Option<&str> {
        self.offer.get("instructions").and_then(Value::as_str)
    }

    /// The revisions that the target lists where it was discovered.
    pub fn listed_versions(&self) -> impl Iterator<Item = &str> {
        self.offer.get("supportedVersions").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    }

    /// Arguments of a listed tool that are mirrored in headers: the last part of the header's name, and the path of the argument.
    pub fn mirrored(&self, tool: &str) -> &[(String, Vec<String>)] {
        self.tool_headers.get(tool).map_or(&[], Vec::as_slice)
    }

    /// The session id that the server gave, if it gave one.
    pub fn session_id(&self) -> Option<&str> {
        self.given_id.as_deref()
    }

    /// Whether nothing can arrive any more.
    pub fn is_over(&self) -> bool {
        self.connection.is_none()
    }

    /// Notes in the transcript that a scenario begins, and whether it answers the server's requests itself.
    pub fn begin(&mut self, scenario: &str, answers_requests: bool) -> usize {
        self.answers_by_itself = !answers_requests;
        self.transcript.record(ExchangeId::STREAM, What::Mark(scenario.to_owned()))
    }

    /// Ends the session as the transport wants it and gives its transcript back, the end included.
    pub async fn close(mut self) -> Transcript {
        if self.given_id.is_some() && self.kind() == TransportKind::Http && !self.is_over() {
            // A client that needs its session no longer tells so; the server may refuse with 405.
            let sent = self.send_http("DELETE", None, Bytes::new(), &Edits::default());
            self.exchange_end(&sent, true, FAREWELL).await;
        }
        if let Some(connection) = self.connection.take() {
            for arrival in connection.close().await {
                self.transcript.arrived(arrival);
            }
        }
        self.transcript
    }

    /// Why nothing can arrive any more, in one clause.
    pub fn why_over(&self) -> String {
        let ends = self.transcript.entries().iter().rev().filter_map(|entry| match &entry.what {
            What::Received(Incoming::Exited(exit)) => Some(match (exit.code, exit.signal) {
                (Some(code), _) => format!("the server exited with code {code}"),
                (_, Some(signal)) => format!("signal {signal} ended the server"),
                _ => "the server ended".to_owned(),
            }),
            What::Received(Incoming::LimitPassed(reason) | Incoming::Broken(reason)) => Some(reason.clone()),
            What::Received(Incoming::OutputClosed) => Some("the server closed its output".to_owned()),
            _ => None,
        });
        ends.into_iter().next().unwrap_or_else(|| "the connection is closed".to_owned())
    }
}
