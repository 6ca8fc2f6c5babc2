//! Opens subscriptions, calls a tool while they are open, and ends one. What is sent about them is also for the watchers.

use std::future::Future;
use std::pin::Pin;

use serde_json::{Value, json};

use super::{Setting, came};
use crate::judge::compare::shown;
use crate::judge::context::Judged;
use crate::session::{Awaited, Edits, Sent, What};
use crate::transport::Incoming;
use crate::wire::{Kind, Message, TransportKind};

const IMPLEMENTED: &str = "subscriptions.listen.implemented";
const STAYS_OPEN: &str = "subscriptions.listen.stays-open";
const EVENTS: &str = "subscriptions.listen.http-sse";
const FILTER: &str = "subscriptions.listen.filter-required";

/// The id of the first subscription.
pub(super) const ID: &str = "litmus-subscription";

const ACKNOWLEDGED: &str = "notifications/subscriptions/acknowledged";

/// Judges `subscriptions/listen` (specification: basic/patterns/subscriptions).
pub(super) fn run<'a>(mut setting: Setting<'a>) -> Pin<Box<dyn Future<Output = Vec<Judged>> + 'a>> {
    Box::pin(async move {
        let mut judged = Vec::new();
        let filter = whole_filter(&setting);
        let (first, answer) = listen(&mut setting, &json!(ID), Some(filter)).await;
        let Some(filter) = promised(&answer) else {
            return unanswered(&setting, &first, &answer);
        };
        judged.push(Judged::pass(IMPLEMENTED));
        if setting.session.kind() == TransportKind::Http {
            judged.push(as_events(&setting, &first));
        }
        listen(&mut setting, &json!(42), Some(json!({"toolsListChanged": true}))).await;
        setting.session.alive(setting.context.timeout).await;
        judged.push(match early_end(&setting, &first) {
            // Who promises nothing may end the subscription at once.
            Some(_) if is_nothing(&filter) => Judged::skipped(STAYS_OPEN, "the subscription promised nothing"),
            Some(end) => setting.fail(STAYS_OPEN, first.index, "no answer while the subscription lasts", end),
            None => Judged::pass(STAYS_OPEN),
        });
        for (id, notifications) in [("litmus-no-filter", None), ("litmus-filter-true", Some(json!(true)))] {
            judged.extend(without_filter(&mut setting, id, notifications).await);
        }
        call(&mut setting).await;
        end(&mut setting, &first);
        setting.session.alive(setting.context.timeout).await;
        call(&mut setting).await;
        judged
    })
}

/// Opens a subscription, and waits for its acknowledgement or an answer.
pub(super) async fn listen(setting: &mut Setting<'_>, id: &Value, notifications: Option<Value>) -> (Sent, Awaited) {
    let mut message = json!({"id": id, "method": "subscriptions/listen", "params": {}});
    // Without its filter, or with a wrong one, the request is wrong on purpose.
    let deliberate = !notifications.as_ref().is_some_and(Value::is_object);
    if let Some(notifications) = notifications {
        message["params"]["notifications"] = notifications;
    }
    let sent = setting.session.send(message, &Edits { deliberate, ..Edits::default() });
    let is_mine = |message: &Message| match message.kind() {
        Kind::Response => message.id().is_none_or(|other| other == id || other.is_null()),
        Kind::Notification => message.method() == Some(ACKNOWLEDGED),
        _ => false,
    };
    let awaited = setting.session.message(sent.index, setting.context.timeout, is_mine).await;
    (sent, awaited)
}

/// The filter of an acknowledgement, if that is what came.
pub(super) fn promised(awaited: &Awaited) -> Option<Value> {
    let Awaited::Message(_, message) = awaited else { return None };
    let params = message.params().filter(|_| message.method() == Some(ACKNOWLEDGED))?;
    Some(params.get("notifications").cloned().unwrap_or_default())
}

/// All that can be listened to.
pub(super) fn whole_filter(setting: &Setting<'_>) -> Value {
    let listed = setting.context.facts.get("resource").map(|resource| resource["uri"].clone());
    let uris: Vec<_> = listed.into_iter().chain([json!("litmus-none://no/such/resource")]).collect();
    json!({"toolsListChanged": true, "promptsListChanged": true, "resourcesListChanged": true, "resourceSubscriptions": uris})
}

