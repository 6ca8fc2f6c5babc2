//! The requirement sets that certificates stand for stay as they were published.
//!
//! A published set is never edited, since certificates name its hash. Where a revision gets more checks, a new version of its set
//! is made by `LITMUS_FREEZE=1 cargo test --test certificate_sets`: it writes `schemas/certificates/<revision>.yaml` with the
//! next version wherever the set differs from what the checks prove now, and adds its hash to `schemas/certificates/frozen.txt`,
//! of which no line ever changes. Before a release, delete the lines of sets that nobody has seen yet: those versions are then
//! made anew.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use mcp_litmus::outcome::Level;
use mcp_litmus::protocol::{RequirementSet, Revision};
use mcp_litmus::report::sha256;
use mcp_litmus::run::{Plan, Selection};
use mcp_litmus::scenario::Catalogue;
use mcp_litmus::wire::TransportKind;

#[test]
fn frozen_sets_are_what_they_were() {
    if std::env::var_os("LITMUS_FREEZE").is_some() {
        freeze();
    }
    let frozen = frozen();
    for revision in Revision::ALL {
        let text = read(&format!("{revision}.yaml"));
        let set = RequirementSet::read(&text).unwrap_or_else(|mistake| panic!("{revision}: {mistake}"));
        assert_eq!(set.revision, revision);
        let hash = frozen.get(&(revision.to_string(), set.version));
        assert_eq!(
            hash,
            Some(&sha256(text.as_bytes())),
            "schemas/certificates/{revision}.yaml was edited: undo that; a new version is made as this file's head says"
        );
        let proved = proved(revision);
        let mut before = "";
        for entry in &set.requirements {
            assert!(before < entry.id.as_str(), "{revision}: {} is out of order", entry.id);
            assert!(proved.contains_key(&entry.id), "{revision}: no check proves {} any more: freeze anew", entry.id);
            assert_ne!(entry.level, Level::May);
            before = &entry.id;
        }
        assert!(set.requirements.iter().any(|entry| entry.id == "house.survives"));
    }
}

/// Writes the sets that differ from what the checks prove, each as a new version.
fn freeze() {
    let mut lines = read("frozen.txt");
    for revision in Revision::ALL {
        let known = RequirementSet::read(&read(&format!("{revision}.yaml"))).ok();
        let requirements: Vec<_> = proved(revision).into_iter().collect();
        let now = |set: &RequirementSet| set.requirements.iter().map(|e| (e.id.clone(), e.level)).collect::<Vec<_>>();
        let is_frozen = |version: u32| lines.contains(&format!("{revision} {version} "));
        let version = match &known {
            Some(set) if is_frozen(set.version) && now(set) == requirements => continue,
            Some(set) if is_frozen(set.version) => set.version + 1,
            Some(set) => set.version,
            None => 1,
        };
        let mut text = format!(
            "# What a certificate of {revision} stands for. Frozen: never edited; tests/certificate_sets.rs tells how the next version is made.\n\
             revision: \"{revision}\"\nversion: {version}\nrequirements:\n"
        );
        for (id, level) in requirements {
            writeln!(text, "  - {{id: {id}, level: {level}}}").expect("memory takes all");
        }
        writeln!(lines, "{revision} {version} {}", sha256(text.as_bytes())).expect("memory takes all");
        fs::write(folder().join(format!("{revision}.yaml")), text).expect("the set is written");
    }
    fs::write(folder().join("frozen.txt"), lines).expect("the hashes are written");
}

/// Every requirement that binds and that some check proves over some transport, with its level.
fn proved(revision: Revision) -> BTreeMap<String, Level> {
    let catalogue = Catalogue::built_in().expect("the built-in scenarios load");
    let plans = TransportKind::ALL.map(|kind| Plan::new(&catalogue, &Selection::default(), revision, kind));
    let checks = plans.iter().flat_map(|plan| &plan.checks).map(|check| check.requirement);
    let levels = checks.map(|requirement| (requirement.id.clone(), requirement.effective_level()));
    levels.filter(|(_, level)| *level != Level::May).collect()
}

fn frozen() -> BTreeMap<(String, u32), String> {
    let text = read("frozen.txt");
    let mut frozen = BTreeMap::new();
    for line in text.lines() {
        let words: Vec<_> = line.split(' ').collect();
        let [revision, version, hash] = words[..] else { panic!("no line of hashes: {line}") };
        let key = (revision.to_owned(), version.parse().expect("a version"));
        assert_eq!(frozen.insert(key, hash.to_owned()), None, "{revision} {version} is frozen twice");
    }
    frozen
}

fn read(name: &str) -> String {
    fs::read_to_string(folder().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("schemas/certificates")
}
