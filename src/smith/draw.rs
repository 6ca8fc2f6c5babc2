//! Draws values that schemas accept, or that come near it: who needs certainty validates them.

use std::collections::BTreeSet;

use regex::Regex;
use serde_json::{Map, Value, json};

use super::Unstructured;
use super::choice::{below, between, noise, one_in, pick};
use super::place::{Place, Root};
use super::{number, text};

/// Nesting up to which values are made.
const DEPTH: usize = 12;
/// Nesting below which only what is required is made.
const DEEP: usize = 6;
/// Bytes of a value, about.
const SIZE: usize = 32 << 10;
/// How often another value is drawn where one is not accepted.
const TRIES: u64 = 24;
/// Bytes of which such a value is drawn.
const NOISE: usize = 512;
/// A schema that accepts all.
static ANYTHING: Value = Value::Bool(true);

/// A value that is accepted, drawn from a schema's parts; `None` where none was found. Once the bytes are used up it is
/// the plainest: what is required only, with the defaults, first choices and examples that the schema gives.
pub(super) fn accepted<'s>(
    root: &Root<'s>,
    schemas: &[&'s Value],
    pool: &[Value],
    u: &mut Unstructured<'_>,
    accepts: impl Fn(&Value) -> bool,
) -> Option<Value> {
    let once = |u: &mut Unstructured<'_>| {
        let mut drawing = Drawing { root, pool, left: SIZE };
        drawing.value(schemas, DEPTH, u).filter(|value| accepts(value))
    };
    once(u).or_else(|| {
        let seed: u64 = u.arbitrary().unwrap_or(0);
        (0..TRIES).find_map(|attempt| once(&mut Unstructured::new(&noise(seed ^ attempt, NOISE))))
    })
}

struct Drawing<'a, 's> {
    root: &'a Root<'s>,
    pool: &'a [Value],
    left: usize,
}

