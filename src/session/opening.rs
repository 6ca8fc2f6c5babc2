//! Opens a conversation: the handshake of the older revisions, discovery in the stateless one. Says what the target
//! answered; whether that was right is for a judge.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::Session;
use super::send::{Edits, Sent, client_info};
use super::wait::{Advance, Awaited};
use super::{Transcript, What};
use crate::protocol::{Era, Revision};
use crate::transport::{
    CANNOT_CONNECT, Connection, Incoming, Limits, Target, TransportError, UrlTarget, endpoint_path,
};
use crate::wire::{Message, TransportKind};

/// An attempt to open a conversation in one revision.
pub struct Opening {
    /// The revision asked for.
    pub asked: Revision,
    /// The session: open, or as the attempt left it.
    pub session: Session,
    /// What came of it.
    pub outcome: Opened,
}

/// What came of an attempt to open a conversation.
#[derive(Debug, Clone, PartialEq)]
pub enum Opened {
    /// The target speaks the revision.
    Yes,
    /// It answered as the protocol provides, but speaks other revisions; these, as far as it told.
    Other(Vec<String>),
    /// It refused with a JSON-RPC error (the message), as a server does that does not know this era.
    Refused(Message),
    /// No use: no answer, no message, no connection. Says how, in one clause.
    Failed(String),
    /// Nothing is there: the connection was refused. Says how, in one clause.
    Unreachable(String),
}

/// Connects and says nothing: a session on which a scenario opens the conversation itself. `Opened::Yes` means connected.
pub async fn connect(
    target: &Target,
    kind: TransportKind,
    revision: Revision,
    limits: Limits,
    within: Duration,
) -> Result<Opening, TransportError> {
    let mut connection = Connection::open(target, limits)?;
    if kind == TransportKind::Sse {
        connection.kind = kind;
    }
    let mut session = Session::new(connection, revision);
    let mut outcome = Opened::Yes;
    if let (TransportKind::Sse, Target::Url(url)) = (kind, target)
        && let Err(reason) = find_endpoint(&mut session, url, within).await
    {
        outcome = Opened::Failed(reason);
    }
    Ok(Opening { asked: revision, session, outcome })
}

/// Connects and opens a conversation in a revision. `kind` chooses between the two HTTP transports; a stdio target has one.
pub async fn open(
    target: &Target,
    kind: TransportKind,
    revision: Revision,
    limits: Limits,
    within: Duration,
) -> Result<Opening, TransportError> {
    let mut opening = connect(target, kind, revision, limits, within).await?;
    if opening.outcome == Opened::Yes {
        opening.outcome = match revision.era() {
            Era::Handshake => handshake(&mut opening.session, within).await,
            Era::Stateless => discover(&mut opening.session, within).await,
        };
    }
    Ok(opening)
}

impl Session {
    /// The params of `initialize` in this session's revision.
    pub fn initialize_params(&self) -> Value {
        json!({
            "protocolVersion": self.revision(),
            "capabilities": self.client_capabilities,
            "clientInfo": client_info(),
        })
    }

    /// Takes an answer to `initialize` as this session's opening: keeps what the server offers and its session id.
    pub fn adopt(&mut self, sent: &Sent, result: &Value) {
        self.offer = result.as_object().cloned().unwrap_or_else(Map::new);
        self.given_id = session_header(self.transcript(), sent);
        self.opened = true;
    }
}

pub(super) async fn handshake(session: &mut Session, within: Duration) -> Opened {
    let params = session.initialize_params();
    let sent = session.request("initialize", Some(params));
    let message = match session.answer(&sent, within).await {
        Awaited::Message(..) if is_echo(session, &sent) => return Opened::Failed(ECHO.to_owned()),
        Awaited::Message(_, message) => message,
        other => return failed(session, &sent, other),
    };
    let Some(result) = message.result() else { return Opened::Refused(message) };
    match result.get("protocolVersion").and_then(Value::as_str) {
        Some(version) if version == session.revision().as_str() => {
            session.adopt(&sent, result);
            let done = session.notify("notifications/initialized", None);
            if session.kind() == TransportKind::Http {
                // The server may answer requests only after it has taken the notification: wait for its 202.
                session.exchange_end(&done, true, within).await;
            }
            Opened::Yes
        }
        Some(version) => Opened::Other(vec![version.to_owned()]),
        None => Opened::Failed(format!("the answer to initialize names no protocolVersion: {}", message.value())),
    }
}

