//! Turns the errors of a JSON Schema validator into few, short, plain sentences. Says where and what; never why it matters.

use std::fmt;

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{JsonType, ValidationError};
use serde_json::Value;

/// One place where an instance breaks its definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// JSON pointer into the instance; empty for the whole of it.
    pub pointer: String,
    /// What is wrong there, as the rest of a sentence: ``lacks `name` ``.
    pub message: String,
    /// The members of which one is missing there, if that is what is wrong.
    pub lacks: Vec<String>,
}

impl Violation {
    /// How many are told of one instance; a thousand bad tools are no better news than these.
    pub const LIMIT: usize = 20;

    /// Whether it is about the part of the instance that a JSON pointer names, or something in it; `*` is any key.
    pub fn is_within(&self, part: &str) -> bool {
        let mut wanted = part.split('/').skip(1);
        let mut found = self.pointer.split('/').skip(1);
        loop {
            match (wanted.next(), found.next()) {
                (None, _) => return true,
                (Some(key), Some(there)) if key == "*" || key == there => {}
                (Some(key), None) => {
                    let is_missing = key == "*" || self.lacks.iter().any(|name| name == key);
                    return !self.lacks.is_empty() && is_missing && wanted.next().is_none();
                }
                _ => return false,
            }
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.pointer.is_empty() {
            write!(f, "{} ", self.pointer)?;
        }
        f.write_str(&self.message)
    }
}

/// The violations behind a validator's errors, each place once.
pub(super) fn collect<'i>(errors: impl Iterator<Item = ValidationError<'i>>) -> Vec<Violation> {
    let mut told = Vec::new();
    for error in errors {
        for flaw in flaws(&error) {
            add(&mut told, flaw);
        }
        if told.len() > Violation::LIMIT {
            break;
        }
    }
    told.truncate(Violation::LIMIT);
    let violation =
        |flaw: Flaw| Violation { message: flaw.message(), pointer: flaw.pointer, lacks: flaw.wanted.members() };
    told.into_iter().map(violation).collect()
}

/// A violation that can still be merged with those of other branches.
struct Flaw {
    pointer: String,
    wanted: Wanted,
    found: String,
}

#[derive(Clone, PartialEq)]
enum Wanted {
    Values(Vec<Value>),
    Types(Vec<JsonType>),
    /// One of these members.
    Members(Vec<String>),
    Else(String),
}

impl Flaw {
    fn message(&self) -> String {
        match &self.wanted {
            Wanted::Values(values) => {
                format!("must be {}, not {}", alternatives(values.iter().map(shown)), self.found)
            }
            Wanted::Types(types) => {
                format!("must be {}, not {}", alternatives(types.iter().map(|t| with_article(*t).into())), self.found)
            }
            Wanted::Members(names) => format!("lacks {}", alternatives(names.iter().map(|n| format!("`{n}`")))),
            Wanted::Else(message) => message.clone(),
        }
    }

    /// Whether this flaw says that the instance at `pointer` is meant for another branch: it is of the wrong type ...
    fn is_of_wrong_type(&self, pointer: &str) -> bool {
        matches!(self.wanted, Wanted::Types(_)) && self.pointer == pointer
    }

    /// ... or a member of it, such as `type` or `method`, has the value of another branch.
    fn names_other_branch(&self, pointer: &str) -> bool {
        let member = self.pointer.strip_prefix(pointer).and_then(|rest| rest.strip_prefix('/'));
        matches!(self.wanted, Wanted::Values(_)) && member.is_some_and(|name| !name.contains('/'))
    }
}

fn flaws(error: &ValidationError<'_>) -> Vec<Flaw> {
    let pointer = error.instance_path().as_str();
    let wanted = match error.kind() {
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
            return nearest_branch(pointer, context);
        }
        ValidationErrorKind::Constant { expected_value } => Wanted::Values(vec![Value::clone(expected_value)]),
        ValidationErrorKind::Enum { options } => Wanted::Values(options.as_array().cloned().unwrap_or_default()),
        ValidationErrorKind::Type { kind: TypeKind::Single(one) } => Wanted::Types(vec![*one]),
        ValidationErrorKind::Type { kind: TypeKind::Multiple(set) } => Wanted::Types(set.iter().collect()),
        ValidationErrorKind::Required { property } => {
            Wanted::Members(vec![property.as_str().unwrap_or_default().to_owned()])
        }
        ValidationErrorKind::Minimum { limit } => {
            Wanted::Else(format!("must be at least {limit}, not {}", shown(error.instance())))
        }
        ValidationErrorKind::Maximum { limit } => {
            Wanted::Else(format!("must be at most {limit}, not {}", shown(error.instance())))
        }
        ValidationErrorKind::MaxItems { limit } => {
            let count = error.instance().as_array().map_or(0, Vec::len);
            Wanted::Else(format!("must have at most {limit} items, not {count}"))
        }
        _ => Wanted::Else(error.masked().to_string()),
    };
    vec![Flaw { pointer: pointer.to_owned(), wanted, found: shown(error.instance()) }]
}

