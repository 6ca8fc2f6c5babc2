//! Ids of inputs of which it is in doubt which ids they have: an answer to one of them belongs to its input, however late it comes.

use std::collections::HashMap;

use serde_json::Value;

use crate::fuzz::digest::digest;
use crate::fuzz::script::Script;

/// Digests of ids that inputs may have had, with the first number that was given out for the last such input.
#[derive(Default)]
pub(super) struct Doubtful {
    newest: HashMap<u64, u64>,
}

/// Ids that are remembered.
const MOST: usize = 200_000;
/// Bytes of an id that are looked at.
const ID: usize = 1024;

impl Doubtful {
    /// Notes what the target may take for ids in a script where that is in doubt.
    pub(super) fn note(&mut self, script: &Script) {
        if !script.is_clear() && self.newest.len() < MOST {
            let sent: Vec<u8> = script.pieces.iter().flat_map(|piece| piece.bytes.iter().copied()).collect();
            self.newest.extend(possible_ids(&sent).map(|id| (digest(&id), script.first)));
        }
    }

    /// Whether no more can be noted.
    pub(super) fn is_full(&self) -> bool {
        self.newest.len() >= MOST
    }

    /// Whether an input before a script's may have had an id, and none after it has.
    pub(super) fn is_of_one_before(&self, script: &Script, id: &Value) -> bool {
        self.first_of(id).is_some_and(|first| first < script.first)
    }

    /// Whether an input after a script's may have an id.
    pub(super) fn is_of_one_after(&self, script: &Script, id: &Value) -> bool {
        self.first_of(id).is_some_and(|first| first > script.first)
    }

    fn first_of(&self, id: &Value) -> Option<u64> {
        self.newest.get(&digest(&id.to_string())).copied()
    }
}

/// The values of all that is named as an id in a text, whether it is JSON or not, as a reader may take them that minds little.
fn possible_ids(text: &[u8]) -> impl Iterator<Item = String> {
    memchr::memmem::find_iter(text, b"\"id\"").filter_map(|at| {
        let value = text[at + 4..].trim_ascii_start().strip_prefix(b":")?;
        let value = String::from_utf8_lossy(&value[..value.len().min(ID)]);
        let first = serde_json::Deserializer::from_str(&value).into_iter::<Value>().next()?;
        Some(first.ok()?.to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_in_what_is_no_json() {
        let ids: Vec<_> = possible_ids(b"{\"id\" : 7,\"id\":\"a\xff\"} \"id\":[ \"id\":").collect();
        assert_eq!(ids, ["7", "\"a\u{fffd}\""]);
    }
}
