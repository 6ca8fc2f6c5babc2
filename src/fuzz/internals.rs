//! Stack traces and paths of the server's own files, in texts that it sends. Judges texts only.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::RegexSet;

use crate::transport::CommandTarget;

/// What stack traces look like in the languages that servers are written in.
static TRACES: LazyLock<RegexSet> = LazyLock::new(|| {
    RegexSet::new([
        r"Traceback \(most recent call last\)",
        r#"File "[^"\n]+", line \d+, in "#,
        r"(?m)^\s+at (async )?[\w.<>$\[\] ]+ \(?(file://|node:|/|[A-Z]:\\)[^\n]+:\d+:\d+\)?",
        r"thread '[^'\n]*' panicked at ",
        r"(?m)^goroutine \d+ \[",
        r"(?m)^\s+at [\w.$]+\([\w]+\.(java|kt|scala):\d+\)",
        r"(?m)^\s+at [\w.`<>]+\(.*\) in .+:line \d+",
        r"(/site-packages/|/node_modules/)[^\s]+\.(py|m?js|cjs|ts)\b",
    ])
    .expect("a test uses the patterns")
});

/// Whether a text holds a stack trace.
pub(super) fn has_trace(text: &str) -> bool {
    TRACES.is_match(text)
}

/// Folders and files that are the server's own: nobody but the server can have named them.
pub(super) fn own_paths(command: Option<&CommandTarget>) -> Vec<String> {
    let Some(command) = command else { return Vec::new() };
    let folder = command.directory.clone().or_else(|| std::env::current_dir().ok()).unwrap_or_default();
    let files = command.arguments.iter().chain([&command.program]);
    let mut found: Vec<String> = Vec::new();
    for word in files.filter(|word| word.contains(['/', '.'])) {
        let path = folder.join(word);
        if !path.is_file() {
            continue;
        }
        let real = path.canonicalize().unwrap_or(path.clone());
        found.extend([path, real].iter().filter_map(telling));
    }
    found.sort();
    found.dedup();
    found
}

/// The path as it would be told, if it is long enough to be told from a word.
fn telling(path: &PathBuf) -> Option<String> {
    let is_deep = Path::new(path).components().count() > 2;
    path.to_str().filter(|_| is_deep).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_are_known_and_sentences_are_not() {
        for trace in [
            "Traceback (most recent call last):\n  File \"/srv/x.py\", line 3, in call",
            "TypeError: x\n    at Object.call (/srv/app/index.js:10:5)\n    at async run (file:///srv/app/x.mjs:1:2)",
            "thread 'main' panicked at src/main.rs:3:5:\nboom",
            "goroutine 1 [running]:\nmain.main()",
            "\tat com.example.Tool.call(Tool.java:42)",
            "Cannot find /srv/app/node_modules/x/index.js",
        ] {
            assert!(has_trace(trace), "{trace}");
        }
        for sentence in ["at least 3 of 5", "File \"x\" has no line 3", "panicked at the disco", "look at x (y:1:2)"] {
            assert!(!has_trace(sentence), "{sentence}");
        }
    }
}
