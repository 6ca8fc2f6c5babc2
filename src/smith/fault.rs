//! Makes arguments invalid in exactly one place, by one keyword of their schema: whoever validates finds one error.

use serde_json::{Map, Value, json};

use super::Unstructured;
use super::arguments::validator;
use super::choice::below;
use super::place::{Place, Root};

/// Places of the arguments that are looked at.
const PLACES: usize = 64;
/// Changes that are tried.
const TRIES: usize = 48;
/// Characters and items of what is made to be too long.
const LONG: usize = 20_000;

/// Arguments with one fault, made from arguments that the schema accepts, and the keyword that they break.
pub fn damage(schema: &Value, accepted: &Value, u: &mut Unstructured<'_>) -> Option<(Value, String)> {
    let validator = validator(schema)?;
    one(&Root::new(schema), schema, accepted, u, |arguments| {
        let mut errors = validator.iter_errors(arguments);
        let (error, None) = (errors.next()?, errors.next()) else { return None };
        let path = error.schema_path().to_string();
        Some(path.rsplit('/').next().unwrap_or_default().to_owned()).filter(|_| arguments.is_object())
    })
}

/// A value with one change that has one fault, as `fault` tells, and what that is.
pub(super) fn one<'s>(
    root: &Root<'s>,
    schema: &'s Value,
    accepted: &Value,
    u: &mut Unstructured<'_>,
    fault: impl Fn(&Value) -> Option<String>,
) -> Option<(Value, String)> {
    let places = places(root, schema, accepted);
    let first = below(u, places.len());
    let mut tries = TRIES;
    for (pointer, schemas) in places.iter().cycle().skip(first).take(places.len()) {
        let value = accepted.pointer(pointer)?;
        let place = root.place(schemas, true, &mut Unstructured::new(&[]));
        let changes = changes(&place, value);
        let first = below(u, changes.len());
        for change in changes.iter().cycle().skip(first).take(changes.len()) {
            tries = tries.checked_sub(1)?;
            let mut damaged = accepted.clone();
            *damaged.pointer_mut(pointer)? = change.clone();
            if let Some(fault) = fault(&damaged) {
                return Some((damaged, fault));
            }
        }
    }
    None
}

