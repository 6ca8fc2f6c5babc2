//! Writes requests in pieces of other sizes than lines: the server is to tell them apart by newlines alone.

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use serde_json::{Value, json};

use super::Setting;
use crate::judge::context::Judged;
use crate::judge::excerpt::excerpt;
use crate::outcome::Evidence;
use crate::session::{Awaited, Edits, Session, alive_method};
use crate::wire::Kind;

/// Bytes of the large request.
const LARGE: usize = 256 << 10;

/// Sends them all, then waits for each answer.
pub(super) fn run<'a>(setting: Setting<'a>) -> Pin<Box<dyn Future<Output = Vec<Judged>> + 'a>> {
    Box::pin(async move {
        let requirement = &setting.proves()[0];
        let session = setting.session;
        let pieces = [
            ("two requests in one write", vec!["litmus-first", "litmus-second"], together(session)),
            ("a request in three writes", vec!["litmus-☂"], cut(session)),
            ("a request of 256 KiB", vec!["litmus-large"], large(session)),
        ];
        for (what, ids, writes) in pieces {
            let from = session.transcript().entries().len();
            for bytes in writes {
                session.send_raw(bytes, false, &Edits { deliberate: true, ..Edits::default() });
            }
            for id in ids {
                let is_answer = |id: &Value| id == "litmus-large" || id.is_null();
                let awaited = session.message(from, setting.context.timeout, |message| {
                    let named = message.id().cloned().unwrap_or_default();
                    message.kind() == Kind::Response && (named == id || id == "litmus-large" && is_answer(&named))
                });
                let actual = match awaited.await {
                    Awaited::Message(..) => continue,
                    Awaited::Ended(reason) => reason,
                    Awaited::TimedOut(within) => format!("no answer to {id} within {} s", within.as_secs_f32()),
                };
                let transcript = session.transcript();
                let evidence = Evidence {
                    expected: format!("an answer to each of {what}"),
                    actual,
                    asked_at: format!("{}:1", setting.scenario.file.display()),
                    excerpt: excerpt(transcript, from, transcript.entries().len()),
                    witnesses: Vec::new(),
                };
                return vec![Judged::fail(requirement, evidence)];
            }
        }
        vec![Judged::pass(requirement)]
    })
}

fn line(session: &Session, id: &str, params: &Value) -> String {
    let method = alive_method(session.revision());
    format!("{}\n", session.complete(json!({"id": id, "method": method, "params": params})))
}

fn together(session: &Session) -> Vec<Bytes> {
    let lines = ["litmus-first", "litmus-second"].map(|id| line(session, id, &json!({})));
    vec![Bytes::from(lines.concat())]
}

/// One request, cut before its newline and inside the character of its id that takes three bytes.
fn cut(session: &Session) -> Vec<Bytes> {
    let line = Bytes::from(line(session, "litmus-☂", &json!({})));
    let inside = line.iter().position(|byte| *byte >= 0x80).map_or(1, |at| at + 1);
    let last = line.len() - 1;
    vec![line.slice(..inside), line.slice(inside..last), line.slice(last..)]
}

fn large(session: &Session) -> Vec<Bytes> {
    let params = json!({"_meta": {"com.example/litmus": "x".repeat(LARGE)}});
    // What was written is kept: without the room that it grew into.
    vec![Bytes::from(line(session, "litmus-large", &params).into_bytes().into_boxed_slice())]
}
