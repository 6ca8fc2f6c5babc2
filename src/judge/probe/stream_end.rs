//! Calls a tool twice, and waits for the end of each stream that brought a response; so, too, after a batch, for the
//! watchers to see.

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use serde_json::json;

use super::Setting;
use super::http::{PATIENCE, call, head, messages};
use crate::judge::compare::shown;
use crate::judge::context::Judged;
use crate::protocol::Revision;
use crate::session::{Awaited, Edits};

const CLOSED: &str = "http.sse.closed-after-response";

/// Judges that a stream ends once its response was sent (specification: basic/transports, Streamable HTTP).
pub(super) fn run<'a>(setting: Setting<'a>) -> Pin<Box<dyn Future<Output = Vec<Judged>> + 'a>> {
    Box::pin(async move {
        let within = setting.context.timeout;
        let mut judged = Vec::new();
        for mark in ["litmus-stream-1", "litmus-stream-2"] {
            let Some(sent) = call(setting.session, &setting.context.facts, mark) else { continue };
            let Awaited::Message(response, _) = setting.session.answer(&sent, within).await else { continue };
            if !head(setting.session, &sent).is_some_and(|head| head.is_event_stream()) {
                judged.push(Judged::skipped(CLOSED, "the target answers without an event stream"));
                continue;
            }
            let patience = PATIENCE.min(within);
            let ended = setting.session.exchange_end(&sent, false, patience).await;
            let later = messages(setting.session, &sent).into_iter().find(|(index, _)| *index > response);
            judged.push(match (ended, later) {
                (Awaited::TimedOut(_), _) => {
                    let actual = format!("the stream was still open after {} s", patience.as_secs_f32());
                    setting.fail(CLOSED, sent.index, "the end of the stream after the response", actual)
                }
                (_, Some((_, message))) => {
                    let actual = format!("another message: {}", shown(message.value()));
                    setting.fail(CLOSED, sent.index, "the end of the stream after the response", actual)
                }
                _ => Judged::pass(CLOSED),
            });
        }
        if setting.context.revision == Revision::V2025_03_26 {
            let ping = |id: &str| json!({"jsonrpc": "2.0", "id": id, "method": "ping"});
            let batch = json!([ping("litmus-batch-1"), ping("litmus-batch-2"), ping("litmus-batch-3")]);
            let edits = Edits { deliberate: true, ..Edits::default() };
            let sent = setting.session.send_raw(Bytes::from(batch.to_string()), true, &edits);
            setting.session.exchange_end(&sent, false, within).await;
        }
        judged
    })
}
