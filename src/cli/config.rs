//! Servers out of the configuration files of MCP clients: `claude_desktop_config.json`, `.mcp.json`, `.vscode/mcp.json`.
//! Reads one file; starts nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::exit::Stop;
use super::variables::Variables;
use super::{jsonc, targets};
use crate::scenario::nearest;
use crate::source::{Diagnostic, Document, Member, Node, NodeKind, Secrets, Source, Span};
use crate::transport::{CommandTarget, Target, UrlTarget};

/// The members under which clients keep their servers.
const TABLES: [&str; 2] = ["mcpServers", "servers"];

/// The servers of these names, or all there are; with the values that were filled in.
pub(super) fn servers(file: &Path, names: &[String]) -> Result<(Vec<(String, Target)>, Secrets), Stop> {
    let cannot = |why: &dyn std::fmt::Display| Stop::usage(format!("cannot read `{}`: {why}", file.display()));
    let bytes = fs::read(file).map_err(|why| cannot(&why))?;
    let text = String::from_utf8(bytes).map_err(|_| cannot(&"it is not UTF-8"))?;
    let source = Source::new(file.display().to_string(), jsonc::plain(text.trim_start_matches('\u{feff}')));
    let document = Document::read(&source).map_err(|mistake| Stop::mistakes(&[mistake]))?;
    let mut reader =
        Reader { source: &source, variables: Variables::new(workspace(file)), mistakes: document.mistakes.clone() };
    let found = reader.find(&document.root, names);
    if reader.mistakes.is_empty() {
        Ok((found, reader.variables.secrets.take()))
    } else {
        Err(Stop::mistakes(&reader.mistakes))
    }
}

/// What VS Code calls `${workspaceFolder}`: the folder that holds `.vscode`.
fn workspace(file: &Path) -> PathBuf {
    let folder = file.canonicalize().ok().and_then(|file| Some(file.parent()?.to_owned())).unwrap_or_default();
    if folder.ends_with(".vscode") { folder.parent().unwrap_or(&folder).to_owned() } else { folder }
}

struct Reader<'s> {
    source: &'s Arc<Source>,
    variables: Variables,
    mistakes: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn find(&mut self, root: &Node, wanted: &[String]) -> Vec<(String, Target)> {
        let Some(table) = TABLES.iter().find_map(|key| root.get(key)) else {
            let help = "they stand under `mcpServers` or `servers`";
            return self.mistake(root.span, "there are no servers in this file", help).unwrap_or_default();
        };
        let Some(servers) = table.members() else {
            let help = "it holds one server under each name";
            return self.mistake(table.span, "the servers are no object", help).unwrap_or_default();
        };
        if servers.is_empty() {
            return self.mistake(table.span, "there are no servers in this file", "").unwrap_or_default();
        }
        for name in wanted.iter().filter(|name| !servers.contains_key(*name)) {
            let known: Vec<_> = servers.keys().map(String::as_str).collect();
            let help = match nearest(name, &known) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("there is `{}`", known.join("`, `")),
            };
            self.mistake::<()>(table.span, format!("there is no server `{name}`"), help);
        }
        let is_wanted = |name: &String| wanted.is_empty() || wanted.contains(name);
        let chosen = servers.iter().filter(|(name, _)| is_wanted(name));
        chosen.filter_map(|(name, Member { node, .. })| Some((name.clone(), self.target(node)?))).collect()
    }

    fn target(&mut self, server: &Node) -> Option<Target> {
        match (server.get("command"), server.get("url")) {
            (Some(command), None) => self.command(server, command),
            (None, Some(url)) => self.url(server, url),
            (Some(_), Some(url)) => {
                self.mistake(url.span, "the server has both a `command` and a `url`", "keep one of them")
            }
            (None, None) => {
                let help = "a program has a `command`, a server over HTTP a `url`";
                self.mistake(server.span, "the server has neither a `command` nor a `url`", help)
            }
        }
    }

    fn command(&mut self, server: &Node, command: &Node) -> Option<Target> {
        let program = self.text(command, "`command`");
        let arguments = self.texts(server.get("args"));
        let environment: BTreeMap<_, _> = self.table(server.get("env"), "`env`").into_iter().collect();
        let directory = server.get("cwd").and_then(|cwd| self.text(cwd, "`cwd`")).map(PathBuf::from);
        if let Some(file) = server.get("envFile") {
            return self.mistake(file.span, "`envFile` is not read", "give its variables with --env, or under `env`");
        }
        Some(Target::Command(CommandTarget { program: program?, arguments, environment, directory }))
    }

    fn url(&mut self, server: &Node, url: &Node) -> Option<Target> {
        let text = self.text(url, "`url`")?;
        let headers = self.table(server.get("headers"), "`headers`");
        match targets::url(&text) {
            Ok(url) => Some(Target::Url(UrlTarget { headers, ..UrlTarget::new(url) })),
            Err(why) => self.mistake(url.span, why, ""),
        }
    }

    fn texts(&mut self, list: Option<&Node>) -> Vec<String> {
        let Some(list) = list else { return Vec::new() };
        match list.items() {
            Some(items) => items.iter().filter_map(|item| self.text(item, "an argument")).collect(),
            None => self.mistake(list.span, "`args` is no list", "it is a list of texts").unwrap_or_default(),
        }
    }

    fn table(&mut self, table: Option<&Node>, what: &str) -> Vec<(String, String)> {
        let Some(table) = table else { return Vec::new() };
        match table.members() {
            Some(members) => members
                .iter()
                .filter_map(|(name, member)| Some((name.clone(), self.text(&member.node, &format!("`{name}`"))?)))
                .collect(),
            None => {
                self.mistake(table.span, format!("{what} is no object"), "it holds texts by name").unwrap_or_default()
            }
        }
    }

    /// A text with its variables filled in.
    fn text(&mut self, node: &Node, what: &str) -> Option<String> {
        let NodeKind::Text(text) = &node.kind else {
            return self.mistake(node.span, format!("{what} is no text"), "put it in double quotes");
        };
        match self.variables.filled(text) {
            Ok(text) => Some(text),
            Err((why, help)) => self.mistake(node.span, why, help),
        }
    }

    fn mistake<T>(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) -> Option<T> {
        let mistake = Diagnostic::new(self.source, span, message);
        let help = help.into();
        self.mistakes.push(if help.is_empty() { mistake } else { mistake.with_help(help) });
        None
    }
}
