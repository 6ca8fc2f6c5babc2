//! Closes standard input under an open subscription, and comes back on a new connection.

use std::future::Future;
use std::pin::Pin;

use serde_json::json;

use super::Setting;
use super::subscriptions::{ID, call, listen, promised, whole_filter};
use crate::judge::compare::shown;
use crate::judge::context::Judged;
use crate::session::Opened;

const RESULT: &str = "subscriptions.teardown.result";
const CARRIED: &str = "subscriptions.no-carry-over";

/// Judges the end of subscriptions (specification: basic/patterns/subscriptions#graceful-closure).
pub(super) fn run<'a>(mut setting: Setting<'a>) -> Pin<Box<dyn Future<Output = Vec<Judged>> + 'a>> {
    Box::pin(async move {
        let filter = whole_filter(&setting);
        let (sent, answer) = listen(&mut setting, &json!(ID), Some(filter)).await;
        if promised(&answer).is_none() {
            let reason = "no subscription was acknowledged";
            return vec![Judged::skipped(RESULT, reason), Judged::skipped(CARRIED, reason)];
        }
        setting.session.close_input();
        setting.session.exit(setting.context.timeout).await;
        let told = setting.session.transcript().from_server().any(|(entry, message)| {
            entry.index > sent.index
                && (message.id() == Some(&json!(ID))
                    || message.params().is_some_and(|params| params.get("requestId") == Some(&json!(ID))))
        });
        let end = if told {
            Judged::pass(RESULT)
        } else {
            let expected = "the result of the request that opened the subscription, or its cancellation";
            setting.fail(RESULT, sent.index, expected, "neither".to_owned())
        };
        let mut judged = vec![end];
        judged.extend(come_back(&mut setting).await);
        judged
    })
}

/// On a new connection nothing is heard of the old subscription.
async fn come_back(setting: &mut Setting<'_>) -> Option<Judged> {
    let context = setting.context;
    let opening = context.open(context.timeout).await.ok()?;
    if opening.outcome != Opened::Yes {
        return Some(Judged::inconclusive(CARRIED, "no other session could be opened", None));
    }
    let first = std::mem::replace(setting.session, opening.session);
    setting.transcripts.push(first.close().await);
    call(setting).await;
    setting.session.alive(context.timeout).await;
    let news = setting.session.transcript().from_server().find(|(_, message)| {
        message.params().and_then(|params| params.pointer("/_meta/io.modelcontextprotocol~1subscriptionId")).is_some()
    });
    Some(match news.map(|(entry, message)| (entry.index, shown(message.value()))) {
        None => Judged::pass(CARRIED),
        Some((index, message)) => {
            setting.fail(CARRIED, index, "nothing of a subscription of another connection", message)
        }
    })
}
