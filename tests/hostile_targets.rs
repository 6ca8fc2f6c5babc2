//! Whole runs against targets that mean harm, with the real binary: each ends in time, in little memory, with one failure
//! that names the cause, no pass, and no process left.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Memory that a run may take at its peak, in KiB.
const MEMORY: u64 = 100 << 10;
/// Far more than any of these runs takes: only a hang is longer.
const DEADLINE: Duration = Duration::from_mins(1);

/// What a run came to.
struct Outcome {
    code: Option<i32>,
    report: Value,
    peak: u64,
}

#[test]
fn an_endless_line() {
    one_failure(&["sh", "-c", "tr '\\0' x </dev/zero"], "line");
}

#[test]
fn a_flood_of_lines() {
    one_failure(&["sh", "-c", "yes | head -c 1000000000"], "");
}

#[test]
fn a_banner_and_silence() {
    one_failure(&["sh", "-c", "echo Listening on port 8080; cat >/dev/null"], "Listening on port 8080");
}

#[test]
fn silence() {
    one_failure(&["sh", "-c", "cat >/dev/null"], "no answer within");
}

#[test]
fn an_echo() {
    one_failure(&["cat"], "");
}

#[test]
fn an_exit_at_once() {
    one_failure(&["sh", "-c", "exit 3"], "exited");
}

#[test]
fn deep_nesting() {
    one_failure(&["sh", "-c", "head -c 100000 /dev/zero | tr '\\0' '['; echo; cat >/dev/null"], "");
}

#[test]
fn grandchildren_and_a_deaf_child() {
    one_failure(&["sh", "-c", "trap '' TERM; sleep 1000 & sleep 1000 & while :; do sleep 1; done"], "no answer within");
}

#[test]
fn http_500_to_everything() {
    let url = serve(|mut socket| {
        request(&mut socket);
        let _ = socket
            .write_all(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\nConnection: close\r\n\r\noops");
    });
    one_failure(&["--url", &url], "HTTP 500");
}

#[test]
fn a_body_that_never_ends() {
    let url = serve(|mut socket| {
        request(&mut socket);
        let _ = socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n");
        while socket.write_all(&[b' '; 8192]).is_ok() {}
    });
    one_failure(&["--url", &url], "");
}

#[test]
fn a_body_that_stalls() {
    let url = serve(|mut socket| {
        request(&mut socket);
        let _ = socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{");
        until_closed(&mut socket);
    });
    one_failure(&["--url", &url], "no answer within");
}

#[test]
fn an_event_stream_that_drips() {
    let url = serve(|mut socket| {
        request(&mut socket);
        let _ = socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
        // The time-out of a read is the drip: a byte a second until the other side has had enough.
        let _ = socket.set_read_timeout(Some(Duration::from_secs(1)));
        while !matches!(socket.read(&mut [0; 1]), Ok(0)) && socket.write_all(b":").is_ok() {}
    });
    one_failure(&["--url", &url], "no answer within");
}

#[test]
fn a_redirect_loop() {
    let url = serve(|mut socket| {
        request(&mut socket);
        let _ = socket.write_all(
            b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /mcp\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        );
    });
    one_failure(&["--url", &url], "HTTP 307");
}

#[test]
fn garbage_instead_of_http() {
    let url = serve(|mut socket| {
        request(&mut socket);
        let _ = socket.write_all(&[0xff; 4096]);
    });
    one_failure(&["--url", &url], "");
}

#[test]
fn html_for_everything() {
    let url = serve(|mut socket| {
        request(&mut socket);
        let page = "<!doctype html><title>Welcome</title>";
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            page.len()
        );
        let _ = socket.write_all((head + page).as_bytes());
    });
    one_failure(&["--url", &url], "");
}

/// Runs the suite against a target; wants exit 1, no pass, one failure whose cause has `cause` in it, and all else undecided.
#[track_caller]
fn one_failure(target: &[&str], cause: &str) {
    let Outcome { code, report, peak } = litmus(target);
    assert_eq!(code, Some(1), "{report:#}");
    let results: Vec<_> =
        report["runs"].as_array().into_iter().flatten().filter_map(|run| run["results"].as_array()).flatten().collect();
    let of = |word: &str| results.iter().filter(|result| result["verdict"] == word).count();
    assert_eq!((of("pass"), of("fail")), (0, 1), "passes and failures");
    assert_eq!(of("inconclusive") + 1, results.len(), "all others hang on the one cause");
    let failed = results.iter().find(|result| result["verdict"] == "fail").expect("there is one");
    assert_eq!(failed["requirement"], "house.starts");
    let actual = failed["evidence"]["actual"].as_str().unwrap_or_default();
    assert!(actual.contains(cause), "`{actual}` does not tell `{cause}`");
    for result in results.iter().filter(|result| result["verdict"] == "inconclusive") {
        assert_eq!(result["blame"], failed["id"], "{}", result["id"]);
    }
    assert!(peak < MEMORY, "{peak} KiB at its peak");
}

/// Runs the binary against a target, watching its memory; afterwards nothing that it started is left.
fn litmus(target: &[&str]) -> Outcome {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("report.json");
    let mark = format!("LITMUS_TEST_MARK={}", folder.path().display());
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-litmus"));
    command.args(["run", "--timeout", "1s", "--report"]).arg(format!("json={}", file.display()));
    if target[0] != "--url" {
        command.arg("--env").arg(&mark).arg("--");
    }
    let mut child =
        command.args(target).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary starts");
    let (began, mut peak) = (Instant::now(), 0);
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child") {
            break status;
        }
        peak = peak.max(peak_memory(child.id()).unwrap_or(0));
        assert!(began.elapsed() < DEADLINE, "the run does not end");
        // Samples the memory; the run itself is waited for, not timed.
        std::thread::park_timeout(Duration::from_millis(5));
    };
    assert_eq!(left_over(&mark), Vec::<PathBuf>::new(), "processes are left");
    let text = fs::read_to_string(&file).expect("a report was written");
    Outcome { code: status.code(), report: serde_json::from_str(&text).expect("the report is JSON"), peak }
}

