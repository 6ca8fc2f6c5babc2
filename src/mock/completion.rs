//! Suggestions for arguments of prompts and variables of templates. Sends nothing.

use serde_json::{Value, json};

use crate::protocol::Revision;

use super::answer::{Answer, Refusal, Request};
use super::options::Options;
use super::quirk::Quirk;
use super::resources::{GREETINGS, SQUARES};
use super::world::World;
use super::{prompts, resources};

/// The most values that one answer holds.
const MOST: usize = 100;

const LANGUAGES: [&str; 6] = ["C", "Go", "Java", "Python", "Rust", "TypeScript"];

const CITIES: [(&str, &[&str]); 3] = [
    ("Finland", &["Espoo", "Helsinki", "Turku"]),
    ("France", &["Lyon", "Nantes", "Paris"]),
    ("Japan", &["Kyoto", "Osaka", "Tokyo"]),
];

/// Answers `completion/complete`.
pub(super) fn complete(request: &Request, world: &World, options: &Options) -> Result<Answer, Refusal> {
    let most = if options.has(Quirk::CompletesWithoutLimit) { usize::MAX } else { MOST };
    let reference = request.params.get("ref").and_then(Value::as_object);
    let reference = reference.ok_or_else(|| Refusal::params("`ref` must be given, as an object"))?;
    let argument = request.params.get("argument").and_then(Value::as_object);
    let argument = argument.ok_or_else(|| Refusal::params("`argument` must be given, as an object"))?;
    let member = |object: &serde_json::Map<String, Value>, name: &str| {
        let text = object.get(name).and_then(Value::as_str).map(str::to_owned);
        text.ok_or_else(|| Refusal::params(format!("`{name}` must be given, as a string")))
    };
    let (name, begun) = (member(argument, "name")?, member(argument, "value")?);
    let context = context(request)?;
    let candidates = match reference.get("type").and_then(Value::as_str) {
        Some("ref/prompt") => {
            let prompt = prompts::find(&member(reference, "name")?, world.extras)
                .ok_or_else(|| Refusal::params("there is no such prompt"))?;
            if !prompt.takes(&name) {
                return Err(Refusal::params("the prompt has no such argument"));
            }
            for_prompt(prompt.name(), &name, context.get("country").and_then(Value::as_str))
        }
        Some("ref/resource") => {
            let template = member(reference, "uri")?;
            if !resources::is_known(&template, world) {
                return Err(Refusal::params("there is no such resource template"));
            }
            if template.contains('{') && !template.contains(&format!("{{{name}}}")) {
                return Err(Refusal::params("the template has no such variable"));
            }
            for_template(&template, &name)
        }
        _ => return Err(Refusal::params("`ref` must be of type `ref/prompt` or `ref/resource`")),
    };
    let begun = begun.to_lowercase();
    let fitting: Vec<_> = candidates.into_iter().filter(|value| value.to_lowercase().starts_with(&begun)).collect();
    Ok(Answer::result(json!({"completion": {
        "values": fitting[..fitting.len().min(most)],
        "total": fitting.len(),
        "hasMore": fitting.len() > most,
    }})))
}

/// The values that the client has settled already, from 2025-06-18 on.
fn context(request: &Request) -> Result<serde_json::Map<String, Value>, Refusal> {
    if request.revision < Revision::V2025_06_18 {
        return Ok(serde_json::Map::new());
    }
    let arguments = match request.object("context")?.get("arguments") {
        None => return Ok(serde_json::Map::new()),
        Some(arguments) => arguments.as_object().cloned(),
    };
    arguments
        .filter(|arguments| arguments.values().all(Value::is_string))
        .ok_or_else(|| Refusal::params("`context.arguments` must be an object of strings"))
}

fn for_prompt(prompt: &str, argument: &str, country: Option<&str>) -> Vec<String> {
    let values: Vec<&str> = match (prompt, argument) {
        ("review", "language") => LANGUAGES.to_vec(),
        ("journey", "country") => CITIES.iter().map(|(country, _)| *country).collect(),
        ("journey", "city") => {
            let there = |known: &&(&str, &[&str])| country.is_none_or(|country| country == known.0);
            CITIES.iter().filter(there).flat_map(|(_, cities)| cities.iter().copied()).collect()
        }
        _ => Vec::new(),
    };
    values.into_iter().map(str::to_owned).collect()
}

fn for_template(template: &str, variable: &str) -> Vec<String> {
    match (template, variable) {
        ("mock://squares/{number}", "number") => (0..=SQUARES).map(|number| number.to_string()).collect(),
        (_, "language") => GREETINGS.iter().map(|(language, _)| (*language).to_owned()).collect(),
        ("mock://texts/{name}", "name") => vec!["poem".to_owned(), "welcome".to_owned()],
        _ => Vec::new(),
    }
}
