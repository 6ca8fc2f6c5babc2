//! Which JSON Schema dialect a schema that somebody sent is written in, and a validator for it. Fetches nothing.

use jsonschema::{Draft, Retrieve, Uri, Validator};
use serde_json::{Value, json};

/// The dialect that `$schema` names, 2020-12 where it names none; `None` for an unknown one.
pub fn dialect(schema: &Value) -> Option<Draft> {
    let Some(declared) = schema.get("$schema") else { return Some(Draft::Draft202012) };
    let address = declared.as_str()?.trim_end_matches('#');
    let (_, name) = address.split_once("://json-schema.org/")?;
    Some(match name {
        "draft-04/schema" => Draft::Draft4,
        "draft-06/schema" => Draft::Draft6,
        "draft-07/schema" => Draft::Draft7,
        "draft/2019-09/schema" => Draft::Draft201909,
        "draft/2020-12/schema" => Draft::Draft202012,
        _ => return None,
    })
}

/// A validator in the schema's own dialect; none for a schema that is wrong. What it refers to elsewhere accepts all, and
/// `format` is a note, so that what is refused breaks the schema for certain.
pub fn validator(schema: &Value) -> Option<Validator> {
    let draft = dialect(schema)?;
    let options = jsonschema::options().with_draft(draft).with_retriever(Nowhere).should_validate_formats(false);
    options.build(schema).ok()
}

/// Takes whatever is not in the schema for a schema that accepts all: nothing is fetched.
struct Nowhere;

impl Retrieve for Nowhere {
    fn retrieve(&self, _: &Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        Ok(json!(true))
    }
}