/// The peak of a process's resident memory, in KiB.
fn peak_memory(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

/// Processes whose environment bears a mark; zombies apart, and those that were killed and only have to be given time to end.
fn left_over(mark: &str) -> Vec<PathBuf> {
    let processes = fs::read_dir("/proc").expect("Linux").flatten().map(|entry| entry.path());
    let marked = |path: &PathBuf| {
        let environment = fs::read(path.join("environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
    };
    processes.filter(marked).filter(|path| !is_killed(path)).collect()
}

/// Whether the signal that ends any process waits for it.
fn is_killed(process: &Path) -> bool {
    const KILL: u64 = 1 << 8;
    let status = fs::read_to_string(process.join("status")).unwrap_or_default();
    let pending = status.lines().filter_map(|line| line.strip_prefix("SigPnd:").or(line.strip_prefix("ShdPnd:")));
    pending.filter_map(|mask| u64::from_str_radix(mask.trim(), 16).ok()).any(|mask| mask & KILL != 0)
}

/// Serves each connection in a thread of its own for as long as the test runs.
fn serve(answer: impl Fn(TcpStream) + Send + Sync + Clone + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    std::thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let answer = answer.clone();
            std::thread::spawn(move || answer(socket));
        }
    });
    format!("http://{address}/mcp")
}

/// Reads one request with its body.
fn request(socket: &mut TcpStream) {
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    while let Ok(read) = socket.read(&mut part) {
        bytes.extend_from_slice(&part[..read]);
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        let body = text.find("\r\n\r\n").map(|end| text.len() - end - 4);
        let length = text.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next()?.parse().ok());
        if read == 0 || body.is_some_and(|body| body >= length.unwrap_or(0)) {
            return;
        }
    }
}

fn until_closed(socket: &mut TcpStream) {
    while socket.read(&mut [0; 64]).is_ok_and(|read| read > 0) {}
}
