//! `litmus.toml` on the real program: what it says holds, what is typed wins, secrets stay secret, mistakes have places.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mcp-litmus");
const SECRET: &str = "hunter2-\"quoted\"-and-long";

macro_rules! assert_page {
    ($name:expr, $page:expr) => {
        insta::with_settings!({snapshot_path => "../snapshots/cli", prepend_module_to_snapshot => false, omit_expression => true}, {
            insta::assert_snapshot!($name, $page);
        });
    };
}

/// A folder with these settings, and the program under a name that is the same everywhere.
struct Place(TempDir);

impl Place {
    fn new(settings: &str) -> Self {
        let place = Self(tempfile::tempdir().expect("a folder"));
        fs::write(place.0.path().join("litmus.toml"), settings).expect("is written");
        symlink(PROGRAM, place.0.path().join("litmus")).expect("is made");
        place
    }

    fn run(&self, arguments: &[&str], environment: &[(&str, &str)]) -> (i32, String, String) {
        let mut command = Command::new(PROGRAM);
        command.current_dir(self.0.path()).arg("run").args(arguments).envs(environment.iter().copied());
        let Output { status, stdout, stderr } = command.output().expect("starts");
        let text = |bytes| String::from_utf8(bytes).expect("is UTF-8");
        (status.code().expect("exits"), text(stdout), text(stderr))
    }

    fn report(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Value {
        let (_, stdout, stderr) = self.run(&[&["--quiet", "--report", "json=-"], arguments].concat(), environment);
        serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stderr}"))
    }
}

fn revisions(report: &Value) -> Vec<&str> {
    report["runs"].as_array().into_iter().flatten().filter_map(|run| run["revision"].as_str()).collect()
}

#[test]
fn what_the_file_says_holds_and_what_is_typed_wins() {
    let place = Place::new(
        "[target]\ncommand = [\"./litmus\", \"serve\"]\n[checks]\nrevisions = [\"2025-06-18\"]\nselect = [\"errors\"]\n\
         [reports]\njson = \"kept.json\"\n",
    );
    let (code, stdout, stderr) = place.run(&[], &[]);
    assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");
    let kept = fs::read_to_string(place.0.path().join("kept.json")).expect("is written");
    let kept: Value = serde_json::from_str(&kept).expect("is JSON");
    assert_eq!(revisions(&kept), ["2025-06-18"]);
    let rerun = kept["runs"][0]["results"][0]["rerun"].as_str().unwrap_or_default();
    assert!(
        rerun.starts_with("mcp-litmus run --revision 2025-06-18 --select 'errors/") && rerun.ends_with('\''),
        "{rerun}"
    );

    let environment = [("LITMUS_REVISION", "2025-11-25 2024-11-05"), ("LITMUS_CALL_TOOLS", "none")];
    assert_eq!(revisions(&place.report(&[], &environment)), ["2024-11-05", "2025-11-25"]);
    assert_eq!(revisions(&place.report(&["--revision", "2025-03-26"], &environment)), ["2025-03-26"]);
    assert_eq!(place.report(&["--demo"], &environment)["target"]["name"], "demo");
}

#[test]
fn one_of_several_targets_is_chosen() {
    let place = Place::new(
        "[targets.old]\ncommand = [\"./litmus\", \"serve\", \"--revision\", \"2024-11-05\"]\n\
         [targets.new]\ncommand = [\"./litmus\", \"serve\", \"--revision\", \"2026-07-28\"]\n\
         [targets.hosted]\nurl = \"${LITMUS_NO_URL}\"\nheaders = { A = \"${LITMUS_NO_TOKEN}\" }\n[checks]\nselect = [\"errors\"]\n",
    );
    let report = place.report(&["--target", "old"], &[]);
    assert_eq!((report["target"]["name"].as_str(), revisions(&report)), (Some("old"), vec!["2024-11-05"]));
    assert_eq!(revisions(&place.report(&[], &[("LITMUS_TARGET", "new")])), ["2026-07-28"]);
    let rerun = report["runs"][0]["results"][0]["rerun"].as_str().unwrap_or_default();
    assert!(rerun.ends_with(" --target old"), "{rerun}");
    assert_eq!(revisions(&place.report(&["--target", "new", "--target", "old"], &[])), ["2024-11-05", "2026-07-28"]);
    let only = Place::new(
        "[target]\ncommand = [\"./litmus\", \"serve\", \"--revision\", \"${SPOKEN}\"]\n[checks]\nselect = [\"errors\"]\n",
    );
    for words in [&[][..], &["--target", "all"]] {
        assert_eq!(revisions(&only.report(words, &[("SPOKEN", "2025-06-18")])), ["2025-06-18"]);
    }
    let mistakes = [&[][..], &["--target", "odl"], &["--target", "old", "--demo"], &["--settings", "missing.toml"]];
    let pages = mistakes.map(|arguments| {
        let (code, stdout, stderr) = place.run(arguments, &[]);
        assert_eq!((code, stdout.as_str()), (2, ""));
        stderr
    });
    assert_page!("settings-targets", pages.join("\n"));
}

#[test]
fn a_tool_with_arguments_of_its_own_may_be_called() {
    let target = "[target]\ncommand = [\"./litmus\", \"serve\", \"--revision\", \"2025-06-18\"]\n[checks]\nselect = [\"resources\"]\n";
    let notes = |settings: String| Place::new(&settings).report(&[], &[])["notes"].to_string();
    let left = |notes: &str| notes.trim_start_matches("[\"").split(' ').next().and_then(|n| n.parse::<u32>().ok());
    let before = notes(target.to_owned());
    let tool = "touch";
    let after = notes(format!("{target}[arguments.{tool}]\n"));
    assert_eq!(left(&after).map(|left| left + 1), left(&before), "{before} {after}");
}

