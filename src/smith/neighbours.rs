//! The inputs that differ from one in a single value: the deterministic stage, which needs no luck.

use serde_json::{Value, json};

use super::json::{pointers, remove, set};
use super::place::Root;
use super::{Input, Unstructured, World, draw, policy};

/// Values of one input that are replaced.
const PLACES: usize = 48;
/// Neighbours of one input.
const NEIGHBOURS: usize = 8_192;
/// Bytes of a message whose values are replaced.
const LONGEST: usize = 64 << 10;

/// One change of one piece.
#[derive(Clone)]
enum Change {
    Set(Value),
    Remove,
    Insert(String, Value),
}

/// Every input that differs in one value: each value of a message's parameters replaced by what the target compares with, by
/// what it has shown, and by boundary values, those of its own type first; each argument left out, or put in. Bounded; what
/// promises most comes first.
pub fn neighbours(world: &World, input: &Input) -> impl Iterator<Item = Input> {
    let mut places: Vec<(usize, Value, String, Vec<Change>)> = Vec::new();
    for (at, piece) in input.pieces.iter().enumerate().filter(|(_, piece)| piece.bytes.len() <= LONGEST) {
        let Ok(message) = serde_json::from_slice::<Value>(&piece.bytes) else { continue };
        for pointer in pointers(&message).into_iter().filter(|pointer| is_changed(pointer)) {
            if places.len() == PLACES {
                break;
            }
            let changes = changes(world, &message, &pointer);
            places.push((at, message.clone(), pointer, changes));
        }
    }
    let most = places.iter().map(|(_, _, _, changes)| changes.len()).max().unwrap_or(0);
    let (world, input) = (names_of_tools(world), input.clone());
    // Rank by rank through all places, so that none waits for another to be done with.
    let ranks = (0..most).flat_map(move |rank| (0..PLACES).map(move |place| (rank, place)));
    let all = ranks.filter_map(move |(rank, place)| {
        let (at, message, pointer, changes) = places.get(place)?;
        let mut message = message.clone();
        match changes.get(rank)?.clone() {
            Change::Set(value) => set(&mut message, pointer, value),
            Change::Remove => remove(&mut message, pointer),
            Change::Insert(name, value) => drop(message.pointer_mut(pointer)?.as_object_mut()?.insert(name, value)),
        }
        let mut other = input.clone();
        other.pieces[*at].bytes = message.to_string().into_bytes();
        Some(policy::kept(&world, other)).filter(|other| *other != input)
    });
    all.take(NEIGHBOURS)
}

/// What the policy needs to know of a world, which is little.
fn names_of_tools(world: &World) -> World {
    World {
        tools: world.tools.iter().map(|tool| json!({"name": tool["name"]})).collect(),
        mined: world.mined.clone(),
        dictionary: world.dictionary.clone(),
        ..World::new(world.revision, world.kind)
    }
}

/// Whether a value is worth changing: one of the parameters that the target reads itself.
fn is_changed(pointer: &str) -> bool {
    let is_kept =
        ["/params/_meta", "/params/clientInfo", "/params/protocolVersion"].iter().any(|kept| pointer.starts_with(kept));
    pointer.starts_with("/params") && !is_kept
}

fn changes(world: &World, message: &Value, pointer: &str) -> Vec<Change> {
    let Some(value) = message.pointer(pointer) else { return Vec::new() };
    let known = || world.dictionary.iter().cloned().chain(world.mined.texts.iter().map(|text| json!(text)));
    let mut changes: Vec<Change> = Vec::new();
    if let Value::Object(members) = value {
        changes.extend(
            arguments(world, message, pointer)
                .into_iter()
                .filter(|(name, _)| !members.contains_key(name))
                .map(|(name, value)| Change::Insert(name, value)),
        );
    }
    let is_argument = pointer.starts_with("/params/arguments/");
    if is_argument {
        changes.push(Change::Remove);
    }
    let is_alike = |other: &Value| std::mem::discriminant(other) == std::mem::discriminant(value);
    let (alike, others): (Vec<Value>, Vec<Value>) = known().chain(boundaries(value)).partition(is_alike);
    let of_texts =
        others.iter().filter(|other| value.is_string() && other.is_number()).map(|number| json!(number.to_string()));
    let of_texts: Vec<Value> = of_texts.collect();
    changes.extend(alike.into_iter().chain(of_texts).chain(others).filter(|new| new != value).map(Change::Set));
    // A member that the schema does not speak of, but the target may look for.
    if let Value::Object(members) = value
        && pointer.starts_with("/params/arguments")
    {
        let names = known().filter_map(|name| name.as_str().map(str::to_owned));
        changes
            .extend(names.filter(|name| !members.contains_key(name)).map(|name| Change::Insert(name, json!("litmus"))));
    }
    changes
}

