//! An input made ready to be sent: ids that no request of the session had before, and what each message is owed. Sends nothing.

use std::cell::OnceCell;
use std::collections::HashMap;

use bytes::Bytes;
use serde_json::{Value, json};

use super::assess::{Assessor, Worth};
use super::feedback::masked;
use super::text::members;
use crate::protocol::{Era, Revision};
use crate::session::client_info;
use crate::smith::{Form, Input};
use crate::wire::{Kind, Message};

/// An input, ready to be sent.
#[derive(Debug)]
pub(super) struct Script {
    /// What is sent, in order.
    pub(super) pieces: Vec<Sending>,
    /// The requests in it.
    pub(super) asks: Vec<Ask>,
    /// Ids of requests that the client takes back itself.
    pub(super) cancelled: Vec<Value>,
    /// The alive request behind it.
    pub(super) fence: Fence,
    /// The first id number that is of this input; all below are of earlier ones.
    pub(super) first: u64,
    /// It cannot be told which ids the target has read: nothing is made of those that it answers with.
    has_unclear_ids: bool,
    echo: OnceCell<Vec<String>>,
}

/// The alive request behind an input.
#[derive(Debug, Clone)]
pub(super) struct Fence {
    /// Its id.
    pub(super) id: Value,
    /// The message, and its bytes without a newline.
    pub(super) message: Message,
    pub(super) bytes: Bytes,
}

/// One piece, ready to be sent.
#[derive(Debug, Clone)]
pub(super) struct Sending {
    /// In which form.
    pub(super) form: Form,
    /// The bytes, ids rewritten.
    pub(super) bytes: Bytes,
    /// The message in it, if it is one.
    pub(super) message: Option<Message>,
    /// Wrong on purpose, or of unknown worth: the watchers do not hold the target to it.
    pub(super) deliberate: bool,
}

/// A request in an input.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    /// Its id.
    pub(super) id: Value,
    /// Its method; `other` where the revision has none of that name.
    pub(super) method: String,
    /// The tool that it calls, the prompt that it gets.
    pub(super) name: Option<String>,
    /// What it is worth.
    pub(super) worth: Worth,
    /// Its piece.
    pub(super) piece: usize,
}

/// Gives out ids.
#[derive(Debug)]
pub(super) struct Ids {
    revision: Revision,
    next: u64,
}

/// A text whose requests have new ids.
struct Renamed {
    bytes: Bytes,
    /// The message in it, if it is one.
    message: Option<Message>,
    /// Whether it is clear which ids a reader finds in it.
    is_clear: bool,
}

/// Ids begin here, far from those that inputs are likely to have.
const FIRST: u64 = 1_000_000;
/// How ids that are texts begin.
const PREFIX: &str = "fuzz-";

impl Ids {
    /// Ids for one session.
    pub(super) fn new(revision: Revision) -> Self {
        Self { revision, next: FIRST }
    }

    /// An id that no request of the session has had.
    pub(super) fn fresh(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }

    /// Whether an id was given out before `first`.
    pub(super) fn is_earlier(id: &Value, first: u64) -> bool {
        number(id).is_some_and(|number| (FIRST..first).contains(&number))
    }

    /// The cheapest request of the era.
    pub(super) fn fence(&mut self) -> Fence {
        let id = json!(self.fresh());
        let message = request(self.revision, &id, crate::session::alive_method(self.revision), json!({}));
        Fence { id, bytes: message.to_string().into(), message: message.into() }
    }

