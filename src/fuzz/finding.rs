//! A finding as a file: a scenario that anybody can run, with all that is known about it in front. Written at once and as a
//! whole; reads itself back.

use std::borrow::Borrow;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::oracle::Suspicion;
use super::plan::{Place, WorkPlan};
use crate::protocol::{Requirement, Revision};
use crate::smith::{Form, Input, Piece};
use crate::source::printable;
use crate::wire::TransportKind;

/// A fault that was found, and seen again on a fresh session.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Finding {
    /// What is wrong.
    #[serde(flatten)]
    pub suspicion: Suspicion,
    /// The revision spoken.
    pub revision: Revision,
    /// The transport.
    pub transport: TransportKind,
    /// What chance was drawn from.
    pub seed: u64,
    /// The inputs that bring it out, each in the form in which a corpus keeps it, in base64.
    pub inputs: Vec<String>,
    /// The transcript of the last replay, in lines.
    #[serde(skip)]
    pub excerpt: Vec<String>,
}

/// How the line with the data begins.
const DATA: &str = "# data: ";
/// Bytes of a line of the transcript.
const LINE: usize = 400;

impl Finding {
    /// A finding with the inputs that bring it out.
    pub(super) fn new(
        suspicion: Suspicion,
        plan: &WorkPlan,
        inputs: &[impl Borrow<Input>],
        excerpt: Vec<String>,
    ) -> Self {
        let encoded = inputs.iter().map(|input| BASE64_STANDARD.encode(input.borrow().encode())).collect();
        let (revision, transport, seed) = (plan.revision, plan.kind(), plan.seed);
        Self { suspicion, revision, transport, seed, inputs: encoded, excerpt }
    }

    /// The inputs that bring it out.
    pub fn inputs(&self) -> Vec<Input> {
        let decoded = self.inputs.iter().filter_map(|text| BASE64_STANDARD.decode(text).ok());
        decoded.map(|bytes| Input::decode(&bytes)).collect()
    }

    /// The scenario file.
    pub(super) fn yaml(&self, plan: &WorkPlan) -> String {
        let Suspicion { oracle, requirement, subject, expected, actual, .. } = &self.suspicion;
        let shown = |text: &str| printable(text, LINE);
        let mut text = String::new();
        let mut line = |words: &str| {
            text.push_str("# ");
            text.push_str(words);
            text.push('\n');
        };
        line(&format!("Found by mcp-litmus fuzz {} (seed {}): {oracle}", env!("CARGO_PKG_VERSION"), self.seed));
        line(&format!("expected: {}", shown(expected)));
        line(&format!("actual:   {}", shown(actual)));
        line(&format!("replay:   mcp-litmus replay {}.yaml {}", self.suspicion.name(), shown(&plan.words.join(" "))));
        let inputs = self.inputs();
        if let Some(command) = by_hand(&inputs, plan) {
            line(&format!("by hand:  {command}"));
        }
        line("transcript:");
        for entry in &self.excerpt {
            line(&format!("  {}", shown(entry)));
        }
        // A finding is plain data, which has a JSON form.
        text.push_str(DATA);
        text.push_str(&json!(self).to_string());
        text.push('\n');
        let about = if subject.is_empty() { String::new() } else { format!(" ({subject})") };
        let _ = writeln!(text, "title: {}", quoted(&shown(&format!("{}{about}", oracle.title()))));
        let _ =
            writeln!(text, "about: {}", quoted(&format!("Expected: {}. Actual: {}.", shown(expected), shown(actual))));
        let _ = writeln!(text, "since: \"{0}\"\nuntil: \"{0}\"\ntransports: [{1}]", self.revision, self.transport);
        text.push_str("session: fresh\nsteps:\n");
        for piece in inputs.iter().flat_map(|input| &input.pieces) {
            let _ = writeln!(text, "  - {}", step(piece, self.transport));
        }
        debug_assert!(Requirement::find(requirement).is_some(), "{requirement} is in the catalogue");
        // An answer to the alive request shows nothing else; what else is wrong, the watchers and the oracle see.
        text.push_str("  - alive: {proves: house.survives}\n");
        text
    }

    /// Reads a file that a run of the fuzzer wrote; `None` where it is none.
    pub fn read(text: &str) -> Option<Self> {
        let data = text.lines().find_map(|line| line.strip_prefix(DATA))?;
        serde_json::from_str(data).ok()
    }

    /// Where it stands in a folder.
    pub fn path(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{}.yaml", self.suspicion.name()))
    }

    /// Writes it into a folder, at once and as a whole; says where.
    pub(super) fn write(&self, folder: &Path, plan: &WorkPlan) -> io::Result<PathBuf> {
        std::fs::create_dir_all(folder)?;
        let path = self.path(folder);
        write_whole(&path, self.yaml(plan).as_bytes())?;
        // Nor may it be lost where the machine goes down: it took long to find.
        std::fs::File::open(&path)?.sync_data()?;
        Ok(path)
    }
}

