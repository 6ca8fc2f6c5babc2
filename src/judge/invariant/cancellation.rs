//! Holds the cancellations of a server against the requests that are open.

use crate::judge::always::evidence;
use crate::judge::compare::{Miss, shown};
use crate::judge::context::{Context, Judged, fold};
use crate::judge::traffic::{Heard, Traffic};
use crate::protocol::Era;
use crate::scenario::Scenario;
use crate::wire::{Kind, Message, same_id};

const TARGET: &str = "cancellation.send.valid-target";
const LISTEN: &str = "cancellation.server-sends-only-for-listen";

/// Judges every `notifications/cancelled` of the server's: in the stateless revision it ends a subscription, before that it takes
/// back a request that the server itself has sent. A server that sends none passes.
pub(super) fn judge(scenario: &Scenario, context: &Context, traffic: &Traffic<'_>) -> Vec<Judged> {
    let stateless = context.revision.era() == Era::Stateless;
    let requirement = if stateless { LISTEN } else { TARGET };
    let mut judged = Vec::new();
    if !traffic.heard.is_empty() {
        judged.push(Judged::pass(requirement));
    }
    for heard in &traffic.heard {
        if heard.kind != Kind::Notification || heard.message.method() != Some("notifications/cancelled") {
            continue;
        }
        // Whether the id must be there is for the definition to say.
        let Some(id) = heard.message.params().and_then(|params| params.get("requestId")) else { continue };
        let names_it = |message: &Message| message.id().is_some_and(|of| same_id(of, id));
        let right = if stateless {
            traffic.asked.iter().any(|asked| {
                asked.index < heard.entry.index
                    && asked.message.method() == Some("subscriptions/listen")
                    && names_it(&asked.message)
            })
        } else {
            traffic.heard.iter().any(|other| is_earlier_request(other, heard) && names_it(&other.message))
        };
        if !right {
            let expected = if stateless {
                "a cancellation that names a subscriptions/listen request"
            } else {
                "a cancellation that names a request of the server's own"
            };
            let miss = Miss { expected: expected.to_owned(), actual: format!("the id {}", shown(id)) };
            judged.push(Judged::fail(requirement, evidence(scenario, 1, miss, heard, traffic)));
        }
    }
    fold(judged)
}

fn is_earlier_request(other: &Heard<'_>, heard: &Heard<'_>) -> bool {
    other.kind == Kind::Request && other.entry.index <= heard.entry.index
}