impl<'s> Drawing<'_, 's> {
    fn value(&mut self, schemas: &[&'s Value], depth: usize, u: &mut Unstructured<'_>) -> Option<Value> {
        self.left = self.left.checked_sub(8)?;
        let depth = depth.checked_sub(1)?;
        let mut place = self.root.place(schemas, depth < DEEP, u);
        if place.is_impossible {
            return None;
        }
        if let Some(value) = given(&place, u) {
            self.left = self.left.checked_sub(size(value))?;
            return Some(value.clone());
        }
        match kind(&place, depth, u)? {
            "object" => self.object(&mut place, depth, u),
            "array" => self.array(&place, depth, u),
            "integer" => number::of(&place, true, self.pool, u),
            "number" => number::of(&place, false, self.pool, u),
            "boolean" => Some(json!(below(u, 2) == 0)),
            "null" => Some(Value::Null),
            _ => self.text(&place, u).map(Value::from),
        }
    }

    fn text(&mut self, place: &Place<'s>, u: &mut Unstructured<'_>) -> Option<String> {
        let texts = || self.pool.iter().filter_map(Value::as_str);
        let of_pool = if one_in(u, 4) { texts().nth(below(u, texts().count())) } else { None };
        let text = match of_pool {
            Some(text) => text.to_owned(),
            None => text::of_schemas(&place.parts, u)?,
        };
        self.left = self.left.checked_sub(text.len())?;
        Some(text)
    }

    fn object(&mut self, place: &mut Place<'s>, depth: usize, u: &mut Unstructured<'_>) -> Option<Value> {
        let mut names = self.names(place, depth, u)?;
        // What depends on a member may demand others, and these again.
        for _ in 0..4 {
            let more = self.dependents(place, &names, u);
            if more.is_empty() {
                break;
            }
            names.extend(more);
        }
        let mut members = Map::new();
        for (name, is_required) in names {
            if members.contains_key(&name) {
                continue;
            }
            match self.value(&children(place, &name), depth, u) {
                Some(value) => drop(members.insert(name, value)),
                None if is_required => return None,
                None => {}
            }
        }
        Some(Value::Object(members))
    }

    /// The members that an object gets, and whether it must have them.
    fn names(&self, place: &Place<'s>, depth: usize, u: &mut Unstructured<'_>) -> Option<Vec<(String, bool)>> {
        let mut names = required(place);
        let mut seen: BTreeSet<String> = names.iter().map(|(name, _)| name.clone()).collect();
        let least = bound(place.all("minProperties"), usize::max).unwrap_or(0);
        let most = bound(place.all("maxProperties"), usize::min).unwrap_or(usize::MAX);
        let fullness = if depth < DEEP { 0 } else { below(u, 4) };
        let declared = place.all("properties").filter_map(Value::as_object).flatten();
        for (name, _) in declared.filter(|(_, schema)| **schema != Value::Bool(false)) {
            let is_wanted = names.len() < least || fullness == 1 || fullness > 1 && below(u, 2) == 1;
            if is_wanted && names.len() < most && !place.is_forbidden(name) && seen.insert(name.clone()) {
                names.push((name.clone(), false));
            }
        }
        let patterns: Vec<&String> =
            place.all("patternProperties").filter_map(Value::as_object).flat_map(Map::keys).collect();
        let is_open = || !place.all("additionalProperties").any(|schema| *schema == Value::Bool(false));
        let surplus = if fullness > 1 && (!patterns.is_empty() || one_in(u, 4)) { between(u, 0, 2) } else { 0 };
        for _ in 0..16 {
            let wanted = least.max(names.len().min(required(place).len()) + surplus);
            if names.len() >= wanted.min(most) {
                break;
            }
            let name = match pick(u, &patterns) {
                Some(pattern) => text::matching(pattern, 0, usize::MAX, u),
                None if is_open() => self.name(place, u)?,
                None => break,
            };
            let name = if seen.contains(&name) { format!("{name}{}", names.len()) } else { name };
            if !place.is_forbidden(&name) && seen.insert(name.clone()) {
                names.push((name, false));
            }
        }
        Some(names)
    }

    /// A name that `propertyNames` accepts.
    fn name(&self, place: &Place<'s>, u: &mut Unstructured<'_>) -> Option<String> {
        let schemas: Vec<&Value> = place.parts.iter().filter_map(|part| part.get("propertyNames")).collect();
        let names = self.root.place(&schemas, true, u);
        match given(&names, u) {
            Some(name) => name.as_str().map(str::to_owned),
            None => text::of_schemas(&names.parts, u),
        }
    }

    /// Members that others depend on. What depends on them in other ways is added to the place.
    fn dependents(
        &self,
        place: &mut Place<'s>,
        names: &[(String, bool)],
        u: &mut Unstructured<'_>,
    ) -> Vec<(String, bool)> {
        let has = |name: &str| names.iter().any(|(known, _)| known == name);
        let mut more = Vec::new();
        let mut schemas = Vec::new();
        for part in &place.parts {
            for key in ["dependentRequired", "dependentSchemas", "dependencies"] {
                let all = part.get(key).and_then(Value::as_object).into_iter().flatten();
                for (_, what) in all.filter(|(name, _)| has(name)) {
                    match what {
                        Value::Array(names) => more.extend(names.iter().filter_map(Value::as_str).map(str::to_owned)),
                        schema => schemas.push(schema),
                    }
                }
            }
        }
        schemas.retain(|schema| {
            !schema.as_object().is_some_and(|own| place.parts.iter().any(|part| std::ptr::eq(*part, own)))
        });
        self.root.add(place, &schemas, true, u);
        more.extend(required(place).into_iter().map(|(name, _)| name));
        more.into_iter().filter(|name| !has(name)).map(|name| (name, true)).collect()
    }

    fn array(&mut self, place: &Place<'s>, depth: usize, u: &mut Unstructured<'_>) -> Option<Value> {
        let least = bound(place.all("minItems"), usize::max).unwrap_or(0);
        let most = bound(place.all("maxItems"), usize::min).unwrap_or(usize::MAX);
        let contains: Vec<&'s Value> = place.parts.iter().filter_map(|part| part.get("contains")).collect();
        let wanted = bound(place.all("minContains"), usize::max).unwrap_or(1);
        let least = if contains.is_empty() { least } else { least.max(wanted) };
        let more = if depth < DEEP { 0 } else { [0, 1, 2, 3, 8][below(u, 5)] };
        let is_unique = place.all("uniqueItems").any(|unique| unique == &Value::Bool(true));
        let count = least.saturating_add(more).min(most);
        let mut items: Vec<Value> = Vec::new();
        // A few more turns than items are wanted: some may come twice where each must be another one.
        for _ in 0..count.saturating_mul(2).min(SIZE / 8) {
            if items.len() == count {
                break;
            }
            let mut schemas = elements(place, items.len());
            if items.len() < wanted {
                schemas.extend(&contains);
            }
            match self.value(&schemas, depth, u) {
                Some(item) if is_unique && items.contains(&item) => {}
                Some(item) => items.push(item),
                None if items.len() >= least => break,
                None => return None,
            }
        }
        (items.len() >= least).then_some(Value::Array(items))
    }
}

