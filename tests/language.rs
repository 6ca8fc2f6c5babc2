//! What the loader says of every kind of mistake in a scenario file, word for word; and that ours have none.

use std::fs;
use std::path::{Path, PathBuf};

use insta::Settings;
use mcp_litmus::judge::{INVARIANTS, PROBES};
use mcp_litmus::mock::Quirk;
use mcp_litmus::scenario::{Catalogue, LoadError, Names, Scenario, lint, load_broken, load_scenario};
use mcp_litmus::source::Diagnostic;
use proptest::prelude::*;

const NAMES: Names =
    Names { probes: &["slow-drip", "half-body"], invariants: &["ids-answered-once"], quirks: &["forgets-session"] };

/// Lines that make a file whole, for tests of what stands before or between.
const STEPS: &str = "steps:\n  - alive: {proves: house.survives}\n";

#[test]
fn unknown_keys() {
    says(
        "unknown-keys",
        r"
titel: Search
abuot: x
steps:
  - reqest: {method: ping}
  - request: {method: ping, parms: {}}
  - expect: {eror: {code: 1}, proves: house.survives}
  - expect: {colour: red, result: {}}
",
    );
}

#[test]
fn wrong_types() {
    says(
        "wrong-types",
        r"
title: 5
about: [a]
transports: stdio
needs: [1]
cases: []
steps:
  - request: ping
  - alive:
  - raw: 5
  - raw: {text: 7, newline: yes}
  - expect: {result: {}, bind: x, proves: true, schema: 3}
  - {}
",
    );
}

#[test]
fn no_mapping_at_all() {
    says("empty-file", "# nothing yet\n");
    says("list-instead", "- title: x\n");
}

#[test]
fn words_that_are_not_offered() {
    says(
        "unknown-words",
        r"
title: x
since: 2025-06-19
until: yesterday
transports: [stdio, htpp]
session: frsh
steps:
  - alive: {proves: house.survives}
  - close: inptu
",
    );
}

#[test]
fn requirements_nobody_has() {
    says(
        "unknown-requirements",
        r"
title: x
steps:
  - alive: {proves: house.survive}
  - expect: {result: {}, proves: tools.magic}
",
    );
}

#[test]
fn requirements_that_hold_elsewhere() {
    says(
        "requirements-elsewhere",
        r"
title: x
since: 2026-07-28
transports: [stdio]
steps:
  - alive: {proves: house.survives}
  - expect: {result: {}, proves: version.negotiation.echo}
  - expect: {http: {status: 404}, proves: http.status.method-not-found-404}
",
    );
}

#[test]
fn facts_that_are_not_needed() {
    says(
        "facts-without-needs",
        r#"
title: x
needs: [prompt]
steps:
  - request: {method: tools/call, params: {name: "{{tool.name}}", arguments: "{{tool.arguments}}"}}
  - request: {method: tools/call, params: {name: "{{tool.required.name}}"}}
  - request: {method: prompts/get, params: {name: "{{prompt.name}}", revision: "{{revision}}", deep: "{{capabilities.tools.x}}"}}
  - alive: {proves: house.survives}
"#,
    );
}

#[test]
fn probes_and_invariants_nobody_has() {
    says("unknown-probe", "title: x\nprobe: slow-drop\nproves: [house.survives]\n");
    says("unknown-invariant", "title: x\ninvariant: nobody\nproves: [house.survivors]\n");
    says("probe-without-proof", "title: x\nprobe: slow-drip\n");
    says("proof-beside-steps", &format!("title: x\nproves: [house.survives]\n{STEPS}"));
}

#[test]
fn needs_nobody_has() {
    let needs = "needs: [tol, tool.structured, resources.subscribe]\nwithout: [promts]\n";
    says("unknown-needs", &format!("title: x\n{needs}{STEPS}"));
}

#[test]
fn bodies() {
    says("no-body", "title: x\n");
    says("two-bodies", &format!("title: x\nprobe: slow-drip\n{STEPS}"));
    says("cases-without-steps", "title: x\ncases: {a: {b: 1}}\nprobe: slow-drip\nproves: [house.survives]\n");
    says("no-proof", "title: x\nsteps:\n  - request: {method: ping}\n  - expect: {result: {}}\n");
}

#[test]
fn names_of_messages() {
    says(
        "undefined-names",
        r"
title: x
steps:
  - request: {method: ping, as: first}
  - request: {method: ping, as: first}
  - expect: {to: frist, result: {}, proves: house.survives}
  - reply: {to: first, result: {}}
  - close: {exchange: nobody}
  - request: {method: ping, as: later one}
",
    );
}

#[test]
fn placeholders_that_nothing_binds() {
    says(
        "unbound-placeholders",
        r#"
title: x
cases:
  a: {method: ping}
steps:
  - request: {method: "{{metod}}", params: {cursor: "at {{cursor}}"}}
  - expect: {result: {tools: "{{tools}}"}, bind: {cursor: /nextCursor, revision: /x}, proves: house.survives}
  - request: {method: tools/call, params: {name: "{{tool.nam}}", cursor: "{{cursor}}"}}
  - raw: '{"id": {{id}}}'
"#,
    );
}

