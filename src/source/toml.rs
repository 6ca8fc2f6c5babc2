//! Reads TOML into nodes that know where they stand. Has no opinion on what they mean.

use std::ops::Range;
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Number;
use toml_edit::{Document, Item, TableLike, Value};

use super::{Diagnostic, Member, Node, NodeKind, Source, Span};

/// Reads a whole file; an error is its first mistake.
pub fn read_toml(source: &Arc<Source>) -> Result<Node, Diagnostic> {
    match Document::parse(source.text()) {
        Ok(document) => {
            let everything = Span::new(0, source.text().len());
            Ok(Node { span: everything, kind: members(document.as_table()) })
        }
        Err(error) => {
            // The parser may tell in several lines: what is wrong, and what it expected.
            let message = error.message().lines().collect::<Vec<_>>().join(", ");
            let end = source.text().len();
            Err(Diagnostic::new(source, span(error.span(), Span::new(end, end)), format!("not TOML: {message}")))
        }
    }
}

fn members(table: &dyn TableLike) -> NodeKind {
    let mut members = IndexMap::new();
    for (name, item) in table.iter() {
        let key_span = span(table.key(name).and_then(toml_edit::Key::span), Span::default());
        members.insert(name.to_owned(), Member { key_span, node: of_item(item, key_span) });
    }
    NodeKind::Map(members)
}

/// A header such as `[a.b]` makes tables that stand nowhere themselves: their key does.
fn of_item(item: &Item, key: Span) -> Node {
    let kind = match item {
        Item::None => NodeKind::Null,
        Item::Value(value) => return of_value(value, key),
        Item::Table(table) => members(table),
        Item::ArrayOfTables(tables) => NodeKind::List(
            tables.iter().map(|table| Node { span: span(table.span(), key), kind: members(table) }).collect(),
        ),
    };
    Node { span: span(item.span(), key), kind }
}

fn of_value(value: &Value, key: Span) -> Node {
    let kind = match value {
        Value::String(text) => NodeKind::Text(text.value().clone()),
        Value::Integer(number) => NodeKind::Number((*number.value()).into()),
        // What JSON cannot say, infinity and the like, is kept as text.
        Value::Float(number) => Number::from_f64(*number.value())
            .map_or_else(|| NodeKind::Text(number.value().to_string()), NodeKind::Number),
        Value::Boolean(truth) => NodeKind::Bool(*truth.value()),
        Value::Datetime(time) => NodeKind::Text(time.value().to_string()),
        Value::Array(items) => NodeKind::List(items.iter().map(|item| of_value(item, key)).collect()),
        Value::InlineTable(table) => members(table),
    };
    Node { span: span(value.span(), key), kind }
}

fn span(range: Option<Range<usize>>, otherwise: Span) -> Span {
    range.map_or(otherwise, |range| Span::new(range.start, range.end))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_know_where_they_stand() {
        let text = "a = 1\n[b.c]\nd = [\"x\", 2.5, true, 2026-01-02]\ne = {f = \"g\"}\n[[h]]\ni = 'j'\n";
        let source = Source::new("a.toml", text);
        let root = read_toml(&source).expect("is TOML");
        assert_eq!(
            root.to_value(),
            json!({"a": 1, "b": {"c": {"d": ["x", 2.5, true, "2026-01-02"], "e": {"f": "g"}}}, "h": [{"i": "j"}]})
        );
        let at = |pointer: &str| {
            let span = root.pointer(pointer).expect("is there").span;
            &text[span.start..span.end]
        };
        assert_eq!(at("/b/c/d/0"), "\"x\"");
        assert_eq!(at("/b/c/e/f"), "\"g\"");
        let key = root.place("/b/c/d").expect("is there");
        assert_eq!(&text[key.start..key.end], "d");
    }

    #[test]
    fn a_mistake_has_a_place() {
        let mistake = read_toml(&Source::new("a.toml", "a = 1\nb = \n")).expect_err("no value");
        assert_eq!(mistake.position().line, 2);
        assert!(mistake.message().starts_with("not TOML: "), "{}", mistake.message());
    }
}
