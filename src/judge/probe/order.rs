//! Reads the list of tools several times and compares the order. Judges nothing where the tools themselves changed.

use std::future::Future;
use std::pin::Pin;

use serde_json::json;

use super::Setting;
use crate::judge::compare::shown;
use crate::judge::context::Judged;
use crate::session::Awaited;

const ORDER: &str = "tools.list.deterministic-order";

/// How often the list is read.
const TIMES: usize = 3;
/// Pages of one list that are read at most.
const PAGES: usize = 50;

/// Judges the order of the tools (specification: server/tools#capabilities).
pub(super) fn run<'a>(mut setting: Setting<'a>) -> Pin<Box<dyn Future<Output = Vec<Judged>> + 'a>> {
    Box::pin(async move {
        let from = setting.session.transcript().entries().len();
        let Some(first) = names(&mut setting).await else { return unread() };
        for _ in 1..TIMES {
            let Some(again) = names(&mut setting).await else { return unread() };
            if again != first && sorted(&again) == sorted(&first) {
                let expected = format!("the order of the first time: {}", shown(&json!(first)));
                return vec![setting.fail(ORDER, from, &expected, shown(&json!(again)))];
            }
        }
        vec![Judged::pass(ORDER)]
    })
}

fn unread() -> Vec<Judged> {
    vec![Judged::inconclusive(ORDER, "the tools could not be listed", None)]
}

/// The names of all tools in their order; `None` where a page was not answered with a result.
async fn names(setting: &mut Setting<'_>) -> Option<Vec<String>> {
    let (mut names, mut params) = (Vec::new(), json!({}));
    for _ in 0..PAGES {
        let (_, Awaited::Message(_, message)) = setting.ask("tools/list", params).await else { return None };
        let result = message.result()?;
        let tools = result.get("tools")?.as_array()?;
        names.extend(tools.iter().map(|tool| tool["name"].as_str().unwrap_or_default().to_owned()));
        match setting.session.revision().next_cursor(result) {
            Some(cursor) => params = json!({"cursor": cursor}),
            None => break,
        }
    }
    Some(names)
}

fn sorted(names: &[String]) -> Vec<&String> {
    let mut names: Vec<_> = names.iter().collect();
    names.sort_unstable();
    names
}
