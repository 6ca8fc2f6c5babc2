//! How often tools are called, as the server counts it.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mcp_litmus::mock::{Lines, Options};
use mcp_litmus::protocol::Revision;
use mcp_litmus::scenario::{Broken, Moment};
use mcp_litmus::session::open;
use mcp_litmus::survey::{CallPolicy, Calls, call_tools, survey};
use mcp_litmus::transport::{Incoming, Limits, Peer, Target};
use mcp_litmus::wire::TransportKind;
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mcp-litmus");

/// Runs all checks in one revision against the built-in server: its exit code, the JSON report, and how often each tool was called.
fn run(arguments: &[&str]) -> (i32, Value, BTreeMap<String, usize>) {
    let folder = tempfile::tempdir().expect("a folder");
    let input = folder.path().join("input");
    let script = r#"tee -a "$1" | "$2" serve"#;
    let fixed = ["run", "--quiet", "--report", "json=-", "--revision", "2026-07-28", "--call-tools", "all"];
    let mut command = Command::new(PROGRAM);
    command.args(fixed).args(arguments).args(["--", "sh", "-c", script, "sh"]).arg(&input).arg(PROGRAM);
    let Output { status, stdout, stderr } = command.output().expect("the program starts");
    let report = serde_json::from_slice(&stdout);
    let report = report.unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&stderr)));
    let mut calls = BTreeMap::new();
    for line in fs::read(input).expect("it was written").split(|&byte| byte == b'\n') {
        let Ok(message) = serde_json::from_slice::<Value>(line) else { continue };
        if message["method"] == "tools/call"
            && let Some(name) = message["params"]["name"].as_str()
        {
            *calls.entry(name.to_owned()).or_default() += 1;
        }
    }
    (status.code().expect("exits"), report, calls)
}

fn verdicts<'r>(report: &'r Value, verdict: &str) -> Vec<&'r Value> {
    let results = report["runs"].as_array().into_iter().flatten().filter_map(|run| run["results"].as_array());
    results.flatten().filter(|result| result["verdict"] == verdict).collect()
}

#[test]
fn no_tool_is_called_more_often_than_was_said() {
    let (code, report, calls) = run(&[]);
    let most = calls.values().copied().max().unwrap_or_default();
    assert_eq!(code, 0, "{:#?}", verdicts(&report, "fail"));
    assert!(most > 5 && most <= Calls::PER_TOOL, "{calls:?}");
    assert!(
        !report.to_string().contains("--calls-per-tool"),
        "the usual bound withholds nothing from the built-in checks"
    );

    let (code, few, calls) = run(&["--calls-per-tool", "5"]);
    assert_eq!(calls.values().copied().max(), Some(5), "{calls:?}");
    assert_eq!(code, 0, "{:#?}", verdicts(&few, "fail"));
    assert!(verdicts(&few, "inconclusive").is_empty(), "{:#?}", verdicts(&few, "inconclusive"));
    let withheld = |result: &&Value| result["reason"].as_str().is_some_and(|r| r.contains("--calls-per-tool N"));
    let skipped = verdicts(&few, "skipped").into_iter().filter(withheld).count();
    assert!(skipped > 0 && verdicts(&few, "pass").len() + skipped >= verdicts(&report, "pass").len(), "{skipped}");
}

/// A server that counts the calls of its tools.
struct Counting(Lines, Arc<AtomicUsize>);

impl Peer for Counting {
    fn start(&mut self) -> Vec<Incoming> {
        self.0.start()
    }

    fn receive(&mut self, line: Option<&[u8]>) -> Vec<Incoming> {
        let message = line.and_then(|line| serde_json::from_slice::<Value>(line).ok()).unwrap_or_default();
        self.1.fetch_add(usize::from(message["method"] == "tools/call"), Ordering::Relaxed);
        self.0.receive(line)
    }
}

#[test]
fn slow_tools_keep_the_survey_waiting_three_times_only() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let target = Target::Memory(Arc::new(move || {
        let when = Moment::Received(json!({"method": "tools/call"}));
        let silent = Broken { when, silent: true, ..Broken::default() };
        let lines = Lines::new(Options::default(), [silent]).expect("it has no quirk");
        Box::new(Counting(lines, Arc::clone(&counted)))
    }));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (facts, called) = runtime.block_on(async {
        let (revision, within) = (Revision::V2025_06_18, Duration::from_secs(30));
        let opening = open(&target, TransportKind::Stdio, revision, Limits::default(), within).await;
        let mut session = opening.expect("a connection").session;
        let wanted = Calls { policy: CallPolicy::All, ..Calls::default() };
        let within = Duration::from_millis(50);
        let facts = survey(&mut session, within).await;
        let called = call_tools(&mut session, &facts, &wanted, within).await;
        (facts, called)
    });
    assert_eq!(calls.load(Ordering::Relaxed), 3);
    assert!(!called.facts.contains_key("tool"));
    let told = "`add`, `echo`, `version` did not answer in time; no other tool was tried";
    assert_eq!(called.gave_up().as_deref(), Some(told));
    assert!(facts.contains_key("tools") && facts.contains_key("prompt"), "the rest is looked at all the same");
}