#[test]
fn cases_that_differ() {
    says(
        "uneven-cases",
        r#"
title: x
cases:
  plain: {method: a, params: {}}
  other: {methd: b, params: {}}
  Bad Name: {method: a, params: 1}
steps:
  - request: {method: "{{method}}", params: "{{params}}"}
  - alive: {proves: house.survives}
"#,
    );
}

#[test]
fn expectations_of_nothing_or_too_much() {
    says(
        "expect-subjects",
        r"
title: x
steps:
  - expect: {within: 2s, proves: house.survives}
  - expect: {result: {}, error: {}}
  - expect: {result: {}, as: asked}
  - reply: {}
",
    );
}

#[test]
fn values_that_cannot_be_read() {
    says(
        "bad-values",
        r#"
title: ""
since: 2025-11-25
until: 2025-03-26
steps:
  - expect: {result: {}, within: 2 s, bind: {a: tools}, proves: house.survives}
  - raw: {base64: "?"}
  - expect: {result: {}, schema: {type: objekt}}
  - request: {method: x, omit: [id]}
"#,
    );
}

#[test]
fn steps_that_run_together() {
    says(
        "two-steps-in-one",
        r"
title: x
steps:
  - request: {method: ping}
    expect: {result: {}, proves: house.survives}
",
    );
}

#[test]
fn watches() {
    says(
        "watches",
        r"
title: x
always:
  - {when: anything, schema: {}, proves: house.survives}
  - {when: {result: tools/list, error: x}, definition: auto, proves: house.survives}
  - {when: message, definition: CallToolResul, proves: house.survives}
  - {when: message, proves: house.survives}
  - {when: {messages: x}, at: tools, schema: {}}
",
    );
}

#[test]
fn yaml_that_is_none() {
    says("not-yaml", "title: x\nsteps:\n  - alive: {proves: house.survives\n");
    says("yaml-mistakes", &format!("title: x\ntitle: y\n1: z\nabout: !mine x\n{STEPS}"));
    says("tabs", "title: x\nsteps:\n\t- alive: {}\n");
}

#[test]
fn broken_servers() {
    says_of_broken(
        "broken-servers",
        r#"
- {fails: [house.survive], when: {}, exit: 1}
- {when: {}, exit: 1}
- {fails: [], when: {}, silent: false}
- {fails: [house.survives], when: {}, at: start, print: "x\n"}
- {fails: [house.survives]}
- {fails: [house.survives], quirk: forgets-sesion}
- {fails: [house.survives], at: begin, exit: 1000}
- {fails: [house.survives], when: {}, before: [{id: "{{idd}}"}]}
- {fails: [house.survives], http: {status: 42, headers: {A: 1}}}
- {fails: [house.survives], wen: {}, silent: true, answer: {}}
- {passes: [house.survive], when: {}, silent: true}
"#,
    );
    says_of_broken("broken-mapping", "fails: [house.survives]\n");
}

#[test]
fn hostile_files() {
    says("hostile-text", "title: x\n\"\\e[31m\\u202E\": {a: 1}\nsteps: \"\\0\"\n");
    let wide = format!("title: x\nsteps: [{}]\n", "{reqest: {}}, ".repeat(2000));
    let mistakes = load_scenario(Path::new("mine/wide.yaml"), &wide, &NAMES).expect_err("has mistakes");
    assert_eq!(mistakes.len(), 100);
    assert!(mistakes.iter().all(|m| m.to_string().len() < 4000));
}

proptest! {
    #[test]
    fn no_file_is_too_damaged_to_be_judged(
        at in 0usize..2000,
        length in 0usize..40,
        junk in "\\PC{0,6}|[\\x00-\\x1f{}\\[\\]:,&*!|>'\"%@`\u{202e}-]{0,6}",
        is_broken: bool,
    ) {
        let file = if is_broken { "tests/data/whole-language.broken.yaml" } else { "tests/data/whole-language.yaml" };
        let mut text = fs::read_to_string(file).expect("is there");
        let start = at % text.len();
        text.replace_range(start..(start + length).min(text.len()), &junk);
        let mistakes = if is_broken {
            load_broken(Path::new("mine/a.broken.yaml"), &text, &NAMES).err()
        } else {
            load_scenario(Path::new("mine/a.yaml"), &text, &NAMES).err()
        };
        for mistake in mistakes.into_iter().flatten() {
            let shown = mistake.to_string();
            prop_assert!(!shown.contains(|c: char| c != '\n' && c.is_control() || c == '\u{202e}'), "{shown:?}");
            prop_assert!(shown.starts_with("error: ") && shown.contains("\n --> mine/a") || shown.contains("\n  --> mine/a"));
        }
    }
}

