//! Finds out what a command starts: Python, Node, or a program with coverage built in. Reads files, starts nothing.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::transport::CommandTarget;

/// What reports coverage from within the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hook {
    /// A module that Python imports as it starts.
    Python,
    /// A script that Node loads before all others.
    Node,
    /// SanitizerCoverage in the program itself.
    Native,
}

/// What a program is, and how that was found out, as the end of a sentence.
pub(super) struct Detected {
    /// Hooks that can report; none for a program without coverage.
    pub(super) hooks: Vec<Hook>,
    /// Such as "`server` is a script for python3".
    pub(super) why: String,
}

/// Launchers that end in a language of their own, whatever file they are.
const LAUNCHERS: [(&str, Hook); 16] = [
    ("python", Hook::Python),
    ("pypy", Hook::Python),
    ("uv", Hook::Python),
    ("uvx", Hook::Python),
    ("pipx", Hook::Python),
    ("poetry", Hook::Python),
    ("hatch", Hook::Python),
    ("fastmcp", Hook::Python),
    ("node", Hook::Node),
    ("nodejs", Hook::Node),
    ("npx", Hook::Node),
    ("npm", Hook::Node),
    ("pnpm", Hook::Node),
    ("yarn", Hook::Node),
    ("tsx", Hook::Node),
    ("ts-node", Hook::Node),
];

/// Words before the program itself that say how it is run.
const PREFIXES: [&str; 6] = ["env", "nice", "nohup", "setsid", "stdbuf", "time"];

/// What the runtime for native programs and SanitizerCoverage leave in a program.
const MARKS: [&[u8]; 2] = [b"mcp-litmus coverage runtime", b"__sanitizer_cov_trace_pc_guard_init"];

/// As much of a program is looked through.
const LONGEST: u64 = 512 << 20;

/// Looks at the program of a command as the target will find it.
pub(super) fn detect(command: &CommandTarget, inherited: &BTreeMap<String, String>) -> Detected {
    let mut words = std::iter::once(&command.program).chain(&command.arguments).peekable();
    while let Some(word) = words.peek() {
        let name = name_of(word);
        // `env A=B -i program` and the like.
        if PREFIXES.contains(&name) || word.starts_with('-') || (word.contains('=') && !word.contains('/')) {
            words.next();
        } else {
            break;
        }
    }
    let program = words.next().unwrap_or(&command.program);
    if let Some(hook) = launcher(name_of(program)) {
        return Detected { hooks: vec![hook], why: format!("`{program}` starts {}", hook.language()) };
    }
    match resolve(program, command, inherited) {
        Some(path) => look_into(program, &path),
        None => Detected { hooks: Vec::new(), why: format!("`{program}` is not found") },
    }
}

impl Hook {
    pub(super) fn language(self) -> &'static str {
        match self {
            Self::Python => "Python",
            Self::Node => "Node",
            Self::Native => "a program with SanitizerCoverage",
        }
    }
}

fn look_into(program: &str, path: &Path) -> Detected {
    let detected = |hooks: &[Hook], why: String| Detected { hooks: hooks.to_vec(), why };
    let Ok(file) = File::open(path) else {
        return detected(&[], format!("`{program}` cannot be read"));
    };
    let mut reader = BufReader::with_capacity(1 << 16, file.take(LONGEST));
    let start = reader.fill_buf().unwrap_or_default();
    if let Some(line) = start.strip_prefix(b"#!") {
        let line = line.split(|&byte| byte == b'\n').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line).into_owned();
        let mut words = line.split_whitespace().filter(|word| !word.starts_with('-'));
        let interpreter = words.next().map(name_of).unwrap_or_default();
        let interpreter =
            if interpreter == "env" { words.next().map(name_of).unwrap_or_default() } else { interpreter };
        if let Some(hook) = launcher(interpreter) {
            return detected(&[hook], format!("`{program}` is a script for {interpreter}"));
        }
        // uv, pipx and distlib start Python from a shell where the path of the interpreter is long.
        return detected(
            &[Hook::Python, Hook::Node],
            format!(
                "`{program}` is a script for {interpreter}, and what it starts is seen where that is Python or Node"
            ),
        );
    }
    if !start.starts_with(b"\x7fELF") && !start.starts_with(b"\xcf\xfa\xed\xfe") {
        return detected(&[], format!("`{program}` is neither a script nor a program that is known here"));
    }
    if MARKS.iter().any(|mark| holds(path, mark)) {
        return detected(&[Hook::Native], format!("`{program}` was built with SanitizerCoverage"));
    }
    detected(&[], format!("`{program}` is a program that was built without SanitizerCoverage"))
}

fn launcher(name: &str) -> Option<Hook> {
    let plain = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    LAUNCHERS.iter().find(|(known, _)| *known == plain || *known == name).map(|&(_, hook)| hook)
}

fn name_of(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

fn resolve(program: &str, command: &CommandTarget, inherited: &BTreeMap<String, String>) -> Option<PathBuf> {
    let place = command.directory.clone().unwrap_or_default();
    if program.contains('/') {
        return Some(place.join(program)).filter(|path| path.is_file());
    }
    let path = command.environment.get("PATH").or_else(|| inherited.get("PATH"))?;
    path.split(':').map(|folder| place.join(folder).join(program)).find(|path| path.is_file())
}

fn holds(path: &Path, mark: &[u8]) -> bool {
    let Ok(file) = File::open(path) else { return false };
    let finder = memchr::memmem::Finder::new(mark);
    let mut reader = file.take(LONGEST);
    let mut window = Vec::with_capacity(1 << 20);
    loop {
        let kept = window.len();
        if !matches!(reader.by_ref().take(1 << 20).read_to_end(&mut window), Ok(read) if read > 0) {
            return false;
        }
        if finder.find(&window).is_some() {
            return true;
        }
        let tail = window.len() - window.len().min(mark.len());
        window.drain(..tail);
        debug_assert!(window.len() <= kept.max(mark.len()));
    }
}
