//! Makes tasks and looks for them in the list of tasks, page by page. Waits for no task to end.

use std::future::Future;
use std::pin::Pin;

use serde_json::{Value, json};

use super::{Setting, came};
use crate::judge::context::Judged;
use crate::session::Awaited;

const COMPLETE: &str = "tasks.list.complete";
const CURSOR: &str = "tasks.list.next-cursor";

/// Tasks that are made.
const TASKS: usize = 4;
/// Pages that are read at most: the list may hold the tasks of a long run.
const PAGES: usize = 200;

/// Judges the list of tasks (specification: basic/utilities/tasks#task-listing of 2025-11-25).
pub(super) fn run<'a>(mut setting: Setting<'a>) -> Pin<Box<dyn Future<Output = Vec<Judged>> + 'a>> {
    Box::pin(async move {
        let task = setting.context.facts.get("task").cloned().unwrap_or_default();
        let from = setting.session.transcript().entries().len();
        let mut made = Vec::new();
        for _ in 0..TASKS {
            let params = json!({"name": task["tool"], "arguments": task["arguments"], "task": {"ttl": 60_000}});
            let (_, answer) = setting.ask("tools/call", params).await;
            if let Some(id) = result(&answer).and_then(|result| result["task"]["taskId"].as_str()) {
                made.push(id.to_owned());
            }
        }
        let pages = match pages(&mut setting).await {
            Ok(pages) => pages,
            Err(reason) => return both(|requirement| Judged::inconclusive(requirement, &reason, None)),
        };
        let mut missing = Vec::new();
        for id in made.iter().filter(|id| !pages.iter().flatten().any(|listed| listed == *id)) {
            // Only what can still be got must be listed.
            let (_, answer) = setting.ask("tasks/get", json!({"taskId": id})).await;
            if result(&answer).is_some() {
                missing.push(id.as_str());
            }
        }
        if made.is_empty() {
            return both(|requirement| Judged::skipped(requirement, "no call became a task"));
        }
        if missing.is_empty() {
            return both(Judged::pass);
        }
        // A list that stops at a full page has more to show; one that stops before has lost something.
        let longest = pages.iter().map(Vec::len).max().unwrap_or_default();
        let stopped_short = longest > 0 && pages.last().is_some_and(|last| last.len() == longest);
        let requirement = if stopped_short { CURSOR } else { COMPLETE };
        let actual = format!("{} pages without {}", pages.len(), missing.join(", "));
        vec![setting.fail(requirement, from, "every task that can be got, over all pages of the list", actual)]
    })
}

/// The ids on every page of the list.
async fn pages(setting: &mut Setting<'_>) -> Result<Vec<Vec<String>>, String> {
    let mut pages = Vec::new();
    let mut cursor: Option<String> = None;
    while pages.len() < PAGES {
        let params = cursor.as_ref().map_or_else(|| json!({}), |cursor| json!({"cursor": cursor}));
        let (_, answer) = setting.ask("tasks/list", params).await;
        let Some(result) = result(&answer) else { return Err(format!("tasks/list: {}", came(&answer))) };
        let tasks = result["tasks"].as_array().into_iter().flatten();
        pages.push(tasks.filter_map(|task| task["taskId"].as_str().map(str::to_owned)).collect());
        match setting.session.revision().next_cursor(result) {
            Some(next) if cursor.as_deref() != Some(next) => cursor = Some(next.to_owned()),
            _ => return Ok(pages),
        }
    }
    Err(format!("the list has more than {PAGES} pages"))
}

fn result(answer: &Awaited) -> Option<&Value> {
    match answer {
        Awaited::Message(_, message) => message.result(),
        _ => None,
    }
}

fn both(verdict: impl Fn(&str) -> Judged) -> Vec<Judged> {
    [COMPLETE, CURSOR].map(verdict).into()
}
