//! Makes what brings out a fault smaller: fewer inputs, fewer messages, fewer members, shorter values. Asks after each step
//! whether the fault is still the same; knows neither target nor oracle.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;

use crate::smith::{Form, Input, Piece};

/// Places in one value that are looked at.
const POINTERS: usize = 4096;

/// How much may be spent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    /// Attempts that are left.
    pub(super) attempts: u32,
    /// When to stop.
    pub(super) until: Instant,
}

/// Makes a sequence of inputs smaller as long as `holds` says that it still brings out the same.
pub(super) fn shrink(
    inputs: Vec<Arc<Input>>,
    budget: Budget,
    holds: &mut dyn FnMut(&[Arc<Input>]) -> bool,
) -> Vec<Arc<Input>> {
    let mut shrinker = Shrinker { best: inputs, budget, holds };
    shrinker.drop_inputs();
    shrinker.merge();
    shrinker.drop_pieces();
    let mut at = 0;
    while at < shrinker.best.len() {
        for piece in 0..shrinker.best[at].pieces.len() {
            shrinker.shrink_piece(at, piece);
        }
        at += 1;
    }
    shrinker.best
}

struct Shrinker<'a> {
    best: Vec<Arc<Input>>,
    budget: Budget,
    holds: &'a mut dyn FnMut(&[Arc<Input>]) -> bool,
}

impl Shrinker<'_> {
    fn is_spent(&self) -> bool {
        self.budget.attempts == 0 || Instant::now() >= self.budget.until
    }

    /// Takes a candidate if it still holds.
    fn attempt(&mut self, candidate: Vec<Arc<Input>>) -> bool {
        if self.is_spent() || candidate == self.best {
            return false;
        }
        self.budget.attempts -= 1;
        let holds = (self.holds)(&candidate);
        if holds {
            self.best = candidate;
        }
        holds
    }

    fn drop_inputs(&mut self) {
        let mut size = self.best.len() / 2;
        while size > 0 && self.best.len() > 1 {
            let mut from = 0;
            while from < self.best.len() && self.best.len() > 1 {
                let mut candidate = self.best.clone();
                candidate.drain(from..(from + size).min(candidate.len()));
                if candidate.is_empty() || !self.attempt(candidate) {
                    from += size;
                }
            }
            size /= 2;
        }
    }

    /// One input instead of several, all in one write.
    fn merge(&mut self) {
        if self.best.len() > 1 {
            let pieces: Vec<Piece> = self.best.iter().flat_map(|input| input.pieces.clone()).collect();
            self.attempt(vec![Arc::new(Input { pieces })]);
        }
    }

    fn drop_pieces(&mut self) {
        for at in 0..self.best.len() {
            let mut size = self.best[at].pieces.len().div_ceil(2);
            while size > 0 && self.best[at].pieces.len() > 1 {
                let mut from = 0;
                while from < self.best[at].pieces.len() && self.best[at].pieces.len() > 1 {
                    let mut candidate = self.best.clone();
                    let pieces = &mut Arc::make_mut(&mut candidate[at]).pieces;
                    let end = (from + size).min(pieces.len());
                    pieces.drain(from..end);
                    if pieces.is_empty() || !self.attempt(candidate) {
                        from += size;
                    }
                }
                size /= 2;
            }
        }
    }

    fn shrink_piece(&mut self, at: usize, piece: usize) {
        if let Form::Http { headers, .. } = &self.best[at].pieces[piece].form {
            for header in (0..headers.len()).rev() {
                let mut candidate = self.best.clone();
                if let Form::Http { headers, .. } = &mut Arc::make_mut(&mut candidate[at]).pieces[piece].form {
                    headers.remove(header);
                }
                self.attempt(candidate);
            }
        }
        let value = serde_json::from_slice::<Value>(&self.best[at].pieces[piece].bytes).ok();
        // What a parser would change is shrunk as bytes.
        let as_value = value.filter(|value| {
            let text = value.to_string().into_bytes();
            text == self.best[at].pieces[piece].bytes || self.attempt(self.with(at, piece, text))
        });
        match as_value {
            Some(value) => self.shrink_value(at, piece, value),
            None => self.shrink_bytes(at, piece),
        }
    }

    fn with(&self, at: usize, piece: usize, bytes: Vec<u8>) -> Vec<Arc<Input>> {
        let mut candidate = self.best.clone();
        Arc::make_mut(&mut candidate[at]).pieces[piece].bytes = bytes;
        candidate
    }

    fn shrink_value(&mut self, at: usize, piece: usize, mut value: Value) {
        loop {
            let mut progressed = false;
            // From the top: what goes with a branch need not be tried leaf by leaf.
            let mut number = 0;
            while let Some(pointer) = pointers(&value).get(number).cloned() {
                let mut stays = true;
                for candidate in simpler(&value, &pointer) {
                    if self.attempt(self.with(at, piece, candidate.to_string().into_bytes())) {
                        value = candidate;
                        progressed = true;
                        stays = false;
                        break;
                    }
                    if self.is_spent() {
                        return;
                    }
                }
                number += usize::from(stays);
            }
            if !progressed {
                return;
            }
        }
    }

    fn shrink_bytes(&mut self, at: usize, piece: usize) {
        let mut size = self.best[at].pieces[piece].bytes.len() / 2;
        while size > 0 && !self.is_spent() {
            let mut from = 0;
            while from < self.best[at].pieces[piece].bytes.len() {
                let mut bytes = self.best[at].pieces[piece].bytes.clone();
                bytes.drain(from..(from + size).min(bytes.len()));
                if !self.attempt(self.with(at, piece, bytes)) {
                    from += size;
                }
            }
            size /= 2;
        }
    }
}

