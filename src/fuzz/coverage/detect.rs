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
    /// `SanitizerCoverage` in the program itself, with the runtime from here.
    Native,
}

/// What a program is, and how that was found out, as the end of a sentence.
pub(super) struct Detected {
    /// Hooks that can report; none for a program without coverage.
    pub(super) hooks: Vec<Hook>,
    /// Such as "`server` is a script for python3".
    pub(super) why: String,
    /// Whether it may start Python or Node all the same.
    pub(super) may_start: bool,
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

/// Programs that may start anything.
const SHELLS: [&str; 7] = ["sh", "bash", "dash", "zsh", "ksh", "fish", "busybox"];

/// What the runtime for native programs leaves in a program; backwards, so that this program does not hold it itself.
const MARK: &[u8] = b"1 emitnur egarevoc sumtil-pcm";

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
        let isolated =
            hook == Hook::Python && words.take_while(|word| word.starts_with('-')).any(|word| is_isolated(word));
        if isolated {
            return Detected::new(&[], format!("`{program}` is told to ignore PYTHONPATH"));
        }
        return Detected::new(&[hook], format!("`{program}` starts {}", hook.language()));
    }
    if SHELLS.contains(&name_of(program)) {
        return anything(format!("`{program}` is a shell"));
    }
    match resolve(program, command, inherited) {
        Some(path) => look_into(program, &path),
        None => Detected::new(&[], format!("`{program}` is not found")),
    }
}

impl Detected {
    fn new(hooks: &[Hook], why: String) -> Self {
        Self { hooks: hooks.to_vec(), why, may_start: !hooks.is_empty() }
    }
}

impl Hook {
    pub(super) fn language(self) -> &'static str {
        match self {
            Self::Python => "Python",
            Self::Node => "Node",
            Self::Native => "a native program",
        }
    }
}

fn look_into(program: &str, path: &Path) -> Detected {
    let Ok(file) = File::open(path) else {
        return Detected::new(&[], format!("`{program}` cannot be read"));
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
            return Detected::new(&[hook], format!("`{program}` is a script for {interpreter}"));
        }
        return anything(format!("`{program}` is a script for {interpreter}"));
    }
    if !start.starts_with(b"\x7fELF") && !start.starts_with(b"\xcf\xfa\xed\xfe") {
        return Detected::new(&[], format!("`{program}` is neither a script nor a program that is known here"));
    }
    if holds(path, &mark()) {
        return Detected::new(&[Hook::Native], format!("`{program}` was built for it"));
    }
    Detected { may_start: true, ..Detected::new(&[], format!("`{program}` was built without it")) }
}

fn mark() -> Vec<u8> {
    // Turned round while the program runs, not while it is compiled.
    std::hint::black_box(MARK).iter().rev().copied().collect()
}

/// A program that starts others, whichever they are.
fn anything(why: String) -> Detected {
    Detected::new(&[Hook::Python, Hook::Node, Hook::Native], why)
}

/// `-I` and `-E`, alone or among other letters.
fn is_isolated(word: &str) -> bool {
    let letters = word.strip_prefix('-').filter(|rest| !rest.starts_with('-')).unwrap_or_default();
    letters.chars().take_while(|c| !matches!(c, 'c' | 'm' | 'W' | 'X')).any(|c| matches!(c, 'I' | 'E'))
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

/// Whether a file holds the mark; read piece by piece, each with the end of the one before.
fn holds(path: &Path, mark: &[u8]) -> bool {
    let Ok(file) = File::open(path) else { return false };
    let finder = memchr::memmem::Finder::new(mark);
    let mut reader = file.take(LONGEST);
    let mut window = Vec::with_capacity(1 << 20);
    while matches!(reader.by_ref().take(1 << 20).read_to_end(&mut window), Ok(read) if read > 0) {
        if finder.find(&window).is_some() {
            return true;
        }
        window.drain(..window.len() - window.len().min(mark.len()));
    }
    false
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn detected(words: &[&str], path: &Path) -> Detected {
        let command = CommandTarget {
            program: words[0].to_owned(),
            arguments: words[1..].iter().map(|&word| word.to_owned()).collect(),
            environment: BTreeMap::from([("PATH".to_owned(), path.display().to_string())]),
            directory: None,
        };
        detect(&command, &BTreeMap::new())
    }

    #[test]
    fn a_command_is_known_by_its_program() {
        use Hook::{Native, Node, Python};
        let folder = tempfile::tempdir().expect("a folder");
        let mut marked = b"\x7fELF".to_vec();
        marked.resize((1 << 20) - 7, 0);
        marked.extend(mark());
        let files: [(&str, &[u8]); 6] = [
            ("installed", b"#!/opt/venv/bin/python3.12 -s\n"),
            ("linked", b"#!/usr/bin/env -S node --no-warnings\n"),
            ("wrapper", b"#!/bin/sh\nexec something\n"),
            ("plain", b"\x7fELF and so on"),
            ("covered", &marked),
            ("text", b"nothing"),
        ];
        for (name, content) in files {
            fs::write(folder.path().join(name), content).expect("is written");
        }
        let cases: [(&[&str], &[Hook]); 14] = [
            (&["python3.11", "server.py"], &[Python]),
            (&["/opt/venv/bin/python", "-u", "server.py"], &[Python]),
            (&["python3", "-sI", "server.py"], &[]),
            (&["python3", "-m", "server", "-E"], &[Python]),
            (&["uvx", "mcp-server-time"], &[Python]),
            (&["env", "-i", "A=b", "node", "server.js"], &[Node]),
            (&["npx", "-y", "server"], &[Node]),
            (&["installed"], &[Python]),
            (&["linked"], &[Node]),
            (&["wrapper"], &[Python, Node, Native]),
            (&["covered"], &[Native]),
            (&["plain"], &[]),
            (&["text"], &[]),
            (&["absent"], &[]),
        ];
        for (words, hooks) in cases {
            let detected = detected(words, folder.path());
            assert_eq!(detected.hooks, hooks, "{words:?}: {}", detected.why);
        }
    }
}
