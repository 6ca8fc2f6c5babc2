//! Reads a whole list of an open session, page by page. Bounded, whatever the cursors say; judges nothing.

use std::time::Duration;

use serde_json::{Value, json};

use crate::session::{Awaited, Session};

/// What was read of a list.
pub(super) struct List {
    /// The items of all pages read.
    pub items: Vec<Value>,
    /// Why it is not whole, in one clause, where it is not.
    pub fault: Option<String>,
}

/// Pages of a list that are read at most.
const PAGES: usize = 50;

/// All items of a list; stops at a cursor that comes again.
pub(super) async fn list(session: &mut Session, method: &str, member: &str, within: Duration) -> List {
    let mut items = Vec::new();
    let mut cursors: Vec<String> = Vec::new();
    let fault = loop {
        if cursors.len() == PAGES {
            break Some(format!("it has more than {PAGES} pages"));
        }
        let params = cursors.last().map(|cursor| json!({"cursor": cursor}));
        let sent = session.request(method, params);
        let message = match session.answer(&sent, within).await {
            Awaited::Message(_, message) => message,
            Awaited::Ended(reason) => break Some(reason),
            Awaited::TimedOut(within) => break Some(format!("no answer within {} s", within.as_secs_f32())),
        };
        let Some(result) = message.result() else { break Some(format!("the answer is {}", message.value())) };
        let Some(page) = result[member].as_array() else { break Some(format!("the result has no `{member}`")) };
        items.extend(page.iter().cloned());
        match session.revision().next_cursor(result) {
            Some(cursor) if cursors.iter().any(|seen| seen == cursor) => break Some("a cursor came again".to_owned()),
            Some(cursor) => cursors.push(cursor.to_owned()),
            None => break None,
        }
    };
    List { items, fault }
}
