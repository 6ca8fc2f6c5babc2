//! The HTTP headers that a revision wants on an ordinary request. Computes only; the transport sends.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::protocol::{Era, Revision};

/// What the headers of one request depend on.
pub struct Circumstances<'a> {
    /// The revision spoken.
    pub revision: Revision,
    /// Whether the handshake is done, so that the version header is due.
    pub opened: bool,
    /// The session id that the server gave.
    pub session_id: Option<&'a str>,
    /// `Mcp-Param-*` of the tool that is called: header name and path of the argument.
    pub parameters: &'a [(String, Vec<String>)],
}

/// Headers of a POST that carries this message (`None` for bytes that are no message).
pub fn of_post(message: Option<&Value>, of: &Circumstances<'_>) -> Vec<(String, String)> {
    let mut headers = vec![
        ("Content-Type".to_owned(), "application/json".to_owned()),
        ("Accept".to_owned(), "application/json, text/event-stream".to_owned()),
    ];
    headers.extend(of_session(of));
    if of.revision.era() == Era::Stateless {
        headers.push(("MCP-Protocol-Version".to_owned(), stated_version(message, of.revision)));
        headers.extend(message.into_iter().flat_map(|message| mirrored(message, of.parameters)));
    }
    headers
}

/// Headers of a GET or DELETE.
pub fn of_other(of: &Circumstances<'_>) -> Vec<(String, String)> {
    let mut headers = vec![("Accept".to_owned(), "text/event-stream".to_owned())];
    headers.extend(of_session(of));
    headers
}

fn of_session(of: &Circumstances<'_>) -> Vec<(String, String)> {
    let mut headers = Vec::new();
    if let Some(id) = of.session_id {
        headers.push(("Mcp-Session-Id".to_owned(), id.to_owned()));
    }
    if of.opened && of.revision.era() == Era::Handshake && of.revision >= Revision::V2025_06_18 {
        headers.push(("MCP-Protocol-Version".to_owned(), of.revision.to_string()));
    }
    headers
}

/// The version in the message's own `_meta`, so that header and body agree even where a scenario asks for another one.
fn stated_version(message: Option<&Value>, revision: Revision) -> String {
    message
        .and_then(|m| m.pointer("/params/_meta/io.modelcontextprotocol~1protocolVersion")?.as_str())
        .map_or_else(|| revision.to_string(), str::to_owned)
}

/// `Mcp-Method`, `Mcp-Name` and `Mcp-Param-*` (basic/transports/streamable-http of 2026-07-28).
fn mirrored(message: &Value, parameters: &[(String, Vec<String>)]) -> Vec<(String, String)> {
    let mut headers = Vec::new();
    let Some(method) = message["method"].as_str() else { return headers };
    headers.push(("Mcp-Method".to_owned(), encoded(method)));
    let name = match method {
        "tools/call" | "prompts/get" => &message["params"]["name"],
        "resources/read" => &message["params"]["uri"],
        "tasks/get" | "tasks/update" | "tasks/cancel" => &message["params"]["taskId"],
        _ => &Value::Null,
    };
    if let Some(name) = name.as_str() {
        headers.push(("Mcp-Name".to_owned(), encoded(name)));
    }
    if method == "tools/call" {
        for (header, path) in parameters {
            let argument = path.iter().fold(&message["params"]["arguments"], |value, key| &value[key.as_str()]);
            let text = match argument {
                Value::String(text) => encoded(text),
                Value::Number(_) | Value::Bool(_) => argument.to_string(),
                _ => continue,
            };
            headers.push((format!("Mcp-Param-{header}"), text));
        }
    }
    headers
}

/// A header value as the stateless revision wants it: plain where it is plain visible ASCII, else Base64 between markers.
fn encoded(text: &str) -> String {
    let plain = text.bytes().all(|b| matches!(b, b' '..=b'~')) && text.trim() == text && !text.starts_with("=?base64?");
    if plain { text.to_owned() } else { format!("=?base64?{}?=", STANDARD.encode(text)) }
}

/// The `x-mcp-header` annotations of a tool's input schema: header name and path of the property.
pub fn annotated(schema: &Value) -> Vec<(String, Vec<String>)> {
    let mut found = Vec::new();
    walk(schema, &mut Vec::new(), &mut found);
    found
}

fn walk(schema: &Value, path: &mut Vec<String>, found: &mut Vec<(String, Vec<String>)>) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
    for (key, property) in properties {
        path.push(key.clone());
        if let Some(name) = property.get("x-mcp-header").and_then(Value::as_str) {
            found.push((name.to_owned(), path.clone()));
        }
        // A schema nested deeper than this annotates nothing that a client could send.
        if path.len() < 32 {
            walk(property, path, found);
        }
        path.pop();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_that_are_not_plain_are_encoded() {
        assert_eq!(encoded("tide_table"), "tide_table");
        assert_eq!(encoded("Kööpenhamina"), "=?base64?S8O2w7ZwZW5oYW1pbmE=?=");
        assert_eq!(encoded(" x"), "=?base64?IHg=?=");
        assert_eq!(encoded("=?base64?x?="), "=?base64?PT9iYXNlNjQ/eD89?=");
    }

    #[test]
    fn annotated_arguments_are_mirrored() {
        let schema = json!({"type": "object", "properties": {
            "port": {"type": "string", "x-mcp-header": "Port"},
            "deep": {"type": "object", "properties": {"n": {"type": "integer", "x-mcp-header": "N"}}}}});
        let message =
            json!({"method": "tools/call", "params": {"name": "t", "arguments": {"port": "Oulu", "deep": {"n": 3}}}});
        let headers = mirrored(&message, &annotated(&schema));
        let pairs: Vec<_> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(
            pairs,
            [("Mcp-Method", "tools/call"), ("Mcp-Name", "t"), ("Mcp-Param-Port", "Oulu"), ("Mcp-Param-N", "3")]
        );
    }
}
