//! Event streams as the server writes them, remembered so that they can be resumed. Knows no HTTP.

use std::fmt::Write as _;

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::mpsc;

/// Events that are written to one exchange, or kept until it is resumed by another.
#[derive(Debug)]
pub(super) struct Stream {
    /// Names the stream in its event ids; absent where events have none.
    number: Option<u64>,
    sender: Option<mpsc::UnboundedSender<Bytes>>,
    /// Every event so far, where they have ids.
    log: Vec<Bytes>,
    progress: Progress,
    /// Whether events are named `message`, which is what they are called without a name too.
    named: bool,
    /// Whether events are written in ISO 8859-1, for the quirk.
    pub(super) in_latin_1: bool,
}

/// How far a stream has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Progress {
    Open,
    /// It has carried a response.
    Answered,
    Finished,
}

/// Where the bytes of a stream come out.
pub(super) type Events = mpsc::UnboundedReceiver<Bytes>;

impl Stream {
    /// A stream without ids.
    pub(super) fn plain() -> (Self, Events) {
        Self::new(None, false)
    }

    /// A stream whose events have ids, and so can be resumed.
    pub(super) fn resumable(number: u64) -> (Self, Events) {
        Self::new(Some(number), false)
    }

    /// A stream of HTTP+SSE, that begins with the address for what the client sends (but for a comment, and what rules put before it).
    pub(super) fn legacy(address: &str, is_commented: bool, before: &[Value]) -> (Self, Events) {
        let (mut stream, events) = Self::new(None, true);
        if is_commented {
            stream.comment();
        }
        for message in before {
            stream.send(message);
        }
        stream.write(format!("event: endpoint\ndata: {address}\n\n").into());
        (stream, events)
    }

    fn new(number: Option<u64>, named: bool) -> (Self, Events) {
        let (sender, events) = mpsc::unbounded_channel();
        let stream =
            Self { number, sender: Some(sender), log: Vec::new(), progress: Progress::Open, named, in_latin_1: false };
        (stream, events)
    }

    /// Sends an id and no message, so that the client can resume from the very beginning.
    pub(super) fn prime(&mut self) {
        self.event("");
    }

    /// Sends what is no event.
    pub(super) fn comment(&self) {
        self.write(Bytes::from_static(b": welcome\nretry: 3000\n\n"));
    }

    /// Leaves the client without the rest until it comes back for it.
    pub(super) fn close_for_polling(&mut self) {
        self.write(Bytes::from_static(b"retry: 5\n\n"));
        self.sender = None;
    }

    /// Sends a message.
    pub(super) fn send(&mut self, message: &Value) {
        if message.get("method").is_none() {
            self.progress = self.progress.max(Progress::Answered);
        }
        self.event(&message.to_string());
    }

    /// Ends the stream.
    pub(super) fn finish(&mut self) {
        self.progress = Progress::Finished;
        self.sender = None;
    }

    /// Whether somebody listens.
    pub(super) fn is_open(&self) -> bool {
        self.sender.as_ref().is_some_and(|sender| !sender.is_closed())
    }

    pub(super) fn is_answered(&self) -> bool {
        self.progress != Progress::Open
    }

    pub(super) fn is_finished(&self) -> bool {
        self.progress == Progress::Finished
    }

    /// Writes to a new exchange what came after the event at `position`, and what is still to come.
    pub(super) fn resume(&mut self, position: usize) -> Events {
        let (sender, events) = mpsc::unbounded_channel();
        self.sender = Some(sender);
        for event in self.log.iter().skip(position + 1) {
            self.write(event.clone());
        }
        if self.is_finished() {
            self.sender = None;
        }
        events
    }

    fn event(&mut self, data: &str) {
        let mut event = String::new();
        if self.named {
            event.push_str("event: message\n");
        }
        if let Some(number) = self.number {
            // Writing to a `String` cannot fail.
            let _ = writeln!(event, "id: {number}-{}", self.log.len());
        }
        let _ = write!(event, "data: {data}\n\n");
        let event = if self.in_latin_1 { latin_1(&event) } else { Bytes::from(event) };
        if self.number.is_some() {
            self.log.push(event.clone());
        }
        self.write(event);
    }

    fn write(&self, event: Bytes) {
        if let Some(sender) = &self.sender {
            // A client that has gone may come back for what it missed.
            let _ = sender.send(event);
        }
    }
}

/// A text in ISO 8859-1.
pub(super) fn latin_1(text: &str) -> Bytes {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect()
}

/// The stream and the position that an event id names.
pub(super) fn place(id: &str) -> Option<(u64, usize)> {
    let (number, position) = id.split_once('-')?;
    Some((number.parse().ok()?, position.parse().ok()?))
}