/// The flaws of the branch that the instance was most likely meant for, or one flaw that names what all of them want.
fn nearest_branch(pointer: &str, context: &[Vec<ValidationError<'static>>]) -> Vec<Flaw> {
    let mut branches: Vec<Vec<Flaw>> = context
        .iter()
        .map(|errors| {
            let mut branch = Vec::new();
            errors.iter().flat_map(flaws).for_each(|flaw| add(&mut branch, flaw));
            branch
        })
        .collect();
    branches.sort_by_key(|branch| {
        (
            branch.iter().any(|flaw| flaw.is_of_wrong_type(pointer)),
            branch.iter().any(|flaw| flaw.names_other_branch(pointer)),
            branch.iter().filter(|flaw| flaw.pointer == pointer).count(),
            branch.len(),
        )
    });
    if branches.is_empty() {
        return Vec::new();
    }
    let nearest = branches.remove(0);
    merged(pointer, &nearest, &branches).map_or(nearest, |flaw| vec![flaw])
}

/// One flaw for all branches, where nothing tells which of them was meant.
fn merged(pointer: &str, nearest: &[Flaw], others: &[Vec<Flaw>]) -> Option<Flaw> {
    if let Some(flaw) = nearest.iter().find(|f| f.is_of_wrong_type(pointer) || f.names_other_branch(pointer)) {
        let mut wanted = flaw.wanted.clone();
        let joined = others.iter().all(|branch| {
            let mut rivals = branch.iter().filter(|rival| rival.pointer == flaw.pointer);
            rivals.any(|rival| wanted.join(&rival.wanted))
        });
        return joined.then(|| Flaw { pointer: flaw.pointer.clone(), wanted, found: flaw.found.clone() });
    }
    let [flaw] = nearest else { return None };
    let mut wanted = flaw.wanted.clone();
    for branch in others {
        if let [rival] = &branch[..]
            && rival.pointer == flaw.pointer
        {
            wanted.join(&rival.wanted);
        }
    }
    Some(Flaw { pointer: flaw.pointer.clone(), wanted, found: flaw.found.clone() })
}

impl Wanted {
    fn members(self) -> Vec<String> {
        match self {
            Self::Members(names) => names,
            _ => Vec::new(),
        }
    }

    /// Takes in what another branch wants; false where the two are of different kinds.
    fn join(&mut self, other: &Self) -> bool {
        match (self, other) {
            (Self::Values(mine), Self::Values(theirs)) => extend(mine, theirs),
            (Self::Types(mine), Self::Types(theirs)) => extend(mine, theirs),
            (Self::Members(mine), Self::Members(theirs)) => extend(mine, theirs),
            _ => return false,
        }
        true
    }
}

fn extend<T: Clone + PartialEq>(mine: &mut Vec<T>, theirs: &[T]) {
    for their in theirs {
        if !mine.contains(their) {
            mine.push(their.clone());
        }
    }
}

/// Adds a flaw to those already told, unless it says nothing new; of two about one value the more exact one stays.
fn add(told: &mut Vec<Flaw>, flaw: Flaw) {
    for earlier in told.iter_mut().filter(|earlier| earlier.pointer == flaw.pointer) {
        match (&earlier.wanted, &flaw.wanted) {
            (Wanted::Types(_), Wanted::Values(_)) => {
                *earlier = flaw;
                return;
            }
            (Wanted::Values(values), Wanted::Values(fewer)) if fewer.len() < values.len() => {
                *earlier = flaw;
                return;
            }
            (Wanted::Values(_), Wanted::Values(_) | Wanted::Types(_)) => return,
            (one, other) if one == other => return,
            _ => {}
        }
    }
    told.push(flaw);
}

/// A value as a reader recognises it: short, and on one line.
fn shown(value: &Value) -> String {
    const LIMIT: usize = 40;
    match value {
        Value::Object(_) => "an object".to_owned(),
        Value::Array(_) => "an array".to_owned(),
        Value::String(text) if text.chars().count() > LIMIT => {
            format!("{}…", Value::from(text.chars().take(LIMIT).collect::<String>()))
        }
        other => other.to_string(),
    }
}

fn with_article(json_type: JsonType) -> &'static str {
    match json_type {
        JsonType::Null => "null",
        JsonType::Boolean => "a boolean",
        JsonType::Integer => "an integer",
        JsonType::Number => "a number",
        JsonType::String => "a string",
        JsonType::Array => "an array",
        JsonType::Object => "an object",
    }
}

/// `a`, `a or b`, `a, b or c`.
fn alternatives(items: impl Iterator<Item = String>) -> String {
    let items: Vec<_> = items.collect();
    match items.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_violation_is_within_what_holds_it() {
        let at = |pointer: &str, lacks: &[&str]| Violation {
            pointer: pointer.to_owned(),
            message: String::new(),
            lacks: lacks.iter().map(|&name| name.to_owned()).collect(),
        };
        assert!(at("/tools/3/inputSchema/type", &[]).is_within("/tools/*/inputSchema"));
        assert!(at("/tools/3", &["inputSchema"]).is_within("/tools/*/inputSchema"));
        assert!(!at("/tools/3", &["name"]).is_within("/tools/*/inputSchema"));
        assert!(!at("/tools/3", &[]).is_within("/tools/*/inputSchema"));
        assert!(at("", &["ttlMs"]).is_within("/ttlMs") && !at("", &["ttlMs"]).is_within("/ttlMs/deep"));
        assert!(at("/id", &[]).is_within("") && !at("/identity", &[]).is_within("/id"));
    }
}
