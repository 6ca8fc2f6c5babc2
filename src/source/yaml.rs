//! Reads YAML 1.2 (core schema) or JSON into nodes that know where they stand, with every mistake that can be found in one
//! pass. Hostile files are bounded: size, depth, and what aliases expand to.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;
use saphyr::Scalar;
use saphyr_parser::{Event, Parser, ScalarStyle, Tag};
use serde_json::Number;

use super::{Diagnostic, Member, Node, NodeKind, Source, Span};

/// One file, read.
#[derive(Debug)]
pub struct Document {
    /// Its text.
    pub source: Arc<Source>,
    /// Its one value.
    pub root: Node,
    /// What is wrong with it so far, in the order of the file: keys that are given twice, tags, numbers that JSON does not have.
    pub mistakes: Vec<Diagnostic>,
}

const SIZE_LIMIT: usize = 4 << 20;
const DEPTH_LIMIT: usize = 64;
const ALIAS_LIMIT: usize = 10_000;

impl Document {
    /// Reads a file of one document. An error is one behind which nothing more can be read.
    pub fn read(source: &Arc<Source>) -> Result<Self, Diagnostic> {
        if source.text().len() > SIZE_LIMIT {
            return Err(Diagnostic::new(source, Span::default(), "the file is larger than 4 MiB"));
        }
        let mut reader = Reader::new(source);
        reader.read()?;
        let root = reader.root.unwrap_or(Node { span: Span::default(), kind: NodeKind::Null });
        Ok(Self { source: Arc::clone(source), root, mistakes: reader.mistakes })
    }
}

struct Reader<'s> {
    source: &'s Arc<Source>,
    offsets: Offsets,
    /// Collections that are open, outermost first.
    open: Vec<Open>,
    anchors: HashMap<usize, Anchored>,
    /// Nodes that aliases have made so far.
    expanded: usize,
    root: Option<Node>,
    mistakes: Vec<Diagnostic>,
}

struct Open {
    anchor: usize,
    start: usize,
    /// Nodes in it so far, itself included, and how many levels are in it.
    size: usize,
    height: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map { members: IndexMap<String, Member>, key: Option<(String, Span)> },
}

#[derive(Clone)]
struct Anchored {
    node: Node,
    size: usize,
    height: usize,
}

impl<'s> Reader<'s> {
    fn new(source: &'s Arc<Source>) -> Self {
        Self {
            source,
            offsets: Offsets::of(source.text()),
            open: Vec::new(),
            anchors: HashMap::new(),
            expanded: 0,
            root: None,
            mistakes: Vec::new(),
        }
    }

    fn read(&mut self) -> Result<(), Diagnostic> {
        let source = self.source;
        let mut parser = Parser::new_from_str(source.text());
        let mut documents = 0;
        while let Some(event) = parser.next_event() {
            let (event, span) = event.map_err(|e| {
                let at = self.offsets.byte(e.marker().index());
                Diagnostic::new(source, Span::new(at, at + 1), format!("not YAML: {}", e.info()))
            })?;
            let span = Span::new(self.offsets.byte(span.start.index()), self.offsets.byte(span.end.index()));
            match event {
                Event::DocumentStart(_) => {
                    documents += 1;
                    if documents > 1 {
                        return Err(Diagnostic::new(source, span, "a second document in the file")
                            .with_help("one file holds one document: remove the `---`"));
                    }
                }
                Event::Alias(anchor) => self.alias(anchor, span)?,
                Event::Scalar(text, style, anchor, tag) => {
                    if self.waits_for_key() {
                        self.key(text.into_owned(), style, tag.as_deref(), span);
                    } else {
                        let node = Node { span, kind: self.scalar(&text, style, tag.as_deref(), span) };
                        self.remember(anchor, &node, 1, 1);
                        self.put(node, 1, 1);
                    }
                }
                Event::SequenceStart(anchor, tag) => {
                    self.enter(anchor, tag.as_deref(), "seq", span, Content::List(Vec::new()))?;
                }
                Event::MappingStart(anchor, tag) => {
                    let content = Content::Map { members: IndexMap::new(), key: None };
                    self.enter(anchor, tag.as_deref(), "map", span, content)?;
                }
                Event::SequenceEnd | Event::MappingEnd => self.leave(span),
                Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
            }
        }
        Ok(())
    }

    fn enter(
        &mut self,
        anchor: usize,
        tag: Option<&Tag>,
        usual: &str,
        span: Span,
        content: Content,
    ) -> Result<(), Diagnostic> {
        if self.waits_for_key() {
            return Err(Diagnostic::new(self.source, span, "a list or a mapping as a key")
                .with_help("keys are texts; a text that starts with a bracket or brace is quoted"));
        }
        if self.open.len() >= DEPTH_LIMIT {
            return Err(self.too_deep(span));
        }
        if let Some(tag) = tag.filter(|tag| !(tag.is_yaml_core_schema() && tag.suffix == usual)) {
            self.unknown_tag(tag, span);
        }
        self.open.push(Open { anchor, start: span.start, size: 1, height: 1, content });
        Ok(())
    }

