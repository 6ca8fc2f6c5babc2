//! Ends its session by DELETE, and comes back with the old id.

use std::future::Future;
use std::pin::Pin;

use super::Setting;
use super::http::{delete, get, head};
use crate::judge::context::Judged;

const GONE: &str = "http.session.terminated-404";

/// Judges what a server says about a session that was ended (specification: basic/transports#session-management).
pub(super) fn run<'a>(setting: Setting<'a>) -> Pin<Box<dyn Future<Output = Vec<Judged>> + 'a>> {
    Box::pin(async move {
        let within = setting.context.timeout;
        let (ending, answer) = delete(setting.session, within).await;
        match answer {
            Some(head) if head.is_success() => {}
            Some(head) => {
                let reason = format!("the target does not let clients end sessions: HTTP {}", head.status);
                return vec![Judged::skipped(GONE, reason)];
            }
            None => return vec![Judged::inconclusive(GONE, "DELETE was not answered", None)],
        }
        let ping = setting.session.request("ping", None);
        setting.session.exchange_end(&ping, true, within).await;
        let posted = head(setting.session, &ping).map(|head| head.status);
        let (stream, listened) = get(setting.session, Vec::new(), within).await;
        setting.session.abandon(&stream);
        let listened = listened.map(|head| head.status);
        // A server without streams may say so before it looks for the session.
        vec![if posted == Some(404) && matches!(listened, Some(404 | 405)) {
            Judged::pass(GONE)
        } else {
            let words = |status: Option<u16>| status.map_or_else(|| "nothing".to_owned(), |s| s.to_string());
            let actual = format!("{} to a POST, {} to a GET", words(posted), words(listened));
            setting.fail(GONE, ending.index, "404 for the session that was ended", actual)
        }]
    })
}
