//! Baselines on the real program: what they expect, what they catch, how they are written and what is told of mistakes.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mcp-litmus");
const BROKEN: &str = "errors/unknown-method.broken.yaml#1";

macro_rules! assert_page {
    ($name:expr, $page:expr) => {
        insta::with_settings!({snapshot_path => "../snapshots/cli", prepend_module_to_snapshot => false, omit_expression => true}, {
            insta::assert_snapshot!($name, $page);
        });
    };
}

struct Place(TempDir);

impl Place {
    fn new(baseline: &str) -> Self {
        let place = Self(tempfile::tempdir().expect("a folder"));
        fs::write(place.file(), baseline).expect("is written");
        // Reports name the target: it is called the same wherever the tests are built.
        symlink(PROGRAM, place.0.path().join("litmus")).expect("is made");
        let broken = Path::new("scenarios/errors").canonicalize().expect("is there");
        symlink(broken, place.0.path().join("errors")).expect("is made");
        place
    }

    fn file(&self) -> std::path::PathBuf {
        self.0.path().join("base.yaml")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.file()).expect("is there")
    }

    /// Checks a server with these options and the baseline: exit code, standard output and standard error.
    fn run(&self, options: &[&str], server: &[&str]) -> (i32, String, String) {
        let fixed = ["run", "--select", "errors/unknown-method", "--revision", "2025-06-18", "--baseline", "base.yaml"];
        let mut command = Command::new(PROGRAM);
        command.current_dir(self.0.path()).args(fixed).args(options).args(["--", "./litmus", "serve"]).args(server);
        let Output { status, stdout, stderr } = command.output().expect("starts");
        let text = |bytes| String::from_utf8(bytes).expect("is UTF-8");
        (status.code().expect("exits"), text(stdout), text(stderr))
    }
}

#[test]
fn a_failure_that_is_expected_fails_nobody() {
    let place = Place::new("- check: jsonrpc.error.method-not-found\n  reason: fixed in the next release\n");
    let (code, stdout, stderr) = place.run(&[], &["--broken", BROKEN]);
    assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");
    assert_page!("baseline-expected", stdout);
}

#[test]
fn a_failure_that_is_not_expected_fails() {
    let place = Place::new("- check: house.survives\n  reason: another one\n  revisions: [2026-07-28]\n");
    let (code, stdout, _) = place.run(&[], &["--broken", BROKEN]);
    assert_eq!(code, 1, "{stdout}");
    assert!(stdout.contains("does not conform: 1 failure"), "{stdout}");
}

#[test]
fn an_entry_that_fails_no_more_or_has_expired_fails_and_is_told() {
    let entry = "- check: errors/unknown-method#jsonrpc.error.method-not-found\n  reason: a while ago\n  ";
    let stale = Place::new(&format!("{entry}revisions: [2025-06-18]\n"));
    let (code, stdout, _) = stale.run(&[], &[]);
    assert_eq!(code, 1, "{stdout}");
    assert_page!("baseline-stale", stdout);

    let expired = Place::new(&format!("{entry}expires: 2026-01-31\n"));
    let (code, stdout, _) = expired.run(&["--quiet"], &["--broken", BROKEN]);
    assert_eq!(code, 1, "{stdout}");
    let (_, stdout, _) = expired.run(&[], &["--broken", BROKEN]);
    assert!(stdout.contains("expired on 2026-01-31"), "{stdout}");
    assert!(stdout.contains("does not conform"), "{stdout}");
}

#[test]
fn the_file_is_written_and_written_again() {
    let place = Place::new("");
    fs::remove_file(place.file()).expect("is there");
    let (code, _, stderr) = place.run(&[], &["--broken", BROKEN]);
    assert_eq!((code, stderr.contains("--update-baseline makes one")), (2, true), "{stderr}");
    assert!(!place.file().exists());

    let (code, _, stderr) = place.run(&["--update-baseline"], &["--broken", BROKEN]);
    assert_eq!((code, stderr.contains("added, whose reasons are for you to fill in")), (0, true), "{stderr}");
    let written = place.text().replace("reason: \"\"", "reason: mine");
    assert_eq!(written.matches("- check: ").count(), written.matches("reason: mine").count());
    assert!(written.contains("- check: \"errors/unknown-method#jsonrpc.error.method-not-found["), "{written}");
    fs::write(place.file(), &written).expect("is written");

    let (code, stdout, _) = place.run(&[], &["--broken", BROKEN]);
    assert_eq!(code, 0, "{stdout}");
    let (code, _, stderr) = place.run(&["--update-baseline"], &["--broken", BROKEN]);
    assert_eq!((code, stderr.as_str()), (0, "`base.yaml` stays as it is\n"));
    assert_eq!(place.text(), written);

    // Revisions that were not asked for may still fail: nothing is taken out.
    place.run(&["--update-baseline"], &[]);
    assert_eq!(place.text(), written);
    let only = written.replace("reason: mine", "reason: mine\n  revisions: [2025-06-18]");
    fs::write(place.file(), only).expect("is written");
    let (code, _, stderr) = place.run(&["--update-baseline"], &[]);
    assert_eq!((code, stderr.contains("removed")), (0, true), "{stderr}");
    assert!(place.text().ends_with("[]\n"), "{}", place.text());
    assert_eq!(fs::read_dir(place.0.path()).expect("is there").count(), 3, "no draft is left");
}

#[test]
fn mistakes_are_told_with_their_places() {
    let mistakes = [
        "- check: errors/unknown-methd\n  reason: x\n- check: jsonrpc.error.nothing-like-it\n  reason: y\n",
        "- check: '{a'\n  reson: x\n  expires: soon\n  revisions: [2025-06-19]\n- 5\n",
        "- check: 5\n  reason: 7\n  revisions: 2025-06-18\n- {}\n",
        "checks: []\n",
        "- check: [\n",
    ];
    let pages = mistakes.map(|text| {
        let (code, stdout, stderr) = Place::new(text).run(&[], &[]);
        assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
        stderr
    });
    assert_page!("baseline-mistakes", pages.join("\n"));
}

#[test]
fn a_target_that_is_not_reached_writes_nothing() {
    let place = Place::new("[]\n");
    let unreached = ["run", "--update-baseline", "--baseline"];
    let status =
        Command::new(PROGRAM).args(unreached).arg(place.file()).args(["--", "no-such-program-anywhere"]).output();
    assert_eq!(status.expect("starts").status.code(), Some(3));
    assert_eq!(place.text(), "[]\n");
}