    fn leave(&mut self, span: Span) {
        let Some(closed) = self.open.pop() else { return };
        let end = self.source.text()[..span.end].trim_end().len().max(closed.start);
        let kind = match closed.content {
            Content::List(items) => NodeKind::List(items),
            Content::Map { members, .. } => NodeKind::Map(members),
        };
        let node = Node { span: Span::new(closed.start, end), kind };
        self.remember(closed.anchor, &node, closed.size, closed.height);
        self.put(node, closed.size, closed.height);
    }

    fn put(&mut self, node: Node, size: usize, height: usize) {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return;
        };
        open.size += size;
        open.height = open.height.max(height + 1);
        match &mut open.content {
            Content::List(items) => items.push(node),
            Content::Map { members, key } => {
                let Some((key, key_span)) = key.take() else { return };
                match members.get(&key) {
                    Some(earlier) => {
                        let line = self.source.line(earlier.key_span.start);
                        let message = format!("key `{key}` is given twice");
                        let mistake = Diagnostic::new(self.source, key_span, message);
                        self.mistakes.push(mistake.with_help(format!("the first one is on line {line}")));
                    }
                    None => {
                        members.insert(key, Member { key_span, node });
                    }
                }
            }
        }
    }

    fn waits_for_key(&self) -> bool {
        matches!(self.open.last(), Some(Open { content: Content::Map { key: None, .. }, .. }))
    }

    fn key(&mut self, text: String, style: ScalarStyle, tag: Option<&Tag>, span: Span) {
        if !matches!(self.scalar(&text, style, tag, span), NodeKind::Text(_)) {
            let mistake = Diagnostic::new(self.source, span, format!("the key `{text}` is not a text"));
            self.mistakes.push(mistake.with_help(format!("in quotes it is one: \"{text}\"")));
        }
        if let Some(Open { content: Content::Map { key, .. }, .. }) = self.open.last_mut() {
            *key = Some((text, span));
        }
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), Diagnostic> {
        if self.waits_for_key() {
            return Err(Diagnostic::new(self.source, span, "an alias as a key").with_help("write the key out"));
        }
        let Some(Anchored { node, size, height }) = self.anchors.get(&anchor).cloned() else {
            return Err(Diagnostic::new(self.source, span, "an alias inside of what it stands for"));
        };
        self.expanded += size;
        if self.expanded > ALIAS_LIMIT {
            return Err(Diagnostic::new(
                self.source,
                span,
                format!("aliases stand for more than {ALIAS_LIMIT} values"),
            ));
        }
        if self.open.len() + height > DEPTH_LIMIT {
            return Err(self.too_deep(span));
        }
        self.put(node, size, height);
        Ok(())
    }

    fn remember(&mut self, anchor: usize, node: &Node, size: usize, height: usize) {
        // Anchors count from 1. What could never be used as a whole is not kept either.
        if anchor > 0 && size <= ALIAS_LIMIT {
            self.anchors.insert(anchor, Anchored { node: node.clone(), size, height });
        }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> NodeKind {
        if let Some(tag) = tag.filter(|tag| !tag.is_yaml_core_schema()) {
            self.unknown_tag(tag, span);
        }
        let tag = tag.filter(|tag| tag.is_yaml_core_schema()).cloned().map(Cow::Owned);
        match Scalar::parse_from_cow_and_metadata(text.into(), style, tag.as_ref()) {
            Some(Scalar::Null) => NodeKind::Null,
            Some(Scalar::Boolean(truth)) => NodeKind::Bool(truth),
            Some(Scalar::Integer(number)) => NodeKind::Number(number.into()),
            Some(Scalar::FloatingPoint(number)) => self.float(text, number.into_inner(), span),
            Some(Scalar::String(text)) => NodeKind::Text(text.into_owned()),
            None => {
                let kind = tag.map(|tag| tag.suffix.clone()).unwrap_or_default();
                self.mistakes.push(Diagnostic::new(
                    self.source,
                    span,
                    format!("`{text}` cannot be read as `!!{kind}`"),
                ));
                NodeKind::Null
            }
        }
    }

    /// A number that is no `i64`.
    fn float(&mut self, text: &str, number: f64, span: Span) -> NodeKind {
        let is_integer = text.trim_start_matches(['+', '-']).bytes().all(|b| b.is_ascii_digit());
        if is_integer {
            if let Ok(number) = text.parse::<u64>() {
                return NodeKind::Number(number.into());
            }
            let mistake = Diagnostic::new(self.source, span, format!("the integer `{text}` has more than 64 bits"));
            self.mistakes.push(mistake.with_help("a number of any size can be sent by a `raw` step"));
            return NodeKind::Null;
        }
        Number::from_f64(number).map_or_else(
            || {
                let message = format!("JSON has no number `{text}`");
                self.mistakes.push(Diagnostic::new(self.source, span, message));
                NodeKind::Null
            },
            NodeKind::Number,
        )
    }

    fn unknown_tag(&mut self, tag: &Tag, span: Span) {
        let message = format!("the tag `{tag}` has no meaning here");
        self.mistakes.push(Diagnostic::new(self.source, span, message));
    }

    fn too_deep(&self, span: Span) -> Diagnostic {
        Diagnostic::new(self.source, span, format!("nested deeper than {DEPTH_LIMIT} levels"))
    }
}

