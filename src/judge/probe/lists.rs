//! Walks every list that the server declares, page by page, and tries cursors twice and cursors that it never gave.

use std::future::Future;
use std::pin::Pin;

use serde_json::{Value, json};

use super::{Setting, came};
use crate::judge::compare::shown;
use crate::judge::context::Judged;
use crate::outcome::Verdict;
use crate::protocol::{Era, LISTS, List};
use crate::session::{Awaited, Sent};

const WALK: &str = "pagination.walk.complete";
const STABLE: &str = "pagination.cursor.stable";
const GRACEFUL: &str = "pagination.cursor.invalid-graceful";
const INVALID: &str = "pagination.cursor.invalid-error";

/// Pages of one list that are read at most.
const PAGES: usize = 1000;

/// Judges pagination of all lists (specification: server/utilities/pagination).
pub(super) fn run<'a>(mut setting: Setting<'a>) -> Pin<Box<dyn Future<Output = Vec<Judged>> + 'a>> {
    Box::pin(async move {
        let capabilities = setting.session.capabilities();
        let mut judged = Vec::new();
        for list in LISTS {
            if capabilities.get(list.capability).is_some() {
                list.judge(&mut setting, &mut judged).await;
                list.try_invalid_cursors(&mut setting, &mut judged).await;
            }
        }
        judged
    })
}

impl List {
    /// A list may change while it is walked: what is wrong counts if it is wrong a second time.
    async fn judge(&self, setting: &mut Setting<'_>, judged: &mut Vec<Judged>) {
        let walked = match self.walk(setting, Some(judged)).await {
            Some(walked) if matches!(walked.verdict, Verdict::Fail { .. }) => self.walk(setting, None).await,
            walked => walked,
        };
        judged.extend(walked);
    }

    /// Follows the list to its end; on the way, the first cursor is tried again where that is to be judged.
    async fn walk(&self, setting: &mut Setting<'_>, mut stable: Option<&mut Vec<Judged>>) -> Option<Judged> {
        let (mut cursors, mut known): (Vec<String>, Vec<Value>) = (Vec::new(), Vec::new());
        loop {
            let params = cursors.last().map_or_else(|| json!({}), |cursor| json!({"cursor": cursor}));
            let (sent, answer) = setting.ask(self.method, params).await;
            let Some(result) = result(&answer) else {
                // That a list is answered at all is judged elsewhere; here only that its own cursors are taken.
                let is_refused = !cursors.is_empty() && !matches!(answer, Awaited::Ended(_));
                return is_refused
                    .then(|| setting.fail(WALK, sent.index, "the page that nextCursor names", came(&answer)));
            };
            let page = self.keys(result);
            let next = setting.session.revision().next_cursor(result).map(str::to_owned);
            if !page.is_empty() && page.iter().all(|item| known.contains(item)) {
                let actual = format!("a page of {} again: {}", self.method, shown(&json!(page)));
                return Some(setting.fail(WALK, sent.index, "every item once", actual));
            }
            if let (true, Some(cursor), Some(judged)) = (cursors.is_empty(), &next, &mut stable) {
                judged.extend(self.ask_again(setting, &page, cursor).await);
            }
            known.extend(page);
            match next {
                None => return Some(Judged::pass(WALK)),
                Some(cursor) if cursors.contains(&cursor) || cursors.len() >= PAGES => {
                    let actual = format!("page {} with nextCursor {cursor:?}", cursors.len() + 1);
                    return Some(setting.fail(WALK, sent.index, "a last page without nextCursor", actual));
                }
                Some(cursor) => cursors.push(cursor),
            }
        }
    }

    /// The same cursor names the same page again. What changes each time, or with the first page, is the list.
    async fn ask_again(&self, setting: &mut Setting<'_>, first: &[Value], cursor: &str) -> Option<Judged> {
        let params = json!({"cursor": cursor});
        let (sent, answer) = setting.ask(self.method, params.clone()).await;
        let page = self.keys(result(&answer)?);
        let mut others = Vec::new();
        for _ in 0..2 {
            let (_, answer) = setting.ask(self.method, params.clone()).await;
            let other = result(&answer).map(|result| self.keys(result));
            if other.as_ref() == Some(&page) {
                return Some(Judged::pass(STABLE));
            }
            others.push((other, answer));
        }
        let [(one, _), (other, answer)] = others.as_slice() else { return None };
        let (_, start) = setting.ask(self.method, json!({})).await;
        let start = result(&start)?;
        let is_list_steady = self.keys(start) == first && setting.session.revision().next_cursor(start).is_some();
        let expected = format!("the page of {} that the cursor named before", self.method);
        (one == other && is_list_steady).then(|| setting.fail(STABLE, sent.index, &expected, came(answer)))
    }

    async fn try_invalid_cursors(&self, setting: &mut Setting<'_>, judged: &mut Vec<Judged>) {
        let long = "litmus".repeat(1700);
        for cursor in ["litmus-no-such-cursor", "", &long] {
            let (sent, answer) = setting.ask(self.method, json!({"cursor": cursor})).await;
            judged.push(graceful(setting, &sent, &answer));
            // The empty text may be a cursor that the server knows.
            if cursor == "litmus-no-such-cursor"
                && let Awaited::Message(_, message) = &answer
            {
                judged.push(match message.error().map(|error| &error["code"]) {
                    Some(code) if *code == -32602 => Judged::pass(INVALID),
                    _ => setting.fail(INVALID, sent.index, "error -32602", came(&answer)),
                });
            }
        }
    }

    /// What identifies the items of a page.
    fn keys(&self, result: &Value) -> Vec<Value> {
        let items = result.get(self.member).and_then(Value::as_array);
        items.into_iter().flatten().map(|item| item[self.key].clone()).collect()
    }
}

/// An error or a page is right; in the stateless era an internal error is not.
fn graceful(setting: &Setting<'_>, sent: &Sent, answer: &Awaited) -> Judged {
    let stateless = setting.session.revision().era() == Era::Stateless;
    match answer {
        Awaited::Message(_, message) if stateless && message.error().is_some_and(|error| error["code"] == -32603) => {
            setting.fail(GRACEFUL, sent.index, "an orderly error or a page", came(answer))
        }
        Awaited::Message(..) => Judged::pass(GRACEFUL),
        _ => setting.fail(GRACEFUL, sent.index, "an answer", came(answer)),
    }
}

fn result(answer: &Awaited) -> Option<&Value> {
    match answer {
        Awaited::Message(_, message) => message.result(),
        _ => None,
    }
}
