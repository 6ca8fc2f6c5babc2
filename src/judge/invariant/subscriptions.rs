//! Holds what is sent about subscriptions of the stateless era against the requests that opened them.

use std::rc::Rc;

use serde_json::Value;

use crate::judge::always::evidence;
use crate::judge::compare::{Miss, shown};
use crate::judge::context::{Context, Judged, fold};
use crate::judge::traffic::{Asked, Heard, Traffic};
use crate::scenario::Scenario;
use crate::session::What;
use crate::transport::Incoming;
use crate::wire::{Kind, Message, TransportKind};

const ACK_FIRST: &str = "subscriptions.listen.ack-first";
const SUBSET: &str = "subscriptions.ack.honoured-subset";
const NAMED: &str = "subscriptions.notification.subscription-id";
const STOPS: &str = "subscriptions.cancel.stops";
const RESULT: &str = "subscriptions.result.subscription-id";
const TOLD: &str = "subscriptions.teardown.result";

const ACKNOWLEDGED: &str = "notifications/subscriptions/acknowledged";

/// Notifications that only subscriptions have.
const OURS: [&str; 5] = [
    ACKNOWLEDGED,
    "notifications/tools/list_changed",
    "notifications/prompts/list_changed",
    "notifications/resources/list_changed",
    "notifications/resources/updated",
];

/// Judges every subscription of a session (specification: basic/patterns/subscriptions).
pub(super) fn judge(scenario: &Scenario, _: &Context, traffic: &Traffic<'_>) -> Vec<Judged> {
    let verdict = |requirement: &str, heard: &Heard<'_>, fault: Option<(String, String)>| match fault {
        None => Judged::pass(requirement),
        Some((expected, actual)) => {
            Judged::fail(requirement, evidence(scenario, 1, Miss { expected, actual }, heard, traffic))
        }
    };
    let listens: Vec<_> =
        traffic.asked.iter().filter(|asked| asked.message.method() == Some("subscriptions/listen")).collect();
    let mut judged = Vec::new();
    for heard in traffic.heard.iter().filter(|heard| is_ours(heard)) {
        let opened = listens.iter().filter(|listen| listen.index < heard.entry.index);
        let ids: Vec<_> = opened.filter_map(|listen| listen.message.id()).collect();
        if !ids.is_empty() {
            let name = name(&heard.message);
            let fault = (!name.is_some_and(|name| ids.contains(&name))).then(|| {
                ("the id of a subscription".to_owned(), name.map_or_else(|| "no subscriptionId".to_owned(), shown))
            });
            judged.push(verdict(NAMED, heard, fault));
        }
    }
    for listen in listens {
        let Some(id) = listen.message.id() else { continue };
        let mine: Vec<_> = traffic
            .heard
            .iter()
            .filter(|heard| heard.entry.index > listen.index && is_ours(heard) && name(&heard.message) == Some(id))
            .collect();
        // Over HTTP every subscription has a stream of its own, and only there is an order.
        let on_stream = |heard: &&&Heard<'_>| {
            traffic.transcript.kind() != TransportKind::Http || heard.entry.exchange == listen.exchange
        };
        if let Some(first) = mine.iter().find(on_stream) {
            let early = (first.message.method() != Some(ACKNOWLEDGED))
                .then(|| ("the acknowledgement before all else".to_owned(), shown(first.message.value())));
            judged.push(verdict(ACK_FIRST, first, early));
        }
        for heard in mine.iter().filter(|heard| heard.message.method() == Some(ACKNOWLEDGED)) {
            judged.push(verdict(SUBSET, heard, beyond(listen, heard)));
        }
        for heard in traffic.responses_to(listen) {
            let Some(result) = heard.result() else { continue };
            let named = result.get("_meta").and_then(|meta| meta.get("io.modelcontextprotocol/subscriptionId"));
            let fault = (named != Some(id)).then(|| {
                (format!("the subscription id {}", shown(id)), named.map_or_else(|| "none".to_owned(), shown))
            });
            judged.push(verdict(RESULT, heard, fault));
        }
        if let Some(last) = end_of_stream(traffic, listen, &mine) {
            let is_told = traffic.responses_to(listen).next().is_some();
            let fault = (!is_told).then(|| {
                let expected =
                    "the result of the request that opened the subscription, before its stream ends".to_owned();
                (expected, "the end of the stream without it".to_owned())
            });
            judged.push(verdict(TOLD, last, fault));
        }
        if let Some(settled) = settled_after_cancel(traffic, listen) {
            let late = mine.iter().find(|heard| heard.entry.index > settled);
            judged.push(match late {
                None => Judged::pass(STOPS),
                Some(heard) => {
                    let expected = "nothing more of a subscription that the client has ended".to_owned();
                    verdict(STOPS, heard, Some((expected, shown(heard.message.value()))))
                }
            });
        }
    }
    fold(judged)
}

