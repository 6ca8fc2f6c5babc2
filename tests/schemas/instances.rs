//! Draws instances from a JSON Schema, deterministically: every branch, bounds and beyond, and then broken ones.
//! Understands the keywords that the schemas of the protocol use, and no others.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

/// How many samples of a schema are drawn at each depth: deeper ones vary less, and those below the last are the least.
const BREADTH: [usize; 7] = [300, 40, 20, 10, 4, 2, 2];

/// Instances of one definition as it should be met, and at its bounds.
pub(crate) fn samples(document: &Value, definition: &str) -> Vec<Value> {
    let schema = json!({"$ref": format!("#/{}/{definition}", definitions_key(document))});
    Drawer { document }.samples(&schema, 0)
}

/// Instances of one definition: samples, the fullest and the least one with (nearly) every single damage, and the
/// next ones with some.
pub(crate) fn instances(document: &Value, definition: &str) -> Vec<Value> {
    let limits = [800, 400].into_iter().chain([10; 12]);
    let mut drawn = samples(document, definition);
    let broken: Vec<_> = drawn.iter().zip(limits).flat_map(|(sample, limit)| damaged(sample, limit)).collect();
    drawn.extend(broken);
    let mut seen = HashSet::new();
    drawn.retain(|instance| seen.insert(instance.to_string()));
    drawn
}

/// Where a document keeps its definitions.
pub(crate) fn definitions_key(document: &Value) -> &'static str {
    if document.get("$defs").is_some() { "$defs" } else { "definitions" }
}

/// Copies of an instance with one thing wrong, or at least other; at most so many, from all over it.
fn damaged(instance: &Value, limit: usize) -> Vec<Value> {
    let places = pointers(instance);
    let mut stride = places.len() * DAMAGES / limit + 1;
    while stride > 1 && (stride.is_multiple_of(2) || stride.is_multiple_of(5)) {
        stride += 1; // Every kind of damage has its turn.
    }
    let all = (0..places.len() * DAMAGES).step_by(stride);
    all.filter_map(|n| damage(instance, &places[n / DAMAGES], n % DAMAGES)).collect()
}

/// How many kinds of [`damage`] there are.
pub(crate) const DAMAGES: usize = 10;

/// A copy with one thing wrong at a pointer: another value, a member more, or nothing at all.
pub(crate) fn damage(instance: &Value, pointer: &str, kind: usize) -> Option<Value> {
    let replacement = match kind {
        0 => json!(null),
        1 => json!(true),
        2 => json!(7),
        3 => json!(1.5),
        4 => json!("litmus"),
        5 => json!([]),
        6 => json!({}),
        7 => json!([{"type": "litmus"}]),
        8 => {
            let mut members = instance.pointer(pointer)?.as_object()?.clone();
            members.insert("x-litmus".to_owned(), json!({"any": [1.5, null]}));
            Value::Object(members)
        }
        _ => return removed(instance, pointer),
    };
    let mut copy = instance.clone();
    *copy.pointer_mut(pointer)? = replacement;
    Some(copy)
}

/// Pointers to every value within a value, itself first.
pub(crate) fn pointers(value: &Value) -> Vec<String> {
    let mut found = vec![String::new()];
    let members: Vec<(String, &Value)> = match value {
        Value::Object(members) => members.iter().map(|(name, v)| (escaped(name), v)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(i, v)| (i.to_string(), v)).collect(),
        _ => Vec::new(),
    };
    for (name, member) in members {
        found.extend(pointers(member).into_iter().map(|rest| format!("/{name}{rest}")));
    }
    found
}

/// A copy without the value at a pointer.
pub(crate) fn removed(value: &Value, pointer: &str) -> Option<Value> {
    let (parent, name) = pointer.rsplit_once('/')?;
    let mut copy = value.clone();
    match copy.pointer_mut(parent)? {
        Value::Object(members) => drop(members.shift_remove(&unescaped(name))),
        Value::Array(items) => drop(items.remove(name.parse().ok()?)),
        _ => return None,
    }
    Some(copy)
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn unescaped(name: &str) -> String {
    name.replace("~1", "/").replace("~0", "~")
}

struct Drawer<'a> {
    document: &'a Value,
}