/// A value that a schema itself gives.
fn given<'s>(place: &Place<'s>, u: &mut Unstructured<'_>) -> Option<&'s Value> {
    let first = |key: &str| place.parts.iter().find_map(|part| part.get(key));
    if let Some(value) = first("const") {
        return Some(value);
    }
    let choices =
        place.parts.iter().filter_map(|part| part.get("enum").and_then(Value::as_array)).min_by_key(|all| all.len());
    let is_usual = u.is_empty() || one_in(u, 4);
    if let Some(value) = first("default").filter(|_| is_usual) {
        return Some(value);
    }
    if let Some(choices) = choices {
        let types = place.types();
        let fits = |value: &Value| types.as_ref().is_none_or(|types| types.iter().any(|one| is_of(one, value)));
        let all = place.parts.iter().filter_map(|part| part.get("enum").and_then(Value::as_array));
        let common = |value: &Value| all.clone().all(|others| others.contains(value));
        let fitting: Vec<&Value> =
            choices.iter().filter(|value| fits(value) && common(value) && !place.excludes(value)).collect();
        return pick(u, &fitting).copied();
    }
    let examples = first("examples").and_then(Value::as_array).filter(|_| is_usual)?;
    pick(u, examples)
}

/// The type that a value gets.
fn kind<'p>(place: &'p Place<'_>, depth: usize, u: &mut Unstructured<'_>) -> Option<&'p str> {
    const INFERRED: [(&str, &[&str]); 4] = [
        (
            "object",
            &["properties", "required", "additionalProperties", "patternProperties", "minProperties", "propertyNames"],
        ),
        ("array", &["items", "prefixItems", "minItems", "contains", "uniqueItems"]),
        ("string", &["pattern", "minLength", "maxLength", "format"]),
        ("number", &["minimum", "maximum", "multipleOf", "exclusiveMinimum", "exclusiveMaximum"]),
    ];
    const ALL: [&str; 7] = ["string", "integer", "boolean", "null", "number", "array", "object"];
    if let Some(types) = place.types() {
        return pick(u, &types).copied();
    }
    let says = |keywords: &[&str]| keywords.iter().any(|keyword| place.all(keyword).next().is_some());
    let inferred = INFERRED.iter().find(|(_, keywords)| says(keywords)).map(|(kind, _)| *kind);
    inferred.or_else(|| pick(u, if depth < DEEP { &ALL[..5] } else { &ALL }).copied())
}

fn is_of(kind: &str, value: &Value) -> bool {
    match kind {
        "string" => value.is_string(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "array" => value.is_array(),
        _ => value.is_object(),
    }
}

fn required(place: &Place<'_>) -> Vec<(String, bool)> {
    let lists = place.all("required").filter_map(Value::as_array).flatten();
    lists.filter_map(Value::as_str).map(|name| (name.to_owned(), true)).collect()
}

/// The schemas of a member.
fn children<'s>(place: &Place<'s>, name: &str) -> Vec<&'s Value> {
    let mut schemas = Vec::new();
    let mut is_known = false;
    for part in &place.parts {
        let declared = part.get("properties").and_then(|all| all.get(name));
        let by_pattern = part.get("patternProperties").and_then(Value::as_object).into_iter().flatten();
        let by_pattern = by_pattern.filter(|(pattern, _)| Regex::new(pattern).is_ok_and(|regex| regex.is_match(name)));
        let before = schemas.len();
        schemas.extend(declared.into_iter().chain(by_pattern.map(|(_, schema)| schema)));
        if schemas.len() == before {
            schemas.extend(part.get("additionalProperties"));
        }
        is_known |= schemas.len() > before;
    }
    if !is_known {
        schemas.extend(place.parts.iter().filter_map(|part| part.get("unevaluatedProperties")));
    }
    if schemas.is_empty() { vec![&ANYTHING] } else { schemas }
}

/// The schemas of an item. A list under `items` is what older dialects have for `prefixItems`.
fn elements<'s>(place: &Place<'s>, at: usize) -> Vec<&'s Value> {
    let mut schemas: Vec<&Value> = Vec::new();
    for part in &place.parts {
        let prefix = part.get("prefixItems").or_else(|| part.get("items").filter(|items| items.is_array()));
        let rest = part.get("items").filter(|items| !items.is_array()).or_else(|| part.get("additionalItems"));
        match prefix.and_then(|all| all.get(at)) {
            Some(schema) => schemas.push(schema),
            None => schemas.extend(rest),
        }
    }
    if schemas.is_empty() {
        schemas.extend(place.parts.iter().filter_map(|part| part.get("unevaluatedItems")));
    }
    if schemas.is_empty() { vec![&ANYTHING] } else { schemas }
}

/// The bound that several schemas set together.
fn bound<'v>(bounds: impl Iterator<Item = &'v Value>, strictest: fn(usize, usize) -> usize) -> Option<usize> {
    let whole = bounds.filter_map(Value::as_f64).filter(|bound| *bound >= 0.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast of a float stays within bounds"
    )]
    whole.map(|bound| bound as usize).reduce(strictest)
}

fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(|item| 8 + size(item)).sum(),
        Value::Object(members) => members.iter().map(|(key, value)| 8 + key.len() + size(value)).sum(),
        _ => 8,
    }
}
