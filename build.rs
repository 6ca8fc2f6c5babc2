//! Turns the catalogue of requirements and the profiles of the revisions from YAML, which people edit, into two JSON
//! files, which load fast.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use saphyr::{LoadableYamlNode, ScalarOwned, YamlOwned};
use serde_json::{Map, Value};

const PROFILES: &str = "schemas";
const REQUIREMENTS: &str = "schemas/requirements";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={PROFILES}");
    let out = env::var("OUT_DIR")?;

    let mut entries = Vec::new();
    for (file, document) in documents(REQUIREMENTS, ".yaml")? {
        match document {
            Value::Array(list) => entries.extend(list),
            other => return Err(format!("{}: expected a list, found {other}", file.display()).into()),
        }
    }
    fs::write(Path::new(&out).join("requirements.json"), Value::Array(entries).to_string())?;

    let profiles = documents(PROFILES, ".profile.yaml")?.into_iter().map(|(_, document)| document);
    fs::write(Path::new(&out).join("profiles.json"), profiles.collect::<Value>().to_string())?;
    Ok(())
}

/// The YAML documents of a folder's files, in the order of their names.
fn documents(folder: &str, ending: &str) -> Result<Vec<(PathBuf, Value)>, Box<dyn Error>> {
    let mut files: Vec<_> = fs::read_dir(folder)?.map(|f| f.map(|f| f.path())).collect::<Result<_, _>>()?;
    files.retain(|file| file.to_str().is_some_and(|name| name.ends_with(ending)));
    files.sort();
    let mut documents = Vec::new();
    for file in files {
        for document in YamlOwned::load_from_str(&fs::read_to_string(&file)?)? {
            documents.push((file.clone(), json(&document)));
        }
    }
    Ok(documents)
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
