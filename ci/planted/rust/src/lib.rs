//! What the planted servers in Rust share: MCP over stdio in two revisions, by hand, with tools whose arguments are checked.

use std::io::{BufRead, Write};

use serde_json::{Map, Value, json};

const REVISIONS: [&str; 2] = ["2025-06-18", "2025-11-25"];
const PARSE_ERROR: i64 = -32700;
const INVALID_REQUEST: i64 = -32600;
const METHOD_NOT_FOUND: i64 = -32601;
const INVALID_PARAMS: i64 = -32602;

type Refusal = (i64, &'static str);

/// A tool of its name, with the properties of its arguments and those that are required.
pub fn tool(name: &str, properties: Value, required: &[&str]) -> Value {
    let schema =
        json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false});
    json!({"name": name, "description": format!("Does {name}"), "inputSchema": schema, "annotations": {"readOnlyHint": true}})
}

/// Serves until the input ends. `call` takes the name of a tool and its arguments, and returns text.
pub fn serve(name: &str, tools: &[Value], call: impl Fn(&str, &Map<String, Value>) -> String) {
    let mut revision = None;
    let mut input = std::io::stdin().lock();
    let mut line = Vec::new();
    while input.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        if !line.trim_ascii().is_empty() {
            if let Some(answer) = receive(&line, name, tools, &call, &mut revision) {
                let mut output = std::io::stdout().lock();
                if writeln!(output, "{answer}").and_then(|()| output.flush()).is_err() {
                    return;
                }
            }
        }
        line.clear();
    }
}

fn receive(
    line: &[u8],
    name: &str,
    tools: &[Value],
    call: &impl Fn(&str, &Map<String, Value>) -> String,
    revision: &mut Option<&'static str>,
) -> Option<Value> {
    let mut id = Value::Null;
    let answer = (|| {
        let message: Value = serde_json::from_slice(line).map_err(|_| (PARSE_ERROR, "not JSON"))?;
        let Some(message) = message.as_object().filter(|message| message.get("jsonrpc") == Some(&json!("2.0"))) else {
            return Err((INVALID_REQUEST, "not a JSON-RPC 2.0 message"));
        };
        if !message.contains_key("method") && (message.contains_key("result") || message.contains_key("error")) {
            return Ok(None);
        }
        let Some(method) = message.get("method").and_then(Value::as_str) else {
            return Err((INVALID_REQUEST, "the method is not a string"));
        };
        let Some(given) = message.get("id") else { return Ok(None) };
        if !(given.is_string() || given.is_i64() || given.is_u64()) {
            return Err((INVALID_REQUEST, "the id is neither a string nor an integer"));
        }
        id = given.clone();
        let params = match message.get("params") {
            None => &Map::new(),
            Some(params) => params.as_object().ok_or((INVALID_PARAMS, "params is not an object"))?,
        };
        match method {
            "initialize" => initialize(params, name, revision).map(Some),
            "ping" => Ok(Some(json!({}))),
            _ if revision.is_none() => Err((INVALID_REQUEST, "not initialized")),
            "tools/list" if params.contains_key("cursor") => Err((INVALID_PARAMS, "unknown cursor")),
            "tools/list" => Ok(Some(json!({"tools": tools}))),
            "tools/call" => called(params, tools, call).map(Some),
            _ => Err((METHOD_NOT_FOUND, "unknown method")),
        }
    })();
    match answer {
        Ok(result) => result.map(|result| json!({"jsonrpc": "2.0", "id": id, "result": result})),
        Err((code, message)) => {
            let mut answer = json!({"jsonrpc": "2.0", "error": {"code": code, "message": message}});
            if !id.is_null() || *revision != Some(REVISIONS[1]) {
                answer["id"] = id;
            }
            Some(answer)
        }
    }
}

fn initialize(params: &Map<String, Value>, name: &str, revision: &mut Option<&'static str>) -> Result<Value, Refusal> {
    let asked = params.get("protocolVersion").and_then(Value::as_str);
    let (Some(asked), Some(true)) = (asked, params.get("capabilities").map(Value::is_object)) else {
        return Err((INVALID_PARAMS, "initialize needs protocolVersion and capabilities"));
    };
    let client = params.get("clientInfo");
    if !client.is_some_and(|client| client["name"].is_string() && client["version"].is_string()) {
        return Err((INVALID_PARAMS, "initialize needs clientInfo with name and version"));
    }
    let agreed = REVISIONS.into_iter().find(|&known| known == asked).unwrap_or(REVISIONS[1]);
    *revision = Some(agreed);
    Ok(
        json!({"protocolVersion": agreed, "capabilities": {"tools": {}}, "serverInfo": {"name": name, "version": "1.0.0"}}),
    )
}

fn called(
    params: &Map<String, Value>,
    tools: &[Value],
    call: &impl Fn(&str, &Map<String, Value>) -> String,
) -> Result<Value, Refusal> {
    let name = params.get("name").and_then(Value::as_str).unwrap_or_default();
    let tool = tools.iter().find(|tool| tool["name"] == name).ok_or((INVALID_PARAMS, "unknown tool"))?;
    let none = json!({});
    let arguments = params.get("arguments").unwrap_or(&none);
    let problem = invalid(&tool["inputSchema"], arguments, "arguments");
    let is_error = problem.is_some();
    let text = match (problem, arguments.as_object()) {
        (None, Some(arguments)) => call(name, arguments),
        (problem, _) => problem.unwrap_or_default(),
    };
    Ok(json!({"content": [{"type": "text", "text": text}], "isError": is_error}))
}

/// What is wrong with a value, in words.
fn invalid(schema: &Value, value: &Value, name: &str) -> Option<String> {
    let fits = match schema["type"].as_str() {
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() || value.is_u64(),
        _ => value.is_object(),
    };
    if !fits {
        return Some(format!("{name} is of the wrong type"));
    }
    let bound = |key: &str| schema[key].as_i64();
    let number = value.as_i64().unwrap_or(i64::MAX);
    if value.is_number()
        && (bound("minimum").is_some_and(|b| number < b) || bound("maximum").is_some_and(|b| number > b))
    {
        return Some(format!("{name} is out of range"));
    }
    let members = value.as_object()?;
    let lacking = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    for key in lacking {
        if !members.contains_key(key) {
            return Some(format!("{name} lacks {key}"));
        }
    }
    members.iter().find_map(|(key, inner)| match schema["properties"].get(key) {
        Some(schema) => invalid(schema, inner, key),
        None => Some(format!("{name} has a member that is not known")),
    })
}
