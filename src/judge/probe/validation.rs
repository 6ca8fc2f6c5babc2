//! Calls a tool with arguments that break its input schema, each in one place. Lenience towards some convicts nobody.

use std::future::Future;
use std::pin::Pin;

use serde_json::{Value, json};

use super::Setting;
use crate::judge::context::Judged;
use crate::session::Awaited;

const VALIDATED: &str = "tools.inputs.validated";

/// Judges whether any of these calls is refused (specification: server/tools#security-considerations).
pub(super) fn run<'a>(mut setting: Setting<'a>) -> Pin<Box<dyn Future<Output = Vec<Judged>> + 'a>> {
    Box::pin(async move {
        let from = setting.session.transcript().entries().len();
        let tool = setting.context.facts.get("tool").map_or(Value::Null, |tool| tool["particular"].clone());
        let mut taken = Vec::new();
        for (keyword, arguments) in tool["invalid"].as_object().into_iter().flatten() {
            let params = json!({"name": tool["name"], "arguments": arguments});
            let (_, Awaited::Message(_, message)) = setting.ask("tools/call", params).await else {
                return vec![Judged::inconclusive(VALIDATED, "a call was not answered", None)];
            };
            let Some(result) = message.result() else { return vec![Judged::pass(VALIDATED)] };
            if result["isError"] == true {
                return vec![Judged::pass(VALIDATED)];
            }
            taken.push(keyword.as_str());
        }
        let actual = format!("results without isError to calls that break {}", taken.join(", "));
        vec![setting.fail(VALIDATED, from, "a refusal of arguments that break the input schema", actual)]
    })
}
