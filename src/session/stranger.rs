//! Speaks HTTP to a target as somebody whom it does not know: without the user's token. Goes to another host only where it is
//! sent there, and then without any header of the user's; judges nothing.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use url::Url;

use super::opening::handshake;
use super::{Awaited, Edits, Sent, Session, Transcript, What};
use crate::protocol::{Era, Revision};
use crate::transport::{Connection, Incoming, Limits, Target, TransportError, UrlTarget};
use crate::wire::Message;

/// A client without a token, or with one of its own making.
pub struct Stranger {
    session: Session,
    within: Duration,
    has_knocked: bool,
}

/// An HTTP answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The entry of the request.
    pub index: usize,
    /// The status.
    pub status: u16,
    /// Header fields, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body; of an event stream, its first event.
    pub body: Bytes,
}

impl Stranger {
    /// A stranger to this target. `None` where the target is not spoken to over HTTP.
    pub fn new(
        target: &Target,
        revision: Revision,
        limits: Limits,
        within: Duration,
    ) -> Result<Option<Self>, TransportError> {
        let Target::Url(url) = target else { return Ok(None) };
        let mut url = url.clone();
        url.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("authorization"));
        let connection = Connection::open(&Target::Url(url), limits)?;
        Ok(Some(Self { session: Session::new(connection, revision), within, has_knocked: false }))
    }

    /// A stranger who goes to the host of another address, with nothing of the user's.
    pub fn abroad(address: &Url, revision: Revision, limits: Limits, within: Duration) -> Result<Self, TransportError> {
        let connection = Connection::open(&Target::Url(UrlTarget::new(address.clone())), limits)?;
        Ok(Self { session: Session::new(connection, revision), within, has_knocked: false })
    }

    /// The method that a conversation begins with.
    pub fn opening_method(revision: Revision) -> &'static str {
        if revision.era() == Era::Handshake { "initialize" } else { "server/discover" }
    }

    /// Sends a request with these params, and with this text as `Authorization`, if any. Where a conversation has to be opened before, it is, without any, as
    /// far as the target lets a stranger do that.
    pub async fn request(
        &mut self,
        method: &str,
        params: Option<&Value>,
        authorization: Option<&str>,
    ) -> Result<Reply, String> {
        let revision = self.session.revision();
        let wants_session = revision.era() == Era::Handshake && method != Self::opening_method(revision);
        if wants_session && !std::mem::replace(&mut self.has_knocked, true) {
            handshake(&mut self.session, self.within).await;
        }
        let headers: Vec<_> = authorization.map(|value| ("Authorization", value)).into_iter().collect();
        self.ask(method, params, None, &headers).await
    }

    /// Sends a request to a path, where it is not that of the endpoint, with headers beside the usual ones.
    pub async fn ask(
        &mut self,
        method: &str,
        params: Option<&Value>,
        path: Option<&str>,
        headers: &[(&str, &str)],
    ) -> Result<Reply, String> {
        let id = self.session.fresh_id();
        let mut message = json!({"id": id, "method": method});
        if method == "initialize" {
            message["params"] = self.session.initialize_params();
        } else if let Some(params) = params {
            message["params"] = params.clone();
        }
        let body = self.session.complete(message).to_string();
        self.send("POST", path, headers, Bytes::from(body)).await
    }

    /// Gets what is at a path.
    pub async fn get(&mut self, path: &str, accept: &str) -> Result<Reply, String> {
        self.send("GET", Some(path), &[("Accept", accept)], Bytes::new()).await
    }

    /// Posts JSON to a path.
    pub async fn post(&mut self, path: &str, body: &Value) -> Result<Reply, String> {
        self.send("POST", Some(path), &[("Accept", "application/json")], Bytes::from(body.to_string())).await
    }

    /// Sends any HTTP request, with headers beside the usual ones.
    pub async fn send(
        &mut self,
        method: &str,
        path: Option<&str>,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Result<Reply, String> {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), Some((*value).to_owned()))).collect();
        let edits = Edits { headers, deliberate: true, ..Edits::default() };
        let sent = self.session.send_http(method, path.map(str::to_owned), body, &edits);
        self.reply(&sent).await
    }

    /// All that was said.
    pub fn transcript(&self) -> &Transcript {
        self.session.transcript()
    }

    async fn reply(&mut self, sent: &Sent) -> Result<Reply, String> {
        let ended = self.session.exchange_end(sent, true, self.within).await;
        let Some((status, headers)) = self.head(sent) else {
            return Err(match ended {
                Awaited::TimedOut(within) => format!("no answer within {} s", within.as_secs_f32()),
                Awaited::Ended(reason) => reason,
                Awaited::Message(..) => "no HTTP answer".to_owned(),
            });
        };
        let is_stream =
            headers.iter().any(|(name, value)| name == "content-type" && value.starts_with("text/event-stream"));
        if is_stream {
            // What a stream says first is enough, and it may have no end.
            self.session.answer(sent, self.within).await;
            self.session.abandon(sent);
        } else {
            self.session.exchange_end(sent, false, self.within).await;
        }
        let body = self.entries(sent).find_map(|what| match what {
            Incoming::Body(bytes) | Incoming::Event { data: Some(bytes), .. } if !bytes.is_empty() => {
                Some(bytes.clone())
            }
            _ => None,
        });
        Ok(Reply { index: sent.index, status, headers, body: body.unwrap_or_default() })
    }

    fn head(&self, sent: &Sent) -> Option<(u16, Vec<(String, String)>)> {
        self.entries(sent).find_map(|what| match what {
            Incoming::Head { status, headers } => Some((*status, headers.clone())),
            _ => None,
        })
    }

    fn entries(&self, sent: &Sent) -> impl Iterator<Item = &Incoming> {
        let entries = &self.session.transcript().entries()[sent.index..];
        entries.iter().filter(|entry| entry.exchange == sent.exchange).filter_map(|entry| match &entry.what {
            What::Received(incoming) => Some(incoming),
            _ => None,
        })
    }
}

impl Reply {
    /// The values of a header field, all together.
    pub fn header(&self, name: &str) -> Option<String> {
        let values: Vec<_> =
            self.headers.iter().filter(|(own, _)| own == name).map(|(_, value)| value.as_str()).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    /// The body as JSON, if it is that.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// Whether the request was served: a result came.
    pub fn is_served(&self) -> bool {
        Message::read(&self.body).is_ok_and(|message| message.result().is_some())
    }
}
