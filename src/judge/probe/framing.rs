//! Writes HTTP requests byte by byte, as no client library would. Judges only that what is whole is answered, and that the server
//! lives on.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;

use super::Setting;
use super::http::head;
use crate::judge::context::Judged;
use crate::judge::excerpt::excerpt;
use crate::outcome::Evidence;
use crate::session::{Awaited, Opened, Opening, Session, alive_method};
use crate::transport::{HttpRequest, Target, UrlTarget, encode};

const ANSWERS: &str = "house.answers";
const SURVIVES: &str = "house.survives";

/// How long half a request is left lying before the connection is closed.
const HALF: Duration = Duration::from_millis(50);

/// A request in bytes.
struct Written {
    what: &'static str,
    bytes: Bytes,
    /// Whether it is all there, so that an answer is due.
    whole: bool,
}

/// Judges how a server takes what HTTP allows and what it does not (RFC 9112). The session is one that nobody else watches: what
/// is said in it is no MCP.
pub(super) fn run<'a>(setting: Setting<'a>) -> Pin<Box<dyn Future<Output = Vec<Judged>> + 'a>> {
    Box::pin(async move {
        let context = setting.context;
        let Target::Url(target) = &context.target else { return Vec::new() };
        let opening = context.open(context.timeout).await;
        let Ok(Opening { mut session, outcome: Opened::Yes, .. }) = opening else {
            let reason = "no further session could be opened";
            return [ANSWERS, SURVIVES].map(|requirement| Judged::inconclusive(requirement, reason, None)).into();
        };
        let judged = write_all(&setting, target, &mut session).await;
        session.close().await;
        judged
    })
}

async fn write_all(setting: &Setting<'_>, target: &UrlTarget, session: &mut Session) -> Vec<Judged> {
    let within = setting.context.timeout;
    let ordinary = session.as_http(alive_method(session.revision()));
    let mut unanswered = None;
    for Written { what, bytes, whole } in requests(target, &ordinary) {
        let sent = session.send_socket(bytes);
        let from = sent.index;
        let came = session.exchange_end(&sent, true, if whole { within } else { HALF }).await;
        if whole && matches!(came, Awaited::TimedOut(_)) && head(session, &sent).is_none() && unanswered.is_none() {
            let actual = format!("neither within {} s", within.as_secs_f32());
            let expected = format!("an answer to {what}, or the end of the connection");
            unanswered = Some(fail(setting, session, ANSWERS, from, expected, actual));
        }
        session.abandon(&sent);
        let actual = match session.alive(within).await.1 {
            Awaited::Message(..) => continue,
            Awaited::Ended(reason) => reason,
            Awaited::TimedOut(within) => format!("nothing within {} s", within.as_secs_f32()),
        };
        let expected = format!("an answer to the alive request after {what}");
        let lost = fail(setting, session, SURVIVES, from, expected, actual);
        return vec![unanswered.unwrap_or_else(|| Judged::pass(ANSWERS)), lost];
    }
    vec![unanswered.unwrap_or_else(|| Judged::pass(ANSWERS)), Judged::pass(SURVIVES)]
}

fn fail(
    setting: &Setting<'_>,
    session: &Session,
    requirement: &str,
    from: usize,
    expected: String,
    actual: String,
) -> Judged {
    let transcript = session.transcript();
    let evidence = Evidence {
        expected,
        actual,
        asked_at: format!("{}:1", setting.scenario.file.display()),
        excerpt: excerpt(transcript, from, transcript.entries().len()),
        witnesses: Vec::new(),
    };
    Judged::fail(requirement, evidence)
}