/// The parser counts characters; places here are bytes.
struct Offsets {
    /// Byte of each character; empty for ASCII, where both are the same.
    bytes: Vec<usize>,
    end: usize,
}

impl Offsets {
    fn of(text: &str) -> Self {
        let bytes = if text.is_ascii() { Vec::new() } else { text.char_indices().map(|(at, _)| at).collect() };
        Self { bytes, end: text.len() }
    }

    fn byte(&self, character: usize) -> usize {
        if self.bytes.is_empty() {
            character.min(self.end)
        } else {
            self.bytes.get(character).copied().unwrap_or(self.end)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(text: &str) -> Document {
        Document::read(&Source::new("test.yaml", text)).expect("can be read")
    }

    fn value(text: &str) -> Value {
        let document = read(text);
        assert_eq!(document.mistakes, [], "{text}");
        document.root.to_value()
    }

    fn mistakes(text: &str) -> Vec<String> {
        let source = Source::new("test.yaml", text);
        let mistakes = Document::read(&source).map_or_else(|e| vec![e], |document| document.mistakes);
        let show = |m: &Diagnostic| format!("{}:{} {}", m.position().line, m.position().column, m.message());
        mistakes.iter().map(show).collect()
    }

    #[test]
    fn reads_the_core_schema() {
        let text = "a: [1, -2, 0x10, 1.5, 1e3, true, null, ~, no, 2025-06-18, \"1\", '', 18446744073709551615]\nb:\n";
        let expected = json!([1, -2, 16, 1.5, 1000.0, true, null, null, "no", "2025-06-18", "1", "", u64::MAX]);
        assert_eq!(value(text), json!({"a": expected, "b": null}));
        assert_eq!(value(r#"{"json": ["\u00e4\n", {}]}"#), json!({"json": ["ä\n", {}]}));
        assert_eq!(value(""), Value::Null);
        assert_eq!(value("!!str 1"), json!("1"));
    }

    #[test]
    fn knows_where_things_stand() {
        let text = "ä: {b: [10, xyz]}\r\nc:\r\n  - d: 1\r\n    e: 2\r\nf: |\r\n  block\r\n";
        let document = read(text);
        let at = |pointer: &str| {
            let node = document.root.pointer(pointer).expect("is there");
            &text[node.span.start..node.span.end]
        };
        assert_eq!(at("/ä"), "{b: [10, xyz]}");
        assert_eq!(at("/ä/b"), "[10, xyz]");
        assert_eq!(at("/ä/b/1"), "xyz");
        assert_eq!(at("/c/0"), "d: 1\r\n    e: 2");
        assert_eq!(at("/c/0/e"), "2");
        let key = document.root.place("/c/0/e").expect("is there");
        assert_eq!(document.source.position(key.start), crate::source::Position { line: 4, column: 5 });
    }

    #[test]
    fn every_mistake_is_found_at_once() {
        let text = "a: 1\na: 2\n1: x\nb: .inf\nc: !point {x: 1}\nd: 99999999999999999999\n";
        assert_eq!(
            mistakes(text),
            [
                "2:1 key `a` is given twice",
                "3:1 the key `1` is not a text",
                "4:4 JSON has no number `.inf`",
                "5:4 the tag `!point` has no meaning here",
                "6:4 the integer `99999999999999999999` has more than 64 bits",
            ]
        );
    }

    #[test]
    fn what_cannot_be_read_further_is_one_mistake() {
        let beginnings = [
            ("a: [1", "not YAML"),
            ("a: b: c", "not YAML"),
            ("a: \"\\q\"", "not YAML"),
            ("a: *nobody", "not YAML"),
            ("? [a]\n: 1", "1:3 a list or a mapping as a key"),
            ("a: 1\n---\nb: 2", "2:1 a second document in the file"),
            ("a: &a [*a]", "1:8 an alias inside of what it stands for"),
        ];
        for (text, beginning) in beginnings {
            let found = mistakes(text);
            assert!(found.len() == 1 && found[0].contains(beginning), "{text}: {found:?}");
        }
    }

    #[test]
    fn aliases_are_bounded() {
        assert_eq!(value("a: &x [1]\nb: *x"), json!({"a": [1], "b": [1]}));
        let chain = |links: usize, width: usize| {
            let link = |i: usize| format!("a{i}: &a{i} [{}]\n", vec![format!("*a{}", i - 1); width].join(", "));
            (1..links).fold(String::from("a0: &a0 [lol]\n"), |text, i| text + &link(i))
        };
        assert!(mistakes(&chain(40, 10))[0].contains("more than 10000 values"));
        assert!(mistakes(&chain(200, 1))[0].contains("nested deeper"));
    }

    #[test]
    fn depth_is_bounded() {
        for text in ["[".repeat(100_000), "{a: ".repeat(100_000), "- ".repeat(100_000)] {
            assert_eq!(mistakes(&text).len(), 1);
        }
    }
}
