//! What several probes of Streamable HTTP need: GETs, their heads, and what a stream brought. Judges nothing.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::session::{Edits, Entry, Sent, Session, What};
use crate::transport::Incoming;
use crate::wire::Message;

/// How long a stream may take to do what no request waits for, such as to end.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// Sends a GET for an event stream, and waits for its status and media type; `None` where no answer came.
pub(super) async fn get(
    session: &mut Session,
    headers: Vec<(String, Option<String>)>,
    within: Duration,
) -> (Sent, Option<Head>) {
    let edits = Edits { headers, deliberate: true, ..Edits::default() };
    let sent = session.send_http("GET", None, Bytes::new(), &edits);
    session.exchange_end(&sent, true, within).await;
    let head = head(session, &sent);
    (sent, head)
}

/// Sends a DELETE for the session, and waits for its status.
pub(super) async fn delete(session: &mut Session, within: Duration) -> (Sent, Option<Head>) {
    let sent = session.send_http("DELETE", None, Bytes::new(), &Edits { deliberate: true, ..Edits::default() });
    session.exchange_end(&sent, true, within).await;
    let head = head(session, &sent);
    (sent, head)
}

/// Status and media type of an HTTP answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) status: u16,
    media: String,
}

impl Head {
    /// Whether it opens an event stream.
    pub(super) fn is_event_stream(&self) -> bool {
        self.status == 200 && self.media == "text/event-stream"
    }

    /// Whether its status is one of success.
    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// The head of the answer to something sent, if it has come.
pub(super) fn head(session: &Session, sent: &Sent) -> Option<Head> {
    entries(session, sent).find_map(|entry| {
        let What::Received(Incoming::Head { status, headers }) = &entry.what else { return None };
        let media = headers.iter().find(|(name, _)| name == "content-type").map(|(_, value)| value.as_str());
        let media = media.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        Some(Head { status: *status, media })
    })
}

/// Everything on the exchange of something sent.
pub(super) fn entries<'a>(session: &'a Session, sent: &'a Sent) -> impl Iterator<Item = &'a Entry> {
    session.transcript().entries()[sent.index..].iter().filter(|entry| entry.exchange == sent.exchange)
}

/// The messages that came on the exchange of something sent, with their entries.
pub(super) fn messages<'a>(session: &'a Session, sent: &'a Sent) -> Vec<(usize, Message)> {
    let received = entries(session, sent).filter(|entry| entry.is_from_server());
    let parts = received.filter_map(|entry| Some((entry.index, entry.message()?.parts())));
    parts.flat_map(|(index, parts)| parts.into_iter().map(move |part| (index, part))).collect()
}

/// Calls a tool of the survey (one that reports progress, where there is one) with this text as id and as progress token.
pub(super) fn call(session: &mut Session, facts: &serde_json::Map<String, Value>, mark: &str) -> Option<Sent> {
    let tool = facts.get("tool")?;
    let tool = tool.get("progress").unwrap_or(tool);
    let params =
        json!({"name": tool.get("name")?, "arguments": tool.get("arguments")?, "_meta": {"progressToken": mark}});
    Some(session.send(json!({"id": mark, "method": "tools/call", "params": params}), &Edits::default()))
}

/// The token of a progress notification.
pub(super) fn progress_token(message: &Message) -> Option<&Value> {
    message.params().filter(|_| message.method() == Some("notifications/progress"))?.get("progressToken")
}
