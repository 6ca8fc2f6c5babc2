//! Opens two streams of one session, and one of another, and looks at what comes on which.

use std::future::Future;
use std::pin::Pin;

use serde_json::json;

use super::Setting;
use super::http::{Head, PATIENCE, call, delete, get, messages, progress_token};
use crate::judge::compare::shown;
use crate::judge::context::{Context, Judged};
use crate::session::{Opened, Opening, Sent, Session};
use crate::wire::{Kind, Message};

const ONCE: &str = "http.streams.no-broadcast";
const ISOLATED: &str = "http.session.isolated";

/// Id and progress token of the call whose traces must stay in its own session.
const MARK: &str = "litmus-own-session";

/// Judges where messages go (specification: basic/transports#multiple-connections and #session-management).
pub(super) fn run<'a>(mut setting: Setting<'a>) -> Pin<Box<dyn Future<Output = Vec<Judged>> + 'a>> {
    Box::pin(async move {
        let mut judged = vec![one_stream_each(&mut setting).await];
        if setting.context.facts.contains_key("session") {
            judged.push(sessions_apart(&setting).await);
        }
        judged
    })
}

/// No message comes on two streams.
async fn one_stream_each(setting: &mut Setting<'_>) -> Judged {
    let within = setting.context.timeout;
    // A call that is over has no business on the streams to come.
    if let Some(sent) = call(setting.session, &setting.context.facts, "litmus-before-streams") {
        setting.session.answer(&sent, within).await;
    }
    let (first, head) = get(setting.session, Vec::new(), within).await;
    if let Some(reason) = refusal(head.as_ref(), "a stream") {
        setting.session.abandon(&first);
        return Judged::skipped(ONCE, reason);
    }
    let (second, head) = get(setting.session, Vec::new(), within).await;
    if let Some(reason) = refusal(head.as_ref(), "a second stream") {
        setting.session.abandon(&first);
        setting.session.abandon(&second);
        return Judged::skipped(ONCE, reason);
    }
    if setting.session.capabilities().get("logging").is_some() {
        setting.ask("logging/setLevel", json!({"level": "debug"})).await;
    }
    if let Some(sent) = call(setting.session, &setting.context.facts, "litmus-two-streams") {
        setting.session.answer(&sent, within).await;
    }
    end(setting.session, &[&first, &second], setting.context).await;
    let one = messages(setting.session, &first);
    let other = messages(setting.session, &second);
    let twice = one.iter().find(|(_, message)| is_distinct(message) && other.iter().any(|(_, copy)| copy == message));
    match twice {
        Some((_, message)) => {
            let actual = format!("on both: {}", shown(message.value()));
            setting.fail(ONCE, first.index, "each message on one of two streams only", actual)
        }
        None => Judged::pass(ONCE),
    }
}

/// What a call causes in one session does not come in another.
async fn sessions_apart(setting: &Setting<'_>) -> Judged {
    let context = setting.context;
    let (Some(mut own), Some(mut other)) = (another(context).await, another(context).await) else {
        return Judged::inconclusive(ISOLATED, "no further sessions could be opened", None);
    };
    let (stream, _) = get(&mut other, Vec::new(), context.timeout).await;
    if let Some(sent) = call(&mut own, &context.facts, MARK) {
        own.answer(&sent, context.timeout).await;
    }
    other.alive(context.timeout).await;
    end(&mut other, &[&stream], context).await;
    // What is said in these two sessions is judged here alone: a stray message breaks other rules too.
    own.close().await;
    let stray = other.transcript().from_server().find(|(_, message)| {
        let of_call = message.kind() == Kind::Response && message.id() == Some(&json!(MARK));
        of_call || progress_token(message) == Some(&json!(MARK))
    });
    let judged = match &stray {
        Some((entry, message)) => {
            let actual = format!("entry {}: {}", entry.index, shown(message.value()));
            let from = setting.session.transcript().entries().len();
            setting.fail(ISOLATED, from, "nothing in a session of what another one caused", actual)
        }
        None => Judged::pass(ISOLATED),
    };
    drop(stray);
    other.close().await;
    judged
}

async fn another(context: &Context) -> Option<Session> {
    let opening = context.open(context.timeout).await;
    match opening {
        Ok(Opening { session, outcome: Opened::Yes, .. }) => Some(session),
        _ => None,
    }
}

/// Ends the session, which ends its streams, and reads them up to there. Where the target does not let it, the answer to one
/// more request tells that time has passed.
async fn end(session: &mut Session, streams: &[&Sent], context: &Context) {
    let within = PATIENCE.min(context.timeout);
    let (_, answer) = delete(session, within).await;
    if !answer.is_some_and(|head| head.is_success()) {
        session.alive(within).await;
        for stream in streams {
            session.abandon(stream);
        }
        return;
    }
    for stream in streams {
        session.exchange_end(stream, false, within).await;
    }
}

/// Why there is no stream.
fn refusal(head: Option<&Head>, what: &str) -> Option<String> {
    match head {
        Some(head) if head.is_event_stream() => None,
        Some(head) => Some(format!("the target gives no {}: HTTP {}", what.trim_start_matches("a "), head.status)),
        None => Some(format!("the GET for {what} was not answered")),
    }
}

/// Whether a message is like no other, so that seeing it twice tells something. The same list may change twice.
fn is_distinct(message: &Message) -> bool {
    match message.kind() {
        Kind::Request | Kind::Response => true,
        _ => matches!(message.method(), Some("notifications/message" | "notifications/progress")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_a_list_is_like_another() {
        let of = |value: serde_json::Value| is_distinct(&Message::from(value));
        assert!(!of(json!({"method": "notifications/tools/list_changed"})));
        assert!(of(json!({"method": "notifications/message", "params": {"level": "info", "data": 1}})));
        assert!(of(json!({"id": 1, "method": "ping"})));
    }
}
