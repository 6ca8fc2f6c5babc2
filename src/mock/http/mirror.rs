//! The headers that repeat what stands in the body of a stateless request: whether they agree.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hyper::HeaderMap;
use serde_json::Value;

use crate::mock::Options;
use crate::mock::tools;
use crate::protocol::Revision;

/// What disagrees between headers and body, in one sentence.
pub(super) fn complaint(headers: &HeaderMap, message: &Value, options: &Options, extras: bool) -> Option<String> {
    let method = message["method"].as_str()?;
    // Where the body lacks its metadata, that is what is wrong.
    if let Some(version) = message.pointer("/params/_meta/io.modelcontextprotocol~1protocolVersion")
        && version.is_string()
        && let Some(complaint) = compare(headers, "MCP-Protocol-Version", version)
    {
        return Some(complaint);
    }
    if let Some(complaint) = compare(headers, "Mcp-Method", &Value::from(method)) {
        return Some(complaint);
    }
    let member = match method {
        "tools/call" | "prompts/get" => "name",
        "resources/read" => "uri",
        "tasks/get" | "tasks/update" | "tasks/cancel" => "taskId",
        _ => return None,
    };
    let name = &message["params"][member];
    // On the methods of tasks the header is compared where it is given; nothing says that it must be.
    let is_due = name.is_string() && (member != "taskId" || headers.contains_key("mcp-name"));
    if is_due && let Some(complaint) = compare(headers, "Mcp-Name", name) {
        return Some(complaint);
    }
    let tool = if method == "tools/call" { name.as_str() } else { None };
    let tool = tools::find(tool?, Revision::V2026_07_28, options.features, extras)?;
    let arguments = &message["params"]["arguments"];
    tool.mirrored().into_iter().find_map(|(pointer, header)| {
        let argument = arguments.pointer(&pointer).unwrap_or(&Value::Null);
        let header = format!("Mcp-Param-{header}");
        // Of an argument that is not given, no header is expected; one that is there has nothing to agree with.
        if argument.is_null() && !headers.contains_key(&header) { None } else { compare(headers, &header, argument) }
    })
}

/// Compares one header with what it repeats.
fn compare(headers: &HeaderMap, name: &str, body: &Value) -> Option<String> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Some(format!("{name} is missing")) };
    if values.next().is_some() {
        return Some(format!("{name} is given more than once"));
    }
    let Some(value) = value.to_str().ok().and_then(|value| decoded(value.trim_matches([' ', '\t']))) else {
        return Some(format!("{name} cannot be read"));
    };
    let agrees = match body {
        Value::String(text) => *text == value,
        Value::Bool(truth) => truth.to_string() == value,
        Value::Number(number) => {
            number.to_string() == value || value.parse().ok().is_some_and(|value: f64| number.as_f64() == Some(value))
        }
        _ => false,
    };
    (!agrees).then(|| format!("{name} differs from the body"))
}

/// A header value, decoded where it says that it is Base64; `None` where it cannot be.
fn decoded(value: &str) -> Option<String> {
    match value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) {
        None => Some(value.to_owned()),
        Some(encoded) => String::from_utf8(BASE64_STANDARD.decode(encoded).ok()?).ok(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value"))).collect()
    }

    #[test]
    fn headers_agree_with_the_body_or_are_told() {
        let body = json!({"method": "tools/call", "params": {"name": "route", "arguments": {
            "region": "Köln", "shard": 42, "urgent": true, "options": {"queue": "q"}}}});
        let right = [
            ("mcp-method", "tools/call"),
            ("mcp-name", "=?base64?cm91dGU=?="),
            ("mcp-param-region", "=?base64?S8O2bG4=?="),
            ("mcp-param-shard", "42.0"),
            ("mcp-param-urgent", "true"),
            ("mcp-param-queue", " q\t"),
        ];
        let told =
            |pairs: &[(&'static str, &'static str)]| complaint(&headers(pairs), &body, &Options::default(), false);
        assert_eq!(told(&right), None);
        for index in 0..right.len() {
            let mut wrong = right;
            wrong[index].1 = "=?base64?%%%?=";
            assert!(told(&wrong).is_some_and(|complaint| complaint.ends_with("cannot be read")));
            wrong[index].1 = "=?BASE64?cm91dGU=?=";
            assert!(told(&wrong).is_some_and(|complaint| complaint.ends_with("differs from the body")));
            let fewer: Vec<_> = right.iter().copied().filter(|pair| *pair != right[index]).collect();
            assert!(told(&fewer).is_some_and(|complaint| complaint.ends_with("is missing")));
        }
    }
}
