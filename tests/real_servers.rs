//! Runs the whole suite against real servers over their real transports, and keeps each report as a snapshot.
//!
//! `ci/peers` installs the servers into `target/peers`. One that is not installed is skipped with a word on standard error;
//! with `CI=true` that is a failure. Each failed check in a snapshot is explained in `ci/peers.md`.
//! `LITMUS_PEER=name` in the environment runs one server only.

mod peers;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use mcp_litmus::outcome::{CheckResult, Event, RunInfo, TargetInfo, Verdict};
use mcp_litmus::protocol::Requirement;
use mcp_litmus::run::{Ledger, Selection, Settings, run};
use mcp_litmus::scenario::Catalogue;
use mcp_litmus::source::Secrets;
use mcp_litmus::survey::{CallPolicy, Calls};
use mcp_litmus::transport::{Limits, Target};

use self::peers::{command_of, installed, listed_peer, listed_peers, root, started};

macro_rules! peers {
    ($($test:ident: $name:literal,)*) => {
        $(#[test] fn $test() { peer($name); })*
        /// The peers of `ci/peers.yaml` that have a test here.
        const TESTED: &[&str] = &[$($name),*];
    };
}

peers! {
    everything_over_stdio: "everything-stdio",
    everything_over_http: "everything-http",
    typescript_1_low_level: "typescript-1-low-level",
    typescript_2_over_stdio: "typescript-2-stdio",
    typescript_2_over_http: "typescript-2-http",
    python_1_over_stdio: "python-1-stdio",
    python_1_over_http: "python-1-http-stateful",
    python_2_over_stdio: "python-2-stdio",
    python_2_over_http: "python-2-http-stateful",
    fastmcp_4_over_stdio: "fastmcp-4-stdio",
    time: "time",
    rust_over_stdio: "rust-stdio",
    rust_over_http: "rust-http-stateful",
    tools_only_over_stdio: "tools-only-stdio",
    tools_only_over_http: "tools-only-http",
    typescript_1_protected: "typescript-1-protected",
    typescript_1_protected_without_token: "typescript-1-protected-stranger",
    python_2_protected: "python-2-protected",
    python_2_protected_without_token: "python-2-protected-stranger",
}

#[test]
fn every_tested_peer_is_listed() {
    let listed: Vec<_> = listed_peers().into_iter().map(|peer| peer.name).collect();
    for name in TESTED {
        assert!(listed.iter().any(|listed| listed == name), "{name} is not in ci/peers.yaml");
    }
}

/// A correct server that offers one tool and nothing else gets no failure, over either transport.
#[test]
fn a_correct_server_with_one_tool_gets_no_failure() {
    for name in ["tools-only-stdio", "tools-only-http"] {
        let Some(runs) = judge(name) else { return };
        for (run, results) in &runs {
            let fault = results.iter().find(|r| !matches!(r.verdict, Verdict::Pass | Verdict::Skipped { .. }));
            assert!(fault.is_none(), "{name} {}: {fault:#?}", run.revision);
        }
    }
}

/// Whoever reads a snapshot finds in `ci/peers.md` why the server, and not the suite, is at fault.
#[test]
fn every_failure_is_explained_and_nothing_else() {
    let explained = explanations();
    let (mut missing, mut failing) = (String::new(), BTreeSet::new());
    for name in TESTED {
        let path = root().join(format!("snapshots/peers/{name}.snap"));
        let snapshot = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        for line in snapshot.lines() {
            let Some((letters, id)) = line.split_once(' ') else { continue };
            let Some(requirement) = id.split_once('#').map(|(_, rest)| rest.split('[').next().unwrap_or(rest)) else {
                continue;
            };
            let is_matrix = letters.chars().all(|letter| "pF?-.~".contains(letter));
            if !is_matrix || !letters.contains(['F', '~']) {
                continue;
            }
            failing.insert((requirement.to_owned(), (*name).to_owned()));
            if !explained.get(requirement).is_some_and(|peers| peers.contains(&(*name).to_owned())) {
                let _ = writeln!(missing, "{requirement}: `{name}`");
            }
        }
    }
    assert!(missing.is_empty(), "ci/peers.md explains no\n{missing}");
    for (requirement, peers) in explained.iter().filter(|(title, _)| Requirement::find(title).is_some()) {
        for peer in peers.iter().filter(|peer| TESTED.contains(&peer.as_str())) {
            let fails = failing.contains(&(requirement.clone(), peer.clone()));
            assert!(fails, "ci/peers.md explains {requirement}, in which `{peer}` does not fail");
        }
    }
}

/// What the fuzzer found in a peer lies in a folder of its name, ready to be replayed, and is looked at in `ci/peers.md`.
#[test]
fn every_finding_is_explained() {
    let text = std::fs::read_to_string(root().join("ci/peers.md")).expect("ci/peers.md");
    let peers: Vec<_> = listed_peers().into_iter().map(|peer| peer.name).collect();
    for folder in std::fs::read_dir(root().join("ci/findings")).expect("ci/findings") {
        let folder = folder.expect("is read").path();
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        assert!(peers.contains(&name), "{name} is not in ci/peers.yaml");
        let files = std::fs::read_dir(&folder).expect("is a folder").count();
        let findings = mcp_litmus::fuzz::findings(&folder).expect("is read");
        assert_eq!(findings.len(), files, "all files of {name} are findings");
        for (file, _) in findings {
            let path = format!("ci/findings/{name}/{}", file.file_name().unwrap_or_default().to_string_lossy());
            assert!(text.contains(&path), "ci/peers.md does not say what {path} shows");
            // What it says of its replay is taken by `replay`, as far as its help page.
            let finding = std::fs::read_to_string(&file).expect("is read");
            let told = finding.lines().find_map(|line| line.strip_prefix("# replay:   mcp-litmus ")).expect("is told");
            let (options, _) = told.split_once(" -- ").expect("names a server");
            let replay = Command::new(env!("CARGO_BIN_EXE_mcp-litmus")).args(options.split(' ')).arg("--help").output();
            assert!(replay.expect("starts").status.success(), "{path}: {options}");
        }
    }
}

/// The requirements that `ci/peers.md` has a section for, each with the peers that it names.
fn explanations() -> BTreeMap<String, Vec<String>> {
    let text = std::fs::read_to_string(root().join("ci/peers.md")).expect("ci/peers.md");
    let sections = text.split("\n## ").skip(1).filter_map(|section| section.split_once('\n'));
    sections
        .map(|(title, body)| (title.to_owned(), body.split('`').skip(1).step_by(2).map(str::to_owned).collect()))
        .collect()
}

/// What a real server offers is the same twice, and its certificate verifies, whatever it says.
#[test]
fn a_real_server_is_recorded_and_certified() {
    let Some(command) = command_of("everything-stdio") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let litmus = |words: &[&str], target: &[String]| {
        let mut litmus = Command::new(env!("CARGO_BIN_EXE_mcp-litmus"));
        litmus.args(words).args(target).current_dir(folder.path()).stdin(Stdio::null());
        let output = litmus.output().expect("the program starts");
        (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    };
    let snapshot = || litmus(&["snapshot", "--fail-on-change", "any", "--"], &command);
    let (first, again) = (snapshot(), snapshot());
    assert!(first.0 == Some(0) && first.1.matches("recorded").count() == 4, "{first:?}");
    assert!(again.0 == Some(0) && again.1.matches("unchanged").count() == 4, "{again:?}");

    let words = [
        "certify",
        "--revision",
        "2025-11-25",
        "--out",
        "certificate",
        "--timeout",
        "30s",
        "--call-tools",
        "all",
        "--",
    ];
    let (code, told) = litmus(&words, &command);
    assert!(matches!(code, Some(0 | 1)) && told.contains("to 2025-11-25 over stdio"), "{told}");
    let (code, told) = litmus(&["verify", "certificate"], &[]);
    assert!(code == Some(0) && told.contains("  subject index.js sha256:"), "{told}");
    let refused = litmus(&["certify", "--revision", "2026-07-28", "--out", "other", "--"], &command);
    assert_eq!(refused.0, Some(3), "{refused:?}");
}

fn peer(name: &str) {
    if std::env::var("LITMUS_PEER").is_ok_and(|wanted| wanted != name) {
        return;
    }
    let Some(runs) = judge(name) else { return };
    let report = report(&runs, &listed_peer(name).unsteady);
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(root().join("snapshots/peers"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, report));
}

/// Runs the suite against a peer; `None` where it is not installed.
fn judge(name: &str) -> Option<Vec<(RunInfo, Vec<CheckResult>)>> {
    let peer = listed_peer(name);
    let folder = installed(&peer)?;
    let (target, server) = started(&peer, &folder);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let runs = runtime.block_on(run_suite(target));
    drop(server);
    let spoken: Vec<_> = runs.iter().map(|(run, _)| run.revision.clone()).collect();
    assert_eq!(spoken, peer.revisions, "{name} speaks the revisions that ci/peers.yaml lists");
    Some(runs)
}

async fn run_suite(target: Target) -> Vec<(RunInfo, Vec<CheckResult>)> {
    let catalogue = Catalogue::built_in().expect("the built-in scenarios load");
    let settings = Settings {
        target,
        info: TargetInfo::default(),
        words: Vec::new(),
        revisions: Vec::new(),
        selection: Selection::default(),
        calls: Calls { policy: CallPolicy::All, ..Calls::default() },
        secrets: Secrets::default(),
        jobs: 2,
        // Far longer than any of them takes, and what they never answer is waited for this long.
        timeout: Duration::from_secs(15),
        start_timeout: Duration::from_mins(1),
        seed: 0,
        limits: Limits { grace: Duration::from_secs(10), ..Limits::default() },
        started_at: None,
        transcripts: None,
    };
    let (events, mut received) = tokio::sync::mpsc::unbounded_channel();
    let ledger = Ledger::new(events);
    run(&settings, &catalogue, &ledger).await.expect("the peer is reached");
    ledger.finish(false);
    drop(ledger);
    let mut runs = Vec::new();
    while let Some(event) = received.recv().await {
        match event {
            Event::RunStarted { run, .. } => runs.push((run, Vec::new())),
            Event::Check { result } => runs.last_mut().expect("a run has started").1.push(*result),
            _ => {}
        }
    }
    runs
}

/// A report for people who compare: a line for each check with a letter for each revision, then each failure once. Of an
/// unsteady check it says only where it was made.
fn report(runs: &[(RunInfo, Vec<CheckResult>)], unsteady: &[String]) -> String {
    let mut counts = String::new();
    let mut letters: BTreeMap<String, Vec<char>> = BTreeMap::new();
    let mut failures: BTreeMap<String, (String, Vec<&str>)> = BTreeMap::new();
    for (position, (run, results)) in runs.iter().enumerate() {
        let mut counted: BTreeMap<&str, usize> = BTreeMap::new();
        for result in results {
            let id = result.id.to_string();
            let is_steady = !unsteady.contains(&id);
            let line = letters.entry(id).or_insert_with(|| vec!['.'; runs.len()]);
            line[position] = match &result.verdict {
                _ if !is_steady => '~',
                Verdict::Pass => 'p',
                Verdict::Fail { .. } => 'F',
                Verdict::Inconclusive { .. } => '?',
                Verdict::Skipped { .. } => '-',
            };
            if !is_steady {
                continue;
            }
            *counted.entry(result.verdict.word()).or_default() += 1;
            let detail = match &result.verdict {
                Verdict::Fail { evidence } => {
                    format!(
                        "{}\n  expected {}\n  actual   {}",
                        result.level,
                        steady(&evidence.expected),
                        steady(&evidence.actual)
                    )
                }
                Verdict::Inconclusive { reason, .. } => format!("inconclusive\n  {}", steady(reason)),
                _ => continue,
            };
            let key = format!("{} {detail}", result.id);
            failures.entry(key).or_insert_with_key(|key| (key.clone(), Vec::new())).1.push(&run.revision);
        }
        let count = |word: &str| counted.get(word).copied().unwrap_or_default();
        let _ = writeln!(
            counts,
            "{} over {}: {} pass, {} fail, {} inconclusive, {} skipped",
            run.revision,
            run.transport,
            count("pass"),
            count("fail"),
            count("inconclusive"),
            count("skipped")
        );
    }
    let mut report = counts;
    report.push_str(
        "\np pass, F fail, ? inconclusive, - skipped, ~ unsteady, . not in this revision; revisions as above\n\n",
    );
    for (id, line) in letters {
        let _ = writeln!(report, "{} {id}", line.into_iter().collect::<String>());
    }
    for (text, revisions) in failures.into_values() {
        let _ = write!(report, "\n{text}\n  in       {}\n", revisions.join(", "));
    }
    report
}

/// A line of evidence without what differs from run to run, cut short.
fn steady(text: &str) -> String {
    let replacements = [
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "[uuid]"),
        (r"[0-9a-f]{32}", "[hex]"),
        // Which id a request has depends on how often the session had to be opened anew.
        (r#""id":\d+"#, r#""id":[n]"#),
        (r"\b(within|for) \d+ s\b", "$1 [time-out]"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?", "[time]"),
        (r"127\.\d+\.\d+\.\d+:\d+", "[address]"),
        (r"(/[\w.@-]+){2,}/target/peers", "[peers]"),
    ];
    let text = replacements.iter().fold(text.to_owned(), |text, (pattern, name)| {
        regex::Regex::new(pattern).expect("a pattern").replace_all(&text, *name).into_owned()
    });
    text.chars().take(160).collect()
}
