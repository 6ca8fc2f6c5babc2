//! Sends JSON-RPC batches, as 2025-03-26 has them, and relates all that comes back. A server that takes no batch at all is
//! judged for that alone.

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::{Value, json};

use super::Setting;
use crate::judge::compare::shown;
use crate::judge::context::Judged;
use crate::judge::excerpt::excerpt;
use crate::outcome::{CheckId, Evidence};
use crate::session::{Awaited, Edits, Sent, Session};
use crate::transport::Incoming;
use crate::wire::{Kind, Message, TransportKind};

const RECEIVED: &str = "jsonrpc.batch.received";
const ARRAY: &str = "jsonrpc.batch.response-is-array";
const EACH: &str = "jsonrpc.batch.one-response-per-request";
const NOTIFICATIONS: &str = "jsonrpc.batch.no-response-to-notifications";
const ONLY_NOTIFICATIONS: &str = "jsonrpc.batch.notifications-only-empty";
const EMPTY: &str = "jsonrpc.batch.empty-array";
const UNPARSABLE: &str = "jsonrpc.batch.unparsable";
const INVALID: &str = "jsonrpc.batch.invalid-elements";

/// How long answers may take once a ping that was sent later is answered: so long, and so many times as long as the ping took.
const PATIENCE: Duration = Duration::from_secs(2);
const TIMES: u32 = 20;

/// Sends one batch after the other.
pub(super) fn run<'a>(setting: Setting<'a>) -> Pin<Box<dyn Future<Output = Vec<Judged>> + 'a>> {
    Box::pin(async move {
        let mut batches = Batches { setting, judged: Vec::new() };
        if batches.received().await {
            batches.each().await;
            batches.only_notifications().await;
            batches.empty().await;
            batches.unparsable().await;
            batches.invalid().await;
        } else {
            let blame = CheckId::new(&batches.setting.scenario.id, RECEIVED, None);
            for requirement in &batches.setting.proves()[1..] {
                let reason = "the server takes no batch";
                batches.judged.push(Judged::inconclusive(requirement, reason, Some(blame.clone())));
            }
        }
        batches.judged
    })
}

struct Batches<'a> {
    setting: Setting<'a>,
    judged: Vec<Judged>,
}

/// What came back for a batch: units as they arrived, each one message or one array.
struct Answers {
    from: usize,
    units: Vec<Message>,
    /// Why no more can come.
    end: Option<String>,
    status: Option<u16>,
    is_stream: bool,
}

impl Answers {
    fn responses(&self) -> impl Iterator<Item = Message> {
        self.units.iter().flat_map(Message::parts).filter(|part| matches!(part.kind(), Kind::Response | Kind::Other))
    }

    fn has(&self, id: &str) -> bool {
        self.responses().any(|part| part.id() == Some(&json!(id)))
    }

    fn refused(&self) -> bool {
        self.status.is_some_and(|status| (400..500).contains(&status))
    }

    fn text(&self) -> String {
        let units: Vec<_> = self.units.iter().map(|unit| shown(unit.value())).collect();
        match (units.is_empty(), self.status, &self.end) {
            (false, ..) => units.join(" and "),
            (true, Some(status), _) => format!("HTTP {status} and no message"),
            (true, None, Some(reason)) => format!("nothing: {reason}"),
            (true, None, None) => "nothing".to_owned(),
        }
    }
}

