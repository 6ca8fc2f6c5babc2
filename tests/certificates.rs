//! `certify` and `verify` as their users meet them: what is written, what is found, and that other tools agree.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use flate2::read::GzDecoder;
use mcp_litmus::protocol::{RequirementSet, Revision};
use mcp_litmus::report::{PublicKey, sha256, verify};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mcp-litmus");

/// The built-in server, but it does not know `ping`.
const NO_PING: &str =
    "- {fails: [ping.response.empty], when: {method: ping}, answer: {error: {code: -32603, message: no}}}\n";

const ALL: [&str; 10] = [
    "SHA256SUMS",
    "certificate.dsse.json",
    "junit.xml",
    "public-key.pem",
    "report.html",
    "report.json",
    "requirements.yaml",
    "schema.json",
    "statement.json",
    "transcript.jsonl.gz",
];

/// A folder to work in.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn litmus(&self, words: &[&str]) -> Output {
        let mut command = Command::new(PROGRAM);
        command.args(words).current_dir(self.0.path()).stdin(Stdio::null()).env("NO_COLOR", "1");
        command.output().expect("the program starts")
    }

    fn certify(&self, words: &[&str]) -> Output {
        self.litmus(&[&["certify", "--revision", "2025-11-25", "--out", "out"], words].concat())
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path("out").join(name)).expect("is there")
    }

    fn statement(&self) -> Value {
        serde_json::from_slice(&self.read("statement.json")).expect("is JSON")
    }

    fn files(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).expect("a folder");
        let mut names: Vec<_> =
            entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// Makes a key pair with openssl; says whether that is installed.
    fn make_key(&self, algorithm: &[&str]) -> bool {
        let made = openssl(self.0.path(), &[&["genpkey", "-out", "key.pem"], algorithm].concat());
        made && openssl(self.0.path(), &["pkey", "-in", "key.pem", "-pubout", "-out", "public.pem"])
    }
}

const ED25519: &[&str] = &["-algorithm", "ed25519"];
const P256: &[&str] = &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];

/// Runs openssl; false where it is not installed, or says no. With `CI=true` it must be there.
fn openssl(folder: &Path, words: &[&str]) -> bool {
    match Command::new("openssl").args(words).current_dir(folder).stderr(Stdio::null()).output() {
        Ok(output) => output.status.success(),
        Err(error) => {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "openssl: {error}");
            writeln!(std::io::stderr(), "skipped: openssl is not installed").expect("standard error");
            false
        }
    }
}

fn text(output: &Output) -> String {
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    format!("exit {}\n{stdout}{stderr}", output.status.code().expect("exits"))
}

#[track_caller]
fn assert_certified(output: &Output) {
    assert_eq!(output.status.code(), Some(0), "{}", text(output));
}

#[test]
fn a_certificate_says_what_was_seen_and_rests_on_hashes() {
    let place = Place::new();
    let certified = text(&place.certify(&["--call-tools", "all", "--level", "strict", "--demo"]));
    let conforms = "litmus-mock 0.1.0 conforms (level strict) to 2025-11-25 over stdio";
    assert!(certified.starts_with(&format!("exit 0\n{conforms}")), "{certified}");
    let unsigned: Vec<_> = ALL.into_iter().filter(|name| !name.contains("dsse") && !name.contains("key")).collect();
    assert_eq!(place.files("out"), unsigned);
    assert_eq!(place.files("."), ["out"], "no draft is left");

    let statement = place.statement();
    assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!(statement["predicateType"], "https://in-toto.io/attestation/test-result/v0.1");
    assert_eq!(statement["subject"][0]["digest"]["sha256"], sha256(&fs::read(PROGRAM).expect("is there")));
    assert_eq!(statement["subject"][0]["annotations"]["serverName"], "litmus-mock");
    assert_eq!(statement["predicate"]["result"], "PASSED");
    let configuration = statement["predicate"]["configuration"].as_array().expect("a list");
    for name in ["requirements.yaml", "schema.json", "transcript.jsonl.gz", "report.json", "report.html", "junit.xml"] {
        let stated = configuration.iter().find(|entry| entry["name"] == name).expect("is named");
        assert_eq!(stated["digest"]["sha256"], sha256(&place.read(name)), "{name}");
    }
    assert_every_requirement_is_told_once(&statement);

    let mut transcript = String::new();
    GzDecoder::new(&*place.read("transcript.jsonl.gz")).read_to_string(&mut transcript).expect("is gzip");
    let lines: Vec<Value> = transcript.lines().map(|line| serde_json::from_str(line).expect("is JSON")).collect();
    assert_eq!(lines[0]["transcript"], "stdio");
    assert!(lines.iter().any(|line| line["received"].as_str().is_some_and(|text| text.contains("protocolVersion"))));

    let verified = text(&place.litmus(&["verify", "out"]));
    assert!(verified.starts_with(&format!("exit 0\nvalid, not signed\n{conforms}\n")), "{verified}");
    let again = text(&place.certify(&["--demo"]));
    assert!(again.starts_with("exit 2\n") && again.contains("the folder is not empty"), "{again}");
}

