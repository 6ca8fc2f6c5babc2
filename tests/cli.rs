//! The program as its users meet it: what is printed, what is written, and how it ends.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mcp-litmus");

macro_rules! assert_page {
    ($name:expr, $page:expr) => {
        insta::with_settings!({
            snapshot_path => "../snapshots/cli", prepend_module_to_snapshot => false, omit_expression => true
        }, { insta::assert_snapshot!($name, $page) })
    };
}

/// The program with nothing of this machine's terminal about it.
fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).stdin(Stdio::null()).env("NO_COLOR", "1");
    command
}

fn litmus(arguments: &[&str]) -> Output {
    program(arguments).output().expect("the program starts")
}

/// Exit code, standard output and standard error on one page.
fn page(arguments: &[&str]) -> String {
    let Output { status, stdout, stderr } = litmus(arguments);
    let text = |bytes| String::from_utf8(bytes).expect("is UTF-8").replace(PROGRAM, "mcp-litmus");
    format!("exit {}\n-- stdout\n{}-- stderr\n{}", status.code().expect("exits"), text(stdout), text(stderr))
}

/// Runs the checks and returns the exit code and the JSON report.
fn report(arguments: &[&str], target: &[&str]) -> (i32, Value) {
    let all = [&["run", "--quiet", "--report", "json=-"], arguments, target].concat();
    let output = litmus(&all);
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"));
    (output.status.code().expect("exits"), report)
}

fn results(report: &Value) -> impl Iterator<Item = &Value> {
    report["runs"].as_array().into_iter().flatten().flat_map(|run| run["results"].as_array().into_iter().flatten())
}

/// A target that is no server: nothing passes, one check fails and says why, and all others name it.
#[track_caller]
fn assert_one_cause(arguments: &[&str], target: &[&str], cause: &str) {
    let (code, report) = report(arguments, target);
    assert_eq!(code, 1, "{report:#}");
    let of = |verdict: &str| results(&report).filter(|result| result["verdict"] == verdict).collect::<Vec<_>>();
    assert!(of("pass").is_empty(), "{report:#}");
    let failed = of("fail");
    assert_eq!(failed.len(), 1, "{report:#}");
    assert_eq!(failed[0]["requirement"], "house.starts");
    let actual = failed[0]["evidence"]["actual"].as_str().unwrap_or_default();
    assert!(actual.contains(cause), "{actual}");
    assert!(of("inconclusive").iter().all(|result| result["blame"] == failed[0]["id"]), "{report:#}");
    assert!(!of("inconclusive").is_empty());
}

#[test]
fn help_is_short_and_whole() {
    for command in [
        "run",
        "list",
        "explain",
        "coverage",
        "lint",
        "report",
        "snapshot",
        "certify",
        "verify",
        "serve",
        "init",
        "fuzz",
        "replay",
        "completions",
        "man",
    ] {
        assert_page!(format!("help-{command}"), page(&[command, "--help"]));
    }
    assert_page!("help", page(&["--help"]));
}

