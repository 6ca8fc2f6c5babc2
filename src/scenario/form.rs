//! Holds a file against the JSON Schema of its kind and says in plain words where it breaks it. Knows the form of files, not what
//! they mean.
//!
//! The schemas are those that editors use. Where a rule needs words of its own, they stand beside it as `errorMessage`, which
//! editors show as well.

use std::collections::HashSet;
use std::sync::LazyLock;

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{JsonType, ValidationError, Validator};
use serde_json::Value;

use super::suggest::{listed, nearest};
use crate::source::{Diagnostic, Document};

/// The form of one kind of file.
#[derive(Debug)]
pub(super) struct Form {
    schema: Value,
    validator: Validator,
}

/// `schemas/scenario.schema.json`.
pub(super) static SCENARIO: LazyLock<Form> =
    LazyLock::new(|| Form::of(include_str!("../../schemas/scenario.schema.json")));

/// `schemas/broken.schema.json`.
pub(super) static BROKEN: LazyLock<Form> = LazyLock::new(|| Form::of(include_str!("../../schemas/broken.schema.json")));

impl Form {
    fn of(text: &str) -> Self {
        let schema = serde_json::from_str(text).expect("every test of this file reads the schemas");
        let validator = jsonschema::draft202012::new(&schema).expect("every test of this file compiles the schemas");
        Self { schema, validator }
    }

    /// Where a file breaks the form.
    pub(super) fn mistakes(&self, document: &Document) -> Vec<Diagnostic> {
        let value = document.root.to_value();
        let mut found = Vec::new();
        for error in self.validator.iter_errors(&value) {
            self.explain(&error, &mut found);
        }
        // Who mistyped a key that is needed has made one mistake, not two.
        let mistyped: HashSet<_> = found.iter().filter_map(Mistake::meant).collect();
        let is_echo = |m: &Mistake| m.lacks.iter().any(|key| mistyped.contains(&(m.pointer.clone(), key.clone())));
        found.iter().filter(|mistake| !is_echo(mistake)).map(|mistake| mistake.diagnostic(document)).collect()
    }

    fn explain(&self, error: &ValidationError, found: &mut Vec<Mistake>) {
        let pointer = error.instance_path().as_str();
        let mistake = |message: String| Mistake { pointer: pointer.to_owned(), message, ..Mistake::default() };
        let thing = named(pointer);
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                found.extend(unexpected.iter().map(|key| self.unknown_key(error, key)));
            }
            ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
                self.explain_choice(error, context, found);
            }
            // Of what is no mapping the type is the mistake, and said already.
            ValidationErrorKind::OneOfMultipleValid { .. } if !error.instance().is_object() => {}
            ValidationErrorKind::OneOfMultipleValid { .. } => {
                let keys = self.required_by_branches(error).unwrap_or_default();
                let given: Vec<_> = keys.into_iter().filter(|key| error.instance().get(key).is_some()).collect();
                let mistake = mistake(format!("only one of {} may stand here", listed(&given, "and")));
                found.push(Mistake { pointer: below(pointer, given.last().map_or("", |key| key)), ..mistake });
            }
            ValidationErrorKind::Required { property } => {
                let key = property.as_str().unwrap_or_default().to_owned();
                found.push(match self.dependent(error, property) {
                    Some(dependent) => Mistake {
                        pointer: below(pointer, dependent),
                        ..mistake(format!("`{dependent}` needs `{key}` beside it"))
                    },
                    None => Mistake { lacks: vec![key.clone()], ..mistake(format!("{thing} lacks `{key}`")) },
                });
            }
            ValidationErrorKind::PropertyNames { error: inner } => {
                let key = inner.instance().as_str().unwrap_or_default();
                let message = self.own_words(inner).unwrap_or_else(|| inner.to_string());
                let pointer = below(pointer, key);
                let help = Some(message);
                found.push(Mistake {
                    pointer,
                    message: format!("`{key}` cannot be a name here"),
                    help,
                    ..Mistake::default()
                });
            }
            ValidationErrorKind::Type { kind } => found.push(Mistake {
                at_value: true,
                help: quotes(kind, error.instance()),
                ..mistake(format!("{thing} must be {}, not {}", wanted(kind), kind_of(error.instance())))
            }),
            ValidationErrorKind::Enum { options } => {
                let options: Vec<_> = options.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                let given = error.instance().as_str().map_or_else(|| error.instance().to_string(), str::to_owned);
                let message = format!("{thing} cannot be `{given}`: it is {}", listed(&options, "or"));
                let help = nearest(&given, &options).map(|meant| format!("did you mean `{meant}`?"));
                found.push(Mistake { at_value: true, help, ..mistake(message) });
            }
            kind => {
                let message = self.own_words(error).unwrap_or_else(|| match kind {
                    ValidationErrorKind::MinItems { .. }
                    | ValidationErrorKind::MinProperties { .. }
                    | ValidationErrorKind::MinLength { .. } => format!("{thing} must not be empty"),
                    ValidationErrorKind::Minimum { limit } => format!("{thing} must be at least {limit}"),
                    ValidationErrorKind::Maximum { limit } => format!("{thing} must be at most {limit}"),
                    _ => error.to_string(),
                });
                found.push(Mistake { at_value: true, ..mistake(message) });
            }
        }
    }

    /// What was wrong with the alternative that was meant: the one whose type fits.
    fn explain_choice(
        &self,
        error: &ValidationError,
        branches: &[Vec<ValidationError<'static>>],
        found: &mut Vec<Mistake>,
    ) {
        let pointer = error.instance_path().as_str();
        if let Some(keys) = self.required_by_branches(error) {
            let message = format!("{} lacks {}", named(pointer), listed(&keys, "or"));
            let pointer = pointer.to_owned();
            found.push(Mistake { pointer, message, lacks: keys, ..Mistake::default() });
            return;
        }
        let other_type = |e: &ValidationError| {
            matches!(e.kind(), ValidationErrorKind::Type { .. }) && e.instance_path().as_str() == pointer
        };
        if let Some(meant) = branches.iter().find(|errors| !errors.iter().any(other_type)) {
            for error in meant {
                self.explain(error, found);
            }
            return;
        }
        let types = branches.iter().flatten().filter_map(|e| match e.kind() {
            ValidationErrorKind::Type { kind } => Some(wanted(kind)),
            _ => None,
        });
        let types = types.collect::<Vec<_>>().join(" or ");
        let message = format!("{} must be {types}, not {}", named(pointer), kind_of(error.instance()));
        found.push(Mistake { pointer: pointer.to_owned(), message, at_value: true, ..Mistake::default() });
    }

    fn unknown_key(&self, error: &ValidationError, key: &str) -> Mistake {
        let pointer = error.instance_path().as_str();
        let known: Vec<_> = self.beside(error, "properties").and_then(Value::as_object).into_iter().flatten().collect();
        let known: Vec<_> = known.into_iter().map(|(key, _)| key.as_str()).collect();
        let meant = nearest(key, &known).map(str::to_owned);
        let help = match &meant {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("{} has {}", named(pointer), listed(&known, "and")),
        };
        Mistake {
            pointer: below(pointer, key),
            message: format!("unknown key `{key}`"),
            help: Some(help),
            meant,
            ..Mistake::default()
        }
    }

    /// The keys of which a choice like `oneOf: [{required: [a]}, {required: [b]}]` wants one.
    fn required_by_branches(&self, error: &ValidationError) -> Option<Vec<String>> {
        let branches = self.schema.pointer(error.schema_path().as_str())?.as_array()?;
        branches.iter().map(|branch| Some(branch.get("required")?.get(0)?.as_str()?.to_owned())).collect()
    }

    /// The key that is there and, by a `dependentRequired`, needs another one beside it.
    fn dependent(&self, error: &ValidationError, needed: &Value) -> Option<&str> {
        let rules = self.schema.pointer(error.schema_path().as_str())?.as_object()?;
        let is_broken = |key: &str, needs: &Value| {
            error.instance().get(key).is_some() && needs.as_array().is_some_and(|needs| needs.contains(needed))
        };
        rules.iter().find(|(key, needs)| is_broken(key, needs)).map(|(key, _)| key.as_str())
    }

    /// What the rule that was broken says itself.
    fn own_words(&self, error: &ValidationError) -> Option<String> {
        self.beside(error, "errorMessage")?.as_str().map(str::to_owned)
    }

    /// The value of another key word beside the one that was broken.
    fn beside(&self, error: &ValidationError, key: &str) -> Option<&Value> {
        let (parent, _) = error.schema_path().as_str().rsplit_once('/')?;
        self.schema.pointer(parent)?.get(key)
    }
}

