//! HTTP requests that are odd in their method, their headers or their body.

use super::choice::{below, between, one_in, pick};
use super::fresh::{any_request, hostile_in};
use super::{Form, Piece, Unstructured, World};

const METHODS: &[&str] =
    &["POST", "POST", "POST", "GET", "DELETE", "PUT", "PATCH", "OPTIONS", "HEAD", "post", "LITMUS"];

/// Headers with values that servers have to expect of strangers; `None` leaves the header out.
const HEADERS: &[(&str, &[Option<&str>])] = &[
    (
        "Accept",
        &[
            None,
            Some(""),
            Some("*/*"),
            Some("application/json"),
            Some("text/event-stream"),
            Some("text/html"),
            Some("application/json;q=0, text/event-stream;q=0"),
            Some("application/*, text/*"),
            Some(";;,,q"),
        ],
    ),
    (
        "Content-Type",
        &[
            None,
            Some(""),
            Some("text/plain"),
            Some("application/json; charset=utf-16"),
            Some("application/json; charset=litmus"),
            Some("APPLICATION/JSON"),
            Some("application/x-www-form-urlencoded"),
            Some("multipart/form-data; boundary=litmus"),
            Some("application/jsonx"),
        ],
    ),
    (
        "Mcp-Session-Id",
        &[
            None,
            Some(""),
            Some("litmus-no-such-session"),
            Some("00000000-0000-4000-8000-000000000000"),
            Some("../../litmus"),
            Some("__proto__"),
            Some("constructor"),
            Some("a, b"),
        ],
    ),
    (
        "MCP-Protocol-Version",
        &[
            None,
            Some(""),
            Some("2024-11-05"),
            Some("2025-03-26"),
            Some("2099-01-01"),
            Some("litmus"),
            Some("2025-11-25, 2025-06-18"),
        ],
    ),
    ("Mcp-Method", &[None, Some(""), Some("tools/list"), Some("=?base64?dG9vbHMvY2FsbA==?="), Some("=?base64?%?=")]),
    ("Mcp-Name", &[None, Some(""), Some("litmus"), Some("=?base64?bGl0bXVz?="), Some("=?base64?/w==?=")]),
    ("Origin", &[Some("http://litmus.invalid"), Some("null"), Some(""), Some("http://localhost:1"), Some("file://")]),
    ("Host", &[Some("litmus.invalid"), Some(""), Some("localhost:0")]),
    (
        "Last-Event-ID",
        &[Some(""), Some("0"), Some("litmus"), Some("-1"), Some("__proto__"), Some("18446744073709551616")],
    ),
    ("Content-Encoding", &[Some("gzip"), Some("identity"), Some("litmus"), Some("br, gzip")]),
    ("Authorization", &[Some("Bearer litmus"), Some("Bearer"), Some("Basic OjpsaXRtdXM="), Some("")]),
    ("Expect", &[Some("100-continue"), Some("litmus")]),
    ("Connection", &[Some("close"), Some("upgrade")]),
    ("Cookie", &[Some("litmus=\"; ="), Some(";;;")]),
    ("X-Forwarded-For", &[Some("127.0.0.1"), Some("litmus")]),
];

/// An HTTP request with up to three headers that are not the usual ones.
pub(super) fn edited(world: &World, u: &mut Unstructured<'_>) -> Piece {
    let method = (*pick(u, METHODS).unwrap_or(&"POST")).to_owned();
    let count = between(u, 1, 3);
    let headers = (0..count).map(|_| edit(u)).collect();
    let request = any_request(world, u);
    let bytes = match below(u, 6) {
        1 if method != "POST" => Vec::new(),
        2 => hostile_in(&request, u),
        3 => Vec::new(),
        _ => request.to_string().into_bytes(),
    };
    Piece { form: Form::Http { method, headers }, bytes }
}

/// One header, set or left out.
pub(super) fn edit(u: &mut Unstructured<'_>) -> (String, Option<String>) {
    let (name, values) = HEADERS[below(u, HEADERS.len())];
    let value = pick(u, values).copied().flatten();
    let name = if one_in(u, 8) { name.to_lowercase() } else { name.to_owned() };
    match value {
        Some(_) if one_in(u, 16) => (name, Some("l".repeat([256, 4_096, 9_000, 20_000][below(u, 4)]))),
        value => (name, value.map(str::to_owned)),
    }
}
