//! Holds our schemas against the official ones, which are no part of the repository: both must judge every instance
//! alike, apart from the errata. Looks for the official files in `$MCP_LITMUS_SPEC/schema` and in `../shared/spec/schema`;
//! where there are none, says so and passes.

mod errata;
mod instances;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::{env, fs};

use jsonschema::{Registry, Validator};
use mcp_litmus::protocol::{Definitions, Revision};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

use instances::{DAMAGES, damage, definitions_key, instances, pointers, removed, samples};

/// Definitions of ours that no official schema has: the extension is described in prose only.
const EXTENSION: &str = "TasksExtension";

#[test]
fn the_names_are_the_official_ones() {
    for (revision, official) in officials() {
        let official: BTreeSet<_> = names(&official).into_iter().collect();
        let ours: BTreeSet<_> = names(&ours(revision)).into_iter().filter(|n| !n.starts_with(EXTENSION)).collect();
        assert_eq!(ours, official, "{revision}");
    }
}

#[test]
fn agrees_with_2024_11_05() {
    agrees(Revision::V2024_11_05);
}

#[test]
fn agrees_with_2025_03_26() {
    agrees(Revision::V2025_03_26);
}

#[test]
fn agrees_with_2025_06_18() {
    agrees(Revision::V2025_06_18);
}

#[test]
fn agrees_with_2025_11_25() {
    agrees(Revision::V2025_11_25);
}

#[test]
fn agrees_with_2026_07_28() {
    agrees(Revision::V2026_07_28);
}

fn agrees(revision: Revision) {
    let Some(official) = official(revision) else { return };
    let official = corrected(official, revision);
    let ours = ours(revision);
    let validators = Validators::new(&official);
    let mut count = 0;
    let mut accepted = 0;
    for definition in names(&official) {
        let validator = validators.of(&definition);
        for instance in instances_of_both(&official, &ours, &definition) {
            let expected = validator.is_valid(&instance);
            let actual = Definitions::of(revision).accepts(&definition, &instance);
            assert_eq!(actual, expected, "{revision} {definition}: we say {actual} of {instance}");
            count += 1;
            accepted += usize::from(expected);
        }
    }
    assert!(count > 5_000, "{revision}: only {count} instances");
    assert!((count / 10..count * 9 / 10).contains(&accepted), "{revision}: {accepted} of {count} are valid");
}

#[test]
fn every_erratum_is_one() {
    for (revision, official) in officials() {
        let key = definitions_key(&official);
        let corrected = corrected(official, revision);
        for erratum in errata::all() {
            for place in erratum.places_in(revision) {
                let mut uncorrected = corrected.clone();
                set(&mut uncorrected, &format!("/{key}{place}"), &erratum.truth, erratum.official.clone());
                let definition = place.split('/').nth(1).expect("a place begins with a slash");
                let [right, wrong] =
                    [&corrected, &uncorrected].map(|document| Validators::new(document).of(definition));
                let shows = |instance| right.is_valid(instance) != wrong.is_valid(instance);
                assert!(
                    instances(&corrected, definition).iter().any(shows),
                    "{revision} {place}: no instance shows that {}",
                    erratum.why
                );
            }
        }
    }
}

/// A constraint taken out of our schemas must be missed: what no instance tells apart is not compared at all.
#[test]
fn a_weakened_schema_is_caught() {
    let officials = officials();
    if officials.is_empty() {
        return;
    }
    let mut caught = 0;
    let mut excuses = BTreeSet::new();
    for (revision, official) in officials {
        let ours = ours(revision);
        let validators = Validators::new(&corrected(official, revision));
        for definition in names(&ours).into_iter().filter(|name| !name.starts_with(EXTENSION)) {
            let validator = validators.of(&definition);
            let instances = instances(&ours, &definition);
            let verdicts: Vec<_> = instances.iter().map(|instance| validator.is_valid(instance)).collect();
            for constraint in constraints(&ours["$defs"][&definition]) {
                let weaker = removed(&ours, &format!("/$defs/{definition}{constraint}")).expect("it stands there");
                let weaker = Validators::new(&weaker).of(&definition);
                if instances.iter().zip(&verdicts).any(|(instance, &verdict)| weaker.is_valid(instance) != verdict) {
                    caught += 1;
                } else {
                    let place = format!("{definition}{constraint}");
                    let excuse = REDUNDANT.iter().position(|(start, _)| place.starts_with(start));
                    excuses.insert(excuse.unwrap_or_else(|| panic!("{revision}: nobody misses {place}")));
                }
            }
        }
    }
    assert!(caught > 3_000, "only {caught} constraints");
    assert_eq!(excuses.len(), REDUNDANT.len(), "of the excuses only {excuses:?} are needed");
}

/// Constraints that say nothing which others do not say already, and why.
const REDUNDANT: [(&str, &str); 14] = [
    ("ServerResult/anyOf/", "every result is an EmptyResult too"),
    ("ClientResult/anyOf/", "every result is an EmptyResult too"),
    ("CallToolResultResponse/properties/result/anyOf/0", "every result is an InputRequiredResult too"),
    ("GetPromptResultResponse/properties/result/anyOf/0", "every result is an InputRequiredResult too"),
    ("ReadResourceResultResponse/properties/result/anyOf/0", "every result is an InputRequiredResult too"),
    ("JSONRPCMessage/anyOf/0", "every request is a notification too: other members are allowed"),
    ("JSONRPCBatchRequest/items/anyOf/0", "every request is a notification too"),
    ("PrimitiveSchemaDefinition/anyOf/3", "every EnumSchema was a StringSchema too"),
    ("EnumSchema/anyOf/2", "every LegacyTitledEnumSchema is an UntitledSingleSelectEnumSchema too"),
    ("CreateMessageResult/allOf/0", "SamplingMessage says the same of `_meta`"),
    ("GetTaskRequest/properties/params/type", "JSONRPCRequest says so"),
    ("GetTaskPayloadRequest/properties/params/type", "JSONRPCRequest says so"),
    ("CancelTaskRequest/properties/params/type", "JSONRPCRequest says so"),
    ("ElicitationCompleteNotification/properties/params/type", "JSONRPCNotification says so"),
];

