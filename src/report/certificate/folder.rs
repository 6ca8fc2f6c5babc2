//! The folder of a certificate: written whole or not at all, and verified without a network. Whoever changes a byte of it is
//! found: by the list of hashes always, by the signature whatever else was changed with it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use super::envelope::Envelope;
use super::key::{PublicKey, SigningKey};
use super::statement::{Artifact, PREDICATE_TYPE, REQUIREMENTS, STATEMENT_TYPE, sha256};

const STATEMENT: &str = "statement.json";
const TRANSCRIPT: &str = "transcript.jsonl.gz";
const ENVELOPE: &str = "certificate.dsse.json";
const PUBLIC_KEY: &str = "public-key.pem";
const SUMS: &str = "SHA256SUMS";

/// The files that a statement names, in the order in which it does.
const NAMED: [&str; 6] = [REQUIREMENTS, "schema.json", TRANSCRIPT, "report.json", "report.html", "junit.xml"];

/// A certificate at work. Dropped before it is finished, it leaves nothing.
pub struct Draft {
    out: PathBuf,
    folder: PathBuf,
}

impl Draft {
    /// Begins a certificate beside the folder in which it will be, which must not exist, or be empty.
    pub fn begin(out: &Path) -> io::Result<Self> {
        let is_free = match fs::read_dir(out) {
            Ok(mut entries) => entries.next().is_none(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => true,
            Err(error) => return Err(error),
        };
        if !is_free {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "the folder is not empty"));
        }
        let out = std::path::absolute(out)?;
        let name = out.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidFilename))?;
        let mut draft = OsString::from(".");
        draft.push(name);
        draft.push(format!(".{}.tmp", process::id()));
        let folder = out.with_file_name(draft);
        fs::create_dir_all(&folder)?;
        Ok(Self { out, folder })
    }

    /// Opens the compressed transcript; the caller finishes it.
    pub fn transcript(&self) -> io::Result<GzEncoder<File>> {
        Ok(GzEncoder::new(File::create(self.folder.join(TRANSCRIPT))?, Compression::default()))
    }

    /// Writes one of the other files that the statement names.
    pub fn write(&self, name: &str, content: &[u8]) -> io::Result<()> {
        debug_assert!(NAMED.contains(&name), "{name} is no file of a certificate");
        fs::write(self.folder.join(name), content)
    }

    /// The files that the statement names, with their hashes.
    pub fn files(&self) -> io::Result<Vec<Artifact>> {
        let artifact = |name: &&str| {
            let sha256 = sha256(&fs::read(self.folder.join(name))?);
            Ok(Artifact { name: (*name).to_owned(), uri: None, sha256 })
        };
        NAMED.iter().map(artifact).collect()
    }

    /// Adds the statement, the signature and the list of hashes, and puts the whole in its place.
    pub fn finish(self, statement: &Value, key: Option<&SigningKey>) -> io::Result<()> {
        let statement = format!("{statement:#}\n");
        fs::write(self.folder.join(STATEMENT), &statement)?;
        if let Some(key) = key {
            let envelope = Envelope::sign(statement.as_bytes(), key).map_err(io::Error::other)?;
            fs::write(self.folder.join(ENVELOPE), serde_json::to_string_pretty(&envelope)? + "\n")?;
            fs::write(self.folder.join(PUBLIC_KEY), key.public().pem())?;
        }
        fs::write(self.folder.join(SUMS), sums(&self.folder)?)?;
        fs::rename(&self.folder, &self.out)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Once finished there is nothing any more; else what cannot be removed now could not be removed later.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A certificate in which nothing was changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Verified {
    /// What it states.
    pub statement: Value,
    /// The file of the requirement set that it stands for.
    pub requirements: String,
    /// The key that signed it; `None` where it is not signed.
    pub signer: Option<PublicKey>,
}

/// Verifies the certificate in a folder: all hashes, and the signature by the key given or, without one, by the key that lies
/// with it. Says everything that is wrong. Fails where a file cannot be read.
pub fn verify(folder: &Path, key: Option<&PublicKey>) -> io::Result<Result<Verified, Vec<String>>> {
    let mut wrong = Vec::new();
    let listed = fs::read(folder.join(SUMS))?;
    let listed = String::from_utf8_lossy(&listed);
    let actual = sums(folder)?;
    if listed != *actual {
        let differs = |line: &&str| !listed.lines().any(|other| other == *line);
        let name = |line: &str| line.split_once("  ").map_or(line, |(_, name)| name).to_owned();
        let changed: Vec<_> = actual.lines().filter(differs).map(name).collect();
        let gone =
            listed.lines().map(name).filter(|name| !actual.lines().any(|line| line.ends_with(&format!("  {name}"))));
        wrong.extend(changed.iter().map(|name| format!("{name} is not what {SUMS} lists")));
        wrong.extend(gone.map(|name| format!("{name} is listed in {SUMS} and missing")));
        if wrong.is_empty() {
            wrong.push(format!("{SUMS} is not as it was written"));
        }
    }
    wrong.extend(strangers(folder)?.iter().map(|name| format!("{name} is no part of a certificate")));
    let bytes = fs::read(folder.join(STATEMENT))?;
    let statement = serde_json::from_slice::<Value>(&bytes).unwrap_or_default();
    if statement["_type"] != STATEMENT_TYPE || statement["predicateType"] != PREDICATE_TYPE {
        wrong.push(format!("{STATEMENT} is no in-toto statement of a test result"));
    }
    wrong.extend(hashes(folder, &statement));
    let signer = match signer(folder, &bytes, key)? {
        Ok(signer) => signer,
        Err(reason) => {
            wrong.push(reason);
            None
        }
    };
    if !wrong.is_empty() {
        return Ok(Err(wrong));
    }
    let requirements = fs::read_to_string(folder.join(REQUIREMENTS))?;
    Ok(Ok(Verified { statement, requirements, signer }))
}

/// What lies in the folder and is certified by nothing.
fn strangers(folder: &Path) -> io::Result<Vec<String>> {
    let mut strangers = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !NAMED.contains(&&*name) && ![SUMS, STATEMENT, ENVELOPE, PUBLIC_KEY].contains(&&*name) {
            strangers.push(name);
        }
    }
    strangers.sort_unstable();
    Ok(strangers)
}