/// The place of each value, outer ones first; of many the first.
fn pointers(value: &Value) -> Vec<Vec<Key>> {
    let mut found = Vec::new();
    let mut left = VecDeque::from([(Vec::new(), value)]);
    while let Some((path, value)) = left.pop_front() {
        let inside = |key: Key| [&path[..], &[key]].concat();
        let room = POINTERS.saturating_sub(found.len() + left.len());
        match value {
            Value::Object(members) => {
                let members = members.iter().take(room);
                left.extend(members.map(|(key, value)| (inside(Key::Name(key.as_str().into())), value)));
            }
            Value::Array(items) => {
                let items = items.iter().enumerate().take(room);
                left.extend(items.map(|(at, value)| (inside(Key::Place(at)), value)));
            }
            _ => {}
        }
        found.push(path);
    }
    found
}

#[derive(Debug, Clone, PartialEq)]
enum Key {
    Name(Arc<str>),
    Place(usize),
}

fn at<'a>(value: &'a mut Value, path: &[Key]) -> Option<&'a mut Value> {
    path.iter().try_fold(value, |value, key| match key {
        Key::Name(name) => value.get_mut(&**name),
        Key::Place(place) => value.get_mut(*place),
    })
}

/// The whole with the value at a place gone, or simpler; the boldest first.
fn simpler(whole: &Value, path: &[Key]) -> Vec<Value> {
    let mut found = Vec::new();
    if let Some((last, parent)) = path.split_last() {
        let mut without = whole.clone();
        match (at(&mut without, parent), last) {
            (Some(Value::Object(members)), Key::Name(name)) => drop(members.shift_remove(&**name)),
            (Some(Value::Array(items)), Key::Place(place)) if *place < items.len() => drop(items.remove(*place)),
            _ => return found,
        }
        found.push(without);
    }
    let mut original = whole.clone();
    let Some(value) = at(&mut original, path).cloned() else { return found };
    let replacements: Vec<Value> = match &value {
        Value::String(text) => {
            let half = |share: usize| text[..text.floor_char_boundary(text.len() * share / 4)].to_owned();
            [String::new(), "a".to_owned(), half(1), half(2), half(3)]
                .into_iter()
                .filter(|shorter| shorter.len() < text.len())
                .map(Value::from)
                .collect()
        }
        Value::Number(number) => {
            let halved = number.as_i64().map(|number| number / 2).filter(|half| half.abs() > 1);
            let simple = [Some(0), Some(1), halved].into_iter().flatten();
            simple
                .filter(|simple| number.as_i64() != Some(*simple))
                .take_while(|_| number.as_i64() != Some(0))
                .map(Value::from)
                .collect()
        }
        Value::Array(items) if !items.is_empty() => vec![Value::Array(Vec::new())],
        Value::Object(members) if !members.is_empty() => vec![Value::Object(serde_json::Map::new())],
        _ => Vec::new(),
    };
    for replacement in replacements {
        let mut changed = whole.clone();
        if let Some(place) = at(&mut changed, path) {
            *place = replacement;
            found.push(changed);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn shrunk(inputs: &[&[&str]], holds: impl Fn(&str) -> bool) -> Vec<Vec<String>> {
        let inputs = inputs
            .iter()
            .map(|texts| texts.iter().map(|text| Piece::message(text.as_bytes())).collect())
            .map(|pieces| Arc::new(Input { pieces }))
            .collect();
        let text = |inputs: &[Arc<Input>]| -> Vec<Vec<String>> {
            let of = |input: &Arc<Input>| {
                input.pieces.iter().map(|p| String::from_utf8_lossy(&p.bytes).into_owned()).collect()
            };
            inputs.iter().map(of).collect()
        };
        let budget = Budget { attempts: 10_000, until: Instant::now() + Duration::from_mins(1) };
        text(&shrink(inputs, budget, &mut |inputs| holds(&text(inputs).concat().join("\n"))))
    }

    #[test]
    fn what_matters_is_left() {
        let deep = r#"{"id":1,"method":"m","params":{"a":[1,2,{"mode":"admin","more":"x"}],"b":"long text"}}"#;
        let left = shrunk(&[&["[1]", "{}"], &["x", deep, "y"], &["z"]], |text| text.contains(r#""mode":"admin""#));
        assert_eq!(left, [[r#"{"params":{"a":[{"mode":"admin"}]}}"#]]);
    }

    #[test]
    fn bytes_and_several_messages_shrink_too() {
        assert_eq!(shrunk(&[&["aaaa\u{fffd}bbbbXcccc"]], |text| text.contains('X')), [["X"]]);
        let both = shrunk(&[&["[9]", "A"], &["1"], &["B", "2"]], |text| text.contains('A') && text.contains('B'));
        assert_eq!(both, [["A", "B"]]);
    }

    #[test]
    fn values_become_simple() {
        assert_eq!(
            shrunk(&[&[r#"{"n":123456,"s":"abcdefgh"}"#]], |t| t.contains("\"n\":") && t.contains("\"s\":\"a")),
            [[r#"{"n":0,"s":"a"}"#]]
        );
    }
}
