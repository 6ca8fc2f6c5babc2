//! The in-toto statement with the test-result predicate: who was tested, against what, with which outcome. Data only.

use ring::digest;
use serde_json::{Map, Value, json};

use super::outcome::{Grade, Outcome, Outcomes};
use crate::outcome::{Level, ServerInfo};

/// What a statement speaks of or rests on, and its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// File name, or the name of a tool.
    pub name: String,
    /// Its address, where it is no file: the hash is then that of the address.
    pub uri: Option<String>,
    /// SHA-256, in hexadecimal.
    pub sha256: String,
}

/// All that a statement tells beside the outcomes.
#[derive(Debug, Clone)]
pub struct Basis {
    /// The revision certified.
    pub revision: String,
    /// The transport over which was tested.
    pub transport: String,
    /// What the server says it is.
    pub server: ServerInfo,
    /// The program, script or address under test.
    pub subject: Vec<Artifact>,
    /// The number of the requirement set.
    pub set_version: u32,
    /// This tool.
    pub tool: Artifact,
    /// The version of this tool.
    pub tool_version: String,
    /// When the run began.
    pub started_at: Option<String>,
    /// The files of the certificate.
    pub files: Vec<Artifact>,
}

/// The file of the requirement set.
pub(super) const REQUIREMENTS: &str = "requirements.yaml";
pub(super) const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
pub(super) const PREDICATE_TYPE: &str = "https://in-toto.io/attestation/test-result/v0.1";

/// The statement. What the predicate has no member for stands in the annotations of what it belongs to.
pub fn statement(basis: &Basis, outcomes: &Outcomes) -> Value {
    let reported = json!({
        "serverName": basis.server.name, "serverVersion": basis.server.version,
        "revision": basis.revision, "transport": basis.transport, "testedAt": basis.started_at,
    });
    let subject = basis.subject.iter().map(|artifact| described(artifact, Some(reported.clone())));
    let annotations = |artifact: &Artifact| {
        (artifact.name == REQUIREMENTS).then(|| {
            json!({
                "revision": basis.revision,
                "version": basis.set_version,
                "level": Grade::of(outcomes).as_str(),
                "inconclusive": reasons(outcomes, |outcome| match outcome {
                    Outcome::Inconclusive(reason) => Some(reason),
                    _ => None,
                }),
                "notExercised": reasons(outcomes, |outcome| match outcome {
                    Outcome::NotExercised(reason) => Some(reason),
                    _ => None,
                }),
            })
        })
    };
    let mut configuration: Vec<_> = basis.files.iter().map(|file| described(file, annotations(file))).collect();
    configuration.push(described(&basis.tool, Some(json!({"version": basis.tool_version}))));
    let result = match Grade::of(outcomes) {
        Grade::Strict => "PASSED",
        Grade::Conformant => "WARNED",
        Grade::None => "FAILED",
    };
    json!({
        "_type": STATEMENT_TYPE,
        "subject": subject.collect::<Vec<_>>(),
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "result": result,
            "configuration": configuration,
            "passedTests": ids(outcomes, |_, outcome| *outcome == Outcome::Passed),
            "warnedTests": ids(outcomes, |level, outcome| *outcome == Outcome::Failed && !level.is_binding()),
            "failedTests": ids(outcomes, |level, outcome| *outcome == Outcome::Failed && level.is_binding()),
        },
    })
}

/// The SHA-256 of bytes, in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    hexadecimal(digest::digest(&digest::SHA256, bytes).as_ref())
}

pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;

    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn described(artifact: &Artifact, annotations: Option<Value>) -> Value {
    let mut described = json!({"name": artifact.name, "digest": {"sha256": artifact.sha256}});
    if let Some(uri) = &artifact.uri {
        described["uri"] = json!(uri);
    }
    if let Some(annotations) = annotations {
        described["annotations"] = annotations;
    }
    described
}

fn ids(outcomes: &Outcomes, wanted: impl Fn(Level, &Outcome) -> bool) -> Vec<&str> {
    outcomes.iter().filter(|(_, (level, outcome))| wanted(*level, outcome)).map(|(id, _)| id.as_str()).collect()
}

fn reasons<'a>(outcomes: &'a Outcomes, reason: impl Fn(&'a Outcome) -> Option<&'a String>) -> Map<String, Value> {
    outcomes.iter().filter_map(|(id, (_, outcome))| Some((id.clone(), json!(reason(outcome)?)))).collect()
}
