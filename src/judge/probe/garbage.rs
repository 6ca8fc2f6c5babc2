//! Sends bytes that no client sends on purpose, and an ordinary request after each. Judges only that this one is answered.

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;

use super::Setting;
use crate::judge::compare::clipped;
use crate::judge::context::Judged;
use crate::judge::excerpt::excerpt;
use crate::outcome::Evidence;
use crate::session::{Awaited, Edits};

/// Levels of brackets: more than a parser that recurses has stack for.
const DEPTH: usize = 100_000;
/// Characters of what was sent that evidence names.
const SHOWN: usize = 60;

/// Sends one piece of garbage after the other until the server falls silent.
pub(super) fn run<'a>(setting: Setting<'a>) -> Pin<Box<dyn Future<Output = Vec<Judged>> + 'a>> {
    Box::pin(async move {
        let within = setting.context.timeout;
        let requirement = &setting.proves()[0];
        for bytes in garbage() {
            let edits = Edits { deliberate: true, ..Edits::default() };
            let sent = setting.session.send_raw(bytes.clone(), true, &edits);
            let (_, awaited) = setting.session.alive(within).await;
            let actual = match awaited {
                Awaited::Message(..) => continue,
                Awaited::Ended(reason) => reason,
                Awaited::TimedOut(within) => format!("nothing within {} s", within.as_secs_f32()),
            };
            let transcript = setting.session.transcript();
            let what = clipped(&String::from_utf8_lossy(&bytes), SHOWN);
            let evidence = Evidence {
                expected: format!("an answer to the alive request after {what:?}"),
                actual,
                asked_at: format!("{}:1", setting.scenario.file.display()),
                excerpt: excerpt(transcript, sent.index, transcript.entries().len()),
                witnesses: Vec::new(),
            };
            return vec![Judged::fail(requirement, evidence)];
        }
        vec![Judged::pass(requirement)]
    })
}

fn garbage() -> Vec<Bytes> {
    let nested = format!("{}{}", "[".repeat(DEPTH), "]".repeat(DEPTH));
    let long = format!(
        "{{\"jsonrpc\":\"2.0\",\"method\":\"notifications/litmus\",\"params\":{{\"text\":\"{}\"}}}}",
        "x".repeat(1 << 18)
    );
    let texts: [&[u8]; 9] = [
        b"   ",
        b"\0\0\0",
        b"\xff\xfe{\0",
        b"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/\xc3\x28\"}",
        b"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/litmus\",\"params\":{\"text\":\"\\ud800\"}}",
        b"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/litmus\",\"params\":{\"number\":1e999}}",
        b"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/litmus\",\"method\":\"notifications/cancelled\"}",
        b"{\"__proto__\":{\"method\":1},\"constructor\":{\"prototype\":null}}",
        b"Content-Length: 2\r\n\r\n{}",
    ];
    let texts = texts.into_iter().map(Bytes::from_static);
    texts.chain([Bytes::from(nested), Bytes::from(long)]).collect()
}
