//! The fuzzer as its users meet it, against real processes: what it finds in servers with one fault, that it finds nothing in one
//! without, and that nothing is lost however it ends.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mcp-litmus");

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).stdin(Stdio::null()).env("NO_COLOR", "1");
    command
}

/// Fuzzes into a folder with one worker and without coverage, and says how it ended and what was told.
fn fuzz(out: &Path, arguments: &[&str], target: &[&str]) -> (i32, String) {
    let out = out.to_str().expect("is text");
    let usual = ["fuzz", "--jobs", "1", "--coverage", "off", "--seed", "1", "--out", out];
    told(&program(&[&usual, arguments, target].concat()).output().expect("the program starts"))
}

fn told(output: &Output) -> (i32, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout) + &text(&output.stderr))
}

/// The findings of an oracle in a folder.
fn found(out: &Path, oracle: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(out).expect("is a folder").map(|entry| entry.expect("is read").path());
    let is_of = |file: &PathBuf| {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(oracle) && name.ends_with(".yaml")
    };
    files.filter(is_of).collect()
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// A built-in server that is broken as the YAML says, as the words of a target.
fn broken(folder: &Path, yaml: &str) -> Vec<String> {
    let folder = folder.join("area");
    fs::create_dir_all(&folder).expect("is made");
    let file = folder.join("one.broken.yaml");
    fs::write(&file, yaml).expect("is written");
    ["--", PROGRAM, "serve", "--broken", file.to_str().expect("is text")].map(str::to_owned).to_vec()
}

/// Fuzzes a broken server until its fault is found; then says that the finding is a scenario, and replays on both servers.
#[track_caller]
fn assert_found(yaml: &str, oracle: &str, arguments: &[&str]) {
    let folder = folder();
    let target = broken(folder.path(), yaml);
    let target: Vec<&str> = target.iter().map(String::as_str).collect();
    let out = folder.path().join("findings");
    let (code, text) = fuzz(&out, &[&["--execs", "400"], arguments].concat(), &target);
    assert_eq!(code, 1, "{text}");
    let files = found(&out, oracle);
    assert!(!files.is_empty(), "{text}");
    let file = files[0].to_str().expect("is text");
    let (code, mistakes) = told(&program(&["lint", file]).output().expect("starts"));
    assert_eq!(code, 0, "{mistakes}\n{}", fs::read_to_string(file).expect("is read"));
    // As the run itself says it is replayed.
    let rerun = text.lines().find_map(|line| line.trim().strip_prefix("rerun")?.trim().strip_prefix("mcp-litmus "));
    let rerun: Vec<&str> = rerun.expect("is told").split(' ').collect();
    let (code, text) = told(&program(&rerun).output().expect("starts"));
    assert!(code == 1 && text.contains("STILL THERE"), "{text}");
    let (code, text) = told(&program(&["replay", file, "--", PROGRAM, "serve"]).output().expect("starts"));
    assert!(code == 0 && text.contains("FIXED"), "{text}");
}

#[test]
fn a_death_is_found() {
    assert_found("- {fails: [house.survives], when: {method: completion/complete}, exit: 3}", "died", &[]);
}

#[test]
fn a_death_after_more_than_is_judged_as_a_whole_is_found() {
    let folder = folder();
    let arguments = ["--time", "15s", "--oracle", "died"];
    let (code, text) = fuzz(folder.path(), &arguments, &["--", "python3", "tests/data/dies_late.py"]);
    assert!(code == 1 && text.contains("the server exited with code 3"), "{code}: {text}");
    assert_eq!(found(folder.path(), "died").len(), 1, "{text}");
}

#[test]
fn noise_is_found() {
    assert_found(
        "- {fails: [stdio.stdout.only-messages], when: {method: prompts/get}, print: \"hello\\n\"}",
        "noise",
        &["--oracle", "noise"],
    );
}

#[test]
fn accepted_arguments_are_found() {
    let yaml = fs::read_to_string("scenarios/tools/validation.broken.yaml").expect("is there");
    let first = yaml.split("\n- ").next().expect("has one");
    assert_found(first, "accepted-invalid", &["--oracle", "accepted-invalid", "--call-tools", "all"]);
}

#[test]
fn silence_is_found_and_told_from_a_hang() {
    let yaml = "- {fails: [house.survives], when: {method: completion/complete}, silent: true}";
    assert_found(yaml, "unanswered", &["--timeout", "1s", "--oracle", "unanswered", "--oracle", "hang"]);

    let folder = folder();
    let (code, text) = fuzz(folder.path(), &["--timeout", "1s", "--execs", "60"], &["--", "sh", "tests/data/hangs.sh"]);
    assert_eq!(code, 1, "{text}");
    assert_eq!((found(folder.path(), "hang").len(), found(folder.path(), "died").len()), (1, 0), "{text}");
}

#[test]
fn nothing_is_found_in_a_server_without_faults() {
    for revision in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"] {
        let folder = folder();
        let arguments = ["--revision", revision, "--execs", "400", "--call-tools", "all"];
        let (code, text) = fuzz(folder.path(), &arguments, &["--demo"]);
        assert_eq!(code, 0, "{revision}: {text}");
        assert!(!folder.path().join("unreproduced").exists(), "{revision}: {text}");
    }
}

