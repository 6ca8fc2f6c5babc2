//! Cuts lists into pages, with cursors that say which list and which item comes next.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use serde_json::Value;

use super::answer::{Object, Refusal};
use super::options::Options;
use super::quirk::Quirk;

/// The result of a list request: the page at the cursor of `params`, under the member `member`.
pub(super) fn page(
    member: &str,
    items: &[Value],
    size: usize,
    params: &Object,
    options: &Options,
) -> Result<Object, Refusal> {
    let start = match params.get("cursor") {
        None => 0,
        Some(_) if options.has(Quirk::RepeatsPages) => 0,
        Some(cursor) if cursor == "" && options.has(Quirk::EndsWithEmptyCursors) => 0,
        Some(cursor) => match cursor.as_str().and_then(|cursor| place(member, cursor)) {
            Some(start) if start < items.len() => start,
            _ if options.has(Quirk::AcceptsAnyCursor) => 0,
            _ => return Err(Refusal::params("there is no such cursor")),
        },
    };
    let end = items.len().min(start + size);
    let mut result = Object::new();
    result.insert(member.to_owned(), Value::Array(items[start..end].to_vec()));
    if end < items.len() {
        result.insert("nextCursor".to_owned(), Value::String(BASE64.encode(format!("{member}:{end}"))));
    } else if options.has(Quirk::EndsWithEmptyCursors) {
        result.insert("nextCursor".to_owned(), Value::from(""));
    }
    Ok(result)
}

fn place(member: &str, cursor: &str) -> Option<usize> {
    let text = String::from_utf8(BASE64.decode(cursor).ok()?).ok()?;
    text.strip_prefix(member)?.strip_prefix(':')?.parse().ok()
}