/// Every requirement of the set has one outcome, and nothing else has any.
fn assert_every_requirement_is_told_once(statement: &Value) {
    let set = RequirementSet::of(Revision::V2025_11_25).requirements;
    let set: Vec<_> = set.into_iter().map(|entry| entry.id).collect();
    let predicate = &statement["predicate"];
    let annotations = &predicate["configuration"][0]["annotations"];
    let mut told: Vec<String> = Vec::new();
    for member in ["passedTests", "warnedTests", "failedTests"] {
        told.extend(predicate[member].as_array().expect("a list").iter().filter_map(Value::as_str).map(str::to_owned));
    }
    for member in ["inconclusive", "notExercised"] {
        told.extend(annotations[member].as_object().expect("an object").keys().cloned());
    }
    told.sort();
    assert_eq!(told, set);
    let left = annotations["notExercised"].as_object().expect("an object");
    assert!(left.values().all(|reason| reason.as_str().is_some_and(|reason| !reason.is_empty())), "{left:?}");
}

#[test]
fn what_fails_is_told_and_certified_as_failed() {
    let place = Place::new();
    fs::create_dir(place.path("mine")).expect("a folder");
    fs::write(place.path("mine/servers.broken.yaml"), NO_PING).expect("a file");
    let certified = text(&place.certify(&["--", PROGRAM, "serve", "--broken", "mine/servers.broken.yaml#1"]));
    assert!(
        certified.starts_with("exit 1\nlitmus-mock 0.1.0 does not conform to 2025-11-25 over stdio"),
        "{certified}"
    );
    assert!(certified.contains("  MUST       ping.response.empty: failed\n"), "{certified}");
    let statement = place.statement();
    assert_eq!(statement["predicate"]["result"], "FAILED");
    let failed = statement["predicate"]["failedTests"].as_array().expect("a list");
    assert!(failed.contains(&json!("ping.response.empty")), "{failed:?}");
    let verified = text(&place.litmus(&["verify", "out"]));
    assert!(verified.starts_with("exit 0\n") && verified.contains("litmus-mock 0.1.0 does not conform"), "{verified}");
    assert!(verified.contains("    failed: ping.response.empty\n"), "{verified}");
}

