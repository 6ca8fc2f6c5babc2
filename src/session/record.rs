//! Writes a transcript as JSON lines, for people and programs that look at it later. Tells no secrets; changes nothing else.

use std::io::{self, Write};
use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use regex::Regex;
use serde_json::{Value, json};

use super::{Entry, Transcript, What};
use crate::transport::Incoming;

/// What stands for a secret.
const REDACTED: &str = "[redacted]";

/// Headers whose values are secrets.
const SECRET: [&str; 4] = ["authorization", "proxy-authorization", "cookie", "set-cookie"];

static SECRET_LINES: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = format!(r"(?im)^({}):[^\r\n]*", SECRET.join("|"));
    Regex::new(&pattern).expect("a test uses the pattern")
});

/// Writes a transcript: a line that names the transport, then a line for each entry, with its time in microseconds. Values of
/// secret headers, and these secrets wherever they stand, are left out.
pub fn record(transcript: &Transcript, secrets: &[String], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", json!({"transcript": transcript.kind()}))?;
    // A secret stands in a line as JSON writes it.
    let escaped = secrets.iter().map(|secret| Value::from(secret.as_str()).to_string());
    let escaped: Vec<_> = escaped.map(|quoted| quoted[1..quoted.len() - 1].to_owned()).collect();
    for entry in transcript.entries() {
        let mut line = line(entry).to_string();
        for secret in escaped.iter().filter(|secret| line.contains(*secret)).collect::<Vec<_>>() {
            line = line.replace(secret, REDACTED);
        }
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn line(entry: &Entry) -> Value {
    let at = u64::try_from(entry.at.as_micros()).unwrap_or(u64::MAX);
    let mut line = json!({"at_us": at, "exchange": entry.exchange.0});
    let (word, value) = match &entry.what {
        What::Wrote { bytes, .. } => ("sent", text(bytes)),
        What::ClosedInput => ("happened", json!("input closed")),
        What::Requested { request, .. } => {
            let (method, path, body) = (&request.method, &request.path, text(&request.body));
            ("request", json!({"method": method, "path": path, "headers": headers(&request.headers), "body": body}))
        }
        What::RequestedRaw(bytes) => ("raw_request", text(bytes)),
        What::Withheld(reason) => ("happened", json!(format!("withheld: {reason}"))),
        What::Abandoned => ("happened", json!("abandoned")),
        What::Mark(scenario) => ("scenario", json!(scenario)),
        What::Received(incoming) => received(incoming),
    };
    line[word] = value;
    if matches!(&entry.what, What::Wrote { deliberate: true, .. } | What::Requested { deliberate: true, .. }) {
        line["wrong_on_purpose"] = json!(true);
    }
    line
}

fn received(incoming: &Incoming) -> (&'static str, Value) {
    match incoming {
        Incoming::Line(bytes) => ("received", text(bytes)),
        Incoming::Unterminated(bytes) => ("received_unterminated", text(bytes)),
        Incoming::Stderr(bytes) => ("stderr", text(bytes)),
        Incoming::OutputClosed => ("happened", json!("output closed")),
        Incoming::Exited(exit) => ("exited", json!({"code": exit.code, "signal": exit.signal})),
        Incoming::Head { status, headers: fields } => ("head", json!({"status": status, "headers": headers(fields)})),
        Incoming::Body(bytes) => ("body", text(bytes)),
        Incoming::Event { event, id, retry, data } => {
            let data = data.as_ref().map(|bytes| text(bytes));
            ("event", json!({"event": event, "id": id, "retry": retry, "data": data}))
        }
        Incoming::End => ("happened", json!("end")),
        Incoming::Broken(reason) => ("broken", json!(reason)),
        Incoming::Cut(bytes) => ("cut", text(bytes)),
        Incoming::LimitPassed(reason) => ("limit_passed", json!(reason)),
    }
}

/// Bytes as text, or in base64 where they are none.
fn text(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => json!(SECRET_LINES.replace_all(text, format!("$1: {REDACTED}"))),
        Err(_) => json!({"base64": BASE64_STANDARD.encode(bytes)}),
    }
}

fn headers(fields: &[(String, String)]) -> Value {
    let is_secret = |name: &str| SECRET.iter().any(|secret| name.eq_ignore_ascii_case(secret));
    fields.iter().map(|(name, value)| json!([name, if is_secret(name) { REDACTED } else { value }])).collect()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::transport::{ExchangeId, HttpRequest};
    use crate::wire::TransportKind;

    #[test]
    fn secrets_are_left_out_and_all_else_is_there() {
        let mut transcript = Transcript::new(TransportKind::Http);
        let fields = [("Authorization", "Bearer abc"), ("Accept", "*/*")].map(|(n, v)| (n.to_owned(), v.to_owned()));
        let request = HttpRequest {
            method: "POST".to_owned(),
            path: None,
            headers: fields.to_vec(),
            body: Bytes::from_static(br#"{"key": "hunter\"2"}"#),
        };
        transcript.record(ExchangeId(1), What::Requested { request, deliberate: true });
        let raw = Bytes::from_static(b"GET / HTTP/1.1\r\ncookie: a=b\r\nX: y\r\n\r\n");
        transcript.record(ExchangeId(2), What::RequestedRaw(raw));
        transcript.record(ExchangeId(3), What::RequestedRaw(Bytes::from_static(b"\xff")));
        let mut out = Vec::new();
        record(&transcript, &[r#"hunter\"2"#.to_owned()], &mut out).expect("memory takes all");
        let text = String::from_utf8(out).expect("is text");
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("is JSON")).collect();
        assert_eq!(lines[0], json!({"transcript": "http"}));
        assert_eq!(lines[1]["request"]["headers"], json!([["Authorization", REDACTED], ["Accept", "*/*"]]));
        assert_eq!(lines[1]["request"]["body"], r#"{"key": "[redacted]"}"#);
        assert_eq!(lines[1]["wrong_on_purpose"], true);
        assert_eq!(lines[2]["raw_request"], "GET / HTTP/1.1\r\ncookie: [redacted]\r\nX: y\r\n\r\n");
        assert_eq!(lines[3]["raw_request"], json!({"base64": "/w=="}));
    }
}
