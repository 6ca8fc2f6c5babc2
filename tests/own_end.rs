//! A server that ends by itself, whatever is asked, as one does that cannot reach its database: with the real binary and processes.

use std::process::Command;

use serde_json::Value;

/// Opens a conversation, and ends half a second later.
const ENDS: &str = r#"
import json, os, sys, threading
for line in sys.stdin:
    message = json.loads(line)
    if "id" not in message:
        continue
    if message["method"] == "initialize":
        threading.Timer(0.5, lambda: os._exit(1)).start()
        result = {"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {"name": "ends", "version": "1"}}
        answer = {"result": result}
    elif message["method"] == "ping":
        answer = {"result": {}}
    else:
        answer = {"error": {"code": -32601, "message": "Method not found"}}
    print(json.dumps({"jsonrpc": "2.0", "id": message["id"], **answer}), flush=True)
"#;
/// What makes it end; without it, only what is no JSON does.
const BY_ITSELF: &str = "threading.Timer(0.5, lambda: os._exit(1)).start()";

fn judged(script: &str) -> (Option<i32>, Value) {
    let program = env!("CARGO_BIN_EXE_mcp-litmus");
    let select = ["--select", "errors", "--select", "always/survives", "--select", "lifecycle/opens"];
    let target = ["--report", "json=-", "--quiet", "--", "python3", "-c", script];
    let output = Command::new(program).arg("run").args(select).args(target).output().expect("starts");
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("no report: {}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code(), report)
}

/// The checks by which it did not live on, and the notes.
fn deaths(report: &Value) -> (Vec<&str>, String) {
    let results = report["runs"].as_array().into_iter().flatten().filter_map(|run| run["results"].as_array()).flatten();
    let deaths = results.filter(|result| result["verdict"] == "fail" && result["requirement"] == "house.survives");
    (deaths.filter_map(|result| result["id"].as_str()).collect(), report["notes"].to_string())
}

#[test]
fn its_end_is_one_failure_and_nothing_that_was_sent_is_blamed() {
    let (code, report) = judged(ENDS);
    let (deaths, notes) = deaths(&report);
    assert_eq!((code, deaths), (Some(1), vec!["always/survives#house.survives"]), "{report:#}");
    assert!(notes.contains("the target ends by itself"), "{notes}");
}

#[test]
fn a_server_that_falls_over_what_is_sent_is_blamed_for_that() {
    let (code, report) = judged(&ENDS.replace(BY_ITSELF, "pass"));
    let (deaths, notes) = deaths(&report);
    assert_eq!(code, Some(1), "{report:#}");
    assert!(deaths.contains(&"errors/parse-error#house.survives"), "{deaths:?}");
    assert!(!notes.contains("by itself"), "{notes}");
}