/// The findings below a folder, or in one file, with their paths, in the order of their names.
pub fn findings(path: &Path) -> io::Result<Vec<(PathBuf, Finding)>> {
    let mut files = if path.is_dir() {
        std::fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?
    } else {
        vec![path.to_owned()]
    };
    files.retain(|file| file.extension().is_some_and(|ending| ending == "yaml"));
    files.sort();
    let mut found = Vec::new();
    for file in files {
        if let Some(finding) = Finding::read(&std::fs::read_to_string(&file)?) {
            found.push((file, finding));
        }
    }
    Ok(found)
}

/// Writes a file so that it is there as a whole, or not at all.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(name);
    let moved = std::fs::write(&part, bytes).and_then(|()| std::fs::rename(&part, path));
    if moved.is_err() {
        // What is left of it is of no use.
        let _ = std::fs::remove_file(&part);
    }
    moved
}

/// A shell line that brings it out without this tool; none over HTTP, or where it would be too long for a line.
fn by_hand(inputs: &[Input], plan: &WorkPlan) -> Option<String> {
    let Place::Command { program, arguments, .. } = &plan.place else { return None };
    let opening = super::script::opening(plan.revision);
    let mut bytes: Vec<u8> = Vec::new();
    for message in opening {
        bytes.extend_from_slice(message.to_string().as_bytes());
        bytes.push(b'\n');
    }
    for piece in inputs.iter().flat_map(|input| &input.pieces) {
        bytes.extend_from_slice(&piece.bytes);
        if piece.form != Form::Raw {
            bytes.push(b'\n');
        }
    }
    if bytes.len() > 4000 {
        return None;
    }
    let words: Vec<_> = [program].into_iter().chain(arguments).map(|word| quoted_for_shell(word.as_bytes())).collect();
    // The input stays open for a while: a server that ends with its input would be taken for one that died.
    Some(format!("(printf {}; sleep 2) | {}", quoted_for_printf(&bytes), words.join(" ")))
}

fn quoted_for_printf(bytes: &[u8]) -> String {
    let mut text = String::from("'");
    for &byte in bytes {
        match byte {
            b'\n' => text.push_str("\\n"),
            b'\\' => text.push_str("\\\\"),
            b'%' => text.push_str("%%"),
            b'\'' => text.push_str("'\\''"),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => {
                let _ = write!(text, "\\{byte:03o}");
            }
        }
    }
    text.push('\'');
    text
}

fn quoted_for_shell(word: &[u8]) -> String {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_./:=@+,".contains(byte);
    if !word.is_empty() && word.iter().all(is_plain) {
        String::from_utf8_lossy(word).into_owned()
    } else {
        format!("'{}'", String::from_utf8_lossy(word).replace('\'', "'\\''"))
    }
}

/// A step of the scenario language.
fn step(piece: &Piece, transport: TransportKind) -> String {
    match &piece.form {
        Form::Http { method, headers } if transport == TransportKind::Http => {
            let is_line = |text: &str| !text.contains(char::is_control);
            let headers: serde_json::Map<String, Value> = headers
                .iter()
                .filter(|(name, value)| is_line(name) && value.as_deref().is_none_or(is_line))
                .map(|(name, value)| (name.clone(), json!(value)))
                .collect();
            match plain(&piece.bytes) {
                _ if method == "POST" => {
                    let mut raw = raw(&piece.bytes, true);
                    raw["headers"] = Value::Object(headers);
                    format!("raw: {raw}")
                }
                Some(text) if !text.is_empty() => {
                    format!("http: {}", json!({"method": method, "headers": headers, "body": text}))
                }
                _ => format!("http: {}", json!({"method": method, "headers": headers})),
            }
        }
        form => format!("raw: {}", raw(&piece.bytes, *form != Form::Raw)),
    }
}

fn raw(bytes: &[u8], newline: bool) -> Value {
    let mut raw = match plain(bytes) {
        Some(text) => json!({"text": text}),
        None => json!({"base64": BASE64_STANDARD.encode(bytes)}),
    };
    if !newline {
        raw["newline"] = json!(false);
    }
    raw
}

/// The text, if it can stand in a scenario as it is: no placeholder, nothing that YAML refuses or a reader cannot see.
fn plain(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    (!text.contains("{{") && printable(text, usize::MAX) == text).then_some(text)
}

/// A text in quotes: JSON is YAML.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_takes_what_it_is_given() {
        assert_eq!(quoted_for_printf(b"{\"a\":\"%\\'\x00\"}\n"), "'{\"a\":\"%%\\\\'\\''\\000\"}\\n'");
        assert_eq!(quoted_for_shell(b"it's"), "'it'\\''s'");
        assert_eq!(quoted_for_shell(b"./server.py"), "./server.py");
    }

    #[test]
    fn bytes_that_a_file_cannot_show_are_in_base64() {
        let of = |bytes: &[u8], form: Form| step(&Piece { form, bytes: bytes.to_vec() }, TransportKind::Stdio);
        assert_eq!(of(b"{\"a\":1}", Form::Message), r#"raw: {"text":"{\"a\":1}"}"#);
        assert_eq!(of(b"{{x}}", Form::Raw), r#"raw: {"base64":"e3t4fX0=","newline":false}"#);
        assert_eq!(of(b"\xff", Form::Message), r#"raw: {"base64":"/w=="}"#);
    }
}
