//! `snapshot` as its users meet it: files that are written, compared and accepted.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mcp-litmus");

/// The built-in server with other tools than its own: before, after, and with another text only.
const SERVERS: &str = r#"
- {fails: [tools.list.answered], tools-only: true, when: {method: tools/list}, merge: {result: {tools: [
    {name: search, description: Finds, inputSchema: {type: object, properties: {query: {type: string}, kind: {enum: [note, task]}}, required: [query]}},
    {name: remove, inputSchema: {type: object}}]}}}
- {fails: [tools.list.answered], tools-only: true, when: {method: tools/list}, merge: {result: {tools: [
    {name: search, description: Finds, inputSchema: {type: object, required: [limit, query], properties: {kind: {enum: [note]}, query: {type: string}, limit: {type: integer}}}},
    {name: "add\u001B[31m", inputSchema: {type: object}}]}}}
- {fails: [tools.list.answered], tools-only: true, when: {method: tools/list}, merge: {result: {tools: [
    {name: remove, inputSchema: {type: object}},
    {name: search, description: Finds again, inputSchema: {type: object, required: [query], properties: {kind: {enum: [task, note]}, query: {type: string}}}}]}}}
- {fails: [tools.list.answered], tools-only: true, when: {method: tools/list}, answer: {error: {code: -32603, message: no}}}
"#;

struct Repository(tempfile::TempDir);

impl Repository {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("mine")).expect("a folder");
        fs::write(folder.path().join("mine/servers.broken.yaml"), SERVERS).expect("a file");
        Self(folder)
    }

    /// Takes a snapshot of the n-th server, speaking these revisions.
    fn snapshot(&self, options: &[&str], number: usize, revisions: &[&str]) -> Output {
        let mut command = Command::new(PROGRAM);
        command.current_dir(self.0.path()).stdin(Stdio::null()).env("NO_COLOR", "1");
        command.arg("snapshot").args(options).args(["--", PROGRAM, "serve", "--broken"]);
        command.arg(format!("mine/servers.broken.yaml#{number}"));
        command.args(revisions.iter().flat_map(|revision| ["--revision", revision]));
        command.output().expect("the program starts")
    }

    fn files(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.0.path().join("snapshots")) else { return Vec::new() };
        let mut names: Vec<_> =
            entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(self.0.path().join("snapshots").join(name)).expect("it is there")
    }
}

fn told(output: &Output) -> String {
    assert!(output.stderr.is_empty(), "{output:?}");
    format!("exit {}\n{}", output.status.code().expect("exits"), String::from_utf8_lossy(&output.stdout))
}

#[test]
fn what_changed_is_classed_shown_and_accepted() {
    let repository = Repository::new();
    let both = ["2025-06-18", "2025-11-25"];
    let first = told(&repository.snapshot(&[], 1, &both));
    assert_eq!(
        first,
        "exit 0\n2025-06-18 over stdio: recorded in snapshots/2025-06-18.snap\n\
         2025-11-25 over stdio: recorded in snapshots/2025-11-25.snap\n"
    );
    assert_eq!(repository.files(), ["2025-06-18.snap", "2025-11-25.snap"]);
    insta::with_settings!({snapshot_path => "../snapshots/cli", prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("snapshot-file", repository.file("2025-11-25.snap").replace("---\n", "--\n"));
        let changed = told(&repository.snapshot(&["--revision", "2025-11-25"], 2, &both));
        insta::assert_snapshot!("snapshot-changed", changed);
    });
    assert_eq!(repository.files(), ["2025-06-18.snap", "2025-11-25.snap", "2025-11-25.snap.new"]);

    let unchanged = told(&repository.snapshot(&[], 1, &both));
    assert_eq!(unchanged, "exit 0\n2025-06-18 over stdio: unchanged\n2025-11-25 over stdio: unchanged\n");
    assert_eq!(repository.files(), ["2025-06-18.snap", "2025-11-25.snap"], "nothing waits any more");

    let cosmetic = repository.snapshot(&[], 3, &both);
    assert_eq!(cosmetic.status.code(), Some(0), "{cosmetic:?}");
    assert_eq!(repository.snapshot(&["--fail-on-change", "any"], 3, &both).status.code(), Some(1));
    let accepted = repository.snapshot(&["--accept"], 3, &both);
    assert!(
        told(&accepted).starts_with("exit 0\n") && told(&accepted).ends_with("2 cosmetic; accepted\n"),
        "{accepted:?}"
    );
    assert!(told(&repository.snapshot(&["--fail-on-change", "any"], 3, &both)).starts_with("exit 0\n"));
    assert!(repository.file("2025-11-25.snap").contains("Finds again"));
}