impl Batches<'_> {
    /// Two requests and a notification; whether both requests were answered.
    async fn received(&mut self) -> bool {
        let cancelled = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "litmus-never-sent"}});
        let answers =
            self.send(&json!([ping("litmus-a"), ping("litmus-b"), cancelled]), &["litmus-a", "litmus-b"]).await;
        let all = answers.has("litmus-a") && answers.has("litmus-b");
        self.judge(RECEIVED, all, "an answer to each request of the batch", &answers);
        if all {
            let is_array = answers.units.iter().any(|unit| unit.kind() == Kind::Batch && unit.parts().len() >= 2);
            self.judge(ARRAY, is_array || answers.is_stream, "one array of responses", &answers);
            let two = answers.responses().count() == 2;
            self.judge(NOTIFICATIONS, two, "responses to the two requests alone", &answers);
        }
        all
    }

    /// A request that can be served and one that can not.
    async fn each(&mut self) {
        let unknown = json!({"jsonrpc": "2.0", "id": "litmus-d", "method": "litmus/no-such-method"});
        let answers = self.send(&json!([ping("litmus-c"), unknown]), &["litmus-c", "litmus-d"]).await;
        let all = answers.has("litmus-c") && answers.has("litmus-d");
        self.judge(EACH, all, "an answer to each of the two requests", &answers);
    }

    async fn only_notifications(&mut self) {
        let notification = json!({"jsonrpc": "2.0", "method": "notifications/litmus"});
        let answers = self.send(&json!([notification, notification]), &[]).await;
        let is_empty = answers.units.iter().any(|unit| unit.kind() == Kind::Batch && unit.parts().is_empty());
        self.judge(ONLY_NOTIFICATIONS, !is_empty, "nothing, not even an empty array", &answers);
        let none = answers.responses().next().is_none() || answers.refused();
        self.judge(NOTIFICATIONS, none, "no response to notifications", &answers);
    }

    async fn empty(&mut self) {
        let answers = self.send(&json!([]), &[]).await;
        self.one_error(EMPTY, "one error, no array", &answers);
    }

    async fn unparsable(&mut self) {
        let text = format!("[{},{{", ping("litmus-e"));
        let answers = self.send_text(text, &[]).await;
        self.one_error(UNPARSABLE, "one parse error, and nothing served", &answers);
    }

    /// A batch of which one element is no message.
    async fn invalid(&mut self) {
        let answers = self.send(&json!([1, ping("litmus-f")]), &["litmus-f"]).await;
        let refused = answers.responses().any(|part| part.error().is_some_and(|error| error["code"] == -32600));
        let both = answers.has("litmus-f") && refused;
        // Over HTTP a server that checks the body first refuses it whole, before anything in it is served.
        let holds = both || answers.refused() && !answers.has("litmus-f");
        self.judge(INVALID, holds, "the request served, and -32600 for what is none", &answers);
    }

    /// One error is right, silence is tolerated as for all that is no message; a refusal as HTTP needs no words.
    fn one_error(&mut self, requirement: &str, expected: &str, answers: &Answers) {
        let is_one_error = matches!(answers.units.as_slice(), [unit] if unit.error().is_some());
        if answers.units.is_empty() && !answers.refused() {
            let reason = "the target kept silent, as servers do to what is no message";
            return self.judged.push(Judged::skipped(requirement, reason));
        }
        let holds = is_one_error || answers.units.is_empty();
        self.judge(requirement, holds, expected, answers);
    }

    fn judge(&mut self, requirement: &str, holds: bool, expected: &str, answers: &Answers) {
        if holds {
            return self.judged.push(Judged::pass(requirement));
        }
        let transcript = self.setting.session.transcript();
        let evidence = Evidence {
            expected: expected.to_owned(),
            actual: answers.text(),
            asked_at: format!("{}:1", self.setting.scenario.file.display()),
            excerpt: excerpt(transcript, answers.from, transcript.entries().len()),
            witnesses: Vec::new(),
        };
        self.judged.push(Judged::fail(requirement, evidence));
    }

    async fn send(&mut self, batch: &Value, ids: &[&str]) -> Answers {
        self.send_text(batch.to_string(), ids).await
    }

    /// Sends it, waits for these ids (or an error that nobody else can be meant by), then for a fence, and gathers what came.
    async fn send_text(&mut self, text: String, ids: &[&str]) -> Answers {
        let within = self.setting.context.timeout;
        let session = &mut *self.setting.session;
        let edits = Edits { deliberate: true, ..Edits::default() };
        let sent = session.send_raw(Bytes::from(text), true, &edits);
        let (mut end, mut pinged) = (None, Vec::new());
        if session.kind() == TransportKind::Http {
            end = ended(session.exchange_end(&sent, false, within).await);
        } else {
            // Nothing in a batch takes longer than the ping behind it.
            let began = Instant::now();
            let (ping, pong) = session.alive(within).await;
            pinged = ping.ids;
            let patience = match pong {
                Awaited::Message(..) => within.min(PATIENCE.max(began.elapsed() * TIMES)),
                _ => within,
            };
            for id in ids {
                let awaited = session.message(sent.index, patience, |message| {
                    message.kind() == Kind::Response
                        && (message.id().is_none_or(Value::is_null) || message.id() == Some(&json!(id)))
                });
                end = ended(awaited.await);
                if end.is_some() {
                    break;
                }
            }
        }
        let until = session.transcript().entries().len();
        let until = match session.kind() {
            TransportKind::Http => until,
            _ => match session.alive(within).await.1 {
                Awaited::Message(index, _) => index,
                _ => session.transcript().entries().len(),
            },
        };
        gather(session, &sent, &pinged, until, end)
    }
}

fn gather(session: &Session, sent: &Sent, pinged: &[Value], until: usize, end: Option<String>) -> Answers {
    let is_http = session.kind() == TransportKind::Http;
    let entries = session.transcript().entries()[sent.index..until].iter();
    let mut answers = Answers { from: sent.index, units: Vec::new(), end, status: None, is_stream: false };
    for entry in entries.filter(|entry| entry.is_from_server() && (!is_http || entry.exchange == sent.exchange)) {
        if let crate::session::What::Received(Incoming::Head { status, headers }) = &entry.what {
            answers.status = is_http.then_some(*status);
            let is_type =
                |(name, value): &(String, String)| name == "content-type" && value.starts_with("text/event-stream");
            answers.is_stream = headers.iter().any(is_type);
        }
        answers.units.extend(
            entry
                .message()
                .filter(|m| matches!(m.kind(), Kind::Batch | Kind::Response | Kind::Other))
                .filter(|m| m.id().is_none_or(|id| !pinged.contains(id)))
                .cloned(),
        );
    }
    answers
}

fn ended(awaited: Awaited) -> Option<String> {
    match awaited {
        Awaited::Message(..) => None,
        Awaited::Ended(reason) => Some(reason),
        Awaited::TimedOut(within) => Some(format!("silence for {} s", within.as_secs_f32())),
    }
}

fn ping(id: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": "ping"})
}
