//! What a file says, as JSON values that know where they stand. Has no opinion on what they mean.

use indexmap::IndexMap;
use serde_json::{Map, Number, Value};

use super::Span;

/// One value of a file, and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub kind: NodeKind,
}

/// What a value of a file is; the kinds of JSON.
#[derive(Debug, Clone, PartialEq)]
pub enum NodeKind {
    /// `null`, `~` or nothing at all.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the file.
    Map(IndexMap<String, Member>),
}

/// The value of one key of a mapping.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// Where the key stands.
    pub key_span: Span,
    /// The value.
    pub node: Node,
}

impl Node {
    /// The value of a key, where this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.members()?.get(key).map(|member| &member.node)
    }

    /// The members, where this is a mapping.
    pub fn members(&self) -> Option<&IndexMap<String, Member>> {
        match &self.kind {
            NodeKind::Map(members) => Some(members),
            _ => None,
        }
    }

    /// The items, where this is a list.
    pub fn items(&self) -> Option<&[Node]> {
        match &self.kind {
            NodeKind::List(items) => Some(items),
            _ => None,
        }
    }

    /// The text, where this is one.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            NodeKind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The same without places.
    pub fn to_value(&self) -> Value {
        match &self.kind {
            NodeKind::Null => Value::Null,
            NodeKind::Bool(truth) => Value::Bool(*truth),
            NodeKind::Number(number) => Value::Number(number.clone()),
            NodeKind::Text(text) => Value::String(text.clone()),
            NodeKind::List(items) => items.iter().map(Self::to_value).collect(),
            NodeKind::Map(members) => {
                Value::Object(members.iter().map(|(k, m)| (k.clone(), m.node.to_value())).collect::<Map<_, _>>())
            }
        }
    }

    /// Where the thing stands to which a JSON pointer leads: its key, where it has one, else its value.
    pub fn place(&self, pointer: &str) -> Option<Span> {
        let mut place = self.span;
        let mut node = self;
        for token in pointer.split('/').skip(1) {
            let token = token.replace("~1", "/").replace("~0", "~");
            match &node.kind {
                NodeKind::List(items) => {
                    node = items.get(token.parse::<usize>().ok()?)?;
                    place = node.span;
                }
                NodeKind::Map(members) => {
                    let member = members.get(&token)?;
                    node = &member.node;
                    place = member.key_span;
                }
                _ => return None,
            }
        }
        Some(place)
    }

    /// The value to which a JSON pointer leads.
    pub fn pointer(&self, pointer: &str) -> Option<&Node> {
        pointer.split('/').skip(1).try_fold(self, |node, token| match &node.kind {
            NodeKind::List(items) => items.get(token.parse::<usize>().ok()?),
            NodeKind::Map(_) => node.get(&token.replace("~1", "/").replace("~0", "~")),
            _ => None,
        })
    }
}