/// The era probe of the backward-compatibility page: `server/discover` first; a second request tells a stateless server
/// that lacks it from a server of the older era.
async fn discover(session: &mut Session, within: Duration) -> Opened {
    let sent = session.request("server/discover", None);
    let message = match session.answer(&sent, within).await {
        Awaited::Message(..) if is_echo(session, &sent) => return Opened::Failed(ECHO.to_owned()),
        Awaited::Message(_, message) => message,
        other => return failed(session, &sent, other),
    };
    if let Some(result) = message.result() {
        if result.get("supportedVersions").is_some() || result.get("resultType").is_some() {
            session.offer = result.as_object().cloned().unwrap_or_default();
            session.has_lived = true;
            if let Some(info) = result.pointer("/_meta/io.modelcontextprotocol~1serverInfo") {
                session.offer.insert("serverInfo".to_owned(), info.clone());
            }
            if session.kind() == TransportKind::Stdio {
                // Some servers of both eras settle on one of them with the first request after discovery.
                let settling = session.request("tools/list", None);
                session.answer(&settling, within).await;
            }
            return Opened::Yes;
        }
        return Opened::Refused(message);
    }
    if let Some(supported) = supported_versions(&message) {
        return Opened::Other(supported);
    }
    let second = session.request("tools/list", None);
    match session.answer(&second, within).await {
        Awaited::Message(_, answer) if answer.result().is_some_and(|r| r.get("resultType").is_some()) => Opened::Yes,
        _ => Opened::Refused(message),
    }
}

/// What a target does that is a mirror, no server.
const ECHO: &str = "the target sends back what it is sent";

/// Whether the request itself came back. Its mirrored answers look like refusals.
fn is_echo(session: &Session, sent: &Sent) -> bool {
    let entries = &session.transcript().entries()[sent.index..];
    let Some(request) = entries.first().and_then(|entry| entry.message()) else { return false };
    entries
        .iter()
        .filter(|entry| entry.is_from_server())
        .filter_map(|entry| entry.message())
        .any(|m| m.value() == request.value())
}

/// The versions that an "unsupported version" error (-32022) lists.
fn supported_versions(message: &Message) -> Option<Vec<String>> {
    let error = message.error().filter(|e| e["code"] == -32022)?;
    let list = error.pointer("/data/supported")?.as_array()?;
    Some(list.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

/// HTTP+SSE of 2024-11-05: the event stream's first event names the address for POSTs.
async fn find_endpoint(session: &mut Session, url: &UrlTarget, within: Duration) -> Result<(), String> {
    let sent = session.send_http("GET", None, Bytes::new(), &Edits::default());
    let deadline = tokio::time::Instant::now() + within;
    let mut seen = sent.index;
    loop {
        while let Some(entry) = session.transcript().entries().get(seen) {
            seen += 1;
            match &entry.what {
                What::Received(Incoming::Event { event: Some(name), data: Some(data), .. }) if name == "endpoint" => {
                    let text = String::from_utf8_lossy(data);
                    session.post_path = Some(endpoint_path(&url.url, &text).map_err(|e| e.clone())?);
                    return Ok(());
                }
                What::Received(Incoming::Head { status, .. }) if *status != 200 => {
                    return Err(format!("GET was answered with HTTP {status}"));
                }
                What::Received(Incoming::Broken(reason)) => return Err(reason.clone()),
                What::Received(Incoming::End) => {
                    return Err("the event stream ended without an endpoint event".to_owned());
                }
                _ => {}
            }
        }
        match session.advance(deadline).await {
            Advance::Arrived => {}
            Advance::Over => return Err(session.why_over()),
            Advance::Late => return Err(format!("no endpoint event within {within:?}")),
        }
    }
}

fn session_header(transcript: &Transcript, sent: &Sent) -> Option<String> {
    transcript.entries()[sent.index..].iter().filter(|entry| entry.exchange == sent.exchange).find_map(|entry| {
        let What::Received(Incoming::Head { headers, .. }) = &entry.what else { return None };
        headers.iter().find(|(name, _)| name == "mcp-session-id").map(|(_, value)| value.clone())
    })
}

/// Tells apart why no answer came: nothing there at all, or something that does not speak the protocol.
fn failed(session: &Session, sent: &Sent, awaited: Awaited) -> Opened {
    let received: Vec<_> = session.transcript().entries()[sent.index..].iter().filter(|e| e.is_from_server()).collect();
    let broken = received.iter().find_map(|entry| match &entry.what {
        What::Received(Incoming::Broken(reason)) if reason.starts_with(CANNOT_CONNECT) => Some(reason.clone()),
        _ => None,
    });
    if let Some(reason) = broken {
        return Opened::Unreachable(reason);
    }
    let status = received.iter().find_map(|entry| match &entry.what {
        What::Received(Incoming::Head { status, .. }) => Some(*status),
        _ => None,
    });
    let why = match (status, awaited) {
        (Some(status), Awaited::Ended(_)) => format!("HTTP {status} without a JSON-RPC message"),
        (_, Awaited::Ended(reason)) => reason,
        (_, Awaited::TimedOut(within)) => format!("no answer within {} s", within.as_secs_f32()),
        (_, Awaited::Message(..)) => "an answer".to_owned(),
    };
    let noise = received.iter().find_map(|entry| match &entry.what {
        What::Received(Incoming::Line(bytes)) if entry.message().is_none() => Some(bytes),
        _ => None,
    });
    Opened::Failed(match noise {
        Some(bytes) => {
            format!("{why}; standard output begins with {:?}", String::from_utf8_lossy(&bytes[..bytes.len().min(80)]))
        }
        None => why,
    })
}
