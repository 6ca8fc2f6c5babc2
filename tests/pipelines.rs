//! The pieces for pipelines: every YAML file is read, and the commands in it are executed against the built-in server.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use mcp_litmus::source::{Document, Source};
use serde_json::Value;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mcp-litmus");

fn yaml(path: &str) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let document = Document::read(&Source::new(path, text)).unwrap_or_else(|mistake| panic!("{mistake}"));
    assert!(document.mistakes.is_empty(), "{path}: {:?}", document.mistakes);
    document.root.to_value()
}

/// A folder where `mcp-litmus` is found, with a litmus.toml that names the built-in server.
fn place() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::os::unix::fs::symlink(PROGRAM, folder.path().join("mcp-litmus")).expect("is made");
    let settings = "[target]\ncommand = [\"mcp-litmus\", \"serve\", \"--revision\", \"2025-06-18\"]\n[checks]\nselect = [\"errors\"]\n";
    fs::write(folder.path().join("litmus.toml"), settings).expect("is written");
    folder
}

fn sh(folder: &Path, shell: &str, script: &str, environment: &[(&str, &str)]) -> Output {
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap_or_default());
    let summary = folder.join("summary.md");
    let mut command = Command::new(shell);
    command.current_dir(folder).args(["-e", "-c", script]).env("PATH", path).envs(environment.iter().copied());
    command.env("GITHUB_STEP_SUMMARY", summary).env("RUNNER_TEMP", folder).output().expect("starts")
}

fn assert_written(folder: &Path, names: &[&str], output: &Output) {
    for name in names {
        let size = fs::metadata(folder.join(name)).map_or(0, |file| file.len());
        assert!(size > 0, "{name}: {output:?}");
    }
}

fn steps(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten().filter(|step| step["run"].is_string())
}

#[test]
fn the_action_runs() {
    let action = yaml("ci/action.yml");
    assert_eq!(action["runs"]["using"], "composite");
    let none =
        [("TARGET", ""), ("URL", ""), ("REVISION", ""), ("REPORTS", "json=r.json html=r.html"), ("BASELINE", "")];
    let typed = [
        ("TARGET", "mcp-litmus serve --revision 2024-11-05"),
        ("REVISION", "2024-11-05"),
        ("REPORTS", "json=r.json html=r.html"),
    ];
    for environment in [&none[..], &typed] {
        let folder = place();
        for step in steps(&action["runs"]["steps"]) {
            let output = sh(folder.path(), "bash", step["run"].as_str().unwrap_or_default(), environment);
            assert!(output.status.success(), "{output:?}");
            if step["id"] == "check" {
                assert_written(folder.path(), &["summary.md", "mcp-litmus.sarif", "r.json", "r.html"], &output);
            }
        }
    }
    let folder = place();
    let broken = "- {fails: [jsonrpc.error.method-not-found], when: {method: litmus/no-such-method}, answer: {error: {code: -32603, message: oops}}}\n";
    fs::create_dir(folder.path().join("mine")).expect("is made");
    fs::write(folder.path().join("mine/servers.broken.yaml"), broken).expect("is written");
    let check = steps(&action["runs"]["steps"]).find(|step| step["id"] == "check").expect("is there");
    let output = sh(
        folder.path(),
        "bash",
        check["run"].as_str().unwrap_or_default(),
        &[("TARGET", "mcp-litmus serve --broken mine/servers.broken.yaml#1")],
    );
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    for text in [
        "::error title=MCP conformance::mcp-litmus ended with 1",
        "\n::error title=MCP conformance::MUST  errors/unknown-method#",
    ] {
        assert!(told.contains(text), "{told}");
    }
}

#[test]
fn workflows_of_init_run() {
    for (pipeline, file) in [("github", ".github/workflows/mcp-litmus.yml"), ("gitlab", ".gitlab/mcp-litmus.yml")] {
        let folder = place();
        let settings = folder.path().join("litmus.toml");
        let kept = fs::read(&settings).expect("is there");
        fs::remove_file(&settings).expect("is there");
        assert!(sh(folder.path(), "sh", &format!("mcp-litmus init --ci {pipeline}"), &[]).status.success());
        fs::write(&settings, kept).expect("is written");
        let workflow = yaml(folder.path().join(file).to_str().expect("is UTF-8"));
        let scripts: Vec<_> = if pipeline == "github" {
            steps(&workflow["jobs"]["conformance"]["steps"]).map(|step| step["run"].clone()).collect()
        } else {
            workflow["mcp-conformance"]["script"].as_array().cloned().unwrap_or_default()
        };
        // What is installed is what is tested here.
        for script in scripts.iter().filter_map(Value::as_str).filter(|script| !script.starts_with("cargo install")) {
            let output = sh(folder.path(), "sh", script, &[]);
            assert!(output.status.success(), "{output:?}");
            assert_written(folder.path(), &["mcp-litmus.xml"], &output);
        }
        if pipeline == "gitlab" {
            assert_artifacts_are_written(&workflow["mcp-conformance"], folder.path());
        }
    }
}

