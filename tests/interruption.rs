//! What a run leaves that does not come to its end: signals, full disks, readers that go away.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process_group};
use serde_json::Value;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mcp-litmus");

/// Every format, and what says in it that not all was checked.
const REPORTS: [(&str, &str); 6] = [
    ("junit", "<error type=\"partial\""),
    ("json", "\"partial\": true"),
    ("sarif", "\"executionSuccessful\": false"),
    ("html", "\"partial\":true"),
    ("markdown", "## ❌ MCP conformance: interrupted, not all was checked"),
    ("codequality", "The run was interrupted"),
];

/// A folder to work in.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The program in this folder, with nothing of this machine's terminal about it.
    fn program(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).current_dir(self.0.path()).stdin(Stdio::null()).env("NO_COLOR", "1");
        command
    }

    /// What is there beside what the target leaves.
    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).expect("is there").flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.retain(|name| !["pids", "broken"].contains(&&**name) && !name.starts_with("heard."));
        names.sort();
        names
    }

    /// Starts a run with every report against a server that hangs in the middle, and waits until it does.
    fn hanging(&self) -> Child {
        let mut options = vec!["run".to_owned(), "--select".to_owned(), "errors".to_owned()];
        for (format, _) in REPORTS {
            options.extend(["--report".to_owned(), format!("{format}={format}.report")]);
        }
        options.extend(["--events", "events.jsonl"].map(str::to_owned));
        let options: Vec<_> = options.iter().map(String::as_str).collect();
        self.hanging_at("litmus/no-such-method", &options)
    }

    /// Starts the program against a server that hangs when it is asked for a method, and waits until it does.
    fn hanging_at(&self, method: &str, options: &[&str]) -> Child {
        let broken = format!("- {{fails: [house.survives], when: {{method: {method}}}, hang: true}}\n");
        fs::create_dir(self.path("broken")).expect("is made");
        fs::write(self.path("broken/hang.broken.yaml"), broken).expect("is written");
        // Each server leaves its process id, and a mark when it is asked for what it will not answer.
        let server = format!(
            "echo $$ >> pids; exec tee heard.$$ | {PROGRAM} serve --broken broken/hang.broken.yaml --revision 2025-06-18"
        );
        let mut command = self.program(options);
        command.args(["--timeout", "60s", "--revision", "2025-06-18", "--", "sh", "-c", &server]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        while !self.heard(method) {
            assert!(child.try_wait().expect("is ours").is_none(), "ended too early");
            thread::yield_now();
        }
        child
    }

    fn heard(&self, method: &str) -> bool {
        let files = fs::read_dir(self.0.path()).expect("is there").flatten().map(|entry| entry.path());
        let mut heard =
            files.filter(|path| path.file_name().is_some_and(|n| n.to_string_lossy().starts_with("heard.")));
        heard.any(|path| fs::read_to_string(path).unwrap_or_default().contains(method))
    }

    fn assert_no_server_lives(&self) {
        for server in self.read("pids").lines() {
            assert_gone(Pid::from_raw(server.parse().expect("a number")).expect("not 0"));
        }
    }
}

/// What was killed is gone once the system's first process has reaped it, which it does in its own time.
fn assert_gone(group: Pid) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while test_kill_process_group(group).is_ok() {
        assert!(Instant::now() < deadline, "{group:?} lives");
        thread::yield_now();
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("is UTF-8")
}

#[test]
fn a_signal_leaves_partial_reports_and_no_process() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let place = Place::new();
        let child = place.hanging();
        kill_process(Pid::from_child(&child), signal).expect("is there");
        let output = child.wait_with_output().expect("ends");
        assert_eq!((output.status.code(), &*text(&output.stderr)), (Some(code), ""));
        let last = text(&output.stdout).lines().last().map(str::to_owned).unwrap_or_default();
        assert!(last.starts_with("interrupted, not all was checked: "), "{last}");
        for (format, partial) in REPORTS {
            let report = place.read(&format!("{format}.report"));
            assert!(report.contains(partial), "{format}: {report}");
            if ["json", "sarif", "codequality"].contains(&format) {
                serde_json::from_str::<Value>(&report).expect("is whole");
            }
        }
        let mut names = REPORTS.map(|(format, _)| format!("{format}.report")).to_vec();
        names.push("events.jsonl".to_owned());
        names.sort();
        assert_eq!(place.files(), names, "no draft is left");
        assert!(place.read("events.jsonl").lines().last().is_some_and(|line| line.contains("\"partial\":true")));
        place.assert_no_server_lives();
    }
}