/// The last notification of a subscription whose stream the server has ended in order, and served on: not one that broke off,
/// that the client left, or that went with the server.
fn end_of_stream<'a, 't>(traffic: &Traffic<'_>, listen: &Asked, mine: &[&'a Heard<'t>]) -> Option<&'a Heard<'t>> {
    let last = mine.iter().rev().find(|heard| heard.entry.exchange == listen.exchange)?;
    let mut of_it = traffic.transcript.entries().iter().filter(|entry| entry.exchange == listen.exchange);
    let end = of_it.find(|entry| matches!(entry.what, What::Abandoned | What::Received(Incoming::End)))?;
    let serves_on = || {
        let mut later = traffic.asked.iter().filter(|asked| asked.index > end.index);
        later.any(|asked| traffic.responses_to(asked).next().is_some())
    };
    (matches!(end.what, What::Received(_)) && serves_on()).then_some(*last)
}

fn is_ours(heard: &Heard<'_>) -> bool {
    heard.kind == Kind::Notification && heard.message.method().is_some_and(|method| OURS.contains(&method))
}

/// The subscription that a notification says it belongs to.
fn name(message: &Message) -> Option<&Value> {
    message.params()?.get("_meta")?.get("io.modelcontextprotocol/subscriptionId")
}

/// What an acknowledgement promises beyond what was asked for.
fn beyond(listen: &Asked, acknowledgement: &Heard<'_>) -> Option<(String, String)> {
    let wanted = listen.message.params()?.get("notifications").filter(|wanted| wanted.is_object())?;
    let promised = acknowledgement.message.params()?.get("notifications")?.as_object()?;
    let is_asked = |(kind, promise): (&String, &Value)| match promise {
        Value::Bool(false) | Value::Null => true,
        Value::Array(uris) => {
            let asked = wanted.get(kind).and_then(Value::as_array);
            uris.iter().all(|uri| asked.is_some_and(|asked| asked.contains(uri)))
        }
        _ => wanted.get(kind).is_some_and(|asked| *asked == Value::Bool(true)),
    };
    (!promised.iter().all(is_asked))
        .then(|| (format!("no more than was asked for: {}", shown(wanted)), shown(&Value::Object(promised.clone()))))
}

/// The entry from which on the server must have taken the client's end of a subscription: a later request was answered.
fn settled_after_cancel(traffic: &Traffic<'_>, listen: &Rc<Asked>) -> Option<usize> {
    let id = listen.message.id()?;
    let cancelled = traffic.transcript.entries().iter().find(|entry| {
        let names_it = |message: &Message| {
            message.method() == Some("notifications/cancelled")
                && message.params().and_then(|params| params.get("requestId")) == Some(id)
        };
        match &entry.what {
            What::Abandoned => entry.exchange == listen.exchange,
            _ => entry.is_from_client() && entry.message().is_some_and(names_it),
        }
    })?;
    let later = traffic.asked.iter().find(|asked| asked.index > cancelled.index)?;
    traffic.responses_to(later).next().map(|response| response.entry.index)
}
