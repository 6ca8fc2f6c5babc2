//! Makes a task that is to be kept for a moment only, and asks for it until it is gone. Blames nobody who keeps tasks for longer.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Setting, came};
use crate::judge::context::Judged;
use crate::session::Awaited;

const CLEANUP: &str = "tasks.limits.cleanup";

/// For how long the task is to be kept, in milliseconds; and the longest time, told by the target, that is waited for.
const WANTED: u64 = 1_000;
const LONGEST: u64 = 3_000;
/// How often the task is asked for.
const PAUSE: Duration = Duration::from_millis(200);

/// Judges the end of an expired task (specification: basic/utilities/tasks#resource-management of 2025-11-25).
pub(super) fn run<'a>(mut setting: Setting<'a>) -> Pin<Box<dyn Future<Output = Vec<Judged>> + 'a>> {
    Box::pin(async move {
        let tool = setting.context.facts.get("task").cloned().unwrap_or_default();
        let params = json!({"name": tool["tool"], "arguments": tool["arguments"], "task": {"ttl": WANTED}});
        let (sent, answer) = setting.ask("tools/call", params).await;
        let Some(task) = result(&answer).and_then(|result| result.get("task")) else {
            return vec![Judged::skipped(CLEANUP, "the call became no task")];
        };
        let Some(ttl) = task["ttl"].as_u64().filter(|ttl| *ttl <= LONGEST) else {
            return vec![Judged::skipped(CLEANUP, "the target keeps its tasks for longer than a check can wait")];
        };
        // Twice the time, and as long as an answer may take, is more than promptly.
        let deadline = Instant::now() + Duration::from_millis(ttl) * 2 + setting.context.timeout;
        let id = task["taskId"].clone();
        loop {
            let (_, answer) = setting.ask("tasks/get", json!({"taskId": id})).await;
            let Some(task) = result(&answer) else {
                return vec![match &answer {
                    Awaited::Message(..) => Judged::pass(CLEANUP),
                    _ => Judged::inconclusive(CLEANUP, came(&answer), None),
                }];
            };
            if Instant::now() > deadline {
                let is_running = task["status"] == "working" || task["status"] == "input_required";
                return vec![if is_running {
                    Judged::skipped(CLEANUP, "the task was still running when its time was over")
                } else {
                    let expected = format!("error -32602, since the task was to be kept for {ttl} ms");
                    setting.fail(CLEANUP, sent.index, &expected, came(&answer))
                }];
            }
            setting.session.wait(Instant::now() + PAUSE).await;
        }
    })
}

fn result(answer: &Awaited) -> Option<&Value> {
    match answer {
        Awaited::Message(_, message) => message.result(),
        _ => None,
    }
}