#[derive(Debug, Default)]
struct Mistake {
    pointer: String,
    /// The value is wrong, rather than that it stands there.
    at_value: bool,
    message: String,
    help: Option<String>,
    /// For an unknown key: the one that was probably meant.
    meant: Option<String>,
    /// Keys one of which is missing.
    lacks: Vec<String>,
}

impl Mistake {
    /// The mapping in which a key was mistyped, and the key.
    fn meant(&self) -> Option<(String, String)> {
        let (parent, _) = self.pointer.rsplit_once('/')?;
        Some((parent.to_owned(), self.meant.clone()?))
    }

    fn diagnostic(&self, document: &Document) -> Diagnostic {
        let root = &document.root;
        let value = || root.pointer(&self.pointer).map(|node| node.span);
        let span = if self.at_value { value() } else { root.place(&self.pointer) };
        let mistake = Diagnostic::new(&document.source, span.unwrap_or_default(), &*self.message);
        match &self.help {
            Some(help) => mistake.with_help(help),
            None => mistake,
        }
    }
}

fn below(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// What to call the thing to which a pointer leads.
fn named(pointer: &str) -> String {
    let mut path = pointer.split('/').skip(1).collect::<Vec<_>>();
    let Some(key) = path.pop() else { return "the file".into() };
    let key = key.replace("~1", "/").replace("~0", "~");
    if key.bytes().all(|b| b.is_ascii_digit()) {
        return match path.pop() {
            Some("steps") => "a step".into(),
            Some("always") => "an entry of `always`".into(),
            Some(list) => format!("an entry of `{list}`"),
            None => "an entry".into(),
        };
    }
    format!("`{key}`")
}

fn wanted(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(kind) => word(*kind).into(),
        TypeKind::Multiple(kinds) => kinds.iter().map(word).collect::<Vec<_>>().join(" or "),
    }
}

fn word(kind: JsonType) -> &'static str {
    match kind {
        JsonType::Array => "a list",
        JsonType::Boolean => "true or false",
        JsonType::Integer => "a whole number",
        JsonType::Null => "null",
        JsonType::Number => "a number",
        JsonType::Object => "a mapping",
        JsonType::String => "a text",
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "empty",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

/// A number or truth value where a text belongs wants quotes.
fn quotes(kind: &TypeKind, value: &Value) -> Option<String> {
    let wants_text = match kind {
        TypeKind::Single(kind) => *kind == JsonType::String,
        TypeKind::Multiple(kinds) => kinds.contains(JsonType::String),
    };
    let is_scalar = matches!(value, Value::Number(_) | Value::Bool(_));
    (wants_text && is_scalar).then(|| format!("in quotes it is a text: \"{value}\""))
}
