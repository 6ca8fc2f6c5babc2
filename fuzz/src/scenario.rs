//! Whatever people write in scenario files is a scenario, or has mistakes that can be shown.

use std::path::Path;

use mcp_litmus::scenario::{Names, load_broken, load_scenario};
use mcp_litmus::source::Diagnostic;

/// Loads text as a scenario and as broken servers.
pub fn run(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let names = Names { probes: &["garbage"], invariants: &["ids"], quirks: &["litmus"] };
    show(load_scenario(Path::new("area/name.yaml"), &text, &names).err());
    show(load_broken(Path::new("area/name.broken.yaml"), &text, &names).err());
}

fn show(mistakes: Option<Vec<Diagnostic>>) {
    for mistake in mistakes.iter().flatten() {
        assert!(!mistake.message().is_empty());
        let shown = mistake.render(false);
        assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "it would reach a terminal: {shown:?}");
    }
    assert!(mistakes.is_none_or(|mistakes| !mistakes.is_empty() && mistakes.len() <= 101));
}

#[test]
fn smoke() {
    for sample in crate::samples() {
        run(&sample);
    }
    for file in ["../tests/data/whole-language.yaml", "../tests/data/whole-language.broken.yaml"] {
        let text = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).expect("it is there");
        run(&text);
        // Half of it, and each line left out in turn.
        run(&text[..text.len() / 2]);
        let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
        for at in 0..lines.len() {
            run(&[&lines[..at], &lines[at + 1..]].concat().concat());
        }
    }
}
