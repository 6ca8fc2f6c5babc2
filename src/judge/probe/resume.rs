//! Breaks off a stream after its first event id while another one is served, and takes it up again by GET.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::Setting;
use super::http::{Head, PATIENCE, call, delete, entries, get, messages, progress_token};
use crate::judge::compare::shown;
use crate::judge::context::{Context, Judged};
use crate::session::{Awaited, Opened, Opening, Sent, Session, What};
use crate::transport::Incoming;
use crate::wire::{Kind, Message};

const SAME: &str = "http.resume.same-stream-only";
const VIA_GET: &str = "http.resume.via-get";
const GOES_ON: &str = "http.disconnect.not-cancellation";

/// Ids and progress tokens of the call that is broken off, and of the other one.
const BROKEN: &str = "litmus-resume-a";
const OTHER: &str = "litmus-resume-b";

/// Judges resumption (specification: basic/transports#resumability-and-redelivery). What comes again is judged here
/// alone, so the session is one that nobody else watches.
pub(super) fn run<'a>(setting: Setting<'a>) -> Pin<Box<dyn Future<Output = Vec<Judged>> + 'a>> {
    Box::pin(async move {
        let context = setting.context;
        let opening = context.open(context.timeout).await;
        let Ok(Opening { mut session, outcome: Opened::Yes, .. }) = opening else {
            return each(|requirement| Judged::inconclusive(requirement, "no further session could be opened", None));
        };
        let judged = resume(&setting, &mut session).await;
        session.close().await;
        judged
    })
}

async fn resume(setting: &Setting<'_>, session: &mut Session) -> Vec<Judged> {
    let context = setting.context;
    let within = context.timeout;
    let skipped = |reason: String| each(|requirement| Judged::skipped(requirement, reason.clone()));
    let (Some(id), Some(sent)) = begin(session, context).await else {
        return skipped("the target gives no event ids before its response".to_owned());
    };
    let Some(other) = call(session, &context.facts, OTHER) else { return skipped("there is no tool".to_owned()) };
    if !matches!(session.answer(&other, within).await, Awaited::Message(..)) {
        return each(|requirement| Judged::inconclusive(requirement, "another call was not answered", None));
    }
    session.abandon(&sent);
    let (stream, head) = get(session, vec![("Last-Event-ID".to_owned(), Some(id.clone()))], within).await;
    let from = setting.session.transcript().entries().len();
    // Event ids bind a server to nothing: it may have no stream for any GET, and says so in general.
    if head.as_ref().is_some_and(|head| head.status == 405) {
        return skipped("the target does not resume: it takes no GET".to_owned());
    }
    if !head.as_ref().is_some_and(Head::is_event_stream) {
        let actual = head.map_or_else(|| "no answer".to_owned(), |head| format!("HTTP {}", head.status));
        let expected = "an event stream for an event id that the server has just given";
        return vec![
            Judged::skipped(SAME, format!("the target does not resume: {actual}")),
            setting.fail(VIA_GET, from, expected, format!("{actual} to {id:?}")),
            Judged::skipped(GOES_ON, format!("the target does not resume: {actual}")),
        ];
    }
    // What is missed may be sent again or not. All of it has come once the session, and with it the stream, has ended.
    let patience = PATIENCE.min(within);
    delivered(session, &stream, patience).await;
    if delete(session, patience).await.1.is_some_and(|head| head.is_success()) {
        session.exchange_end(&stream, false, patience).await;
    }
    let stray = messages(session, &stream).into_iter().find(|(_, message)| {
        let response = message.kind() == Kind::Response && message.id() == Some(&json!(OTHER));
        response || progress_token(message) == Some(&json!(OTHER))
    });
    vec![
        match stray {
            Some((_, message)) => {
                let actual = format!("after {id:?}, of another stream: {}", shown(message.value()));
                setting.fail(SAME, from, "only what belongs to the stream that is resumed", actual)
            }
            None => Judged::pass(SAME),
        },
        Judged::pass(VIA_GET),
        went_on(setting, session, &stream, from),
    ]
}

/// Whether the call that was broken off went on: its response is there. Replaying it is the server's option, so that nothing is
/// known where it does not come; an error tells that the server has given up.
fn went_on(setting: &Setting<'_>, session: &Session, stream: &Sent, from: usize) -> Judged {
    let is_its = |message: &Message| message.kind() == Kind::Response && message.id() == Some(&json!(BROKEN));
    let mut responses = messages(session, stream);
    responses.retain(|(_, message)| is_its(message));
    match responses.iter().find(|(_, message)| message.result().is_none()) {
        Some((_, message)) => {
            let expected = "the result of a call whose connection was lost";
            setting.fail(GOES_ON, from, expected, shown(message.value()))
        }
        None if responses.is_empty() => Judged::skipped(GOES_ON, "the response to the call did not come again"),
        None => Judged::pass(GOES_ON),
    }
}

/// Calls a tool, and waits for the first event with an id that comes before the response.
async fn begin(session: &mut Session, context: &Context) -> (Option<String>, Option<Sent>) {
    let Some(sent) = call(session, &context.facts, BROKEN) else { return (None, None) };
    let id = wait_for(session, &sent, context.timeout, |incoming, is_response| match incoming {
        _ if is_response => Some(None),
        Incoming::Event { id: Some(id), .. } => Some(Some(id.clone())),
        _ => None,
    });
    (id.await.flatten(), Some(sent))
}

/// Waits for the response to the broken call on a stream, or for the end of that.
async fn delivered(session: &mut Session, stream: &Sent, within: Duration) {
    wait_for(session, stream, within, |_, is_response| is_response.then_some(())).await;
}

/// Waits for something on the exchange of what was sent; `None` where it does not come in time, or at all.
async fn wait_for<T>(
    session: &mut Session,
    sent: &Sent,
    within: Duration,
    wanted: impl Fn(&Incoming, bool) -> Option<T>,
) -> Option<T> {
    let deadline = Instant::now() + within;
    let mut seen = 0;
    loop {
        let all: Vec<_> = entries(session, sent).skip(seen).collect();
        seen += all.len();
        for entry in all {
            let What::Received(incoming) = &entry.what else { continue };
            let responds = entry.message().is_some_and(|message| {
                message.parts().iter().any(|part| part.kind() == Kind::Response && part.id() == Some(&json!(BROKEN)))
            });
            if let Some(found) = wanted(incoming, responds) {
                return Some(found);
            }
            if matches!(incoming, Incoming::End | Incoming::Broken(_) | Incoming::LimitPassed(_)) {
                return None;
            }
        }
        if !session.wait(deadline).await {
            return None;
        }
    }
}

fn each(verdict: impl Fn(&str) -> Judged) -> Vec<Judged> {
    [SAME, VIA_GET, GOES_ON].into_iter().map(verdict).collect()
}