/// Every make of an ordinary request. One that cannot be written down (a header of the user's is none) is left out.
fn requests(target: &UrlTarget, ordinary: &HttpRequest) -> Vec<Written> {
    let plain = || ordinary.clone();
    let with = |name: &str, values: &[&str]| {
        let mut request = plain();
        request.headers.retain(|(own, _)| !own.eq_ignore_ascii_case(name));
        request.headers.extend(values.iter().map(|value| (name.to_owned(), (*value).to_owned())));
        request
    };
    let by = |method: &str| HttpRequest { method: method.to_owned(), ..plain() };
    let mut all = Vec::new();
    let mut add = |what: &'static str, request: HttpRequest, whole: bool| {
        if let Ok(bytes) = encode(target, &request) {
            all.push(Written { what, bytes, whole });
        }
    };
    let chunked = |body: Vec<u8>| HttpRequest { body: body.into(), ..with("Transfer-Encoding", &["chunked"]) };
    add("a body in one chunk", chunked(chunks(&ordinary.body, usize::MAX)), true);
    add("a body in small chunks", chunked(chunks(&ordinary.body, 7)), true);
    add("a chunk without a length", chunked(b"x\r\n{}\r\n0\r\n\r\n".to_vec()), false);
    add("chunks without an end", chunked(b"2\r\n{}\r\n".to_vec()), false);
    let longer = (ordinary.body.len() + 10).to_string();
    add("a body that is cut short", with("Content-Length", &[&longer]), false);
    add("two lengths that differ", with("Content-Length", &[&ordinary.body.len().to_string(), "1"]), false);
    add("a length that is no number", with("Content-Length", &["many"]), false);
    add("no media type that is accepted", with("Accept", &["text/html"]), true);
    add("no Accept", with("Accept", &[]), true);
    add("two Accept", with("Accept", &["application/json", "text/event-stream"]), true);
    add("a body of plain text", with("Content-Type", &["text/plain"]), true);
    add("a body without a type", with("Content-Type", &[]), true);
    add("a body in another charset", with("Content-Type", &["application/json; charset=utf-16"]), true);
    add("two types of a body", with("Content-Type", &["application/json", "text/plain"]), true);
    add("a form", with("Content-Type", &["application/x-www-form-urlencoded"]), true);
    add("two versions", with("MCP-Protocol-Version", &["2025-11-25", "2025-06-18"]), true);
    add("two sessions", with("Mcp-Session-Id", &["litmus-1", "litmus-2"]), true);
    add("two methods in headers", with("Mcp-Method", &["ping", "tools/list"]), true);
    add("bytes above ASCII in a header", with("X-Litmus", &["\u{fffd}\u{1f9ea}"]), true);
    add("a control character in a header", with("X-Litmus", &["\u{1}"]), true);
    add("a header of 32 KiB", with("X-Litmus", &[&"x".repeat(32 << 10)]), true);
    add("a hundred headers", with("X-Litmus", &["x"; 100]), true);
    add("another host", with("Host", &["litmus.invalid"]), true);
    add("two hosts", with("Host", &["litmus.invalid", "litmus.example"]), true);
    for (what, method) in
        [("PUT", "PUT"), ("PATCH", "PATCH"), ("OPTIONS", "OPTIONS"), ("a method that nobody has", "LITMUS")]
    {
        add(what, by(method), true);
    }
    add("HEAD", HttpRequest { body: Bytes::new(), ..by("HEAD") }, true);
    if let Ok(bytes) = encode(target, ordinary) {
        all.push(Written { what: "two requests in one go", bytes: [&bytes[..], &bytes].concat().into(), whole: true });
        all.push(Written { what: "half a head", bytes: bytes.slice(..bytes.len().min(20)), whole: false });
        let older = String::from_utf8_lossy(&bytes).replacen(" HTTP/1.1", " HTTP/1.0", 1);
        all.push(Written { what: "HTTP/1.0", bytes: older.into_bytes().into(), whole: true });
    }
    all.push(Written { what: "what is no HTTP", bytes: Bytes::from_static(b"litmus\r\n\r\n"), whole: false });
    all
}

/// A body in chunks of this size at most.
fn chunks(body: &[u8], size: usize) -> Vec<u8> {
    let mut written = Vec::new();
    for chunk in body.chunks(size) {
        written.extend(format!("{:x}\r\n", chunk.len()).bytes());
        written.extend(chunk);
        written.extend(b"\r\n");
    }
    written.extend(b"0\r\n\r\n");
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_cut_into_chunks() {
        assert_eq!(chunks(b"abcde", 4), b"4\r\nabcd\r\n1\r\ne\r\n0\r\n\r\n");
        assert_eq!(chunks(b"abc", usize::MAX), b"3\r\nabc\r\n0\r\n\r\n");
    }
}