/// Whatever a job of GitLab says that it keeps is there.
fn assert_artifacts_are_written(job: &Value, folder: &Path) {
    let artifacts = &job["artifacts"];
    let paths = artifacts["paths"].as_array().into_iter().flatten();
    let reports = artifacts["reports"].as_object().into_iter().flat_map(|reports| reports.values());
    let names: Vec<_> = paths.chain(reports).filter_map(Value::as_str).collect();
    assert!(names.len() >= 3, "{names:?}");
    let output = sh(folder, "sh", "true", &[]);
    assert_written(folder, &names, &output);
}

#[test]
fn the_template_for_gitlab_runs() {
    let job = yaml("ci/templates/gitlab.yml")["mcp-conformance"].clone();
    for command in ["", "mcp-litmus serve --revision 2024-11-05"] {
        let folder = place();
        let lines = ["before_script", "script"].map(|key| job[key].as_array().cloned().unwrap_or_default()).concat();
        for script in lines.iter().filter_map(Value::as_str) {
            let output = sh(folder.path(), "sh", script, &[("MCP_COMMAND", command)]);
            assert!(output.status.success(), "{output:?}");
        }
        assert_artifacts_are_written(&job, folder.path());
    }
}

#[test]
fn the_job_for_kubernetes_runs_in_parts_that_join() {
    let job = yaml("ci/templates/kubernetes.yml");
    let parts = job["spec"]["completions"].as_u64().expect("a number");
    let container = &job["spec"]["template"]["spec"]["containers"][0];
    let set = |name: &str| {
        container["env"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|one| one["name"] == name)
            .is_some_and(|one| one["value"].is_string())
    };
    assert!(set("MCP_URL") && set("LITMUS_RESULTS"));
    let stated = container["env"].as_array().into_iter().flatten().find(|one| one["name"] == "LITMUS_PARTS");
    assert_eq!(stated.and_then(|one| one["value"].as_str()?.parse().ok()), Some(parts));
    let folder = place();
    let script =
        container["args"][0].as_str().expect("a script").replace("--url \"$MCP_URL\"", "--demo --revision 2025-06-18");
    for index in 0..parts {
        let environment = [
            ("JOB_COMPLETION_INDEX", &*index.to_string()),
            ("LITMUS_PARTS", &*parts.to_string()),
            ("LITMUS_RESULTS", "."),
        ];
        let output = sh(folder.path(), "sh", &script, &environment);
        assert!(output.status.success(), "{output:?}");
    }
    let output = sh(folder.path(), "sh", "mcp-litmus report *.jsonl", &[]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("conforms"), "{output:?}");
}

#[test]
fn the_job_for_kubernetes_that_fuzzes_shares_what_it_finds() {
    let list = yaml("ci/templates/kubernetes-fuzz.yml");
    let named = |kind: &str| {
        let items = list["items"].as_array().into_iter().flatten();
        items.into_iter().find(|item| item["kind"] == kind).unwrap_or_else(|| panic!("{kind} is there"))
    };
    assert!(named("ConfigMap")["data"]["servers"].is_string());
    let container = &named("Job")["spec"]["template"]["spec"]["containers"][0];
    let script = container["args"][0].as_str().expect("a script");
    let folder = place();
    let broken = fs::canonicalize("scenarios/house/garbage.broken.yaml").expect("is there");
    let right = "mcp-litmus serve --revision 2025-06-18";
    let servers = format!("right {right}\nwrong {right} --broken {}#1\n", broken.display());
    fs::write(folder.path().join("servers"), servers).expect("is written");
    let fuzzed = |index: &str| {
        let environment = [
            ("JOB_COMPLETION_INDEX", index),
            ("LITMUS_SERVERS", "servers"),
            ("LITMUS_RESULTS", "results"),
            ("LITMUS_HOURS", "4s"),
        ];
        let output = sh(folder.path(), "sh", script, &environment);
        assert!(output.status.success(), "{output:?}");
    };
    ["0", "1", "2", "3"].into_iter().for_each(fuzzed);
    let files = |name: &str, ending: &str| {
        let names = fs::read_dir(folder.path().join("results").join(name)).expect("is there");
        names.filter(|entry| entry.as_ref().is_ok_and(|e| e.file_name().to_string_lossy().ends_with(ending))).count()
    };
    assert_eq!(files("right/findings", ".yaml"), 0);
    assert!(files("right/corpus", "") > 0 && files("wrong/corpus", "") > 0 && files("wrong/findings", ".yaml") > 0);
}

