//! Sends messages as the revision wants them, and what no revision wants. Records everything; waits for nothing.

use bytes::Bytes;
use serde_json::{Value, json};

use super::headers::{self, Circumstances};
use super::{Session, What};
use crate::protocol::Era;
use crate::transport::{ExchangeId, HttpRequest, Outgoing};
use crate::wire::{Kind, Message, TransportKind, same_id};

/// A change to what the engine would send.
#[derive(Debug, Clone, Default)]
pub struct Edits {
    /// JSON pointers removed from the finished message.
    pub omit: Vec<String>,
    /// HTTP headers set (`Some`) or left out (`None`) against the usual ones.
    pub headers: Vec<(String, Option<String>)>,
    /// Sent to be wrong: watchers do not hold the harness to it.
    pub deliberate: bool,
}

/// Something that was sent and may be answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    /// Its entry in the transcript.
    pub index: usize,
    /// The exchange on which an HTTP answer comes.
    pub exchange: ExchangeId,
    /// Ids of the requests in it; empty for notifications and for bytes that are no request.
    pub ids: Vec<Value>,
    /// Its method, where it is one message.
    pub method: Option<String>,
}

impl Session {
    /// An id that no request of this session has had.
    pub fn fresh_id(&mut self) -> Value {
        loop {
            let id = json!(self.next_id);
            self.next_id += 1;
            // What was written as bytes may have had it.
            if !self.has_asked(&id) {
                return id;
            }
        }
    }

    /// A message with all that the revision demands: `jsonrpc`, and in the stateless era the members of `_meta`.
    pub fn complete(&self, mut message: Value) -> Value {
        let Some(object) = message.as_object_mut() else { return message };
        object.shift_insert(0, "jsonrpc".to_owned(), json!("2.0"));
        if self.revision.era() == Era::Stateless && object.contains_key("method") && object.contains_key("id") {
            let params = object.entry("params").or_insert_with(|| json!({}));
            if let Some(params) = params.as_object_mut() {
                let meta = params.entry("_meta").or_insert_with(|| json!({}));
                if let Some(meta) = meta.as_object_mut() {
                    let due = [
                        ("io.modelcontextprotocol/protocolVersion", json!(self.revision)),
                        ("io.modelcontextprotocol/clientCapabilities", self.client_capabilities.clone()),
                        ("io.modelcontextprotocol/clientInfo", client_info()),
                    ];
                    for (key, value) in due {
                        meta.entry(key).or_insert(value);
                    }
                }
            }
        }
        message
    }

    /// Whether a request of this session had an id; `null` is nobody's.
    pub fn has_asked(&self, id: &Value) -> bool {
        !id.is_null() && self.used_ids.iter().any(|used| same_id(used, id))
    }

    /// Sends a request with an id of the engine's.
    pub fn request(&mut self, method: &str, params: Option<Value>) -> Sent {
        let id = self.fresh_id();
        let mut message = json!({"id": id, "method": method});
        if let Some(params) = params {
            message["params"] = params;
        }
        self.send(message, &Edits::default())
    }

    /// Sends a notification.
    pub fn notify(&mut self, method: &str, params: Option<Value>) -> Sent {
        let mut message = json!({"method": method});
        if let Some(params) = params {
            message["params"] = params;
        }
        self.send(message, &Edits::default())
    }

    /// Completes a message and sends it, with edits.
    pub fn send(&mut self, message: Value, edits: &Edits) -> Sent {
        let mut message = self.complete(message);
        // The headers are those of the whole message: omitting a member from the body must not omit its mirror.
        let usual = headers::of_post(Some(&message), &self.circumstances(Some(&message)));
        for pointer in &edits.omit {
            remove(&mut message, pointer);
        }
        let bytes = Bytes::from(message.to_string());
        self.post(bytes, usual, edits, Some(&message))
    }

