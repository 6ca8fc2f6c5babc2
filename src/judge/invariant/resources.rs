//! Holds what is told of resources against what is read of them: sizes, and updates that were asked for.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use crate::judge::always::evidence;
use crate::judge::compare::Miss;
use crate::judge::context::{Context, Judged, fold};
use crate::judge::traffic::{Heard, Traffic};
use crate::protocol::Era;
use crate::scenario::Scenario;

const SIZE: &str = "resources.size.matches";
const UPDATES: &str = "resources.updated.only-when-subscribed";

/// Judges sizes (specification: server/resources#resource) and, in the handshake era, updates (#subscriptions).
pub(super) fn judge(scenario: &Scenario, context: &Context, traffic: &Traffic<'_>) -> Vec<Judged> {
    let mut judged = Vec::new();
    let fail = |requirement: &str, expected: String, actual: String, heard: &Heard<'_>| {
        Judged::fail(requirement, evidence(scenario, 1, Miss { expected, actual }, heard, traffic))
    };
    for (position, heard) in traffic.heard.iter().enumerate() {
        if let Some((uri, size, text)) = size_read(heard)
            && let Some(told) = size_told(traffic.heard[..position].iter().rev(), uri)
        {
            if told == size || text.is_some_and(|text| may_have(text, told)) {
                judged.push(Judged::pass(SIZE));
            } else if size_told(traffic.heard[position..].iter(), uri) == Some(told) {
                let expected = format!("{told} bytes, as listed before and after");
                judged.push(fail(SIZE, expected, format!("{size} bytes of {uri}"), heard));
            }
        }
        if context.revision.era() == Era::Handshake && heard.message.method() == Some("notifications/resources/updated")
        {
            let subscribed = traffic
                .asked
                .iter()
                .any(|asked| asked.index < heard.entry.index && asked.message.method() == Some("resources/subscribe"));
            if !subscribed {
                let expected = "no update, since nothing was subscribed to".to_owned();
                judged.push(fail(UPDATES, expected, "an update".to_owned(), heard));
            }
        }
    }
    // Whoever read a resource or called a tool has given occasion for updates.
    let occasion = |heard: &Heard<'_>| matches!(heard.method(), Some("resources/read" | "tools/call"));
    if traffic.heard.iter().any(occasion) {
        judged.push(Judged::pass(UPDATES));
    }
    fold(judged)
}

/// URI and number of bytes of a resource that was read whole, as one content under its own URI; and its text, if it is one.
fn size_read<'a>(heard: &'a Heard<'_>) -> Option<(&'a str, u64, Option<&'a str>)> {
    let asked = heard.request.as_ref().filter(|_| heard.method() == Some("resources/read"))?;
    let uri = asked.message.value().pointer("/params/uri")?.as_str()?;
    let [content] = heard.result()?.get("contents")?.as_array()?.as_slice() else { return None };
    if content.get("uri")?.as_str()? != uri {
        return None;
    }
    let bytes = match (content.get("text"), content.get("blob")) {
        // Bytes that were no text have left their mark, and cannot be counted any more.
        (Some(text), None) => text.as_str().filter(|text| !text.contains('\u{FFFD}'))?.len(),
        (None, Some(blob)) => BASE64_STANDARD.decode(blob.as_str()?).ok()?.len(),
        _ => return None,
    };
    Some((uri, bytes as u64, content.get("text").and_then(Value::as_str)))
}

/// Whether a text may have so many bytes where it comes from: it is read in UTF-8, and may be kept in another encoding, with a
/// byte order mark, or with other ends of lines.
fn may_have(text: &str, size: u64) -> bool {
    let (wide, characters) = (text.encode_utf16().count(), text.chars().count());
    let returns = text.matches('\n').count() - text.matches("\r\n").count();
    let encodings = [(text.len(), 1, 3), (wide, 2, 2), (characters, 1, 0)];
    encodings.into_iter().any(|(units, width, mark)| {
        let sizes = [units, units + returns].map(|units| units * width);
        sizes.into_iter().flat_map(|bytes| [bytes, bytes + mark]).any(|bytes| bytes as u64 == size)
    })
}

/// The size of a resource in the first of some lists that tells it.
fn size_told<'a, 'b: 'a>(heard: impl Iterator<Item = &'a Heard<'b>>, uri: &str) -> Option<u64> {
    let lists = heard.filter(|heard| heard.method() == Some("resources/list"));
    let mut items = lists.filter_map(|heard| heard.result()?.get("resources")?.as_array()).flatten();
    items.find(|item| item.get("uri").and_then(Value::as_str) == Some(uri))?.get("size")?.as_u64()
}
