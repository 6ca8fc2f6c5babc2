//! Calls a tool twice, and sends a batch; where the answers come as events, reads each stream to its end.

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use serde_json::{Value, json};

use super::Setting;
use super::http::{PATIENCE, call, entries, head, messages};
use crate::judge::compare::shown;
use crate::judge::context::{Judged, fold};
use crate::protocol::Revision;
use crate::session::{Awaited, Edits, Sent, Session, What};
use crate::transport::Incoming;

const CLOSED: &str = "http.sse.closed-after-response";
const OPEN: &str = "http.sse.open-until-response";
const DELIVERED: &str = "http.sse.response-delivered";
const BATCH: &str = "http.sse.batch-responses";

/// Ids of the calls, and of the parts of the batch.
const CALLS: [&str; 2] = ["litmus-stream-1", "litmus-stream-2"];
const PINGS: [&str; 3] = ["litmus-batch-1", "litmus-batch-2", "litmus-batch-3"];

/// Judges how streams go on and end (specification: basic/transports, Streamable HTTP).
pub(super) fn run<'a>(mut setting: Setting<'a>) -> Pin<Box<dyn Future<Output = Vec<Judged>> + 'a>> {
    Box::pin(async move {
        let mut judged = Vec::new();
        for mark in CALLS {
            if let Some(sent) = call(setting.session, &setting.context.facts, mark) {
                judged.extend(stream(&mut setting, &sent).await);
            }
        }
        if setting.context.revision == Revision::V2025_03_26 {
            judged.push(batch(&mut setting).await);
        }
        fold(judged)
    })
}

/// The stream that answers one call: it brings the response, and ends after that.
async fn stream(setting: &mut Setting<'_>, sent: &Sent) -> Vec<Judged> {
    let within = setting.context.timeout;
    let answer = setting.session.answer(sent, within).await;
    if !is_stream(setting.session, sent) {
        let reason = "the target answers without an event stream";
        return [CLOSED, OPEN, DELIVERED].map(|requirement| Judged::skipped(requirement, reason)).into();
    }
    match answer {
        Awaited::Message(response, _) => {
            vec![Judged::pass(OPEN), Judged::pass(DELIVERED), ending(setting, sent, response).await]
        }
        Awaited::TimedOut(within) => {
            let actual = format!("the stream was open for {} s without it", within.as_secs_f32());
            vec![setting.fail(DELIVERED, sent.index, "the response on the stream", actual)]
        }
        // From 2025-11-25 on a stream with event ids may be broken off, and goes on when it is resumed.
        Awaited::Ended(_) if setting.context.revision >= Revision::V2025_11_25 && has_ids(setting.session, sent) => {
            vec![Judged::skipped(DELIVERED, "the target broke the stream off, and may go on with it later")]
        }
        Awaited::Ended(reason) => {
            let early = setting.context.revision <= Revision::V2025_06_18;
            let requirement = if early { OPEN } else { DELIVERED };
            vec![setting.fail(requirement, sent.index, "the response on the stream", reason)]
        }
    }
}

async fn ending(setting: &mut Setting<'_>, sent: &Sent, response: usize) -> Judged {
    let patience = PATIENCE.min(setting.context.timeout);
    let ended = setting.session.exchange_end(sent, false, patience).await;
    let later = messages(setting.session, sent).into_iter().find(|(index, _)| *index > response);
    let expected = "the end of the stream after the response";
    match (ended, later) {
        (Awaited::TimedOut(_), _) => {
            let actual = format!("the stream was still open after {} s", patience.as_secs_f32());
            setting.fail(CLOSED, sent.index, expected, actual)
        }
        (_, Some((_, message))) => {
            setting.fail(CLOSED, sent.index, expected, format!("another message: {}", shown(message.value())))
        }
        _ => Judged::pass(CLOSED),
    }
}

/// The stream that answers a batch: it brings a response to each part.
async fn batch(setting: &mut Setting<'_>) -> Judged {
    let batch: Value = PINGS.iter().map(|id| json!({"jsonrpc": "2.0", "id": id, "method": "ping"})).collect();
    let edits = Edits { deliberate: true, ..Edits::default() };
    let sent = setting.session.send_raw(Bytes::from(batch.to_string()), true, &edits);
    let ended = setting.session.exchange_end(&sent, false, setting.context.timeout).await;
    if !is_stream(setting.session, &sent) {
        return Judged::skipped(BATCH, "the target answers a batch without an event stream");
    }
    if let Awaited::TimedOut(_) = ended {
        setting.session.abandon(&sent);
    }
    let came = messages(setting.session, &sent);
    let missing: Vec<_> =
        PINGS.iter().filter(|id| !came.iter().any(|(_, message)| message.id() == Some(&json!(id)))).copied().collect();
    if missing.is_empty() {
        return Judged::pass(BATCH);
    }
    let actual = format!("none to {}", missing.join(", "));
    setting.fail(BATCH, sent.index, "a response to each request of the batch", actual)
}

fn is_stream(session: &Session, sent: &Sent) -> bool {
    head(session, sent).is_some_and(|head| head.is_event_stream())
}

fn has_ids(session: &Session, sent: &Sent) -> bool {
    entries(session, sent).any(|entry| matches!(&entry.what, What::Received(Incoming::Event { id: Some(_), .. })))
}
