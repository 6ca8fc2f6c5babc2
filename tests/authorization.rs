//! Authorization as users meet it: to whom requests go, and that no token is shown to anybody else.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mcp-litmus");
const TOKEN: &str = "open-sesame+x/y==";

/// A server that answers every request of a method alike, and keeps what it was sent. Its thread ends with the process.
struct Listener {
    address: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Listener {
    fn start(host: &str, answer: impl Fn(&str) -> String + Send + 'static) -> Self {
        let listener = TcpListener::bind((host, 0)).expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        let requests: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = Arc::clone(&requests);
        thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let request = read(&socket);
                let answer = answer(request.split(' ').next().unwrap_or_default());
                kept.lock().unwrap_or_else(PoisonError::into_inner).push(request);
                // Who has gone meanwhile wants no answer.
                let _ = (&socket).write_all(answer.as_bytes());
            }
        });
        Self { address, requests }
    }

    fn heard(&self) -> Vec<String> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// One request with its body.
fn read(socket: &TcpStream) -> String {
    let mut reader = BufReader::new(socket);
    let mut request = String::new();
    while reader.read_line(&mut request).is_ok_and(|bytes| bytes > 0) && !request.ends_with("\r\n\r\n") {}
    let length = request.lines().find_map(|line| line.strip_prefix("Content-Length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    if reader.read_exact(&mut body).is_ok() {
        request += &String::from_utf8_lossy(&body);
    }
    request
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

/// Runs checks: exit code, and the JSON report.
fn report(arguments: &[&str]) -> (i32, Value) {
    let fixed = ["run", "--quiet", "--report", "json=-"];
    let Output { status, stdout, stderr } =
        Command::new(PROGRAM).args(fixed).args(arguments).output().expect("the program starts");
    let report = serde_json::from_slice(&stdout);
    (status.code().expect("exits"), report.unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&stderr))))
}

fn results(report: &Value) -> Vec<&Value> {
    report["runs"].as_array().into_iter().flatten().filter_map(|run| run["results"].as_array()).flatten().collect()
}

/// A protected target whose metadata lie on another host.
fn elsewhere() -> (Listener, Listener) {
    let foreign = Listener::start("127.0.0.2", |_| {
        let document = r#"{"resource": "http://127.0.0.1/mcp", "authorization_servers": ["https://auth.example.com"]}"#;
        answer("200 OK", "Content-Type: application/json\r\n", document)
    });
    let place = format!("http://{}/metadata", foreign.address);
    let target = Listener::start("127.0.0.1", move |method| match method {
        "POST" => {
            answer("401 Unauthorized", &format!("WWW-Authenticate: Bearer resource_metadata=\"{place}\"\r\n"), "")
        }
        _ => answer("404 Not Found", "", ""),
    });
    (target, foreign)
}

#[test]
fn nothing_goes_to_a_host_that_was_not_named() {
    let (target, foreign) = elsewhere();
    let url = format!("http://{}/mcp", target.address);
    let fixed =
        ["--url", &url, "--revision", "2025-11-25", "--select", "auth/metadata", "--header", "X-Secret: hunter2"];

    for allowed in [&[][..], &["--allow-host", "127.0.0.3"], &["--allow-host", "127.0.0.2:1"]] {
        let (code, report) = report(&[&fixed, allowed].concat());
        assert!(foreign.heard().is_empty(), "{:?}", foreign.heard());
        assert_eq!(code, 0, "{report:#}");
        let judged = results(&report);
        assert_eq!(judged.len(), 5, "{report:#}");
        let flag = format!("--allow-host {}", foreign.address);
        for result in judged {
            assert_eq!(result["verdict"], "skipped", "{result:#}");
            assert!(result["reason"].as_str().is_some_and(|reason| reason.contains(&flag)), "{result:#}");
        }
    }
    assert!(target.heard().iter().all(|request| request.contains("X-Secret: hunter2")));

    for allowed in ["127.0.0.2", foreign.address.as_str()] {
        let before = foreign.heard().len();
        let (code, report) = report(&[&fixed[..], &["--allow-host", allowed]].concat());
        let heard = foreign.heard().split_off(before);
        assert!(heard.len() == 1 && heard[0].starts_with("GET /metadata HTTP/1.1\r\n"), "{heard:?}");
        assert!(!heard[0].contains("hunter2"), "{heard:?}");
        assert_eq!(code, 0, "{report:#}");
        assert!(results(&report).iter().all(|result| result["verdict"] == "pass"), "{report:#}");
    }
}

/// The built-in server as a process; ended when dropped.
struct Served(Child, String);

