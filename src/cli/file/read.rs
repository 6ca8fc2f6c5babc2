//! Turns the nodes of a `litmus.toml` into settings, and tells every mistake in it at once. Opens no file.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ValueEnum;
use indexmap::IndexMap;
use serde_json::Value;

use super::super::args::{Profile, duration};
use super::super::targets;
use super::super::variables::Variables;
use super::File;
use crate::report::Format;
use crate::scenario::nearest;
use crate::source::{Diagnostic, Node, NodeKind, Secrets, Source, Span};
use crate::transport::{CommandTarget, Target, UrlTarget};

/// Which targets are meant.
#[derive(Debug, Clone, Copy)]
pub(super) struct Choice<'a> {
    /// Their names; none where there is only one.
    pub names: &'a [String],
    /// No other target was named.
    pub is_needed: bool,
}

/// What `--target` calls all targets.
const EVERY: &str = "all";

/// Reads all that the file says, and gathers its mistakes.
pub(super) struct Reader<'s> {
    source: &'s Arc<Source>,
    folder: PathBuf,
    variables: Variables,
    /// Whether what is read is meant to be used: of the others it does not matter what is set or is there.
    is_meant: bool,
    mistakes: Vec<Diagnostic>,
}

impl<'s> Reader<'s> {
    /// One for a file in this folder.
    pub(super) fn new(source: &'s Arc<Source>, folder: PathBuf) -> Self {
        let variables = Variables::new(folder.canonicalize().unwrap_or_else(|_| folder.clone()));
        Self { source, folder, variables, is_meant: true, mistakes: Vec::new() }
    }

    /// What the file says, or all mistakes in it.
    pub(super) fn read(mut self, root: &Node, choice: Choice) -> Result<File, Vec<Diagnostic>> {
        let mut file = self.file(root, choice);
        file.secrets = self.variables.secrets.take();
        if self.mistakes.is_empty() { Ok(file) } else { Err(self.mistakes) }
    }

    fn file(&mut self, root: &Node, choice: Choice) -> File {
        self.keys(Some(root), &["target", "targets", "arguments", "checks", "pace", "reports"]);
        let (checks, pace) = (self.table(root, "checks"), self.table(root, "pace"));
        self.keys(
            checks,
            &[
                "revisions",
                "select",
                "skip",
                "profiles",
                "scenarios",
                "call-tools",
                "calls-per-tool",
                "fail-on",
                "baseline",
            ],
        );
        self.keys(pace, &["jobs", "timeout", "start-timeout"]);
        let time = |reader: &mut Self, key| {
            reader.value(pace, key, "is no time", "a whole number with a unit, such as \"500ms\" or \"10s\"", |node| {
                duration(node.text()?).ok()
            })
        };
        let (timeout, start_timeout) = (time(self, "timeout"), time(self, "start-timeout"));
        let (reports, events) = self.reports(root);
        File {
            targets: self.targets(root, choice),
            arguments: self.arguments(root),
            call_tools: self.word(checks, "call-tools", "\"read-only\", \"all\" or \"none\""),
            calls_per_tool: self.value(
                checks,
                "calls-per-tool",
                "is no number of calls",
                "a whole number from 1",
                |node| u16::try_from(node.to_value().as_u64()?).ok().filter(|&calls| calls > 0),
            ),
            fail_on: self.word(checks, "fail-on", "\"must\" or \"should\""),
            jobs: self.value(pace, "jobs", "is no number of sessions", "a whole number from 1", |node| {
                u16::try_from(node.to_value().as_u64()?).ok().filter(|&jobs| jobs > 0)
            }),
            timeout,
            start_timeout,
            secrets: Secrets::default(),
            patterns: ["select", "skip"].iter().flat_map(|key| self.patterns(checks, key)).collect(),
            revisions: self.list(checks, "revisions", |text| text.parse().ok()),
            select: self.list(checks, "select", |text| Some(text.to_owned())),
            skip: self.list(checks, "skip", |text| Some(text.to_owned())),
            profiles: self.list(checks, "profiles", |text| Profile::from_str(text, false).ok()),
            scenarios: self
                .list(checks, "scenarios", |text| Some(PathBuf::from(text)))
                .into_iter()
                .map(|p| self.at(p))
                .collect(),
            baseline: self
                .value(checks, "baseline", "is no path", "put it in double quotes", Node::text)
                .map(|p| self.at(p)),
            reports,
            events,
        }
    }