/// Calls a tool, which may change something.
pub(super) async fn call(setting: &mut Setting<'_>) {
    if let Some(tool) = setting.context.facts.get("tool").cloned() {
        setting.ask("tools/call", json!({"name": tool["name"], "arguments": tool["arguments"]})).await;
    }
}

/// No acknowledgement came. A server that declares no changes has nothing to subscribe to.
fn unanswered(setting: &Setting<'_>, sent: &Sent, awaited: &Awaited) -> Vec<Judged> {
    if let Awaited::Message(_, message) = awaited
        && message.result().is_some()
    {
        let expected = "an acknowledgement, and no answer while the subscription lasts";
        return vec![Judged::pass(IMPLEMENTED), setting.fail(STAYS_OPEN, sent.index, expected, came(awaited))];
    }
    let capabilities = setting.session.capabilities();
    let declared = ["/tools/listChanged", "/prompts/listChanged", "/resources/listChanged", "/resources/subscribe"];
    vec![if declared.iter().any(|pointer| capabilities.pointer(pointer) == Some(&Value::Bool(true))) {
        setting.fail(IMPLEMENTED, sent.index, ACKNOWLEDGED, came(awaited))
    } else {
        Judged::skipped(IMPLEMENTED, "the target declares no changes that could be listened to")
    }]
}

/// Over HTTP the acknowledgement is an event of a stream.
fn as_events(setting: &Setting<'_>, sent: &Sent) -> Judged {
    let entries = &setting.session.transcript().entries()[sent.index..];
    let head = entries.iter().filter(|entry| entry.exchange == sent.exchange).find_map(|entry| match &entry.what {
        What::Received(Incoming::Head { status, headers }) => Some((*status, headers)),
        _ => None,
    });
    let Some((status, headers)) = head else {
        return Judged::inconclusive(EVENTS, "the acknowledgement came on another exchange", None);
    };
    let kind = headers.iter().find(|(name, _)| name == "content-type").map_or("none", |(_, value)| value);
    if status == 200 && kind.starts_with("text/event-stream") {
        Judged::pass(EVENTS)
    } else {
        setting.fail(EVENTS, sent.index, "HTTP 200 with text/event-stream", format!("HTTP {status} with {kind}"))
    }
}

/// The answer to a listen request that was neither cancelled nor ended.
fn early_end(setting: &Setting<'_>, sent: &Sent) -> Option<String> {
    let entries = setting.session.transcript().from_server().filter(|(entry, _)| entry.index > sent.index);
    let mut answers = entries.filter(|(_, message)| message.kind() == Kind::Response);
    answers.find(|(_, message)| message.id() == Some(&json!(ID))).map(|(_, message)| shown(message.value()))
}

/// A listen request without a filter, or with one that is none, is refused; an empty subscription is tolerated.
async fn without_filter(setting: &mut Setting<'_>, id: &str, notifications: Option<Value>) -> Option<Judged> {
    let (sent, answer) = listen(setting, &json!(id), notifications).await;
    match (&answer, promised(&answer)) {
        (_, Some(filter)) if is_nothing(&filter) => {
            end(setting, &sent);
            None
        }
        (Awaited::Message(_, message), None) if message.error().is_some() => Some(Judged::pass(FILTER)),
        _ => {
            let failed = setting.fail(FILTER, sent.index, "an error", came(&answer));
            end(setting, &sent);
            Some(failed)
        }
    }
}

/// Ends a subscription as the transport wants it.
fn end(setting: &mut Setting<'_>, sent: &Sent) {
    if setting.session.kind() == TransportKind::Http {
        setting.session.abandon(sent);
    } else {
        setting.session.notify("notifications/cancelled", Some(json!({"requestId": sent.ids.first()})));
    }
}

/// Whether a filter promises nothing.
fn is_nothing(filter: &Value) -> bool {
    let promises = |value: &Value| match value {
        Value::Array(uris) => !uris.is_empty(),
        other => *other == Value::Bool(true),
    };
    !filter.as_object().is_some_and(|kinds| kinds.values().any(promises))
}