impl Served {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(PROGRAM);
        command.args(["serve", "--transport", "http"]).args(arguments);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the program starts");
        let mut url = String::new();
        BufReader::new(child.stdout.take().expect("is piped")).read_line(&mut url).expect("it tells its address");
        Self(child, url.trim().to_owned())
    }

    /// One that wants a token, and has a quirk.
    fn unusual(quirk: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("auth")).expect("is made");
        let unusual = folder.path().join("auth/unusual.broken.yaml");
        std::fs::write(&unusual, format!("- passes: [auth.unauthorized.401]\n  quirk: {quirk}\n")).expect("is written");
        // It has read the file when it tells its address.
        Self::start(&["--token", TOKEN, "--broken", unusual.to_str().expect("is UTF-8")])
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_protected_server_is_judged_with_and_without_its_token() {
    let server = Served::start(&["--token", TOKEN]);
    let fixed = [
        "--url",
        &server.1,
        "--revision",
        "2025-11-25",
        "--select",
        "auth",
        "--select",
        "security",
        "--select",
        "always/scopes",
    ];
    let count =
        |report: &Value, verdict: &str| results(report).iter().filter(|result| result["verdict"] == verdict).count();

    let (code, without) = report(&fixed);
    assert_eq!(code, 0, "{without:#}");
    assert!(
        count(&without, "pass") > 8 && count(&without, "fail") + count(&without, "inconclusive") == 0,
        "{without:#}"
    );
    let skipped: Vec<_> = results(&without).into_iter().filter(|result| result["verdict"] == "skipped").collect();
    assert!(
        skipped.iter().any(|result| result["reason"].as_str().is_some_and(|r| r.contains("--header"))),
        "{skipped:#?}"
    );

    let header = format!("Authorization: Bearer {TOKEN}");
    let (code, with) = report(&[&fixed[..], &["--header", &header, "--call-tools", "all"]].concat());
    assert_eq!(code, 0, "{with:#}");
    assert!(count(&with, "pass") > count(&without, "pass") + 3, "{with:#}");
    assert_eq!(count(&with, "fail") + count(&with, "inconclusive"), 0, "{with:#}");
    assert!(!with.to_string().contains("open-sesame"), "{with:#}");
}

#[test]
fn a_server_that_shows_itself_to_all_is_judged_by_what_it_keeps() {
    let server = Served::unusual("shows-itself");
    let header = format!("Authorization: Bearer {TOKEN}");
    // The list that is open to all; in a session its stream and its end too.
    for (revision, open) in [("2025-11-25", 3), ("2026-07-28", 1)] {
        let fixed = ["--url", &server.1, "--revision", revision, "--select", "auth", "--select", "security"];
        let fixed = [&fixed[..], &["--select", "tools", "--select", "prompts"]].concat();
        let count = |report: &Value, requirement: &str, verdict: &str| {
            let of_it = |result: &&&Value| result["verdict"] == verdict && result["requirement"] == requirement;
            results(report).iter().filter(of_it).count()
        };
        let (code, without) = report(&fixed);
        assert_eq!(code, 0, "{without:#}");
        assert_eq!(count(&without, "auth.unauthorized.401", "pass"), 1, "{without:#}");
        assert_eq!(count(&without, "tools.call.unknown-tool", "skipped"), 1, "{without:#}");

        let (code, with) = report(&[&fixed[..], &["--header", &header]].concat());
        assert_eq!(code, 0, "{with:#}");
        assert_eq!(count(&with, "auth.unauthorized.401", "pass"), 1, "{with:#}");
        assert_eq!(count(&with, "tools.call.unknown-tool", "pass"), 1, "{with:#}");
        assert!(count(&with, "security.requests.verified", "pass") > 1, "{with:#}");
        assert_eq!(count(&with, "security.requests.verified", "skipped"), open, "{with:#}");
    }
}

#[test]
fn a_server_that_keeps_only_the_use_of_what_it_has_is_not_blamed_for_it() {
    let server = Served::unusual("keeps-use");
    let header = format!("Authorization: Bearer {TOKEN}");
    for revision in ["2025-03-26", "2025-11-25", "2026-07-28"] {
        let fixed = ["--url", &server.1, "--revision", revision, "--call-tools", "all"];
        let verdict_of = |report: &Value, requirement: &str| {
            let judged = results(report);
            let mut of_it = judged.iter().filter(|result| result["requirement"] == requirement);
            of_it.next().map(|result| (result["verdict"].clone(), result["reason"].clone())).unwrap_or_default()
        };
        let (code, without) = report(&fixed);
        assert_eq!(code, 0, "{without:#}");
        let (verdict, reason) = verdict_of(&without, "tools.call.unknown-tool");
        assert_eq!(verdict, "skipped", "{without:#}");
        assert!(reason.as_str().is_some_and(|reason| reason.contains("`tools/call`")), "{reason}");
        assert_eq!(verdict_of(&without, "auth.unauthorized.401").0, "pass", "{without:#}");

        let (code, with) = report(&[&fixed[..], &["--header", &header]].concat());
        assert_eq!(code, 0, "{with:#}");
        assert_eq!(verdict_of(&with, "tools.call.unknown-tool").0, "pass", "{with:#}");
        for requirement in ["auth.unauthorized.401", "auth.token.validated", "auth.token.query-refused"] {
            assert_eq!(verdict_of(&with, requirement).0, "pass", "{requirement}: {with:#}");
        }
    }
}

#[test]
fn no_evidence_shows_the_token() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("auth")).expect("is made");
    let broken = folder.path().join("auth/talkative.broken.yaml");
    // Takes the token from the address, and says it again.
    let encoded = "open-sesame%2Bx%2Fy%3D%3D";
    let rule = format!(
        "- fails: [auth.token.query-refused]\n  request: {{query: \"access_token={encoded}\"}}\n  http: {{status: 200, body: \
         '{{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{{\"token\":\"{TOKEN}\"}}}}'}}\n"
    );
    std::fs::write(&broken, rule).expect("is written");
    let server = Served::start(&["--token", TOKEN, "--broken", broken.to_str().expect("is UTF-8")]);
    let header = format!("Authorization: Bearer {TOKEN}");
    let arguments = ["--url", &server.1, "--revision", "2025-11-25", "--select", "auth/query", "--header", &header];
    let (_, report) = report(&arguments);
    let failed: Vec<_> = results(&report).into_iter().filter(|result| result["verdict"] == "fail").collect();
    assert_eq!(failed.len(), 1, "{report:#}");
    assert_eq!(failed[0]["requirement"], "auth.token.query-refused");
    assert!(!report.to_string().contains("open-sesame"), "{report:#}");
}