#[test]
fn what_is_interrupted_makes_no_snapshot_and_no_certificate() {
    for (words, method, kept) in [
        (["snapshot", "--dir", "made"], "tools/list", None),
        (["snapshot", "--dir", "made"], "tools/list", Some("old")),
        (["certify", "--out", "made"], "litmus/no-such-method", None),
    ] {
        let place = Place::new();
        if let Some(text) = kept {
            fs::create_dir(place.path("made")).expect("is made");
            fs::write(place.path("made/kept.snap"), text).expect("is written");
        }
        let child = place.hanging_at(method, &words);
        kill_process(Pid::from_child(&child), Signal::INT).expect("is there");
        let output = child.wait_with_output().expect("ends");
        assert_eq!(output.status.code(), Some(130), "{output:?}");
        assert_eq!(place.files().is_empty(), kept.is_none(), "{words:?}");
        if let Some(text) = kept {
            assert_eq!(place.read("made/kept.snap"), text);
            assert_eq!(fs::read_dir(place.path("made")).expect("is there").count(), 1);
        }
        place.assert_no_server_lives();
    }
}

/// Whoever is killed cannot clean up; what was kept until then can be read, and the servers find their input closed.
#[test]
fn what_is_killed_leaves_events_that_can_be_read() {
    let place = Place::new();
    let mut child = place.hanging();
    child.kill().and_then(|()| child.wait()).expect("ends");
    assert_eq!(place.files(), ["events.jsonl"], "nothing is half written");
    let output = place.program(&["report", "events.jsonl"]).output().expect("starts");
    assert!(text(&output.stdout).contains("interrupted, not all was checked: "), "{output:?}");
}

#[test]
fn a_signal_ends_a_run_over_several_servers() {
    let place = Place::new();
    let settings = "[targets.slow]\ncommand = [\"sh\", \"-c\", \"echo $$ >> pids; exec sleep 600\"]\n\
                    [targets.next]\ncommand = [\"touch\", \"next\"]\n";
    fs::write(place.path("litmus.toml"), settings).expect("is written");
    let options = ["run", "--target", "all", "--report", "json=report.json"];
    let mut child = place.program(&options).stdout(Stdio::null()).spawn().expect("starts");
    while !place.path("pids").exists() {
        assert!(child.try_wait().expect("is ours").is_none(), "ended too early");
        thread::yield_now();
    }
    kill_process(Pid::from_child(&child), Signal::INT).expect("is there");
    assert_eq!(child.wait().expect("ends").code(), Some(130));
    let report: Value = serde_json::from_str(&place.read("report.json")).expect("is JSON");
    assert_eq!((&report["partial"], &report["target"]["name"]), (&Value::from(true), &Value::from("slow")));
    assert_eq!(place.files(), ["litmus.toml", "report.json"], "the next one is not begun");
    place.assert_no_server_lives();
}

