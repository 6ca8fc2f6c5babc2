//! Asks for lists with the user's token and without any: what may be handed to any other caller must be the same for both.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;

use serde_json::{Value, json};

use super::Setting;
use super::auth::Door;
use crate::judge::context::Judged;
use crate::protocol::{LISTS, List};
use crate::session::Awaited;

const SHAREABLE: &str = "caching.public-is-shareable";

/// Times that both are asked: what only changes in time is not the same each time.
const TIMES: usize = 2;

/// The items of a list, in whatever order.
type Items = BTreeSet<String>;

/// Judges lists that are marked public (specification: server/utilities/caching#cache-scope-field).
pub(super) fn run<'a>(setting: Setting<'a>) -> Pin<Box<dyn Future<Output = Vec<Judged>> + 'a>> {
    Box::pin(async move {
        let mut door = match Door::of(setting) {
            Ok(door) => door,
            Err(judged) => return judged,
        };
        vec![match compare(&mut door).await {
            Ok(judged) => judged,
            Err(reason) => Judged::inconclusive(SHAREABLE, reason, None),
        }]
    })
}

async fn compare(door: &mut Door<'_>) -> Result<Judged, String> {
    let mut verdict = Judged::skipped(SHAREABLE, "no list is both marked public and shown to strangers");
    for List { method, member, .. } in LISTS {
        let mut pairs = Vec::new();
        let from = door.stranger.transcript().entries().len();
        while pairs.len() < TIMES {
            let Some(own) = of_user(door, method, member).await else { break };
            let Some(theirs) = of_stranger(door, method, member).await? else { break };
            pairs.push((own, theirs));
        }
        let [(own, theirs), again] = pairs.as_slice() else { continue };
        verdict = Judged::pass(SHAREABLE);
        if own != theirs && (own, theirs) == (&again.0, &again.1) {
            let expected = format!("the same {method} for everybody, since it is marked public");
            let of_one = own.symmetric_difference(theirs).next().cloned().unwrap_or_default();
            return Ok(door.fail(SHAREABLE, from, &expected, format!("only with or only without the token: {of_one}")));
        }
    }
    Ok(verdict)
}

/// The first page that the user gets, if it is marked public.
async fn of_user(door: &mut Door<'_>, method: &str, member: &str) -> Option<Items> {
    let (_, answer) = door.setting.ask(method, json!({})).await;
    let Awaited::Message(_, answer) = answer else { return None };
    let result = answer.result().filter(|result| result["cacheScope"] == "public")?;
    items(result, member)
}

/// The first page that a stranger gets, if any.
async fn of_stranger(door: &mut Door<'_>, method: &str, member: &str) -> Result<Option<Items>, String> {
    let reply = door.stranger.ask(method, None, None, &[]).await?;
    let answer = reply.json().filter(|_| reply.is_served());
    Ok(answer.and_then(|answer| items(&answer["result"], member)))
}

fn items(result: &Value, member: &str) -> Option<Items> {
    Some(result[member].as_array()?.iter().map(Value::to_string).collect())
}
