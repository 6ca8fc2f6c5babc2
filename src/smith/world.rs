//! What is known of a target, from which inputs are made. Grows by what the target answers, within bounds.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::protocol::Revision;
use crate::wire::TransportKind;

/// What is known of the target.
#[derive(Debug, Clone)]
pub struct World {
    /// The revision that is spoken.
    pub revision: Revision,
    /// The transport.
    pub kind: TransportKind,
    /// The capabilities that the target declares.
    pub capabilities: Value,
    /// The tools that may be called; others never are.
    pub tools: Vec<Value>,
    /// The resources listed.
    pub resources: Vec<Value>,
    /// The resource templates listed.
    pub templates: Vec<Value>,
    /// The prompts listed.
    pub prompts: Vec<Value>,
    /// Arguments that the user gives, by tool.
    pub arguments: BTreeMap<String, Value>,
    /// Values seen in answers.
    pub mined: Mined,
    /// Values that the target was seen comparing with; bounded by whoever fills it.
    pub dictionary: Vec<Value>,
}

/// Values seen in answers, the newest last.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Mined {
    /// Cursors of lists.
    pub cursors: Vec<String>,
    /// Addresses of resources.
    pub uris: Vec<String>,
    /// Ids and tokens: of tasks, of requests of the server's.
    pub ids: Vec<Value>,
    /// Short texts that may be a choice, such as values of enumerations and completions.
    pub texts: Vec<String>,
    /// Names of all tools that were listed, those that may not be called among them.
    pub tools: Vec<String>,
}

/// Values of one sort that are kept: the newest.
const KEPT: usize = 32;
/// Bytes of a text that is kept.
const TEXT: usize = 256;
/// Values of one answer that are looked at.
const LOOKED_AT: usize = 2_000;
/// Names of tools that are kept. None is forgotten for another.
const TOOLS: usize = 10_000;

impl World {
    /// A world in which nothing is known but how to speak.
    pub fn new(revision: Revision, kind: TransportKind) -> Self {
        Self {
            revision,
            kind,
            capabilities: json!({}),
            tools: Vec::new(),
            resources: Vec::new(),
            templates: Vec::new(),
            prompts: Vec::new(),
            arguments: BTreeMap::new(),
            mined: Mined::default(),
            dictionary: Vec::new(),
        }
    }
}

impl Mined {
    /// Keeps what an answer has that later messages may use. Whether anything of it is new. Every list of tools should pass
    /// here, for the names of those that may not be called.
    pub fn mine(&mut self, answer: &Value) -> bool {
        let listed = answer.pointer("/result/tools").or_else(|| answer.get("tools")).and_then(Value::as_array);
        for name in listed.into_iter().flatten().filter_map(|tool| tool["name"].as_str()) {
            if self.tools.len() < TOOLS && !self.tools.iter().any(|known| known == name) {
                self.tools.push(name.to_owned());
            }
        }
        let mut is_new = false;
        let mut left = vec![("", answer)];
        for _ in 0..LOOKED_AT {
            let Some((key, value)) = left.pop() else { break };
            match value {
                Value::Object(members) => left.extend(members.iter().map(|(key, value)| (key.as_str(), value))),
                Value::Array(items) => left.extend(items.iter().map(|item| (key, item))),
                Value::String(text) if text.len() <= TEXT => is_new |= self.text(key, text),
                Value::Number(_) if key == "id" => is_new |= keep(&mut self.ids, value.clone()),
                _ => {}
            }
        }
        is_new
    }

    fn text(&mut self, key: &str, text: &str) -> bool {
        match key {
            "nextCursor" => keep(&mut self.cursors, text.to_owned()),
            "uri" => keep(&mut self.uris, text.to_owned()),
            "id" | "taskId" | "requestState" | "progressToken" | "elicitationId" => {
                keep(&mut self.ids, Value::from(text))
            }
            "jsonrpc" | "type" | "mimeType" | "description" | "resultType" => false,
            _ => !text.contains(char::is_whitespace) && text.len() <= 64 && keep(&mut self.texts, text.to_owned()),
        }
    }
}

/// Keeps a value if it is new, for the oldest one where there is no room.
fn keep<T: PartialEq>(kept: &mut Vec<T>, value: T) -> bool {
    if kept.contains(&value) {
        return false;
    }
    if kept.len() == KEPT {
        kept.remove(0);
    }
    kept.push(value);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_mined_within_bounds() {
        let mut mined = Mined::default();
        let answer = json!({"id": 7, "result": {"nextCursor": "c1", "contents": [{"uri": "demo://a", "text": "a b"}],
            "values": ["north", "south"], "task": {"taskId": "t-1"}}});
        assert!(mined.mine(&answer));
        assert!(!mined.mine(&answer));
        assert_eq!((mined.cursors, mined.uris), (vec!["c1".to_owned()], vec!["demo://a".to_owned()]));
        assert_eq!(mined.ids.len(), 2);
        assert_eq!(mined.texts.len(), 2);

        let mut mined = Mined::default();
        mined.mine(&(0..1000).map(|n| json!(n.to_string())).collect());
        assert_eq!(mined.texts.len(), KEPT);
    }
}
