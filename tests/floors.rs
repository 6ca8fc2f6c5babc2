//! The house stands: a module imports from lower floors only, never from one beside it.

use std::fs;
use std::path::{Path, PathBuf};

/// The floors, lowest first, as `src/lib.rs` draws them.
const FLOORS: [&[&str]; 7] = [
    &["wire", "outcome", "source"],
    &["protocol", "transport"],
    &["session", "scenario", "smith"],
    &["survey", "judge", "mock"],
    &["run", "fuzz"],
    &["report"],
    &["cli"],
];

#[test]
fn modules_import_from_lower_floors_only() {
    let mut wrong = Vec::new();
    for (module, file) in sources() {
        for (line, imported) in imports(&fs::read_to_string(&file).expect("is text")) {
            if imported == module {
                continue;
            }
            match (floor(&module), floor(&imported)) {
                (Some(own), Some(other)) if other < own => {}
                (Some(_), Some(_)) => wrong.push(format!("{}:{line}: {module} imports {imported}", file.display())),
                _ => wrong.push(format!("{}:{line}: {module} or {imported} has no floor", file.display())),
            }
        }
    }
    assert!(wrong.is_empty(), "upward or sideways:\n{}", wrong.join("\n"));
}

#[test]
fn reports_stand_on_events_alone() {
    for (module, file) in sources().into_iter().filter(|(module, _)| module == "report") {
        for (line, imported) in imports(&fs::read_to_string(&file).expect("is text")) {
            let is_ground = imported == module || FLOORS[0].contains(&&*imported);
            assert!(is_ground, "{}:{line}: {module} imports {imported}", file.display());
        }
    }
}

#[test]
fn every_module_has_a_floor_and_is_drawn() {
    let picture = fs::read_to_string("src/lib.rs").expect("is text");
    for line in picture.lines().filter_map(|line| line.strip_prefix("pub mod ")) {
        let module = line.trim_end_matches(';');
        assert!(floor(module).is_some(), "{module} has no floor");
        let drawn = picture.lines().any(|line| line.starts_with("//!") && line.split_whitespace().any(|w| w == module));
        assert!(drawn, "src/lib.rs does not draw {module}");
    }
}

#[test]
fn imports_are_found_in_every_form() {
    let text =
        "use crate::wire::Message;\n// crate::cli\nuse crate::{run, report::Json};\nlet x = crate::mock::serve();\n";
    let found: Vec<_> = imports(text).into_iter().map(|(line, module)| format!("{line} {module}")).collect();
    assert_eq!(found, ["1 wire", "3 run", "3 report", "4 mock"]);
}

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|modules| modules.contains(&module))
}

/// Every source file below a module's folder (or the module's one file), with the name of the module.
fn sources() -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    for entry in fs::read_dir("src").expect("is there") {
        let path = entry.expect("can be read").path();
        let name = path.file_stem().expect("has a name").to_string_lossy().into_owned();
        if path.is_dir() {
            collect(&path, &name, &mut found);
        } else if name != "lib" && name != "main" {
            found.push((name, path));
        }
    }
    found.sort();
    found
}

fn collect(folder: &Path, module: &str, found: &mut Vec<(String, PathBuf)>) {
    for entry in fs::read_dir(folder).expect("is there") {
        let path = entry.expect("can be read").path();
        if path.is_dir() {
            collect(&path, module, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push((module.to_owned(), path));
        }
    }
}

/// The modules of ours that a file speaks of, with the lines: `crate::name` anywhere, and each name of `crate::{...}`.
fn imports(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (start, _) in text.match_indices("crate::") {
        let line = text[..start].matches('\n').count() + 1;
        let before = text[..start].rsplit('\n').next().unwrap_or_default();
        let is_longer_name = before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$');
        if before.trim_start().starts_with("//") || is_longer_name {
            continue;
        }
        let rest = &text[start + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(group) => found.extend(names_of_group(group).into_iter().map(|name| (line, name))),
            None => found.push((line, first_name(rest))),
        }
    }
    found
}

/// The first name of each entry of a group, whatever is nested in the entries.
fn names_of_group(group: &str) -> Vec<String> {
    let mut names = vec![first_name(group.trim_start())];
    let mut depth = 0;
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(first_name(group[at + 1..].trim_start())),
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

fn first_name(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}