    /// Sends bytes where a message belongs. On stdio a newline is added if `newline`.
    pub fn send_raw(&mut self, bytes: Bytes, newline: bool, edits: &Edits) -> Sent {
        let message = Message::read(&bytes).ok();
        let value = message.as_ref().map(|m| m.value().clone());
        if self.kind() == TransportKind::Stdio && !newline {
            return self.write(bytes, edits.deliberate, value.as_ref());
        }
        let usual = headers::of_post(value.as_ref(), &self.circumstances(value.as_ref()));
        self.post(bytes, usual, edits, value.as_ref())
    }

    /// Sends any HTTP request with the usual headers of its method.
    pub fn send_http(&mut self, method: &str, path: Option<String>, body: Bytes, edits: &Edits) -> Sent {
        let value = Message::read(&body).ok().map(|m| m.value().clone());
        let circumstances = self.circumstances(value.as_ref());
        let usual = if method == "POST" {
            headers::of_post(value.as_ref(), &circumstances)
        } else {
            headers::of_other(&circumstances)
        };
        let path = path.or_else(|| self.post_path.clone().filter(|_| method == "POST"));
        let request = HttpRequest { method: method.to_owned(), path, headers: edited(usual, &edits.headers), body };
        self.exchange(request, edits.deliberate, value.as_ref())
    }

    /// A request as HTTP would have it sent, without sending it: for who writes the bytes of it himself.
    pub fn as_http(&mut self, method: &str) -> HttpRequest {
        let message = json!({"id": self.fresh_id(), "method": method});
        let message = self.complete(message);
        let headers = headers::of_post(Some(&message), &self.circumstances(Some(&message)));
        let body = Bytes::from(message.to_string());
        HttpRequest { method: "POST".to_owned(), path: self.post_path.clone(), headers, body }
    }

    /// Writes bytes to a socket of their own (HTTP only).
    pub fn send_socket(&mut self, bytes: Bytes) -> Sent {
        let exchange = self.new_exchange();
        let index = self.transcript.record(exchange, What::RequestedRaw(bytes.clone()));
        self.put(Outgoing::RawHttp { exchange, bytes });
        Sent { index, exchange, ids: Vec::new(), method: None }
    }

    /// Closes standard input. Nothing on HTTP.
    pub fn close_input(&mut self) {
        if self.kind() == TransportKind::Stdio {
            self.transcript.record(ExchangeId::STREAM, What::ClosedInput);
            self.put(Outgoing::CloseInput);
        }
    }

    /// Closes the exchange of something sent. Nothing on stdio.
    pub fn abandon(&mut self, sent: &Sent) {
        if self.kind() != TransportKind::Stdio {
            self.transcript.record(sent.exchange, What::Abandoned);
            self.put(Outgoing::Abandon(sent.exchange));
        }
    }

