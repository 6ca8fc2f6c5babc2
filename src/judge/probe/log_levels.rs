//! Calls a tool with a log level, then without: the second call is to be quiet.

use std::future::Future;
use std::pin::Pin;

use serde_json::json;

use super::Setting;
use crate::judge::compare::shown;
use crate::judge::context::Judged;

/// Judges log messages between the second call and its answer (specification: server/utilities/logging).
pub(super) fn run<'a>(mut setting: Setting<'a>) -> Pin<Box<dyn Future<Output = Vec<Judged>> + 'a>> {
    Box::pin(async move {
        let Some(requirement) = setting.proves().first().cloned() else { return Vec::new() };
        let Some(tool) = setting.context.facts.get("tool").cloned() else { return Vec::new() };
        let params = json!({"name": tool["name"], "arguments": tool["arguments"]});
        let mut with_level = params.clone();
        with_level["_meta"] = json!({"io.modelcontextprotocol/logLevel": "debug"});
        setting.ask("tools/call", with_level).await;
        // What was said about the first call is out of the way when something else has been answered.
        setting.session.alive(setting.context.timeout).await;
        let (sent, _) = setting.ask("tools/call", params).await;
        let logged = setting
            .session
            .transcript()
            .from_server()
            .find(|(entry, message)| entry.index > sent.index && message.method() == Some("notifications/message"));
        vec![match logged.map(|(_, message)| shown(message.value())) {
            None => Judged::pass(&requirement),
            Some(message) => setting.fail(&requirement, sent.index, "no log message", message),
        }]
    })
}