/// The built-in server over HTTP, and its address. Ended when dropped.
struct Served(Child, String);

impl Served {
    fn start(arguments: &[&str]) -> Self {
        let mut command = program(&[&["serve", "--transport", "http"], arguments].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("is piped")).read_line(&mut line).expect("is told");
        Self(child, line.trim().to_owned())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn nothing_is_found_over_http_either() {
    let served = Served::start(&[]);
    for revision in ["2025-03-26", "2025-11-25", "2026-07-28"] {
        let folder = folder();
        let arguments = ["--revision", revision, "--execs", "250", "--call-tools", "all"];
        let (code, text) = fuzz(folder.path(), &arguments, &["--url", &served.1]);
        assert_eq!(code, 0, "{revision}: {text}");
    }
}

#[test]
fn the_same_seed_makes_the_same_inputs() {
    let folder = folder();
    let corpus = |name: &str| -> BTreeSet<_> {
        let out = folder.path().join(name);
        // One thing after another, so that chance is all that can differ.
        let server = concat!(env!("CARGO_MANIFEST_DIR"), "/ci/planted/python/control.py");
        let (code, text) = fuzz(&out, &["--execs", "2000"], &["--", "python3", server]);
        assert_eq!(code, 0, "{text}");
        let files = fs::read_dir(out.join("corpus")).expect("is there");
        files.map(|file| file.expect("is read").file_name()).collect()
    };
    let first = corpus("a");
    assert!(first.len() > 20, "{}", first.len());
    assert_eq!(first, corpus("b"));
}

/// The processes that a process has started, and those that they have.
fn below(process: u32) -> Vec<u32> {
    let path = format!("/proc/{process}/task/{process}/children");
    let children = fs::read_to_string(path).unwrap_or_default();
    let children: Vec<u32> = children.split_whitespace().filter_map(|id| id.parse().ok()).collect();
    children.iter().flat_map(|child| std::iter::once(*child).chain(below(*child))).collect()
}

fn wait_for(what: &str, mut is_there: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_there() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::yield_now();
    }
}

fn signal(process: u32, signal: Signal) {
    let process = Pid::from_raw(process.try_into().expect("is a number")).expect("is one");
    kill_process(process, signal).expect("is there");
}

fn is_gone(process: u32) -> bool {
    let pid = Pid::from_raw(process.try_into().expect("is a number")).expect("is one");
    let state = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    test_kill_process(pid).is_err() || state.rsplit(')').next().is_some_and(|rest| rest.trim().starts_with('Z'))
}

fn start(out: &Path, arguments: &[&str]) -> Child {
    let out = out.to_str().expect("is text");
    let usual = ["fuzz", "--demo", "--jobs", "1", "--coverage", "off", "--out", out];
    let mut command = program(&[&usual, arguments].concat());
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts")
}

fn inputs(out: &Path) -> usize {
    fs::read_dir(out.join("corpus")).map_or(0, Iterator::count)
}

#[cfg(target_os = "linux")]
#[test]
fn what_is_killed_leaves_no_process_and_goes_on_the_next_time() {
    let folder = folder();
    let mut child = start(folder.path(), &["--time", "5m"]);
    wait_for("a corpus grows", || inputs(folder.path()) > 10);
    let others = below(child.id());
    assert!(others.len() >= 2, "a worker and its target: {others:?}");
    signal(child.id(), Signal::KILL);
    child.wait().expect("is reaped");
    wait_for("workers and targets end", || others.iter().all(|&process| is_gone(process)));
    let before = inputs(folder.path());
    let parts = fs::read_dir(folder.path().join("corpus")).expect("is there");
    let whole = parts.filter(|file| !file.as_ref().expect("is read").file_name().to_string_lossy().ends_with(".part"));
    assert!(whole.count() > 10);
    let (code, text) = fuzz(folder.path(), &["--execs", "300"], &["--demo"]);
    assert_eq!(code, 0, "{text}");
    assert!(inputs(folder.path()) > before / 2, "{before} inputs, then {}", inputs(folder.path()));
}

#[cfg(target_os = "linux")]
#[test]
fn a_worker_that_dies_is_replaced_and_an_interruption_leaves_a_report() {
    let folder = folder();
    let report = folder.path().join("report.json");
    let wanted = format!("json={}", report.display());
    let mut child = start(folder.path(), &["--time", "5m", "--report", &wanted]);
    wait_for("a worker starts", || inputs(folder.path()) > 3);
    let worker = below(child.id())[0];
    signal(worker, Signal::KILL);
    let mut stderr = BufReader::new(child.stderr.take().expect("is piped"));
    let mut told = String::new();
    wait_for("it is told", || {
        let read = stderr.read_line(&mut told).expect("is read");
        told.contains("was started again") || read == 0
    });
    assert!(told.contains("was started again"), "{told}");
    wait_for("another worker starts", || below(child.id()).iter().any(|&process| process != worker));
    signal(child.id(), Signal::INT);
    let status = child.wait().expect("ends");
    assert_eq!(status.code(), Some(130));
    let report: serde_json::Value = serde_json::from_slice(&fs::read(&report).expect("is there")).expect("is JSON");
    assert_eq!(report["runs"][0]["summary"]["fail"], 0, "{report}");
}

#[test]
fn other_peoples_servers_are_left_alone() {
    let folder = folder();
    let (code, text) = fuzz(folder.path(), &[], &["--url", "http://192.0.2.1/mcp"]);
    assert!(code == 2 && text.contains("--allow-remote"), "{text}");
    let (code, text) = fuzz(folder.path(), &["--no-oracle", "dies"], &["--demo"]);
    assert!(code == 2 && text.contains("session-mixup"), "{text}");
}

/// Tells by the names of its tools what it can reach: the port and the file that it is told of.
const PRISONER: &str = r#"
import json, os, socket, sys
port, file = int(sys.argv[1]), sys.argv[2]
seen = []
try:
    socket.create_connection(("127.0.0.1", port), 1).close()
    seen.append("network")
except OSError:
    pass
try:
    open(file, "a").close()
    seen.append("folder")
except OSError:
    pass
open("mine", "w").close()
open(os.path.expanduser("~/mine"), "w").close()
seen.append("home" if os.listdir(".") == ["mine"] else "other")
tools = [{"name": name, "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": True}} for name in seen]
for line in sys.stdin:
    try:
        message = json.loads(line)
        method, id = message["method"], message["id"]
    except Exception:
        continue
    result = {}
    if method == "initialize":
        result = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": {"name": "prisoner", "version": "1"}}
    elif method == "tools/list":
        result = {"tools": tools}
    elif method == "tools/call":
        result = {"content": []}
    print(json.dumps({"jsonrpc": "2.0", "id": id, "result": result}), flush=True)