/// The places of a value with what their schemas are, as far as that is plain.
fn places<'s>(root: &Root<'s>, schema: &'s Value, value: &Value) -> Vec<(String, Vec<&'s Value>)> {
    let mut found = vec![(String::new(), vec![schema])];
    let mut next = 0;
    while next < found.len() && found.len() < PLACES {
        let (pointer, schemas) = found[next].clone();
        next += 1;
        let place = root.place(&schemas, true, &mut Unstructured::new(&[]));
        match value.pointer(&pointer) {
            Some(Value::Object(members)) => {
                for name in members.keys() {
                    let declared = place.parts.iter().filter_map(|part| part.get("properties")?.get(name)).collect();
                    found.push((format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1")), declared));
                }
            }
            Some(Value::Array(items)) => {
                for at in 0..items.len().min(4) {
                    let declared = place.parts.iter().filter_map(|part| part.get("items")).collect();
                    found.push((format!("{pointer}/{at}"), declared));
                }
            }
            _ => {}
        }
    }
    found.retain(|(_, schemas)| !schemas.is_empty());
    found
}

/// Values that may break one keyword of a place.
fn changes(place: &Place<'_>, value: &Value) -> Vec<Value> {
    let mut changes = Vec::new();
    if let Some(types) = place.types() {
        let others = [
            ("string", json!("litmus")),
            ("number", json!(17)),
            ("object", json!({"not": "this"})),
            ("array", json!([])),
        ];
        let others =
            others.into_iter().chain([("boolean", json!(true)), ("null", Value::Null), ("number", json!(1.5))]);
        let is_other = |kind: &str, other: &Value| {
            !types.contains(&kind) && (kind != "number" || !types.contains(&"integer") || other.is_f64())
        };
        changes.extend(others.filter(|(kind, other)| is_other(kind, other)).map(|(_, other)| other));
    }
    if place.all("enum").chain(place.all("const")).next().is_some() {
        let other = match value {
            Value::Number(_) => json!(987_654),
            Value::Bool(truth) => json!(!truth),
            _ => json!("litmus-no-such-choice"),
        };
        changes.push(other);
        changes.extend(value.as_str().map(|text| json!(text.to_uppercase())));
    }
    numbers(place, value, &mut changes);
    texts(place, value, &mut changes);
    match value {
        Value::Object(members) => objects(place, members, &mut changes),
        Value::Array(items) => arrays(place, items, &mut changes),
        _ => {}
    }
    changes
}

fn numbers(place: &Place<'_>, value: &Value, changes: &mut Vec<Value>) {
    for (keyword, step) in [("minimum", -1.0), ("exclusiveMinimum", 0.0), ("maximum", 1.0), ("exclusiveMaximum", 0.0)] {
        for bound in place.all(keyword) {
            match (bound.as_i64(), bound.as_f64()) {
                #[expect(clippy::cast_possible_truncation, reason = "it is -1, 0 or 1")]
                (Some(bound), _) => changes.extend(bound.checked_add(step as i64).map(Value::from)),
                (_, Some(bound)) => changes.push(json!(bound + step)),
                _ => {}
            }
        }
    }
    for step in place.all("multipleOf").filter_map(Value::as_f64) {
        changes.extend(value.as_i64().and_then(|whole| whole.checked_add(1)).map(Value::from));
        changes.extend(value.as_f64().map(|number| json!(number + step / 2.0)));
    }
}

fn texts(place: &Place<'_>, value: &Value, changes: &mut Vec<Value>) {
    // Longer and shorter by its own characters, so that a pattern still holds.
    let text = value.as_str().filter(|text| !text.is_empty()).unwrap_or("l");
    let last = text.chars().next_back().unwrap_or('l');
    let bounds = |keyword: &'static str| {
        place.all(keyword).filter_map(Value::as_u64).filter_map(|bound| usize::try_from(bound).ok())
    };
    for most in bounds("maxLength").filter(|most| *most <= LONG) {
        changes.push(text.chars().chain(std::iter::repeat(last)).take(most + 1).collect::<String>().into());
    }
    for least in bounds("minLength").filter(|least| (1..=LONG).contains(least)) {
        changes.push(text.chars().take(least - 1).collect::<String>().into());
    }
    if place.all("pattern").next().is_some() {
        changes.extend(["", "litmus", "\u{1f9ea} \n", "-"].map(Value::from));
    }
}

fn objects(place: &Place<'_>, members: &Map<String, Value>, changes: &mut Vec<Value>) {
    let depends = place.all("dependentRequired").filter_map(Value::as_object).flat_map(Map::values);
    let lists = place.all("required").chain(depends).filter_map(Value::as_array).flatten();
    for name in lists.filter_map(Value::as_str).filter(|name| members.contains_key(*name)) {
        let mut less = members.clone();
        less.shift_remove(name);
        changes.push(Value::Object(less));
    }
    let mut more = members.clone();
    more.insert("litmus_surplus".to_owned(), json!("litmus"));
    changes.push(Value::Object(more));
    if place.all("minProperties").next().is_some() {
        changes.push(json!({}));
    }
    for (name, _) in
        place.all("properties").filter_map(Value::as_object).flatten().filter(|(_, schema)| **schema == json!(false))
    {
        let mut more = members.clone();
        more.insert(name.clone(), json!("litmus"));
        changes.push(Value::Object(more));
    }
}

fn arrays(place: &Place<'_>, items: &[Value], changes: &mut Vec<Value>) {
    for most in place.all("maxItems").filter_map(Value::as_u64).filter(|most| *most <= 1_000) {
        let wanted = usize::try_from(most).unwrap_or(0) + 1;
        changes.push(items.iter().cycle().take(wanted).cloned().collect());
    }
    if place.all("minItems").filter_map(Value::as_u64).any(|least| least > 0) {
        changes.push(json!([]));
        changes.push(items.iter().skip(1).cloned().collect());
    }
    if let Some(first) = items.first().filter(|_| place.all("uniqueItems").next().is_some()) {
        changes.push(items.iter().chain([first]).cloned().collect());
    }
}
