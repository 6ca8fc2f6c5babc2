//! Turns the catalogue of requirements from YAML, which people edit, into one JSON file, which loads fast.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

use saphyr::{LoadableYamlNode, ScalarOwned, YamlOwned};
use serde_json::{Map, Value};

const FOLDER: &str = "schemas/requirements";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={FOLDER}");
    let mut files: Vec<_> = fs::read_dir(FOLDER)?.map(|f| f.map(|f| f.path())).collect::<Result<_, _>>()?;
    files.retain(|file| file.extension().is_some_and(|e| e == "yaml"));
    files.sort();
    let mut entries = Vec::new();
    for file in &files {
        let text = fs::read_to_string(file)?;
        for document in YamlOwned::load_from_str(&text)? {
            match json(&document) {
                Value::Array(list) => entries.extend(list),
                other => return Err(format!("{}: expected a list, found {other}", file.display()).into()),
            }
        }
    }
    let out = Path::new(&env::var("OUT_DIR")?).join("requirements.json");
    fs::write(out, serde_json::to_string(&Value::Array(entries))?)?;
    Ok(())
}

fn json(node: &YamlOwned) -> Value {
    match node {
        YamlOwned::Value(ScalarOwned::String(text)) => Value::from(text.as_str()),
        YamlOwned::Value(ScalarOwned::Integer(number)) => Value::from(*number),
        YamlOwned::Value(ScalarOwned::Boolean(truth)) => Value::from(*truth),
        YamlOwned::Sequence(items) => items.iter().map(json).collect(),
        YamlOwned::Mapping(members) => {
            let members = members.iter().map(|(k, v)| (k.as_str().unwrap_or_default().to_owned(), json(v)));
            Value::Object(members.collect::<Map<_, _>>())
        }
        _ => Value::Null,
    }
}