"#;

#[test]
fn the_sandbox_has_no_network_and_a_home_of_its_own() {
    let is_there = Command::new("bwrap").arg("--version").stdout(Stdio::null()).status().is_ok();
    if !is_there && std::env::var_os("CI").is_none() {
        writeln!(std::io::stderr(), "skipped: there is no bubblewrap (bwrap)").expect("standard error");
        return;
    }
    let folder = folder();
    let script = folder.path().join("prisoner.py");
    fs::write(&script, PRISONER).expect("is written");
    let door = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = door.local_addr().expect("an address").port().to_string();
    let file = folder.path().join("outside");
    let target = ["--", "python3", script.to_str().expect("is text"), &port, file.to_str().expect("is text")];
    let usual = ["--revision", "2025-11-25", "--execs", "5", "--oracle", "died"];
    let (code, text) = fuzz(&folder.path().join("shut"), &[&usual[..], &["--sandbox"]].concat(), &target);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("will be called, with any arguments: home."), "{text}");
    assert!(!file.exists());
    let (_, text) = fuzz(
        &folder.path().join("open"),
        &[&usual[..], &["--cwd", folder.path().to_str().expect("is text")]].concat(),
        &target,
    );
    assert!(text.contains("network, folder, other."), "{text}");
    assert!(file.exists());
}

/// Answers every `prompts/get` with an internal error, and those to `logging/setLevel` whose level is no text.
const LAME: &str = r#"
import json, sys
prompt = {"name": "shape", "arguments": [{"name": "kind"}]}
for line in sys.stdin:
    try:
        message = json.loads(line)
        method, id, params = message["method"], message["id"], message.get("params", {})
    except (ValueError, KeyError, TypeError, RecursionError):
        continue
    answer = {"result": {}}
    if method == "initialize":
        info = {"name": "lame", "version": "1"}
        offer = {"prompts": {}, "logging": {}}
        answer = {"result": {"protocolVersion": "2025-11-25", "capabilities": offer, "serverInfo": info}}
    elif method == "prompts/list":
        answer = {"result": {"prompts": [prompt]}}
    elif method == "logging/setLevel":
        if not isinstance(params, dict) or not isinstance(params.get("level"), str):
            answer = {"error": {"code": -32603, "message": f"no level: {params}"}}
    elif method == "prompts/get":
        answer = {"error": {"code": -32603, "message": f"Invalid kind: {params}. Must be round or square."}}
    elif method != "ping":
        answer = {"error": {"code": -32601, "message": "unknown method"}}
    print(json.dumps({"jsonrpc": "2.0", "id": id, **answer}), flush=True)
"#;

#[test]
fn an_internal_error_is_put_down_to_a_mistake_only_where_it_goes_without_it() {
    let folder = folder();
    let out = folder.path().join("findings");
    let (code, text) = fuzz(&out, &["--oracle", "internal-error", "--execs", "3000"], &["--", "python3", "-c", LAME]);
    let files = found(&out, "internal-error");
    assert!(code == 1 && files.len() == 1, "{text}");
    let finding = fs::read_to_string(&files[0]).expect("is read");
    assert!(finding.contains(r#""subject":"logging/setLevel""#), "{finding}");
}