#[test]
fn clusterfuzzlite_drives_a_fuzzer() {
    let template = fs::canonicalize("ci/templates/clusterfuzzlite").expect("is there");
    assert_eq!(yaml("ci/templates/clusterfuzzlite/project.yaml")["language"], "c++");
    let folder = place();
    let out = folder.path().join("out");
    fs::create_dir_all(&out).expect("is made");
    let path = |path: &Path| path.to_str().expect("is UTF-8").to_owned();
    let fuzzer = path(&template.join("mcp_server_fuzzer"));
    fs::create_dir_all(folder.path().join("server")).expect("is made");
    let build = format!("cd server && {}", path(&template.join("build.sh")));
    let output = sh(folder.path(), "bash", &build, &[("OUT", &path(&out)), ("FUZZER", &fuzzer)]);
    assert!(output.status.success(), "{output:?}");
    let broken = fs::canonicalize("scenarios/house/garbage.broken.yaml").expect("is there");
    let right = "mcp-litmus serve --revision 2025-06-18";
    let wrong = format!("{right} --broken {}#1", broken.display());
    let run = |flags: &str, command: &str| {
        sh(folder.path(), "sh", &format!("out/mcp_server_fuzzer {flags}"), &[("MCP_COMMAND", command)])
    };
    fs::create_dir_all(folder.path().join("corpus")).expect("is made");
    fs::create_dir_all(folder.path().join("merged")).expect("is made");
    let output = run("-runs=300 -seed=1 -artifact_prefix=./ corpus", right);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let count = |name: &str| fs::read_dir(folder.path().join(name)).expect("is there").count();
    assert!(count("corpus") > 0, "{output:?}");
    let output = run("-merge=1 merged corpus", right);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(count("merged") > 0, "{output:?}");
    let output = run("-max_total_time=5 -artifact_prefix=./ corpus", &wrong);
    assert_eq!(output.status.code(), Some(77), "{output:?}");
    let names =
        fs::read_dir(folder.path()).expect("is there").filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let crash = names.into_iter().find(|name| name.starts_with("crash-")).expect("a finding");
    assert_eq!(run(&crash, &wrong).status.code(), Some(77));
    let output = run(&crash, right);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[test]
fn hooks_run() {
    let hooks = yaml(".pre-commit-hooks.yaml");
    let folder = place();
    fs::create_dir_all(folder.path().join("mcp-scenarios/calculator")).expect("is made");
    fs::copy("scenarios/errors/unknown-method.yaml", folder.path().join("mcp-scenarios/calculator/a.yaml"))
        .expect("is copied");
    for hook in hooks.as_array().into_iter().flatten() {
        let entry = hook["entry"].as_str().unwrap_or_default();
        let files = if hook["pass_filenames"] == false { "" } else { " mcp-scenarios/calculator/a.yaml" };
        let output = sh(folder.path(), "sh", &format!("{entry}{files}"), &[]);
        assert!(output.status.success(), "{output:?}");
    }
}

#[test]
fn shells_and_man_read_what_is_made_for_them() {
    let folder = place();
    let ran = |script: &str| {
        let output = sh(folder.path(), "bash", script, &[]);
        assert!(output.status.success(), "{script}: {output:?}");
        String::from_utf8(output.stdout).expect("is UTF-8")
    };
    let completed = ran(
        "source <(mcp-litmus completions bash); COMP_WORDS=(mcp-litmus ru); COMP_CWORD=1; _mcp__litmus mcp-litmus ru mcp-litmus; echo \"${COMPREPLY[@]}\"",
    );
    assert_eq!(completed.trim(), "run");
    for shell in ["zsh", "fish", "elvish", "powershell"] {
        assert!(ran(&format!("mcp-litmus completions {shell}")).contains("update-baseline"), "{shell}");
    }
    assert!(ran("mcp-litmus man").starts_with(".ie") && ran("mcp-litmus man run").contains("baseline"));
}