#[test]
fn agrees_on_instances_damaged_at_random() {
    let subjects: Vec<Subject> = Revision::ALL.into_iter().filter_map(Subject::new).collect();
    if subjects.is_empty() {
        return;
    }
    let config = Config { cases: 4_000, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let which = (any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<prop::sample::Index>());
    let damages = prop::collection::vec((any::<prop::sample::Index>(), 0..DAMAGES), 1..5);
    let outcome = runner.run(&(which, damages), |((revision, definition, sample), damages)| {
        let subject = revision.get(&subjects);
        let (definition, samples) = definition.get(&subject.samples);
        let mut instance = sample.get(samples).clone();
        for (place, kind) in damages {
            let places = pointers(&instance);
            instance = damage(&instance, &places[place.index(places.len())], kind).unwrap_or(instance);
        }
        let expected = subject.validators.of(definition).is_valid(&instance);
        let actual = Definitions::of(subject.revision).accepts(definition, &instance);
        prop_assert_eq!(actual, expected, "{} {}: we say {} of {}", subject.revision, definition, actual, instance);
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

/// A revision with its official validators and samples to damage.
struct Subject {
    revision: Revision,
    validators: Validators,
    samples: Vec<(String, Vec<Value>)>,
}

impl Subject {
    fn new(revision: Revision) -> Option<Self> {
        let official = corrected(official(revision)?, revision);
        let samples = names(&official).into_iter().map(|name| (name.clone(), samples(&official, &name))).collect();
        Some(Self { revision, validators: Validators::new(&official), samples })
    }
}

/// Validators for the definitions of one document.
struct Validators {
    registry: Registry<'static>,
    key: &'static str,
}

impl Validators {
    const ADDRESS: &str = "https://schema.invalid/";

    fn new(document: &Value) -> Self {
        let mut document = document.clone();
        document.as_object_mut().expect("a schema document is an object").shift_remove("$id");
        let key = definitions_key(&document);
        let registry = Registry::new().add(Self::ADDRESS, document).and_then(jsonschema::RegistryBuilder::prepare);
        Self { registry: registry.expect("nothing outside is referred to"), key }
    }

    fn of(&self, definition: &str) -> Validator {
        let schema = json!({"$ref": format!("{}#/{}/{definition}", Self::ADDRESS, self.key)});
        let options = jsonschema::options().with_registry(&self.registry).should_validate_formats(false);
        options.build(&schema).expect("the definition compiles")
    }
}

fn instances_of_both(official: &Value, ours: &Value, definition: &str) -> Vec<Value> {
    let mut all = instances(official, definition);
    all.extend(instances(ours, definition));
    all
}

/// Pointers to everything in a schema that forbids something.
fn constraints(schema: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for (keyword, value) in schema.as_object().into_iter().flatten() {
        match (keyword.as_str(), value) {
            ("format", _) => {}
            ("properties", Value::Object(members)) => {
                for (name, member) in members {
                    let name = name.replace('~', "~0").replace('/', "~1");
                    found.extend(constraints(member).into_iter().map(|rest| format!("/properties/{name}{rest}")));
                }
            }
            ("anyOf" | "allOf" | "required", Value::Array(parts)) => {
                for (i, part) in parts.iter().enumerate() {
                    found.push(format!("/{keyword}/{i}"));
                    found.extend(constraints(part).into_iter().map(|rest| format!("/{keyword}/{i}{rest}")));
                }
            }
            (_, Value::Object(_)) => {
                found.push(format!("/{keyword}"));
                found.extend(constraints(value).into_iter().map(|rest| format!("/{keyword}{rest}")));
            }
            _ => found.push(format!("/{keyword}")),
        }
    }
    found
}

fn names(document: &Value) -> Vec<String> {
    let definitions = document[definitions_key(document)].as_object().expect("a schema document has definitions");
    definitions.keys().cloned().collect()
}

fn ours(revision: Revision) -> Value {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("schemas").join(format!("{revision}.json"));
    serde_json::from_str(&fs::read_to_string(file).expect("our schema is there")).expect("our schema is JSON")
}

/// An official schema with the errata mended.
fn corrected(mut document: Value, revision: Revision) -> Value {
    let key = definitions_key(&document);
    for erratum in errata::all() {
        for place in erratum.places_in(revision) {
            set(&mut document, &format!("/{key}{place}"), &erratum.official, erratum.truth.clone());
        }
    }
    document
}

fn set(document: &mut Value, pointer: &str, old: &Value, new: Value) {
    let slot = document.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer} leads nowhere"));
    assert_eq!(slot, old, "{pointer}");
    *slot = new;
}

fn officials() -> Vec<(Revision, Value)> {
    Revision::ALL.into_iter().filter_map(|revision| Some((revision, official(revision)?))).collect()
}

#[expect(clippy::print_stderr, reason = "a test that passes without looking must say so")]
fn official(revision: Revision) -> Option<Value> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/spec");
    let folder = env::var_os("MCP_LITMUS_SPEC").map_or_else(beside, PathBuf::from).join("schema");
    if !folder.is_dir() {
        eprintln!("skipped: no official schemas in {}", folder.display());
        return None;
    }
    let text = fs::read_to_string(folder.join(format!("{revision}.json"))).expect("the official schema is there");
    Some(serde_json::from_str(&text).expect("the official schema is JSON"))
}