#[test]
fn a_certificate_of_a_url_tells_no_secret() {
    let place = Place::new();
    let mut server = Command::new(PROGRAM);
    server.args(["serve", "--transport", "http"]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut server = server.spawn().expect("the program starts");
    let mut url = String::new();
    BufReader::new(server.stdout.take().expect("is piped")).read_line(&mut url).expect("is told");
    let header = "Authorization: Bearer hunter2-hunter2";
    let certified = text(&place.certify(&["--header", header, "--call-tools", "all", "--url", url.trim()]));
    server.kill().and_then(|()| server.wait()).expect("the server ends");
    assert!(certified.starts_with("exit 0\n") && certified.contains("to 2025-11-25 over http"), "{certified}");
    let subject = &place.statement()["subject"][0];
    assert_eq!(subject["uri"], url.trim());
    assert_eq!(subject["digest"]["sha256"], sha256(url.trim().as_bytes()));
    let mut transcript = String::new();
    GzDecoder::new(&*place.read("transcript.jsonl.gz")).read_to_string(&mut transcript).expect("is gzip");
    assert!(transcript.contains("\"head\":{\"status\":200"), "{transcript}");
    assert!(!transcript.contains("hunter2"));
    for name in place.files("out") {
        assert!(!String::from_utf8_lossy(&place.read(&name)).contains("hunter2"), "{name}");
    }
}

#[test]
fn an_interrupted_certificate_leaves_nothing() {
    let place = Place::new();
    let mut command = Command::new(PROGRAM);
    command.args([
        "certify",
        "--revision",
        "2025-11-25",
        "--out",
        "out",
        "--",
        "sh",
        "-c",
        "touch started; exec sleep 600",
    ]);
    command.current_dir(place.0.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut certify = command.spawn().expect("the program starts");
    let deadline = Instant::now() + Duration::from_mins(1);
    while !place.path("started").exists() {
        assert!(Instant::now() < deadline && certify.try_wait().expect("a child").is_none(), "it starts the target");
        std::thread::park_timeout(Duration::from_millis(5));
    }
    kill_process(Pid::from_child(&certify), Signal::INT).expect("is there");
    assert_eq!(certify.wait().expect("ends").code(), Some(130));
    assert_eq!(place.files("."), ["started"]);
}

#[test]
fn a_revision_that_is_not_spoken_is_refused() {
    for server in [&["serve", "--revision", "2025-06-18"][..], &["explain", "house.starts"]] {
        let place = Place::new();
        let refused = text(&place.certify(&[&["--timeout", "5s", "--", PROGRAM], server].concat()));
        assert!(refused.starts_with("exit 3\nerror: the target "), "{refused}");
        assert_eq!(place.files("."), [""; 0], "nothing is left");
    }
}

#[test]
fn a_key_that_is_none_is_told_before_anything_runs() {
    let place = Place::new();
    fs::write(place.path("key.pem"), "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n")
        .expect("a file");
    let refused = text(&place.certify(&["--key", "key.pem", "--demo"]));
    assert!(refused.starts_with("exit 2\nerror: `key.pem` holds no private key in PKCS#8 PEM"), "{refused}");
    let refused = text(&place.litmus(&["verify", "nowhere"]));
    assert!(refused.starts_with("exit 2\nerror: `nowhere` is no certificate"), "{refused}");
}

#[test]
fn a_byte_changed_anywhere_is_found() {
    let place = Place::new();
    if !place.make_key(ED25519) {
        return;
    }
    assert_certified(&place.certify(&["--key", "key.pem", "--call-tools", "all", "--demo"]));
    assert_eq!(place.files("out"), ALL);
    let verified = text(&place.litmus(&["verify", "out", "--key", "public.pem"]));
    assert!(verified.starts_with("exit 0\nvalid, signed by the key "), "{verified}");
    let key = PublicKey::read(&fs::read(place.path("public.pem")).expect("is there")).expect("a key");
    let mut tried = 0;
    for name in ALL {
        let path = place.path("out").join(name);
        let bytes = place.read(name);
        let mut refused = |changed: &[u8], how: &str| {
            tried += 1;
            fs::write(&path, changed).expect("is written");
            for key in [Some(&key), None] {
                let found = verify(&place.path("out"), key);
                assert!(!matches!(found, Ok(Ok(_))), "{name}, {how}, {}", if key.is_some() { "key" } else { "no key" });
            }
        };
        // Every region of every file; letters turn into other letters, too.
        for at in (0..bytes.len()).step_by((bytes.len() / 120).max(1)) {
            let mut changed = bytes.clone();
            changed[at] ^= if at % 2 == 0 { 1 } else { 0x20 };
            refused(&changed, &format!("byte {at} changed"));
        }
        refused(&[&bytes[..], b"\n"].concat(), "a byte more");
        refused(&bytes[..bytes.len() - 1], "a byte less");
        refused(&[b"\xef\xbb\xbf", &bytes[..]].concat(), "a mark before it");
        let found = place.litmus(&["verify", "out", "--key", "public.pem"]);
        assert_eq!(found.status.code(), Some(1), "{name}: {found:?}");
        fs::remove_file(&path).expect("is removed");
        let found = place.litmus(&["verify", "out", "--key", "public.pem"]);
        assert_ne!(found.status.code(), Some(0), "{name} removed: {found:?}");
        fs::write(&path, &bytes).expect("is written");
    }
    assert!(tried > 1000, "{tried}");
    assert_certified(&place.litmus(&["verify", "out"]));
    // What lies beside the files is certified by nobody.
    fs::write(place.path("out/more.txt"), "more").expect("is written");
    let found = text(&place.litmus(&["verify", "out", "--key", "public.pem"]));
    assert!(found.starts_with("exit 1\nnot valid\n") && found.contains("more.txt"), "{found}");
}

/// Whoever changes the statement and all hashes with it cannot sign it.
#[test]
fn a_forged_statement_is_found_by_its_signature() {
    use base64::Engine as _;

    let place = Place::new();
    if !place.make_key(P256) {
        return;
    }
    assert_certified(&place.certify(&["--key", "key.pem", "--demo"]));
    let statement = place.path("out/statement.json");
    let forged = fs::read_to_string(&statement).expect("is there").replace("litmus-mock", "litmus-fake");
    fs::write(&statement, &forged).expect("is written");
    let mut envelope: Value = serde_json::from_slice(&place.read("certificate.dsse.json")).expect("is JSON");
    envelope["payload"] = json!(base64::prelude::BASE64_STANDARD.encode(&forged));
    fs::write(place.path("out/certificate.dsse.json"), format!("{envelope:#}\n")).expect("is written");
    let sums: Vec<_> = ALL[1..].iter().map(|name| format!("{}  {name}", sha256(&place.read(name)))).collect();
    fs::write(place.path("out/SHA256SUMS"), sums.join("\n") + "\n").expect("is written");
    let found = text(&place.litmus(&["verify", "out"]));
    let reason = "certificate.dsse.json: no signature in it is of the key";
    assert!(found.starts_with(&format!("exit 1\nnot valid\n  {reason}")), "{found}");

    // Nor does the key of somebody else do.
    assert!(place.make_key(P256));
    let found = text(&place.litmus(&["verify", "out", "--key", "public.pem"]));
    assert!(found.contains(reason), "{found}");
}

/// The commands of the README, word by word.
#[test]
fn openssl_verifies_the_envelope_as_the_readme_says() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("is there");
    let (_, rest) = readme.split_once("```sh\ncd certificate\n").expect("the commands");
    let commands = rest.split("```").next().expect("their end");
    for algorithm in [ED25519, P256] {
        let place = Place::new();
        if !place.make_key(algorithm) {
            return;
        }
        assert_certified(&place.certify(&["--key", "key.pem", "--demo"]));
        let verify = |commands: &str| {
            let mut command = Command::new("bash");
            command.args(["-c", &format!("set -e\n{commands}")]).current_dir(place.path("out"));
            command.output().expect("a shell")
        };
        let verified = verify(commands);
        assert!(verified.status.success(), "{verified:?}");
        assert!(text(&verified).contains("Signature Verified Successfully"), "{verified:?}");
        let path = place.path("out/statement.json");
        let forged = fs::read_to_string(&path).expect("is there").replace("litmus-mock", "litmus-fake");
        fs::write(&path, forged).expect("is written");
        let (_, signature_only) = commands.split_once("SHA256SUMS\n").expect("the hashes come first");
        assert!(!verify(signature_only).status.success(), "the signature alone finds it");
    }
}
