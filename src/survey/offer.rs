//! All that an open session offers a client, as the server tells it. Lists, calls nothing, judges nothing.

use std::time::Duration;

use serde_json::{Value, json};

use super::lists::list;
use crate::session::Session;

/// Lists by the capability that announces them: capability, method, member of the result.
pub(super) const LISTS: [(&str, &str, &str); 4] = [
    ("tools", "tools/list", "tools"),
    ("resources", "resources/list", "resources"),
    ("resources", "resources/templates/list", "resourceTemplates"),
    ("prompts", "prompts/list", "prompts"),
];

/// Server information, capabilities, instructions and all lists, as one object. Fails where a list that was announced cannot be
/// read to its end: half a list would look like tools that are gone. Says which, in one clause.
pub async fn offer(session: &mut Session, within: Duration) -> Result<Value, String> {
    let capabilities = session.capabilities();
    let mut offer = json!({"serverInfo": session.server_info(), "capabilities": capabilities});
    if let Some(instructions) = session.instructions() {
        offer["instructions"] = json!(instructions);
    }
    for (capability, method, member) in LISTS {
        if capabilities.get(capability).is_none() {
            continue;
        }
        let list = list(session, method, member, within).await;
        match list.fault {
            None => offer[member] = Value::Array(list.items),
            // Templates came without a capability of their own: many servers that have none do not know the method.
            Some(_) if member == "resourceTemplates" => {}
            Some(fault) => return Err(format!("{method}: {fault}")),
        }
    }
    Ok(offer)
}