#[test]
fn names_of_files() {
    let mistakes = load_scenario(Path::new("Mine/Search it.yaml"), &format!("title: x\n{STEPS}"), &NAMES);
    snapshot("file-names", &mistakes.expect_err("has mistakes"));
}

#[test]
fn all_of_the_language_can_be_said() {
    let text = fs::read_to_string("tests/data/whole-language.yaml").expect("is there");
    let scenario = load_scenario(Path::new("mine/whole-language.yaml"), &text, &NAMES);
    let scenario = scenario.unwrap_or_else(|mistakes| panic!("{}", LoadError::Mistakes(mistakes)));
    snapshot_text("whole-language", &format!("{scenario:#?}"));
    let text = fs::read_to_string("tests/data/whole-language.broken.yaml").expect("is there");
    let broken = load_broken(Path::new("mine/whole-language.broken.yaml"), &text, &NAMES);
    let broken = broken.unwrap_or_else(|mistakes| panic!("{}", LoadError::Mistakes(mistakes)));
    snapshot_text("whole-language-broken", &format!("{broken:#?}"));
}

#[test]
fn folders_are_added_whole_or_not_at_all() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = folder.path();
    let write = |name: &str, text: &[u8]| {
        let file = root.join(name);
        fs::create_dir_all(file.parent().expect("has one")).expect("can be made");
        fs::write(file, text).expect("can be written");
    };
    let good = format!("title: x\n{STEPS}").into_bytes();
    let broken = b"- {fails: [house.survives], at: start, exit: 1}\n";
    write("search/plain.yaml", &good);
    write("search/plain.broken.yaml", broken);
    write(".git/ignored.yaml", b"]");
    let mut catalogue = Catalogue::default();
    catalogue.add_folder(root, &NAMES).expect("has no mistakes");
    assert_eq!(catalogue.scenarios().len(), 1);
    assert_eq!(catalogue.scenario("search/plain").map(|s| s.file.clone()), Some(root.join("search/plain.yaml")));
    assert_eq!(catalogue.broken("search/plain").expect("has no mistakes").len(), 1);

    write("more/alone.broken.yaml", broken);
    write("more/bad.yaml", b"title: [\n");
    write("more/latin.yaml", b"title: \xff\n");
    write("more/other.yml", &good);
    write("elsewhere/search/plain.yaml", &good);
    write("elsewhere/fine.yaml", &good);
    let report = lint(&[root], &NAMES).expect("can be read");
    assert_eq!(report.files, 8);
    let shown = LoadError::Mistakes(report.mistakes).to_string();
    snapshot_text("folder", &shown.replace(&*root.to_string_lossy(), "FOLDER"));
    assert!(catalogue.add_folder(&root.join("elsewhere"), &NAMES).is_err());
    assert_eq!(catalogue.scenarios().len(), 1);
    let missing = lint(&[PathBuf::from("no/such")], &NAMES).expect_err("is not there").to_string();
    assert!(missing.starts_with("cannot read `no/such`: "), "{missing}");
}

/// In the binary they are not checked any more.
#[test]
fn the_built_in_scenarios_have_no_mistakes() {
    let (probes, invariants) = (PROBES.iter().map(|(name, _)| *name), INVARIANTS.iter().map(|(name, _)| *name));
    let quirks: Vec<_> = Quirk::TABLE.iter().map(|(name, _)| *name).collect();
    let (probes, invariants): (Vec<_>, Vec<_>) = (probes.collect(), invariants.collect());
    let names = Names { probes: &probes, invariants: &invariants, quirks: &quirks };
    let report = lint(&["scenarios"], &names).expect("can be read");
    assert!(report.mistakes.is_empty(), "{}", LoadError::Mistakes(report.mistakes));
    let catalogue = Catalogue::built_in().expect("has no mistakes");
    let broken =
        |scenario: &Scenario| usize::from(Path::new("scenarios").join(format!("{}.broken.yaml", scenario.id)).exists());
    assert_eq!(report.files, catalogue.scenarios().iter().map(|s| 1 + broken(s)).sum::<usize>());
}

/// Snapshots what is said of a scenario file.
fn says(name: &str, text: &str) {
    let mistakes = load_scenario(Path::new("mine/search.yaml"), text.trim_start(), &NAMES).expect_err("has mistakes");
    snapshot(name, &mistakes);
}

/// The same for a file of broken servers.
fn says_of_broken(name: &str, text: &str) {
    let file = Path::new("mine/search.broken.yaml");
    let mistakes = load_broken(file, text.trim_start(), &NAMES).expect_err("has mistakes");
    snapshot(name, &mistakes);
}

fn snapshot(name: &str, mistakes: &[Diagnostic]) {
    snapshot_text(name, &LoadError::Mistakes(mistakes.to_vec()).to_string());
}

fn snapshot_text(name: &str, text: &str) {
    let mut settings = Settings::clone_current();
    settings.set_snapshot_path("../snapshots/language");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}