#[test]
fn mistakes_on_the_command_line_are_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let inside = folder.path().join("report.json");
    let inside = inside.to_str().expect("is UTF-8");
    let untouched = format!("json={inside}");
    let mistakes: &[&[&str]] = &[
        &["run"],
        &["run", "--demo", "--url", "http://127.0.0.1:1/"],
        &["run", "--demo", "--revision", "2025-06-19"],
        &["run", "--demo", "--select", "errors", "--select", "erors/*"],
        &["run", "--demo", "--skip", "nothing.at-all"],
        &["run", "--url", "localhost:3000/mcp"],
        &["run", "--url", "127.0.0.1/mcp"],
        &["run", "--url", "http://"],
        &["run", "--demo", "--report", "pdf=report.pdf"],
        &["run", "--demo", "--report", "report.json"],
        &["run", "--demo", "--report", "json="],
        &["run", "--demo", "--report", "json=no/such/folder/report.json"],
        &["run", "--demo", "--report", "json=-", "--report", "junit=-"],
        &["run", "--demo", "--report", &untouched, "--events", inside],
        &["run", "--demo", "--header", "X: y"],
        &["run", "--url", "http://127.0.0.1:1/", "--header", "Authorization Bearer secret"],
        &["run", "--url", "http://127.0.0.1:1/", "--env", "A=b"],
        &["run", "--env", "A", "--", "true"],
        &["run", "--cwd", "no/such/folder", "--", "true"],
        &["run", "--demo", "--allow-host", "auth.example.com"],
        &["run", "--url", "http://127.0.0.1:1/", "--allow-host", "https://auth.example.com/"],
        &["run", "--demo", "--profile", "xyzzy"],
        &["run", "--demo", "--calls-per-tool", "0"],
        &["run", "--demo", "--server", "x"],
        &["run", "--demo", "--timeout", "10"],
        &["run", "--demo", "--jobs", "0"],
        &["run", "--demo", "--shard", "4/3"],
        &["run", "--demo", "--scenarios", "no/such/folder"],
        &["run", "--demo", "--scenarios", "ci/peers.d/time"],
        &["run", "--demo", "--select", "{errors"],
        &["run", "--demo", "--quiet", "--verbose"],
        &["explain", "jsonrpc.eror.method-not-found"],
        &["explain", "xyzzy"],
        &["lint", "no/such/folder"],
        &["report", "no/such/file.jsonl"],
        &["list", "--select", "xyzzy"],
        &["list", "--requirements", "--select", "xyzzy"],
        &["serve", "--port", "1"],
        &["serve", "--token", "abc"],
        &["serve", "--transport", "http", "--token", "a b"],
        &["serve", "--broken", "scenarios/errors/unknown-method.broken.yaml"],
        &["serve", "--broken", "scenarios/errors/unknown-method.broken.yaml#99"],
        &["serve", "--broken", "scenarios/errors/unknown-method.broken.yaml#x"],
    ];
    let mut pages = String::new();
    for mistake in mistakes {
        let page = page(mistake).replace(folder.path().to_str().expect("is UTF-8"), "FOLDER");
        let shown = mistake.join(" ").replace(folder.path().to_str().expect("is UTF-8"), "FOLDER");
        assert!(page.starts_with("exit 2\n-- stdout\n-- stderr\n"), "{shown}: {page}");
        pages += &format!("$ mcp-litmus {shown}\n{}\n", page.trim_start_matches("exit 2\n-- stdout\n-- stderr\n"));
    }
    assert_page!("mistakes", pages);
    assert_eq!(fs::read_dir(folder.path()).expect("is there").count(), 0, "nothing is written");
}

#[test]
fn targets_that_are_not_there_are_told_in_one_sentence() {
    let folder = tempfile::tempdir().expect("a folder");
    let json = format!("json={}", folder.path().join("report.json").display());
    let events = folder.path().join("events.jsonl").display().to_string();
    let outputs = ["run", "--report", &json, "--events", &events];
    let targets: &[&[&str]] = &[
        &["--", "no-such-program-anywhere"],
        &["--", "./Cargo.toml"],
        &["--url", "http://127.0.0.1:1/mcp"],
        &["--revision", "2026-07-28", "--", PROGRAM, "serve", "--revision", "2025-06-18"],
        &["--revision", "2025-06-18", "--", PROGRAM, "serve", "--revision", "2026-07-28"],
        &["--revision", "2024-11-05", "--", PROGRAM, "serve", "--revision", "2025-06-18"],
    ];
    let pages: Vec<_> = targets.iter().map(|target| page(&[&outputs, *target].concat())).collect();
    for page in &pages {
        assert!(page.starts_with("exit 3\n-- stdout\n-- stderr\nerror: "), "{page}");
        assert_eq!(page.lines().count(), 4, "{page}");
    }
    assert_page!("not-reached", pages.join("\n"));
    assert_eq!(fs::read_dir(folder.path()).expect("is there").count(), 0, "nothing is written");
}

#[test]
fn configurations_of_clients_are_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("mcp.json");
    let write = |text: &str| fs::write(&file, text).expect("is written");
    let path = file.to_str().expect("is UTF-8");
    let good = r#"{
	// VS Code writes comments and tabs.
	"servers": {
		"good": {"type": "stdio", "command": "PROGRAM", "args": ["serve", "--tools-only", "--revision", "${LITMUS_NONE:-2025-06-18}"], "env": {"A": "b"}},
		"other": {"url": "http://127.0.0.1:1/${env:PATH}"},
	}
}"#;
    write(&good.replace("PROGRAM", PROGRAM));
    let (code, report) = report(&["--select", "errors"], &["--config", path, "--server", "good"]);
    assert_eq!(code, 0, "{report:#}");
    assert_eq!(report["target"]["name"], "good");
    assert_eq!(report["runs"].as_array().map(Vec::len), Some(1));
    let mut pages =
        page(&["run", "--config", path, "--select", "errors"]) + &page(&["run", "--config", path, "--server", "goood"]);
    for wrong in [
        "{\n\t\"mcpServers\": {\n\t\t\"a\": {\"command\": 1, \"args\": \"x\"} }\n}",
        "{\"mcpServers\": {\"a\": {\"args\": []}}}",
        "{\"mcpServers\": {\"a\": {\"command\": \"x\", \"url\": \"http://x\"}}}",
        "{\"mcpServers\": {\"a\": {\"url\": \"x\"}}}",
        "{\"mcpServers\": {\"a\": {\"url\": \"http://x\", \"headers\": {\"Authorization\": \"Bearer ${input:token}\"}}}}",
        "{\"mcpServers\": {\"a\": {\"command\": \"x\", \"env\": {\"A\": \"${LITMUS_NOT_SET}\"}}}}",
        "{\"mcpServers\": []}",
        "{\"mcpServers\": {}}",
        "{\"theme\": \"dark\"}",
        "{\"mcpServers\": {",
        "",
    ] {
        write(wrong);
        let page = page(&["run", "--config", path]);
        assert!(page.starts_with("exit 2\n-- stdout\n-- stderr\n"), "{page}");
        pages += &page;
    }
    assert_page!("configurations", pages.replace(folder.path().to_str().expect("is UTF-8"), "FOLDER"));
}

