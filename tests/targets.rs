//! Several servers in one run: one report in which they stand side by side, and the worst exit code.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mcp-litmus");

/// A server that is right, one that fails in a MUST, one that fails in a SHOULD, one that is not there.
const SETTINGS: &str = r#"
[targets.right]
command = ["./litmus", "serve", "--revision", "2024-11-05"]
[targets.wrong]
command = ["./litmus", "serve", "--revision", "2025-11-25", "--broken", "mine/servers.broken.yaml#1"]
[targets.rough]
command = ["./litmus", "serve", "--revision", "2025-11-25", "--broken", "mine/servers.broken.yaml#2"]
[targets.absent]
url = "http://127.0.0.1:1/mcp"
[checks]
select = ["errors", "logging/no-such-level"]
"#;

const SERVERS: &str = r"
- {fails: [jsonrpc.error.method-not-found], when: {method: litmus/no-such-method}, answer: {error: {code: -32603, message: oops}}}
- {fails: [logging.set-level.invalid], when: {method: logging/setLevel, params: {level: verbose}}, answer: {error: {code: -32603, message: oops}}}
";

/// The program under a name that is the same everywhere, in a folder with these settings.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        symlink(PROGRAM, folder.path().join("litmus")).expect("is made");
        fs::write(folder.path().join("litmus.toml"), SETTINGS).expect("is written");
        fs::create_dir(folder.path().join("mine")).expect("is made");
        fs::write(folder.path().join("mine/servers.broken.yaml"), SERVERS).expect("is written");
        Self(folder)
    }

    fn litmus(&self, words: &str) -> (i32, String, String) {
        let mut command = Command::new("./litmus");
        command.current_dir(self.0.path()).args(words.split_whitespace()).env("NO_COLOR", "1");
        let Output { status, stdout, stderr } = command.output().expect("starts");
        let text = |bytes| String::from_utf8(bytes).expect("is UTF-8");
        (status.code().expect("exits"), text(stdout), text(stderr))
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }
}

#[test]
fn one_report_shows_all_side_by_side() {
    let place = Place::new();
    let reports =
        "--report junit=a.xml --report json=a.json --report sarif=a.sarif --report html=a.html --report markdown=a.md";
    let (code, stdout, stderr) = place.litmus(&format!("run --target all --events a.jsonl {reports}"));
    assert_eq!((code, &*stderr), (3, ""), "the worst of 0, 1 and 3: {stdout}");
    insta::with_settings!({snapshot_path => "../snapshots/cli", prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("targets", stdout);
    });
    let json: Value = serde_json::from_str(&place.read("a.json")).expect("is JSON");
    let schema: Value =
        serde_json::from_str(&fs::read_to_string("schemas/report.schema.json").expect("is there")).expect("is JSON");
    let mistakes: Vec<_> =
        jsonschema::validator_for(&schema).expect("a schema").iter_errors(&json).map(|e| e.to_string()).collect();
    assert_eq!(mistakes, [""; 0]);
    let names: Vec<_> =
        json["runs"].as_array().into_iter().flatten().map(|run| run["target"]["name"].clone()).collect();
    assert_eq!(names, ["right", "wrong", "rough"]);
    assert_eq!(json["not_reached"][0]["target"]["name"], "absent");
    for (name, text) in [
        ("a.md", "| right |"),
        ("a.md", "| absent | ⛔ | ⛔ |\n\n⛔ absent was not reached: cannot reach the target"),
        ("a.xml", "name=\"absent mcp-litmus\""),
        ("a.sarif", "absent was not reached: cannot reach the target"),
        ("a.html", "\"not_reached\":\"cannot reach the target"),
    ] {
        assert!(place.read(name).contains(text), "{name}: {text}");
    }
    // What was kept tells all of it again.
    for kept in ["a.jsonl", "a.json"] {
        let (code, stdout, stderr) = place.litmus(&format!("report {kept} --report json=- "));
        assert_eq!((code, &*stderr), (0, ""));
        let mut again: Value = serde_json::from_str(&stdout).expect("is JSON");
        again["duration_ms"] = json["duration_ms"].clone();
        assert_eq!(again, json, "{kept}");
    }
}

#[test]
fn the_worst_decides_and_what_counts_is_the_same_everywhere() {
    let place = Place::new();
    let run = |words: &str| place.litmus(&format!("run {words}"));
    let last =
        |(code, stdout, stderr): (i32, String, String)| (code, stdout.lines().last().map_or(stderr, str::to_owned));
    assert_eq!(last(run("--target right --target rough")), (0, "all 2 servers conform, 1 warning".to_owned()));
    let strict = "--target right --target rough --fail-on should";
    let failed = "1 of 2 servers does not conform: 1 failure in 1 revision";
    assert_eq!(last(run(strict)), (1, failed.to_owned()));
    let (_, stdout, _) = run(&format!("{strict} --quiet --report html=strict.html --report markdown=-"));
    assert!(
        stdout.starts_with(&format!("## ❌ MCP conformance: {failed}\n")) && !stdout.contains("Warnings"),
        "{stdout}"
    );
    assert!(place.read("strict.html").contains(failed));

    let baseline = |words: &str| last(run(&format!("--baseline base.yaml {words}")));
    let (code, told) = baseline("--target right --target wrong --update-baseline");
    assert!(
        code == 0 && told.ends_with("no unexpected failure, 1 expected failure") || told.contains("1 failure"),
        "{told}"
    );
    assert_eq!(place.read("base.yaml").matches("- check:").count(), 1);
    // The entry is for one of them, and is not out of date because the other one passes.
    assert_eq!(baseline("--target right --target wrong").0, 0);
    assert_eq!(baseline("--target wrong --target right").0, 0);
    let (code, told) = baseline("--target right --target rough");
    assert!(code == 1 && told.contains("1 entry of the baseline out of date"), "{told}");
    assert_eq!(baseline("--target right --target absent").0, 3, "what was not asked is not out of date");
}

#[test]
fn all_servers_of_a_configuration_are_tested_and_certify_wants_one() {
    let place = Place::new();
    let servers = r#"{"mcpServers": {
        "old": {"command": "./litmus", "args": ["serve", "--revision", "2024-11-05"]},
        "new": {"command": "./litmus", "args": ["serve", "--revision", "2026-07-28"]}}}"#;
    fs::write(place.0.path().join("mcp.json"), servers).expect("is written");
    let (code, stdout, stderr) = place.litmus("run --quiet --config mcp.json --report json=-");
    assert_eq!(code, 0, "{stdout}{stderr}");
    let json: Value = serde_json::from_str(&stdout).expect("is JSON");
    let runs = json["runs"].as_array().expect("a list");
    let told: Vec<_> = runs.iter().map(|run| (run["target"]["name"].as_str(), run["revision"].as_str())).collect();
    assert_eq!(told, [(Some("old"), Some("2024-11-05")), (Some("new"), Some("2026-07-28"))]);
    let rerun = runs[1]["results"][0]["rerun"].as_str().unwrap_or_default();
    assert!(rerun.ends_with(" --config mcp.json --server new"), "{rerun}");
    let (code, _, stderr) = place.litmus("certify --revision 2024-11-05 --out out --config mcp.json");
    assert_eq!((code, &*stderr), (2, "error: several servers: choose one with --server NAME\n"));
    let (code, _, stderr) = place.litmus("certify --revision 2024-11-05 --out out --target all");
    assert_eq!((code, &*stderr), (2, "error: several targets: choose one with --target NAME\n"));
}
