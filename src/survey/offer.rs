//! All that an open session offers a client, as the server tells it. Lists, calls what the user gives arguments for, judges
//! nothing.

use std::time::Duration;

use serde_json::{Value, json};

use super::Calls;
use super::lists::list;
use crate::protocol::{LISTS, List};
use crate::session::{Awaited, Session};

/// Server information, capabilities, instructions, all lists, and what tools answer for which the user gives arguments, as one
/// object. Fails where a list that was announced cannot be read to its end: half a list would look like tools that are gone.
/// Says which, in one clause.
pub async fn offer(session: &mut Session, calls: &Calls, within: Duration) -> Result<Value, String> {
    let capabilities = session.capabilities();
    let mut offer = json!({"serverInfo": session.server_info(), "capabilities": capabilities});
    if let Some(instructions) = session.instructions() {
        offer["instructions"] = json!(instructions);
    }
    for List { capability, method, member, .. } in LISTS {
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
    let tools = offer["tools"].as_array().cloned().unwrap_or_default();
    for tool in tools.iter().filter(|tool| calls.allow(tool)) {
        let (Some(arguments), Some(name)) = (calls.given(tool), tool["name"].as_str()) else { continue };
        let sent = session.request("tools/call", Some(json!({"name": name, "arguments": arguments})));
        let Awaited::Message(_, message) = session.answer(&sent, within).await else {
            return Err(format!("tools/call of `{name}`: no answer"));
        };
        offer["results"][name] = message.value().clone();
    }
    Ok(offer)
}