#[test]
fn the_built_in_server_conforms() {
    let (code, report) = report(&["--call-tools", "all", "--fail-on", "should"], &["--demo"]);
    let bad: Vec<_> = results(&report).filter(|r| r["verdict"] == "fail" || r["verdict"] == "inconclusive").collect();
    assert!(bad.is_empty(), "{bad:#?}");
    assert_eq!(code, 0);
    assert_eq!(report["runs"].as_array().map(Vec::len), Some(5));
}

#[test]
fn a_broken_server_is_caught() {
    let broken = "scenarios/errors/unknown-method.broken.yaml#1";
    let select = ["--select", "errors/unknown-method", "--revision", "2025-06-18"];
    let (code, report) = report(&select, &["--", PROGRAM, "serve", "--broken", broken]);
    assert_eq!(code, 1);
    let failed: Vec<_> = results(&report).filter(|result| result["verdict"] == "fail").collect();
    assert!(!failed.is_empty());
    assert!(failed.iter().all(|result| result["requirement"] == "jsonrpc.error.method-not-found"), "{failed:#?}");
}

#[test]
fn what_is_no_server_gets_no_pass_and_one_cause() {
    let timeout = ["--timeout", "300ms"];
    assert_one_cause(&[], &["--", "false"], "exited");
    // Where the check that shows the cause is not selected, the cause is told all the same.
    let unselected = page(&["run", "--select", "errors", "--", "sh", "-c", "echo boom >&2; exit 3"]);
    assert!(unselected.starts_with("exit 1\n"), "{unselected}");
    for text in ["standard error: boom", "exited with code 3"] {
        assert!(unselected.replace("\n    ", " ").contains(text), "{unselected}");
    }
    assert_one_cause(&timeout, &["--", "cat"], "sends back what it is sent");
    assert_one_cause(&timeout, &["--", "yes"], "begins with \"y\"");
    assert_one_cause(&timeout, &["--", "sh", "-c", "cat >/dev/null"], "no answer within");
    assert_one_cause(&timeout, &["--", "sh", "-c", "echo Listening on port 8080; cat >/dev/null"], "Listening on port");
}

#[test]
fn a_web_server_that_always_fails_gets_no_pass_and_one_cause() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/mcp", listener.local_addr().expect("an address"));
    // The thread ends with the process of the test.
    thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut socket = socket;
                // Reads what comes at once; the answer closes the connection.
                let _ = socket.read(&mut [0; 16 << 10]);
                let _ = socket.write_all(b"HTTP/1.1 500 Oops\r\nContent-Length: 4\r\nConnection: close\r\n\r\noops");
            });
        }
    });
    assert_one_cause(&["--timeout", "2s"], &["--url", &url], "HTTP 500");
}

#[test]
fn kept_events_make_the_same_report() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (events, first, second) = (path("events.jsonl"), path("first.json"), path("second.json"));
    let run = ["run", "--demo", "--select", "errors", "--quiet", "--events", &events];
    assert!(litmus(&[&run[..], &["--report", &format!("json={first}")]].concat()).status.success());
    assert!(litmus(&["report", &events, "--report", &format!("json={second}")]).stdout.is_empty());
    let read = |file: &str| fs::read_to_string(file).expect("is written");
    assert_eq!(read(&first), read(&second));
    assert!(String::from_utf8_lossy(&litmus(&["report", &events]).stdout).contains("conforms"));
}

