//! Profiles of clients and model providers: hidden unless they are asked for, and counted against nothing.

use std::process::{Command, Output};

use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mcp-litmus");
/// A server whose tool has a dot in its name, which the protocol allows.
const BROKEN: &str = "scenarios/profiles/anthropic.broken.yaml#1";

fn litmus(arguments: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = Command::new(PROGRAM).args(arguments).output().expect("the program starts");
    let text = |bytes| String::from_utf8(bytes).expect("is UTF-8");
    (status.code().expect("exits"), text(stdout), text(stderr))
}

/// Runs checks of the built-in server that a provider refuses: the exit code, and the checks of profiles.
fn run(options: &[&str]) -> (i32, Vec<Value>) {
    let fixed = ["run", "--quiet", "--report", "json=-", "--revision", "2025-11-25", "--select", "always/tools"];
    let select = if options.is_empty() { &[][..] } else { &["--select", "profiles"] };
    let target = ["--", PROGRAM, "serve", "--broken", BROKEN];
    let (code, stdout, stderr) = litmus(&[&fixed[..], select, options, &target].concat());
    let report: Value = serde_json::from_str(&stdout).unwrap_or_else(|e| panic!("{e}: {stderr}"));
    let results = report["runs"].as_array().into_iter().flatten().filter_map(|run| run["results"].as_array()).flatten();
    let of_profile = |result: &&Value| result["requirement"].as_str().is_some_and(|id| id.starts_with("profile-"));
    (code, results.filter(of_profile).cloned().collect())
}

#[test]
fn what_a_provider_refuses_is_told_and_counts_for_nothing() {
    let (code, results) = run(&[]);
    assert!(code == 0 && results.is_empty(), "{results:#?}");

    for options in [&["--profile", "anthropic"][..], &["--profile", "anthropic", "--fail-on", "should"]] {
        let (code, results) = run(options);
        assert_eq!(code, 0, "{results:#?}");
        let failed: Vec<_> = results.iter().filter(|result| result["verdict"] == "fail").collect();
        assert_eq!(failed.len(), 1, "{results:#?}");
        assert_eq!(failed[0]["requirement"], "profile-anthropic.tool.name");
        assert_eq!(failed[0]["level"], "HOUSE");
        let page = failed[0]["spec"].as_str().unwrap_or_default();
        assert!(page.starts_with("https://platform.claude.com/"), "{page}");
        assert!(
            results.iter().all(|result| result["id"].as_str().is_some_and(|id| id.starts_with("profiles/anthropic")))
        );
    }
    let several = run(&["--profile", "openai", "--profile", "vscode"]).1;
    let failed = several.iter().filter(|result| result["verdict"] == "fail").count();
    assert!(failed == 2 && several.len() > 6, "{several:#?}");
}

#[test]
fn the_source_of_each_is_told() {
    let (code, page, _) = litmus(&["explain", "profile-openai.tools.count"]);
    assert_eq!(code, 0);
    assert!(
        page.contains("source") && page.contains("https://github.com/zed-industries/zed/issues/32946 (2025-06-18)"),
        "{page}"
    );
    assert!(!litmus(&["list"]).1.contains("profile-"), "only who asks for a profile sees it");
    assert!(!litmus(&["list", "--requirements"]).1.contains("profile-"));
    let (_, listed, _) = litmus(&["list", "--profile", "gemini", "--select", "profiles"]);
    assert!(listed.contains("profile-gemini.input-schema.items") && !listed.contains("profile-openai"), "{listed}");
    assert!(!litmus(&["coverage"]).1.contains("profile-"));
}
