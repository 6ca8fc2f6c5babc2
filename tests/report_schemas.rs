//! Reports against the schemas that others publish for their formats, with whatever a hostile target can say in every text.
//! `ci/schemas` fetches the schemas; without them the tests say so, which with `CI=true` is a failure.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot go on says so by panicking, one that is skipped says so"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use mcp_litmus::outcome::{Event, Verdict};
use mcp_litmus::report::{Format, Output, merge, read_events};
use serde_json::Value;

/// What XML forbids, what ends sections and elements of it, what terminals and bidirectional text obey, what is no character.
const HOSTILE: &str = "\0\u{1}\u{8}\u{b}\u{c}\u{1f}\u{7f}\u{85}\r\n\t\u{fffe}\u{ffff}\u{1fffe} ]]> <![CDATA[ </testsuites> <!-- \
                       &amp; &#0; \"'` \u{1b}[31m\u{9b}2J \u{202e}gpj.exe \u{feff} \u{10ffff} 日本語 \u{d7ff}\u{e000}";

#[test]
fn junit_is_valid_by_the_schema_of_jenkins() {
    let Some(schemas) = schemas() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut files: Vec<_> = reports(Format::Junit, folder.path());
    let refused = folder.path().join("refused.xml");
    fs::write(&refused, fs::read_to_string(&files[0]).unwrap().replacen("tests=", "test=", 1)).unwrap();
    for file in &files {
        let text = fs::read_to_string(file).unwrap();
        let is_xml = |c| matches!(c, '\n' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}');
        assert_eq!(text.chars().find(|&c| !is_xml(c)), None, "a character that XML forbids, or that changes a line");
    }
    files.push(refused.clone());
    let script = "import sys, xmlschema\n\
                  schema = xmlschema.XMLSchema(sys.argv[1])\n\
                  for name in sys.argv[2:]:\n\
                  \x20   for error in schema.iter_errors(name): print(name, error.path, error.reason)\n";
    let mut command = Command::new(schemas.join("python/bin/python"));
    let output = command.args(["-c", script]).arg(schemas.join("junit-10.xsd")).args(&files).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8(output.stdout).unwrap();
    let names: BTreeSet<_> = told.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(names, BTreeSet::from([refused.to_str().unwrap()]), "only what is wrong on purpose: {told}");
}

#[test]
fn sarif_is_valid_by_the_schema_of_oasis() {
    let Some(schemas) = schemas() else { return };
    let read = |path: &Path| serde_json::from_str::<Value>(&fs::read_to_string(path).unwrap()).unwrap();
    let schema =
        jsonschema::options().should_validate_formats(true).build(&read(&schemas.join("sarif-2.1.0.json"))).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for file in reports(Format::Sarif, folder.path()) {
        let mut log = read(&file);
        let mistakes: Vec<_> = schema.iter_errors(&log).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert_eq!(mistakes, [""; 0], "{}", file.display());
        log["runs"][0]["tool"].take();
        assert!(!schema.is_valid(&log), "what is wrong on purpose is refused");
    }
}

/// GitLab documents its format in words: each issue has a text, a name, a severity, a fingerprint of its own, and a place.
#[test]
fn codequality_is_what_gitlab_documents() {
    let folder = tempfile::tempdir().unwrap();
    for file in reports(Format::Codequality, folder.path()) {
        let list: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
        let mut fingerprints = BTreeSet::new();
        for one in list.as_array().unwrap() {
            let text = |pointer: &str| one.pointer(pointer).and_then(Value::as_str).unwrap();
            assert!(!text("/description").is_empty() && !text("/check_name").is_empty());
            assert!(["info", "minor", "major", "critical", "blocker"].contains(&text("/severity")));
            assert!(!text("/location/path").starts_with(['.', '/']));
            assert!(one["location"]["lines"]["begin"].as_u64() > Some(0));
            assert!(fingerprints.insert(text("/fingerprint").to_owned()), "{one}");
        }
    }
}

/// A report of each stream of events, in a file of its own.
fn reports(format: Format, folder: &Path) -> Vec<PathBuf> {
    let saved = read_events(Path::new("tests/data/events.jsonl")).unwrap();
    let partial = saved.iter().take(9).cloned().collect();
    let several = merge([saved.clone(), hostile(&saved), absent()]).unwrap();
    let streams = [saved.clone(), hostile(&saved), several, absent(), partial, Vec::new()];
    let write = |(number, events): (usize, Vec<Event>)| {
        let path = folder.join(format!("{number}.report"));
        let mut reporter = format.reporter(Output::File(path.clone()));
        for event in &events {
            reporter.event(event).unwrap();
        }
        reporter.finish().unwrap();
        path
    };
    streams.into_iter().enumerate().map(write).collect()
}

/// The same events with hostile text wherever there is text.
fn hostile(events: &[Event]) -> Vec<Event> {
    let mut events = events.to_vec();
    for event in &mut events {
        event.each_text(&mut |text| text.push_str(HOSTILE));
        match event {
            Event::Started { target, .. } => target.name = Some(HOSTILE.to_owned()),
            Event::Check { result } => {
                for text in [&mut result.title, &mut result.statement, &mut result.requirement, &mut result.spec] {
                    text.push_str(HOSTILE);
                }
                if let Verdict::Fail { evidence } = &mut result.verdict {
                    evidence.asked_at.push_str(HOSTILE);
                }
            }
            Event::Finished { notes, stale, partial, .. } => {
                *partial = true;
                notes.push(HOSTILE.to_owned());
                stale.push(HOSTILE.to_owned());
            }
            _ => {}
        }
    }
    events
}

/// A target that was not reached.
fn absent() -> Vec<Event> {
    let mut saved = read_events(Path::new("tests/data/events.jsonl")).unwrap();
    let (Some(mut last), mut first) = (saved.pop(), saved.swap_remove(0)) else { panic!("no events") };
    if let Event::Started { target, .. } = &mut first {
        target.name = Some("absent".to_owned());
    }
    if let Event::Finished { not_reached, .. } = &mut last {
        *not_reached = Some(HOSTILE.to_owned());
    }
    vec![first, last]
}

fn schemas() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = std::env::var_os("SCHEMAS").map_or_else(|| root.join("target/schemas"), PathBuf::from);
    if folder.join(".complete").is_file() {
        return Some(folder);
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "ci/schemas has not run, and CI is set");
    eprintln!("skipped: ci/schemas has not run");
    None
}