#[test]
fn a_full_disk_spoils_no_report_that_was_there() {
    let place = Place::new();
    fs::write(place.path("report.json"), "old").expect("is written");
    // A bound on the size of files fails as a full disk does, for everything that is longer than 8 or 16 KiB.
    let script = "trap '' XFSZ; ulimit -f 16; exec \"$@\"";
    let options = ["run", "--demo", "--select", "errors", "--events", "events.jsonl", "--report", "json=report.json"];
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh", PROGRAM]).args(options).args(["--report", "markdown=report.md"]);
    let Output { status, stdout, stderr } = command.current_dir(place.0.path()).output().expect("starts");
    let (stdout, stderr) = (text(&stdout), text(&stderr));
    assert_eq!(status.code(), Some(4), "{stdout}{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.starts_with("error: cannot write the events to `events.jsonl`: File too large"), "{stderr}");
    assert_eq!(place.read("report.json"), "old");
    assert!(place.read("report.md").contains("conforms") && stdout.contains("conforms"), "others go on");
    assert_eq!(place.files(), ["events.jsonl", "report.json", "report.md"], "no draft is left");
    let output = place.program(&["report", "events.jsonl"]).output().expect("starts");
    assert!(text(&output.stdout).contains("interrupted, not all was checked: "), "{output:?}");
}

#[test]
fn a_full_device_is_told() {
    let place = Place::new();
    let full = || fs::File::options().write(true).open("/dev/full").expect("Linux has it");
    let demo = ["run", "--demo", "--select", "errors"];
    let output = place.program(&demo).stdout(full()).output().expect("starts");
    let told = "error: cannot write the report: No space left on device (os error 28)\n";
    assert_eq!((output.status.code(), &*text(&output.stderr)), (Some(4), told));
    let options = [&demo[..], &["--report", "json=/dev/full", "--report", "junit=junit.xml"]].concat();
    let output = place.program(&options).output().expect("starts");
    let told = "error: cannot write the json report to `/dev/full`: No space left on device (os error 28)\n";
    assert_eq!((output.status.code(), &*text(&output.stderr)), (Some(4), told));
    assert!(place.read("junit.xml").ends_with("</testsuites>\n") && text(&output.stdout).contains("conforms"));
    for arguments in [&["list"][..], &["coverage"], &["man"], &["completions", "bash"]] {
        let output = place.program(arguments).stdout(full()).output().expect("starts");
        assert_eq!(output.status.code(), Some(4), "{arguments:?}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_accident() {
    let place = Place::new();
    let run = ["run", "--demo", "--select", "errors", "--report", "json=report.json"];
    for arguments in [&run[..], &["list"], &["--help"], &["coverage"]] {
        // Nobody reads from the first byte on: a pipe would hold what is short.
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let child = place.program(arguments).stdout(writer).stderr(Stdio::piped()).spawn().expect("the program starts");
        let output = child.wait_with_output().expect("ends");
        assert_eq!((output.status.code(), &*text(&output.stderr)), (Some(141), ""), "{arguments:?}");
    }
    let report: Value = serde_json::from_str(&place.read("report.json")).expect("is whole");
    assert_eq!(report["partial"], false);
}

/// A panic is ours: exit code 4, in one sentence, whatever else was going on. The test starts itself anew to see that.
#[test]
fn a_panic_is_a_fault_of_ours() {
    const PANICS: &str = "LITMUS_TEST_PANICS";
    let name = "a_panic_is_a_fault_of_ours";
    if let Ok(place) = std::env::var(PANICS) {
        let in_thread = place == "thread";
        let words = ["mcp-litmus", "completions", "bash"].into_iter().map(std::ffi::OsString::from);
        let words = words.inspect(move |word| {
            assert!(in_thread || word != "bash", "made for a test");
            if in_thread && word == "bash" {
                assert!(thread::spawn(|| panic!("made for a test")).join().is_err());
            }
        });
        let code = mcp_litmus::cli::main(words);
        let ended = format!("{code:?}") == format!("{:?}", std::process::ExitCode::from(4));
        fs::write(Path::new(&std::env::var("LITMUS_TEST_PLACE").expect("is set")), ended.to_string())
            .expect("is written");
        return;
    }
    for thread in ["main", "thread"] {
        let place = Place::new();
        let test = std::env::current_exe().expect("is known");
        let mut command = Command::new(test);
        command
            .args(["--exact", name, "--nocapture"])
            .env(PANICS, thread)
            .env("LITMUS_TEST_PLACE", place.path("ended"));
        let output = command.output().expect("starts");
        assert_eq!(place.read("ended"), "true", "{output:?}");
        let told = "error: mcp-litmus itself failed at tests/interruption.rs:";
        assert!(text(&output.stderr).contains(told), "{output:?}");
    }
}