    fn circumstances(&self, message: Option<&Value>) -> Circumstances<'_> {
        let tool = message.and_then(|m| m["params"]["name"].as_str());
        Circumstances {
            revision: self.revision,
            opened: self.opened,
            session_id: self.given_id.as_deref(),
            parameters: tool.and_then(|name| self.tool_headers.get(name)).map_or(&[], Vec::as_slice),
        }
    }

    fn post(&mut self, bytes: Bytes, usual: Vec<(String, String)>, edits: &Edits, message: Option<&Value>) -> Sent {
        if self.kind() == TransportKind::Stdio {
            let mut line = Vec::with_capacity(bytes.len() + 1);
            line.extend_from_slice(&bytes);
            line.push(b'\n');
            return self.write(line.into(), edits.deliberate, message);
        }
        let request = HttpRequest {
            method: "POST".to_owned(),
            path: self.post_path.clone(),
            headers: edited(usual, &edits.headers),
            body: bytes,
        };
        self.exchange(request, edits.deliberate, message)
    }

    /// Notes that a message stays here, where it calls a tool once too often.
    fn withheld(&mut self, exchange: ExchangeId, message: Option<&Value>) -> Option<Sent> {
        let calls = self.calls.as_ref().filter(|calls| !calls.take(message))?;
        let reason = calls.reason().unwrap_or_default();
        let index = self.transcript.record(exchange, What::Withheld(reason));
        Some(Sent { index, exchange, ids: ids(message), method: method(message) })
    }

    fn write(&mut self, bytes: Bytes, deliberate: bool, message: Option<&Value>) -> Sent {
        if let Some(sent) = self.withheld(ExchangeId::STREAM, message) {
            return sent;
        }
        let index = self.transcript.record(ExchangeId::STREAM, What::Wrote { bytes: bytes.clone(), deliberate });
        self.put(Outgoing::Bytes(bytes));
        self.sent(index, ExchangeId::STREAM, message)
    }

    fn exchange(&mut self, request: HttpRequest, deliberate: bool, message: Option<&Value>) -> Sent {
        let exchange = self.new_exchange();
        if let Some(sent) = self.withheld(exchange, message) {
            return sent;
        }
        let index = self.transcript.record(exchange, What::Requested { request: request.clone(), deliberate });
        self.put(Outgoing::Http { exchange, request });
        self.sent(index, exchange, message)
    }

    fn sent(&mut self, index: usize, exchange: ExchangeId, message: Option<&Value>) -> Sent {
        let ids = ids(message);
        self.used_ids.extend(ids.iter().cloned());
        self.expect_stream(exchange, &ids);
        Sent { index, exchange, ids, method: method(message) }
    }

    fn new_exchange(&mut self) -> ExchangeId {
        self.next_exchange += 1;
        ExchangeId(self.next_exchange - 1)
    }

    fn put(&mut self, outgoing: Outgoing) {
        if let Some(connection) = &self.connection {
            connection.send(outgoing);
        }
    }
}

/// Name and version of this client.
pub fn client_info() -> Value {
    json!({"name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION")})
}

fn edited(mut usual: Vec<(String, String)>, edits: &[(String, Option<String>)]) -> Vec<(String, String)> {
    for (name, value) in edits {
        usual.retain(|(usual, _)| !usual.eq_ignore_ascii_case(name));
        if let Some(value) = value {
            usual.push((name.clone(), value.clone()));
        }
    }
    usual
}

fn ids(message: Option<&Value>) -> Vec<Value> {
    let parts = message.map(|m| Message::from(m.clone()).parts()).unwrap_or_default();
    // What is no message may have an id all the same, and its answer may repeat it.
    let may_be_answered = |part: &&Message| matches!(part.kind(), Kind::Request | Kind::Other);
    parts.iter().filter(may_be_answered).filter_map(|part| part.id().cloned()).collect()
}

fn method(message: Option<&Value>) -> Option<String> {
    message.and_then(|m| m["method"].as_str()).map(str::to_owned)
}

/// Removes what a JSON pointer names, if it is there.
fn remove(value: &mut Value, pointer: &str) {
    let Some((parent, key)) = pointer.rsplit_once('/') else { return };
    let key = key.replace("~1", "/").replace("~0", "~");
    match value.pointer_mut(parent) {
        Some(Value::Object(object)) => {
            object.shift_remove(&key);
        }
        Some(Value::Array(items)) => {
            if let Some(index) = key.parse().ok().filter(|&index: &usize| index < items.len()) {
                items.remove(index);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::transport::{CommandTarget, Connection, Limits, Target};

    #[tokio::test]
    async fn an_id_that_was_written_as_bytes_is_not_given_out() {
        let target = Target::Command(CommandTarget {
            program: "cat".to_owned(),
            arguments: Vec::new(),
            environment: BTreeMap::new(),
            directory: None,
        });
        let connection = Connection::open(&target, Limits::default()).expect("it starts");
        let mut session = Session::new(connection, crate::protocol::Revision::V2025_11_25);
        assert_eq!(session.fresh_id(), 1);
        session.send_raw(Bytes::from(r#"{"jsonrpc":"2.0","id":2,"method":"ping"}"#), true, &Edits::default());
        assert_eq!(session.fresh_id(), 3);
        session.close().await;
    }
}