/// The members that a tool's schema, or a prompt, speaks of, each with a plain value, where the pointer is that of the
/// arguments or of an object in them.
pub(super) fn arguments(world: &World, message: &Value, pointer: &str) -> Vec<(String, Value)> {
    let Some(inside) = pointer.strip_prefix("/params/arguments") else { return Vec::new() };
    let is_named = |thing: &&Value| thing["name"] == message["params"]["name"];
    match message["method"].as_str() {
        Some("tools/call") => {
            let Some(schema) = world.tools.iter().find(is_named).map(|tool| &tool["inputSchema"]) else {
                return Vec::new();
            };
            let root = Root::new(schema);
            let steps = inside.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~"));
            let inner = steps.fold(schema, |schema, step| &schema["properties"][step.as_str()]);
            let declared = inner["properties"].as_object().into_iter().flatten();
            let plain = |property| draw::accepted(&root, &[property], &[], &mut Unstructured::new(&[]), |_| true);
            declared.filter_map(|(name, property)| Some((name.clone(), plain(property)?))).collect()
        }
        Some("prompts/get") if inside.is_empty() => {
            let prompt = world.prompts.iter().find(is_named);
            let declared = prompt.and_then(|prompt| prompt["arguments"].as_array()).into_iter().flatten();
            declared.filter_map(|argument| Some((argument["name"].as_str()?.to_owned(), json!("1")))).collect()
        }
        _ => Vec::new(),
    }
}

/// Values at the edges, some of them next to the value itself.
fn boundaries(value: &Value) -> Vec<Value> {
    let mut all = vec![
        json!(0),
        json!(1),
        json!(-1),
        json!(2),
        json!(""),
        json!(" "),
        json!(true),
        json!(false),
        json!(null),
        json!([]),
        json!({}),
        json!(127),
        json!(128),
        json!(255),
        json!(256),
        json!(65_535),
        json!(65_536),
        json!(i32::MAX),
        json!(i64::from(i32::MAX) + 1),
        json!(i32::MIN),
        json!(1_000_000),
        json!(9_007_199_254_740_993_i64),
        json!(i64::MAX),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(0.5),
        json!(-0.0),
        json!(1e308),
        json!("0"),
        json!("-1"),
        json!("\0"),
        json!("\u{1F600}"),
        json!("é"),
        json!("e\u{301}"),
        json!("İ"),
        json!("\u{FEFF}"),
        json!("../../etc/passwd"),
        json!("__proto__"),
        json!("a".repeat(256)),
        json!("a".repeat(5_000)),
        json!([null]),
        json!([[]]),
        json!({"__proto__": {"litmus": true}}),
        json!({"": ""}),
    ];
    match value {
        Value::Number(number) => {
            let whole = number.as_i64().unwrap_or(0);
            let near = [whole.checked_add(1), whole.checked_sub(1), whole.checked_neg(), whole.checked_mul(2)];
            all.extend(near.into_iter().flatten().map(Value::from));
        }
        Value::String(text) => {
            all.extend([json!(text.to_uppercase()), json!(format!("{text}x")), json!(format!("{text}\n"))]);
        }
        Value::Array(items) => {
            let twice: Value = items.iter().chain(items).take(64).cloned().collect();
            all.extend([twice, items.iter().rev().take(64).cloned().collect()]);
        }
        _ => {}
    }
    all
}