    /// Makes an input ready.
    pub(super) fn script(&mut self, input: &Input, assessor: &Assessor) -> Script {
        let first = self.next;
        let mut script = Script {
            pieces: Vec::with_capacity(input.pieces.len()),
            asks: Vec::new(),
            cancelled: Vec::new(),
            fence: Fence { id: Value::Null, message: Value::Null.into(), bytes: Bytes::new() },
            first,
            has_unclear_ids: false,
            echo: OnceCell::new(),
        };
        let mut renamed: HashMap<String, Value> = HashMap::new();
        // Bytes that no newline has ended: what follows on the same stream is part of their line.
        let mut open: Vec<u8> = Vec::new();
        for (index, piece) in input.pieces.iter().enumerate() {
            let is_raw = piece.form == Form::Raw;
            if is_raw || !open.is_empty() {
                script.has_unclear_ids |= memchr::memmem::find(&piece.bytes, b"id").is_some();
                open.extend_from_slice(&piece.bytes);
                if !is_raw {
                    open.push(b'\n');
                }
                while let Some(end) = memchr::memchr(b'\n', &open) {
                    let line: Vec<u8> = open.drain(..=end).collect();
                    if let Ok(message) = Message::read(&line) {
                        script.take(&message, &Worth::Doubtful, index);
                    }
                }
                let bytes = Bytes::copy_from_slice(&piece.bytes);
                script.pieces.push(Sending { form: piece.form.clone(), bytes, message: None, deliberate: true });
                continue;
            }
            let Renamed { bytes, message, is_clear } = self.renamed(&piece.bytes, &mut renamed);
            script.has_unclear_ids |= !is_clear;
            let worth = message.as_ref().map_or(Worth::Doubtful, |message| assessor.assess_read(&bytes, message));
            let plain = piece.form == Form::Message;
            let worth = if plain { worth } else { Worth::Doubtful };
            if let Some(message) = &message {
                script.take(message, &worth, index);
            }
            let deliberate = worth != Worth::Sound;
            script.pieces.push(Sending { form: piece.form.clone(), bytes, message, deliberate });
        }
        script.fence = self.fence();
        script
    }

    /// The text with new ids for its requests, and the same ones where it takes back what it asked.
    fn renamed(&mut self, text: &[u8], renamed: &mut HashMap<String, Value>) -> Renamed {
        let Ok(mut value) = Message::read(text).map(Message::into_value) else {
            // Another reader may be able to read it.
            let is_clear = memchr::memmem::find(text, b"id").is_none();
            return Renamed { bytes: Bytes::copy_from_slice(text), message: None, is_clear };
        };
        if value.get("method").is_some_and(|method| method == "notifications/cancelled") {
            let asked = value.pointer("/params/requestId").and_then(|id| renamed.get(&id.to_string()));
            if let Some(id) = asked {
                value["params"]["requestId"] = id.clone();
                return Renamed { bytes: value.to_string().into(), message: Some(value.into()), is_clear: true };
            }
        }
        let objects: Vec<&mut Value> = match &mut value {
            Value::Array(parts) => parts.iter_mut().filter(|part| part.is_object()).collect(),
            one => vec![one],
        };
        let mut bytes = Vec::with_capacity(text.len() + 16);
        let mut written = 0;
        let (mut is_clear, mut is_as_read) = (true, true);
        for (found, object) in members(text).into_iter().zip(objects) {
            is_clear &= found.ids < 2 && (found.ids == 0 || found.has_method);
            let Some(at) = found.id.filter(|_| found.has_method) else { continue };
            let id = &mut object["id"];
            // Spelt in another way it may be there once more, and that one counts.
            is_as_read &= serde_json::from_slice::<Value>(&text[at.clone()]).is_ok_and(|written| written == *id);
            let fresh = match id {
                Value::String(_) => json!(format!("{PREFIX}{}", self.fresh())),
                Value::Number(number) if number.is_i64() || number.is_u64() => json!(self.fresh()),
                _ => {
                    is_clear = false;
                    continue;
                }
            };
            bytes.extend_from_slice(&text[written..at.start]);
            bytes.extend_from_slice(fresh.to_string().as_bytes());
            written = at.end;
            renamed.insert(id.to_string(), fresh.clone());
            *id = fresh;
        }
        bytes.extend_from_slice(&text[written..]);
        let message = if is_as_read { Some(value.into()) } else { Message::read(&bytes).ok() };
        Renamed { bytes: bytes.into(), message, is_clear }
    }
}

impl Script {
    /// Whether it is certain what an answer belongs to, and what it has to look like: no id is in doubt, and no session is opened
    /// anew, in another revision perhaps.
    pub(super) fn is_clear(&self) -> bool {
        !self.has_unclear_ids && self.asks.iter().all(|ask| ask.method != "initialize")
    }

    /// What was sent, as it may come back in a text.
    pub(super) fn echo(&self) -> &[String] {
        let sent = self.pieces.iter().filter_map(|piece| Some(piece.message.as_ref()?.value()));
        self.echo.get_or_init(|| masked(&sent.collect::<Vec<_>>()))
    }

    /// Whether an id is one of those that are given out after this script.
    pub(super) fn is_before(&self, id: &Value) -> bool {
        number(id) > number(&self.fence.id)
    }