    /// The targets that are meant, with their names. All are read, so that a mistake in another one is told too.
    fn targets(&mut self, root: &Node, choice: Choice) -> Vec<(Option<String>, Target)> {
        let named = self.table(root, "targets").and_then(Node::members);
        let names: Vec<_> = named.into_iter().flat_map(IndexMap::keys).map(String::as_str).collect();
        let is_only = choice.is_needed && choice.names.is_empty() && names.len() <= 1;
        let is_meant =
            |name: &str| is_only || choice.is_needed && choice.names.iter().any(|one| one == name || one == EVERY);
        let mut targets = Vec::new();
        if let Some(member) = root.members().and_then(|members| members.get("target")) {
            if named.is_some() {
                self.mistake::<()>(member.key_span, "there is a `target` and there are `targets`", "name this one too");
            }
            self.is_meant = is_only || is_meant(EVERY);
            let server = self.server(&member.node).filter(|_| self.is_meant);
            targets.extend(server.map(|server| (None, server)));
        }
        for (name, member) in named.into_iter().flatten() {
            if name == EVERY {
                self.mistake::<()>(member.key_span, "`all` is how --target calls all targets", "find another name");
            }
            self.is_meant = is_meant(name);
            let server = self.server(&member.node);
            targets.extend(server.filter(|_| is_meant(name)).map(|server| (Some(name.clone()), server)));
        }
        let place = root.place("/targets").unwrap_or_default();
        let known = || format!("`{}`", names.join("`, `"));
        for wanted in choice.names.iter().map(String::as_str).filter(|one| *one != EVERY && !names.contains(one)) {
            let help = match nearest(wanted, &names) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None if names.is_empty() => "no target has a name".to_owned(),
                None => format!("there is {}", known()),
            };
            self.mistake::<()>(place, format!("there is no target `{wanted}`"), help);
        }
        if choice.is_needed && choice.names.is_empty() && names.len() > 1 {
            let help = format!("choose with --target: {} or `all`", known());
            self.mistake::<()>(place, format!("there are {} targets", names.len()), help);
        }
        targets
    }

    fn server(&mut self, node: &Node) -> Option<Target> {
        self.keys(Some(node), &["command", "url", "cwd", "env", "headers", "allow-hosts"]);
        match (node.get("command"), node.get("url")) {
            (Some(command), None) => self.command(node, command),
            (None, Some(url)) => self.url(node, url),
            (Some(_), Some(url)) => {
                self.mistake(url.span, "the target has both a `command` and a `url`", "keep one of them")
            }
            (None, None) => {
                let help = "a program has a `command`, a server over HTTP a `url`";
                self.mistake(node.span, "the target has neither a `command` nor a `url`", help)
            }
        }
    }

    fn command(&mut self, node: &Node, command: &Node) -> Option<Target> {
        if let Some(headers) = node.get("headers") {
            self.mistake::<()>(headers.span, "`headers` are for a `url`", "a program takes `env`");
        }
        if let Some(hosts) = node.get("allow-hosts") {
            self.mistake::<()>(hosts.span, "`allow-hosts` are for a `url`", "");
        }
        let Some(words) = command.items().filter(|items| !items.is_empty()) else {
            return self.mistake(command.span, "`command` is no list", "such as [\"node\", \"dist/index.js\"]");
        };
        let words: Vec<_> = words.iter().map(|word| self.text(word)).collect();
        let mut words = words.into_iter().collect::<Option<Vec<_>>>()?.into_iter();
        let environment = self.texts(node.get("env"), "env")?.into_iter().collect();
        let directory = match node.get("cwd") {
            Some(cwd) => {
                let text = self.text(cwd)?;
                let folder = self.at(text);
                if self.is_meant && !folder.is_dir() {
                    return self.mistake(cwd.span, format!("`{}` is no folder", folder.display()), "");
                }
                Some(folder)
            }
            None => Some(self.folder.clone()).filter(|folder| !folder.as_os_str().is_empty()),
        };
        Some(Target::Command(CommandTarget {
            program: words.next()?,
            arguments: words.collect(),
            environment,
            directory,
        }))
    }

    fn url(&mut self, node: &Node, url: &Node) -> Option<Target> {
        for key in ["env", "cwd"] {
            if let Some(other) = node.get(key) {
                self.mistake::<()>(
                    other.span,
                    format!("`{key}` is for a `command`"),
                    "a server over HTTP takes `headers`",
                );
            }
        }
        let headers = self.texts(node.get("headers"), "headers")?;
        for (name, value) in &headers {
            if targets::header(&format!("{name}: {value}")).is_err() {
                let place = node.place(&format!("/headers/{name}")).unwrap_or(node.span);
                return self.mistake(place, format!("`{name}` cannot be sent as a header"), "");
            }
        }
        let allowed = self.list(Some(node), "allow-hosts", |text| text.parse().ok());
        let text = self.text(url)?;
        match targets::url(&text) {
            Ok(url) => Some(Target::Url(UrlTarget { url, headers, allowed })),
            // The address may hold a secret.
            Err(_) if !self.is_meant => None,
            Err(why) => {
                let why = self.variables.secrets.borrow().redacted(&why);
                self.mistake(url.span, why, "")
            }
        }
    }

    fn arguments(&mut self, root: &Node) -> BTreeMap<String, Value> {
        let mut arguments = BTreeMap::new();
        for (tool, member) in self.table(root, "arguments").and_then(Node::members).into_iter().flatten() {
            if member.node.members().is_none() {
                self.mistake::<()>(
                    member.key_span,
                    "arguments are a table",
                    format!("write them below `[arguments.{tool}]`"),
                );
            }
            arguments.insert(tool.clone(), member.node.to_value());
        }
        arguments
    }

    fn reports(&mut self, root: &Node) -> (Vec<OsString>, Option<OsString>) {
        let mut keys = Format::ALL.map(Format::as_str).to_vec();
        keys.push("events");
        let table = self.table(root, "reports");
        self.keys(table, &keys);
        let mut events = None;
        let mut reports = Vec::new();
        for key in keys {
            let Some(path) = self.value(table, key, "is no path", "put it in double quotes", Node::text) else {
                continue;
            };
            // `-` is standard output.
            let path = if path == "-" { OsString::from(path) } else { self.at(path).into_os_string() };
            if key == "events" {
                events = Some(path);
            } else {
                let mut report = OsString::from(format!("{key}="));
                report.push(path);
                reports.push(report);
            }
        }
        (reports, events)
    }

    /// The patterns of a list, each with what is to be told where no check fits it.
    fn patterns(&self, table: Option<&Node>, key: &str) -> Vec<(String, Diagnostic)> {
        let items = table.and_then(|table| table.get(key)?.items()).unwrap_or_default();
        let placed = items.iter().filter_map(|item| {
            let text = item.text()?;
            let mistake = Diagnostic::new(self.source, item.span, format!("no check fits `{text}`"));
            Some((text.to_owned(), mistake.with_help("`mcp-litmus list` shows all there are")))
        });
        placed.collect()
    }

    fn word<T: ValueEnum>(&mut self, table: Option<&Node>, key: &str, choices: &str) -> Option<T> {
        self.value(table, key, "is none of the words that it can be", choices, |node| {
            T::from_str(node.text()?, false).ok()
        })
    }

    fn list<T>(&mut self, table: Option<&Node>, key: &str, read: impl Fn(&str) -> Option<T>) -> Vec<T> {
        let Some(node) = table.and_then(|table| table.get(key)) else { return Vec::new() };
        let Some(items) = node.items() else {
            return self.mistake(node.span, format!("`{key}` is no list"), "put it in brackets").unwrap_or_default();
        };
        let mut read_items = Vec::new();
        for item in items {
            match item.text().and_then(&read) {
                Some(value) => read_items.push(value),
                None => drop(self.mistake::<()>(item.span, format!("this cannot stand in `{key}`"), "")),
            }
        }
        read_items
    }

    fn value<'n, T>(
        &mut self,
        table: Option<&'n Node>,
        key: &str,
        wrong: &str,
        help: &str,
        read: impl FnOnce(&'n Node) -> Option<T>,
    ) -> Option<T> {
        let node = table?.get(key)?;
        read(node).or_else(|| self.mistake(node.span, format!("`{key}` {wrong}"), help))
    }

    /// A table of the file, where it is there and is one.
    fn table<'n>(&mut self, root: &'n Node, key: &str) -> Option<&'n Node> {
        let node = root.get(key)?;
        if node.members().is_some() { Some(node) } else { self.mistake(node.span, format!("`{key}` is no table"), "") }
    }

    fn keys(&mut self, table: Option<&Node>, known: &[&str]) {
        for (key, member) in table.and_then(Node::members).into_iter().flatten() {
            if !known.contains(&key.as_str()) {
                let help = match nearest(key, known) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!("there is `{}`", known.join("`, `")),
                };
                self.mistake::<()>(member.key_span, format!("unknown key `{key}`"), help);
            }
        }
    }

    fn texts(&mut self, table: Option<&Node>, what: &str) -> Option<Vec<(String, String)>> {
        let Some(table) = table else { return Some(Vec::new()) };
        let Some(members) = table.members() else {
            return self.mistake(table.span, format!("`{what}` is no table"), "such as { NAME = \"value\" }");
        };
        let texts: Vec<_> = members
            .iter()
            .map(|(name, member)| {
                let text = self.text(&member.node)?;
                self.variables.secrets.borrow_mut().add_named(name, &text);
                Some((name.clone(), text))
            })
            .collect();
        texts.into_iter().collect()
    }

    /// A text with its variables filled in.
    fn text(&mut self, node: &Node) -> Option<String> {
        let NodeKind::Text(text) = &node.kind else {
            return self.mistake(node.span, "this is no text", "put it in double quotes");
        };
        match self.variables.filled(text) {
            Ok(text) => Some(text),
            Err(_) if !self.is_meant => Some(String::new()),
            Err((why, help)) => self.mistake(node.span, why, help),
        }
    }

    /// A path of the file, from the working directory.
    fn at(&self, path: impl AsRef<Path>) -> PathBuf {
        self.folder.join(path)
    }

    fn mistake<T>(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) -> Option<T> {
        let mistake = Diagnostic::new(self.source, span, message);
        let help = help.into();
        self.mistakes.push(if help.is_empty() { mistake } else { mistake.with_help(help) });
        None
    }
}