#[test]
fn a_revision_that_goes_breaks_and_one_that_comes_does_not() {
    let repository = Repository::new();
    repository.snapshot(&[], 1, &["2025-06-18"]);
    let other = told(&repository.snapshot(&[], 1, &["2025-11-25"]));
    assert!(other.starts_with("exit 1\n"), "{other}");
    assert!(other.contains("2025-06-18: 1 change\n  breaking    the revision is no longer spoken\n"), "{other}");
    assert!(other.contains("2025-11-25 over stdio: 1 change\n  compatible  the revision is newly spoken\n"), "{other}");
    assert_eq!(repository.snapshot(&["--accept"], 1, &["2025-11-25"]).status.code(), Some(0));
    assert_eq!(repository.files(), ["2025-11-25.snap"]);
}

#[test]
fn half_an_offer_is_not_recorded_and_a_spoilt_file_is_told() {
    let repository = Repository::new();
    let failed = repository.snapshot(&[], 4, &["2025-11-25"]);
    assert_eq!(failed.status.code(), Some(3));
    let message = String::from_utf8_lossy(&failed.stderr);
    assert!(
        message.contains("cannot read what the target offers in 2025-11-25: tools/list: the answer is"),
        "{message}"
    );
    assert_eq!(repository.files(), [""; 0]);

    repository.snapshot(&[], 1, &["2025-11-25"]);
    fs::write(repository.0.path().join("snapshots/2025-11-25.snap"), "spoilt").expect("a file");
    let failed = repository.snapshot(&["--accept"], 1, &["2025-11-25"]);
    assert_eq!(failed.status.code(), Some(2), "{failed:?}");
}

#[test]
fn calls_of_the_settings_are_made_and_the_shape_of_their_results_is_kept() {
    let repository = Repository::new();
    let folder = repository.0.path();
    let answers = |result: &str| {
        let text = format!(
            "- {{fails: [tools.list.answered], when: {{method: tools/call, params: {{name: add}}}}, answer: {{result: {result}}}}}\n"
        );
        fs::write(folder.join("mine/calls.broken.yaml"), text).expect("a file");
    };
    let server = format!(
        "[\"{PROGRAM}\", \"serve\", \"--revision\", \"2025-11-25\", \"--broken\", \"mine/calls.broken.yaml#1\"]"
    );
    let settings = format!(
        "[targets.one]\ncommand = {server}\n[targets.two]\ncommand = {server}\n[arguments.add]\na = 1\nb = 2\n"
    );
    fs::write(folder.join("litmus.toml"), settings).expect("a file");
    let snapshot = |options: &[&str]| {
        let mut command = Command::new(PROGRAM);
        command.current_dir(folder).args(["snapshot", "--target", "all"]).args(options).env("NO_COLOR", "1");
        told(&command.output().expect("the program starts"))
    };
    answers("{content: [{type: text, text: '3'}], structuredContent: {sum: 3, at: '2026-11-29T01:02:03Z'}}");
    let first = snapshot(&[]);
    let recorded = "one 2025-11-25 over stdio: recorded in snapshots/one@2025-11-25.snap\n\
                    two 2025-11-25 over stdio: recorded in snapshots/two@2025-11-25.snap\n";
    assert_eq!(first, format!("exit 0\n{recorded}"));
    let kept = repository.file("one@2025-11-25.snap");
    assert!(kept.contains("\".structuredContent.sum\": \"number\"") && !kept.contains("2026-11-29"), "{kept}");

    answers("{content: [{type: text, text: '4'}], structuredContent: {sum: 4, at: '2027-01-01T01:02:03Z'}}");
    assert!(snapshot(&["--fail-on-change", "any"]).starts_with("exit 0\n"), "other values are no change");
    answers("{content: [{type: text, text: '3'}], structuredContent: {sum: '3', more: 1}}");
    let changed = snapshot(&[]);
    for line in [
        "exit 1\none 2025-11-25 over stdio: 3 changes\n",
        "  breaking    result of tool `add`: `.structuredContent.at` is gone\n",
        "  breaking    result of tool `add`: `.structuredContent.sum` changed from number to string\n",
        "  compatible  result of tool `add`: `.structuredContent.more` is added\n",
        "4 breaking, 2 compatible, 0 cosmetic; --accept takes it (in a Rust package, so does `cargo insta review`)",
    ] {
        assert!(changed.contains(line), "{line}\n{changed}");
    }
    answers("{content: [], isError: true}");
    assert!(snapshot(&[]).contains("  breaking    result of tool `add`: `.isError` changed from false to true\n"));
    assert!(snapshot(&["--accept"]).ends_with("accepted\n"));
    assert!(snapshot(&["--fail-on-change", "any"]).starts_with("exit 0\n"));
}

#[test]
fn the_demo_server_offers_the_same_twice() {
    let repository = Repository::new();
    let demo = |dir: &Path| {
        let mut command = Command::new(PROGRAM);
        command.args(["snapshot", "--demo", "--fail-on-change", "any", "--dir"]).arg(dir);
        told(&command.output().expect("the program starts"))
    };
    let dir = repository.0.path().join("kept/here");
    let first = demo(&dir);
    assert_eq!(first.matches("recorded in").count(), 5, "{first}");
    let again = demo(&dir);
    assert_eq!(again.matches("unchanged").count(), 5, "{again}");
    assert!(dir.join("demo@2026-07-28.snap").is_file());
}