    /// Whether the target owes an answer to a request, whatever it is.
    pub(super) fn is_owed(&self, ask: &Ask) -> bool {
        // What goes on until its client ends it, or waits for something that may never come, is not late.
        let may_last = ["subscriptions/listen", "tasks/result", "tasks/get"].contains(&ask.method.as_str());
        ask.worth != Worth::Doubtful && !may_last && !self.cancelled.contains(&ask.id)
    }

    fn take(&mut self, message: &Message, worth: &Worth, piece: usize) {
        let in_batch = message.kind() == Kind::Batch;
        for part in message.parts() {
            if part.method() == Some("notifications/cancelled") {
                self.cancelled.extend(part.value().pointer("/params/requestId").cloned());
            }
            let (Kind::Request, Some(id)) = (part.kind(), part.id()) else { continue };
            let worth = if in_batch { Worth::Doubtful } else { worth.clone() };
            let method = part.method().unwrap_or("other").to_owned();
            let has_name = ["tools/call", "prompts/get"].contains(&method.as_str());
            let name = part.params().filter(|_| has_name).and_then(|params| params.get("name"));
            let name = name.and_then(Value::as_str).map(str::to_owned);
            self.asks.push(Ask { id: id.clone(), method, name, worth, piece });
        }
    }
}

/// The number in an id that was given out.
fn number(id: &Value) -> Option<u64> {
    id.as_u64().or_else(|| id.as_str()?.strip_prefix(PREFIX)?.parse().ok())
}

/// The messages with which a client opens a conversation.
pub(super) fn opening(revision: Revision) -> Vec<Value> {
    match revision.era() {
        Era::Handshake => {
            let params = json!({"protocolVersion": revision, "capabilities": {}, "clientInfo": client_info()});
            let done = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
            vec![request(revision, &json!(1), "initialize", params), done]
        }
        Era::Stateless => Vec::new(),
    }
}

/// A request as a revision wants it.
pub(super) fn request(revision: Revision, id: &Value, method: &str, mut params: Value) -> Value {
    if revision.era() == Era::Stateless {
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": revision,
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": client_info(),
        });
    }
    let mut message = json!({"jsonrpc": "2.0", "id": id, "method": method});
    if params.as_object().is_some_and(|params| !params.is_empty()) {
        message["params"] = params;
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smith::Piece;

    fn script(texts: &[&str]) -> Vec<String> {
        let piece = |text: &&str| Piece { form: Form::Message, bytes: text.as_bytes().to_vec() };
        let input = Input { pieces: texts.iter().map(piece).collect() };
        let assessor = Assessor::new(Revision::V2025_11_25, &[], true);
        let script = Ids::new(Revision::V2025_11_25).script(&input, &assessor);
        script.pieces.iter().map(|piece| String::from_utf8_lossy(&piece.bytes).into_owned()).collect()
    }

    #[test]
    fn what_is_read_of_a_script_is_what_is_sent() {
        for text in [
            r#"{"id":7,"method":"m","params":{"id":7}}"#,
            r#"[{"id":1,"method":"a"},3,[],{"id":2},{"method":"b"},{"id":"x","method":"b"}]"#,
            r#"{"id":1,"\u0069d":2,"method":"m"}"#,
            r#"{"id":1,"id":2,"method":"m"}"#,
            r#"{"id":1e2,"method":"m"}"#,
            r#""text""#,
        ] {
            let input = Input { pieces: vec![Piece::message(text)] };
            let assessor = Assessor::new(Revision::V2025_11_25, &[], true);
            let script = Ids::new(Revision::V2025_11_25).script(&input, &assessor);
            let [piece] = script.pieces.as_slice() else { panic!("one piece") };
            assert_eq!(piece.message, Message::read(&piece.bytes).ok(), "{text}");
        }
    }

    #[test]
    fn ids_of_requests_are_new_and_nothing_else_changes() {
        let texts = [
            r#"{"id":"a", "x": 1e999, "method":"m"}"#,
            r#"{"id":7,  "method":"m","params":{"id":7}}"#,
            r#"{"id":7,"result":{}}"#,
            r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}"#,
            r#"[{"id":1,"method":"a"},{"id":2,"method":"b"}]"#,
        ];
        assert_eq!(
            script(&texts),
            [
                r#"{"id":"a", "x": 1e999, "method":"m"}"#,
                r#"{"id":1000000,  "method":"m","params":{"id":7}}"#,
                r#"{"id":7,"result":{}}"#,
                r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1000000}}"#,
                r#"[{"id":1000001,"method":"a"},{"id":1000002,"method":"b"}]"#,
            ]
        );
    }
}