#[test]
fn shards_are_joined_to_the_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let run = |arguments: &[&str], events: &str| {
        let fixed =
            ["run", "--demo", "--revision", "2025-06-18", "--revision", "2026-07-28", "--quiet", "--events", events];
        let output = litmus(&[&fixed, arguments].concat());
        assert!(output.status.success(), "{output:?}");
    };
    let parts = ["1/3", "2/3", "3/3"];
    let files: Vec<_> = parts.iter().map(|part| path(&part.replace('/', "-of-"))).collect();
    parts.iter().zip(&files).for_each(|(part, file)| run(&["--shard", part], file));
    let whole = path("whole");
    run(&[], &whole);
    let verdicts = |files: &[&str]| {
        let output = litmus(&[&["report", "--report", "json=-"], files].concat());
        let report: Value = serde_json::from_slice(&output.stdout).expect("is JSON");
        let of_run = |run: &Value| {
            let results = run["results"].as_array().into_iter().flatten();
            let mut all: Vec<_> = results.map(|one| format!("{} {}", one["id"], one["verdict"])).collect();
            all.sort();
            (run["revision"].to_string(), run["summary"].clone(), all)
        };
        let runs: Vec<_> = report["runs"].as_array().into_iter().flatten().map(of_run).collect();
        (runs, report["notes"].clone())
    };
    let one = verdicts(&[&files[0]]).0;
    let joined = verdicts(&files.iter().map(String::as_str).collect::<Vec<_>>());
    let whole = verdicts(&[&whole]);
    assert_eq!(joined, whole);
    let count = |runs: &[(String, Value, Vec<String>)]| runs.iter().map(|(_, _, all)| all.len()).sum::<usize>();
    // Watchers are in every part.
    assert!(count(&one) < count(&whole.0), "{} of {}", count(&one), count(&whole.0));
}

#[test]
fn the_built_in_server_is_served() {
    let mut stdio = program(&["serve"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("starts");
    let mut input = stdio.stdin.take().expect("is piped");
    input.write_all(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n").expect("is read");
    drop(input);
    let output = stdio.wait_with_output().expect("ends with its input");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n");

    let mut http = program(&["serve", "--transport", "http"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("starts");
    let mut url = String::new();
    BufReader::new(http.stdout.take().expect("is piped")).read_line(&mut url).expect("is told");
    let (code, report) = report(&["--select", "errors"], &["--url", url.trim()]);
    kill_process(Pid::from_child(&http), Signal::INT).expect("is there");
    assert_eq!(http.wait().expect("ends").code(), Some(130));
    assert_eq!(code, 0, "{report:#}");
}

#[test]
fn explanations_and_lists_are_readable() {
    // Which scenarios prove it changes with every scenario.
    let explained =
        |id| page(&["explain", id]).split("  proved by").next().map(str::to_owned).expect("has a beginning");
    assert_page!("explain-requirement", explained("jsonrpc.message.utf8"));
    assert_page!("explain-check", explained("errors/unknown-method#house.survives[plain]"));
    assert_page!("explain-scenario", explained("errors/unknown-method"));
    assert_page!("list", page(&["list", "--select", "errors/unknown-method"]));
    assert_page!("list-json", page(&["list", "--select", "errors/unknown-method#*[plain]", "--format", "json"]));
    assert_page!("list-requirements", page(&["list", "--requirements", "--select", "stdio.*"]));
}

/// Correct behaviours that no server beside a scenario can have.
const UNSEEN_RISKS: [&str; 4] = [
    // Takes an address that is not of this machine.
    "http.bind.localhost",
    // Takes a client that resumes a stream whose response it has; a unit test shows it.
    "jsonrpc.response.at-most-one",
    // Looks like a server that knows nothing of the member.
    "meta.response.server-info",
    // Takes a launcher that keeps its input to itself.
    "stdio.exit-on-eof",
];

#[test]
fn coverage_counts_what_binds_and_can_be_seen() {
    let output = litmus(&["coverage", "--format", "json"]);
    let coverage: Value = serde_json::from_slice(&output.stdout).expect("is JSON");
    let revisions = coverage["revisions"].as_object().expect("by revision");
    assert_eq!(revisions.len(), 5);
    for (revision, numbers) in revisions {
        let number = |key: &str| numbers[key].as_u64().expect("a number");
        let missing = numbers["missing"].as_array().expect("a list");
        assert_eq!(number("observable"), number("proved") + missing.len() as u64, "{revision}");
        assert!(missing.iter().all(|one| one["id"].is_string() && one["why"].is_string()));
        // Whoever lets this fall has taken a check away, or a broken server that showed that it works.
        let proved = number("proved") * 100;
        assert!(proved >= number("observable") * 95, "{revision}: {proved} in 100 of {}", number("observable"));
        for (transport, numbers) in numbers["transports"].as_object().expect("by transport") {
            let number = |key: &str| numbers[key].as_u64().expect("a number");
            assert!(number("proved") * 100 >= number("observable") * 95, "{revision} {transport}: {numbers}");
        }
        let open = numbers["risks"]["missing"].as_array().expect("a list");
        assert!(
            open.iter().all(|one| UNSEEN_RISKS.contains(&one["id"].as_str().expect("a text"))),
            "{revision}: {open:?}"
        );
    }
}