/// What does not agree between the statement and the files that it names.
fn hashes(folder: &Path, statement: &Value) -> Vec<String> {
    let configuration = statement["predicate"]["configuration"].as_array();
    let stated = |name: &str| {
        let mut entries = configuration.into_iter().flatten();
        entries.find(|entry| entry["name"] == name).and_then(|entry| entry["digest"]["sha256"].as_str())
    };
    let fault = |name: &&str| match (fs::read(folder.join(name)), stated(name)) {
        (Ok(bytes), Some(hash)) if sha256(&bytes) == hash => None,
        (Ok(_), Some(_)) => Some(format!("{name} has not the hash that {STATEMENT} states")),
        (Ok(_), None) => Some(format!("{STATEMENT} does not name {name}")),
        (Err(error), _) => Some(format!("{name} cannot be read: {error}")),
    };
    NAMED.iter().filter_map(fault).collect()
}

/// Whose signature the statement has.
fn signer(folder: &Path, statement: &[u8], key: Option<&PublicKey>) -> io::Result<Result<Option<PublicKey>, String>> {
    let Some(envelope) = present(fs::read(folder.join(ENVELOPE)))? else {
        return Ok(match key {
            Some(_) => Err(format!("it is not signed: there is no {ENVELOPE}")),
            None => Ok(None),
        });
    };
    let own = present(fs::read(folder.join(PUBLIC_KEY)))?.map(|pem| PublicKey::read(&pem));
    let key = match (key, own) {
        (Some(key), _) => key.clone(),
        (None, Some(Ok(own))) => own,
        (None, Some(Err(error))) => return Ok(Err(format!("{PUBLIC_KEY} holds {error}"))),
        (None, None) => return Ok(Err(format!("there is no {PUBLIC_KEY}: give the key that signed it"))),
    };
    Ok(match serde_json::from_slice::<Envelope>(&envelope) {
        Ok(envelope) => match envelope.verify(statement, &key) {
            Ok(()) => Ok(Some(key)),
            Err(reason) => Err(format!("{ENVELOPE}: {reason}")),
        },
        Err(error) => Err(format!("{ENVELOPE} is no DSSE envelope: {error}")),
    })
}

/// The list of hashes of all files of a certificate that are there, as `sha256sum` writes it.
fn sums(folder: &Path) -> io::Result<String> {
    let mut names = NAMED.to_vec();
    names.extend([STATEMENT, ENVELOPE, PUBLIC_KEY]);
    names.sort_unstable();
    let mut text = String::new();
    for name in names {
        if let Some(bytes) = present(fs::read(folder.join(name)))? {
            text.extend([&sha256(&bytes), "  ", name, "\n"]);
        }
    }
    Ok(text)
}

fn present<T>(read: io::Result<T>) -> io::Result<Option<T>> {
    match read {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