impl Drawer<'_> {
    fn samples(&self, schema: &Value, depth: usize) -> Vec<Value> {
        let mut samples = self.samples_of_flat(self.flat(schema), depth);
        samples.truncate(BREADTH.get(depth).copied().unwrap_or(1));
        samples
    }

    fn samples_of_flat(&self, mut schema: Map<String, Value>, depth: usize) -> Vec<Value> {
        if let Some(Value::Array(branches)) = schema.shift_remove("anyOf") {
            let branches = branches.iter().map(|branch| {
                let mut whole = schema.clone();
                merge(&mut whole, self.flat(branch));
                self.samples_of_flat(whole, depth)
            });
            return interleaved(&branches.collect::<Vec<_>>());
        }
        if let Some(only) = schema.get("const") {
            return vec![only.clone()];
        }
        if let Some(Value::Array(values)) = schema.get("enum") {
            return values.clone();
        }
        let types: Vec<&str> = match schema.get("type") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
            _ => return vec![json!("any"), json!({"any": [1.5, null]}), json!(null), json!(2.5), json!([1])],
        };
        interleaved(&types.into_iter().map(|t| self.samples_of_type(t, &schema, depth)).collect::<Vec<_>>())
    }

    fn samples_of_type(&self, name: &str, schema: &Map<String, Value>, depth: usize) -> Vec<Value> {
        match name {
            "object" => self.objects(schema, depth),
            "array" => self.arrays(schema, depth),
            "string" => vec![json!("text"), json!("")],
            "boolean" => vec![json!(true), json!(false)],
            "null" => vec![json!(null)],
            "number" | "integer" => {
                let bounds = ["minimum", "maximum"].into_iter().filter_map(|bound| schema.get(bound)?.as_f64());
                let beyond = bounds.flat_map(|bound| [json!(bound), json!(bound - 0.5), json!(bound + 0.5)]);
                [json!(1), json!(0), json!(0.5), json!(-3), json!(9e15)].into_iter().chain(beyond).collect()
            }
            other => panic!("a type that no schema of the protocol uses: {other}"),
        }
    }

    /// The fullest object, the least one, one per sample of each member.
    fn objects(&self, schema: &Map<String, Value>, depth: usize) -> Vec<Value> {
        let none = Map::new();
        let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
        let required: Vec<_> = schema.get("required").and_then(Value::as_array).into_iter().flatten().collect();
        let is_required = |name: &String| required.iter().any(|required| *required == name);
        let is_deep = depth >= BREADTH.len();
        let mut members = Vec::new();
        for (name, member) in properties.iter().filter(|(name, _)| !is_deep || is_required(name)) {
            members.push((name, self.samples(member, depth + 1)));
        }

        let mut full: Map<_, _> =
            members.iter().filter_map(|(name, samples)| Some(((*name).clone(), samples.first()?.clone()))).collect();
        let least: Map<_, _> = members
            .iter()
            .filter(|(name, _)| is_required(name))
            .filter_map(|(name, samples)| Some(((*name).clone(), samples.get(1).or(samples.first())?.clone())))
            .collect();
        if let Some(others @ Value::Object(_)) = schema.get("additionalProperties").filter(|_| !is_deep) {
            for (i, sample) in self.samples(others, depth + 1).into_iter().enumerate() {
                full.insert(format!("other-{i}"), sample);
            }
        }
        let variants = members.iter().map(|(name, samples)| {
            let of_member = samples.iter().map(|sample| {
                let mut variant = least.clone();
                variant.insert((*name).clone(), sample.clone());
                Value::Object(variant)
            });
            of_member.collect()
        });
        let variants = interleaved(&variants.collect::<Vec<_>>());
        [Value::Object(full), Value::Object(least)].into_iter().chain(variants).collect()
    }

    /// One item, none, as many as allowed and one more, each other item alone, all.
    fn arrays(&self, schema: &Map<String, Value>, depth: usize) -> Vec<Value> {
        if depth >= BREADTH.len() {
            return vec![json!([])];
        }
        let items = schema.get("items").map_or_else(|| vec![json!("any")], |items| self.samples(items, depth + 1));
        let first = items.first().cloned().unwrap_or_default();
        let mut arrays = vec![json!([first]), json!([])];
        if let Some(most) = schema.get("maxItems").and_then(Value::as_u64).and_then(|most| usize::try_from(most).ok()) {
            arrays.extend([most, most + 1].map(|count| Value::Array(vec![first.clone(); count])));
        }
        arrays.extend(items.iter().skip(1).map(|item| json!([item])));
        arrays.push(Value::Array(items));
        arrays
    }

    /// A schema with its `$ref` and `allOf` drawn into it, where what stands nearer wins.
    fn flat(&self, schema: &Value) -> Map<String, Value> {
        let Value::Object(keywords) = schema else { return Map::new() };
        let mut flat = Map::new();
        if let Some(Value::String(reference)) = keywords.get("$ref") {
            let target = self.document.pointer(reference.trim_start_matches('#'));
            merge(&mut flat, self.flat(target.unwrap_or_else(|| panic!("{reference} leads nowhere"))));
        }
        for part in keywords.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            merge(&mut flat, self.flat(part));
        }
        let own = keywords.iter().filter(|(name, _)| !matches!(name.as_str(), "$ref" | "allOf"));
        merge(&mut flat, own.map(|(name, value)| (name.clone(), value.clone())).collect());
        flat
    }
}

fn merge(base: &mut Map<String, Value>, more: Map<String, Value>) {
    for (keyword, value) in more {
        match (base.get_mut(&keyword), value) {
            (Some(Value::Object(known)), Value::Object(new)) if keyword == "properties" => {
                for (name, schema) in new {
                    let both = known.get(&name).map(|known| json!({"allOf": [known, schema]}));
                    known.insert(name, both.unwrap_or(schema));
                }
            }
            (Some(Value::Array(known)), Value::Array(new)) if keyword == "required" => known.extend(new),
            (_, value) => {
                base.insert(keyword, value);
            }
        }
    }
}

/// The first of each list, then the second of each ..., so that cutting the tail off loses no list.
fn interleaved(lists: &[Vec<Value>]) -> Vec<Value> {
    let longest = lists.iter().map(Vec::len).max().unwrap_or_default();
    (0..longest).flat_map(|i| lists.iter().filter_map(move |list| list.get(i)).cloned()).collect()
}