#[test]
fn secrets_are_in_no_report() {
    let settings = "[target]\ncommand = [\"sh\", \"-c\", \"echo \\\"key $API_KEY, cut ${API_KEY#?}\\\" >&2; echo \\\"$API_KEY\\\"\", \"${SECRET}\"]\n\
                    env = { API_KEY = \"${SECRET}\" }\n[checks]\nselect = [\"always/*\", \"lifecycle\"]\nrevisions = [\"2025-06-18\"]\n\
                    [reports]\njunit = \"a.xml\"\njson = \"a.json\"\nsarif = \"a.sarif\"\nhtml = \"a.html\"\nmarkdown = \"a.md\"\nevents = \"a.jsonl\"\n";
    let place = Place::new(settings);
    let (code, stdout, stderr) = place.run(&["--verbose", "--timeout", "2s"], &[("SECRET", SECRET)]);
    assert_eq!(code, 1, "{stdout}{stderr}");
    let mut pages = vec![("stdout".to_owned(), stdout.clone()), ("stderr".to_owned(), stderr)];
    for name in ["a.xml", "a.json", "a.sarif", "a.html", "a.md", "a.jsonl"] {
        pages.push((name.to_owned(), fs::read_to_string(place.0.path().join(name)).expect("is written")));
    }
    for (name, page) in &pages {
        assert!(!page.contains("hunter2"), "{name}: {page}");
    }
    assert!(stdout.contains("${SECRET}"), "{stdout}");
}

#[test]
fn secrets_of_the_command_line_are_in_no_report() {
    let place = Place::new("");
    let script = "echo \"key $API_KEY\" >&2; echo \"$API_KEY\"";
    let arguments = ["--env", "API_KEY=hunter2-typed", "--verbose", "--select", "lifecycle", "--", "sh", "-c", script];
    let (code, stdout, stderr) = place.run(&arguments, &[]);
    assert_eq!((code, stdout.contains("hunter2") || stderr.contains("hunter2")), (1, false), "{stdout}{stderr}");
}

#[test]
fn mistakes_are_told_with_their_places() {
    let mistakes = [
        "[target]\ncommand = [\"x\"\nurl = 1\n",
        "[target]\ncomand = [\"x\"]\nurl = \"${LITMUS_NOT_SET}\"\nenv = {}\n[chekcs]\n[pace]\ntimeout = 10\njobs = 0\n",
        "[target]\ncommand = \"node\"\nheaders = { A = \"b\" }\n[checks]\ncall-tools = \"some\"\nselect = \"x\"\nrevisions = [\"2025-06-19\"]\n",
        "[target]\nurl = \"localhost\"\nheaders = { \"A b\" = \"c\", D = 1 }\n[reports]\npdf = \"x\"\njson = 1\n[arguments]\necho = 1\n",
        "target = 1\nchecks = 2\n[targets]\nx = {}\n",
        "[target]\ncommand = [\"x\"]\ncwd = \"no/such/folder\"\n",
        "[target]\ncommand = [\"x\"]\n[checks]\nselect = [\"errors\", \"erors/*\"]\nskip = [\"nothing\"]\n",
    ];
    let pages = mistakes.map(|text| {
        let (code, stdout, stderr) = Place::new(text).run(&[], &[]);
        assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
        stderr
    });
    assert_page!("settings-mistakes", pages.join("\n"));
    let place = Place::new("[checks]\nselect = [\"errors\"]\n");
    assert_page!(
        "settings-environment",
        place.run(&["--demo"], &[("LITMUS_TIMEOUT", "soon")]).2
            + &place.run(&["--demo"], &[("LITMUS_REVISION", "1")]).2
    );
}

#[test]
fn init_writes_what_run_reads_and_overwrites_nothing() {
    let place = Place::new("");
    let folder = place.0.path();
    let init = |arguments: &[&str]| {
        let output = Command::new(PROGRAM).current_dir(folder).arg("init").args(arguments).output().expect("starts");
        let text = |bytes| String::from_utf8(bytes).expect("is UTF-8");
        format!("exit {}\n{}{}", output.status.code().expect("exits"), text(output.stdout), text(output.stderr))
    };
    let there = init(&["--ci", "github"]);
    assert!(
        fs::read_to_string(folder.join("litmus.toml")).expect("is there").is_empty()
            && !folder.join(".github").exists()
    );
    fs::remove_file(folder.join("litmus.toml")).expect("is there");
    let server = ["--", "./litmus", "serve", "--revision", "2025-06-18"];
    let github = init(&[&["--ci", "github"], &server[..]].concat());
    assert!(folder.join(".github/workflows/mcp-litmus.yml").exists());
    assert_eq!(revisions(&place.report(&["--select", "errors"], &[])), ["2025-06-18"]);
    fs::remove_file(folder.join("litmus.toml")).expect("is there");
    let gitlab = init(&["--ci", "gitlab", "--url", "http://127.0.0.1:1/mcp"]);
    assert!(
        fs::read_to_string(folder.join("litmus.toml")).expect("is there").contains("url = \"http://127.0.0.1:1/mcp\"")
    );
    fs::remove_file(folder.join("litmus.toml")).expect("is there");
    let wrong = init(&["--url", "localhost"]);
    let bare = init(&[]);
    assert_eq!(place.report(&["--demo", "--select", "errors"], &[])["target"]["name"], "demo");
    assert_page!("init", [there, github, gitlab, wrong, bare].join("\n"));
}
