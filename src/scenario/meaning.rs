//! Finds what has the right form and still cannot be meant: names that nobody has, values that nothing binds, cases that differ.
//! Works on files of any form, so that all mistakes of a file are found at once.

use std::collections::{HashMap, HashSet};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::Names;
use super::facts::{CAPABILITIES, FACTS, can_be_needed, is_fact};
use super::placeholder::placeholders;
use super::suggest::{listed, nearest};
use crate::protocol::{Definitions, Requirement, Revision};
use crate::source::{Diagnostic, Document, Node, NodeKind, Span};
use crate::wire::TransportKind;

/// What a broken server may fill into what it sends.
const OF_THE_REQUEST: [&str; 3] = ["id", "progressToken", "revision"];

/// Facts that are known of every server.
const EVERYWHERE: [&str; 3] = ["alive", "capabilities", "revision"];

/// Mistakes of meaning in a scenario file.
pub(super) fn of_scenario(document: &Document, names: &Names) -> Vec<Diagnostic> {
    let mut checker = Checker::new(document);
    let root = &document.root;
    checker.range(root);
    checker.needs = each(root.get("needs")).filter_map(Node::text).map(str::to_owned).collect();
    checker.requirements(root.get("proves"));
    checker.one_of("probe", root.get("probe"), names.probes);
    checker.one_of("invariant", root.get("invariant"), names.invariants);
    for key in ["needs", "without"] {
        each(root.get(key)).for_each(|name| checker.need(name));
    }
    checker.cases(root);
    for step in each(root.get("steps")) {
        checker.step(step);
    }
    for watch in each(root.get("always")) {
        checker.watch(watch);
    }
    checker.mistakes
}

/// Whether a scenario of steps proves anything: asked last, for most other mistakes would make it seem not to.
pub(super) fn proves_nothing(document: &Document) -> Option<Diagnostic> {
    let steps = document.root.members()?.get("steps")?;
    let proves =
        |step: &Node| step.members().into_iter().flatten().any(|(_, member)| member.node.get("proves").is_some());
    if steps.node.items()?.iter().any(proves) {
        return None;
    }
    let mistake = Diagnostic::new(&document.source, steps.key_span, "no step proves anything");
    Some(mistake.with_help("say in an `expect` or an `alive` which requirement it `proves`"))
}

/// Mistakes of meaning in a file of broken servers.
pub(super) fn of_broken(document: &Document, names: &Names) -> Vec<Diagnostic> {
    let mut checker = Checker::new(document);
    checker.known = OF_THE_REQUEST.into_iter().map(str::to_owned).collect();
    checker.has_facts = false;
    for server in each(Some(&document.root)) {
        checker.range(server);
        checker.requirements(server.get("fails"));
        checker.requirements(server.get("passes"));
        checker.requirements(server.get("leaves-open"));
        checker.one_of("quirk", server.get("quirk"), names.quirks);
        for key in ["answer", "merge", "before", "after"] {
            checker.placeholders(server.get(key));
        }
    }
    checker.mistakes
}

struct Checker<'d> {
    document: &'d Document,
    mistakes: Vec<Diagnostic>,
    /// Names that a placeholder may use at this point, beside facts: `a` stands for `a.b` as well.
    known: HashSet<String>,
    /// Whether facts are known, and which of them the scenario says that it needs.
    has_facts: bool,
    needs: HashSet<String>,
    /// Where the part of the file at hand applies.
    revisions: Vec<Revision>,
    transports: Vec<TransportKind>,
    /// Names of sent messages, and of requests of the server's, with their lines.
    sent: HashMap<String, usize>,
    asked: HashMap<String, usize>,
}

impl<'d> Checker<'d> {
    fn new(document: &'d Document) -> Self {
        Self {
            document,
            mistakes: Vec::new(),
            known: HashSet::new(),
            has_facts: true,
            needs: HashSet::new(),
            revisions: Revision::ALL.to_vec(),
            transports: TransportKind::ALL.to_vec(),
            sent: HashMap::new(),
            asked: HashMap::new(),
        }
    }

    fn mistake(&mut self, span: Span, message: String, help: Option<String>) {
        let mistake = Diagnostic::new(&self.document.source, span, message);
        self.mistakes.push(match help {
            Some(help) => mistake.with_help(help),
            None => mistake,
        });
    }

    fn range(&mut self, node: &Node) {
        let revision = |key| node.get(key)?.text()?.parse::<Revision>().ok();
        if let (Some(since), Some(until), Some(node)) = (revision("since"), revision("until"), node.get("until"))
            && since > until
        {
            self.mistake(node.span, format!("`until` {until} is before `since` {since}"), None);
        }
        let (since, until) = (revision("since"), revision("until"));
        let is_meant = |r: &Revision| since.is_none_or(|since| since <= *r) && until.is_none_or(|until| *r <= until);
        self.revisions = Revision::ALL.into_iter().filter(is_meant).collect();
        let named = |kind: &TransportKind| each(node.get("transports")).any(|name| name.text() == Some(kind.as_str()));
        let all = node.get("transports").is_none();
        self.transports = TransportKind::ALL.into_iter().filter(|kind| all || named(kind)).collect();
    }

    fn requirements(&mut self, list: Option<&Node>) {
        each(list).for_each(|id| self.requirement(Some(id)));
    }

    fn requirement(&mut self, node: Option<&Node>) {
        let Some((id, span)) = node.and_then(|node| Some((node.text()?, node.span))) else { return };
        let Some(requirement) = Requirement::find(id) else {
            let ids: Vec<_> = Requirement::all().iter().map(|r| r.id.as_str()).collect();
            let help = did_you_mean(id, &ids);
            return self.mistake(span, format!("no requirement has the id `{id}`"), help);
        };
        let applies = |revision: &Revision| self.transports.iter().any(|kind| requirement.applies(*revision, *kind));
        // A range that is empty is a mistake of its own, as is a list of transports that names none.
        if !self.revisions.is_empty() && !self.transports.is_empty() && !self.revisions.iter().any(applies) {
            let until = requirement.until.map_or_else(|| "on".to_owned(), |until| format!("to {until}"));
            let transports: Vec<_> = requirement.transports.iter().map(|kind| kind.as_str()).collect();
            let help = format!("it holds from {} {until}, over {}", requirement.since, listed(&transports, "and"));
            self.mistake(span, format!("`{id}` never holds where this applies"), Some(help));
        }
    }

    /// A name of which somebody above must know the bearer.
    fn one_of(&mut self, kind: &str, node: Option<&Node>, known: &[&str]) {
        let Some((name, span)) = node.and_then(|node| Some((node.text()?, node.span))) else { return };
        if !known.contains(&name) {
            let help = did_you_mean(name, known).or_else(|| Some(format!("there is {}", listed(known, "and"))));
            self.mistake(span, format!("no {kind} is named `{name}`"), help);
        }
    }

    fn need(&mut self, node: &Node) {
        let Some(name) = node.text().filter(|name| !can_be_needed(name)) else { return };
        let known: Vec<_> = CAPABILITIES.into_iter().chain(FACTS.iter().map(|fact| fact.name)).collect();
        let help = did_you_mean(name, &known);
        self.mistake(node.span, format!("`{name}` is neither a capability nor a fact"), help);
    }

    fn cases(&mut self, root: &Node) {
        let Some(cases) = root.get("cases").and_then(Node::members) else { return };
        for (_, row) in cases {
            each(row.node.get("needs")).for_each(|name| self.need(name));
            self.needs.extend(each(row.node.get("needs")).filter_map(Node::text).map(str::to_owned));
        }
        let mut rows = cases.iter().filter_map(|(name, member)| Some((name, member, member.node.members()?)));
        let Some((first_name, _, first)) = rows.next() else { return };
        self.known.extend(first.keys().cloned());
        for (key, member) in first {
            if is_fact(key) {
                self.mistake(member.key_span, format!("`{key}` is the name of a fact already"), None);
            }
        }
        for (name, member, row) in rows {
            let lacking: Vec<_> = first.keys().filter(|key| !row.contains_key(*key)).collect();
            if !lacking.is_empty() {
                let message = format!("case `{name}` lacks {}, which case `{first_name}` has", listed(&lacking, "and"));
                self.mistake(member.key_span, message, Some("all cases have the same keys".into()));
            }
            for (key, value) in row.iter().filter(|(key, _)| !first.contains_key(*key)) {
                let message = format!("case `{name}` has `{key}`, which case `{first_name}` lacks");
                let firsts: Vec<_> = first.keys().map(String::as_str).collect();
                let help = did_you_mean(key, &firsts).or_else(|| Some("all cases have the same keys".into()));
                self.mistake(value.key_span, message, help);
                self.known.insert(key.clone());
            }
        }
    }

    fn step(&mut self, step: &Node) {
        let Some((kind, member)) = step.members().and_then(|members| members.first()) else { return };
        let node = &member.node;
        self.requirement(node.get("proves"));
        let own = ["as", "to", "bind", "or", "wants", "proves", "within", "omit", "exchange"];
        match node.members() {
            Some(members) => {
                members.iter().filter(|(key, _)| !own.contains(&key.as_str())).for_each(|(_, member)| {
                    self.placeholders(Some(&member.node));
                });
            }
            None => self.placeholders(Some(node)),
        }
        match kind.as_str() {
            "request" | "raw" | "http" => {
                self.base64(node);
                self.name(node, "sent");
            }
            "reply" => self.refers(node.get("to"), "asked"),
            "close" => self.refers(node.get("exchange"), "sent"),
            "expect" => {
                self.refers(node.get("to"), "sent");
                self.name(node, "asked");
                self.schema(node.get("schema"));
                self.bind(node);
            }
            _ => {}
        }
    }

    fn watch(&mut self, watch: &Node) {
        self.requirement(watch.get("proves"));
        self.placeholders(watch.get("matching"));
        self.placeholders(watch.get("schema"));
        self.schema(watch.get("schema"));
        let Some(node) = watch.get("definition") else { return };
        let Some(name) = node.text().filter(|name| *name != "auto") else { return };
        if !Revision::ALL.into_iter().any(|revision| Definitions::of(revision).contains(name)) {
            let known: Vec<_> = Revision::ALL.into_iter().flat_map(|r| Definitions::of(r).names()).collect();
            let help = did_you_mean(name, &known);
            self.mistake(node.span, format!("no revision defines `{name}`"), help);
        }
    }

    /// Remembers the name that a step gives.
    fn name(&mut self, node: &Node, kind: &str) {
        let Some((name, span)) = node.get("as").and_then(|node| Some((node.text()?, node.span))) else { return };
        let line = self.document.source.line(span.start);
        let names = if kind == "sent" { &mut self.sent } else { &mut self.asked };
        if let Some(earlier) = names.insert(name.to_owned(), line) {
            let help = format!("the first one is on line {earlier}");
            self.mistake(span, format!("the name `{name}` is given twice"), Some(help));
        }
    }

    /// A name that an earlier step must have given.
    fn refers(&mut self, node: Option<&Node>, kind: &str) {
        let Some((name, span)) = node.and_then(|node| Some((node.text()?, node.span))) else { return };
        let (names, giver) = match kind {
            "sent" => (&self.sent, "a `request`, `raw` or `http` step"),
            _ => (&self.asked, "an `expect` with `request`"),
        };
        if !names.contains_key(name) {
            let known: Vec<_> = names.keys().map(String::as_str).collect();
            let help = did_you_mean(name, &known).unwrap_or_else(|| format!("{giver} gives a name with `as: {name}`"));
            self.mistake(span, format!("no step before this one gives the name `{name}`"), Some(help));
        }
    }

    fn bind(&mut self, node: &Node) {
        let Some(bind) = node.get("bind").and_then(Node::members) else { return };
        for (name, member) in bind {
            if is_fact(name) {
                self.mistake(member.key_span, format!("`{name}` is the name of a fact already"), None);
            }
            self.known.insert(name.clone());
        }
    }

    fn placeholders(&mut self, node: Option<&Node>) {
        let Some(node) = node else { return };
        match &node.kind {
            NodeKind::Text(text) => {
                for placeholder in placeholders(text) {
                    self.bound(placeholder.name, node.span);
                }
            }
            NodeKind::List(items) => items.iter().for_each(|item| self.placeholders(Some(item))),
            NodeKind::Map(members) => {
                for (key, member) in members {
                    placeholders(key).for_each(|placeholder| self.bound(placeholder.name, member.key_span));
                    self.placeholders(Some(&member.node));
                }
            }
            _ => {}
        }
    }

    fn bound(&mut self, name: &str, within: Span) {
        let whole = name.split('.').next().unwrap_or_default();
        if self.known.contains(name) || self.known.contains(whole) {
            return;
        }
        if self.has_facts && is_fact(name) {
            return self.needed(name, within);
        }
        // Escapes can make the text of a file longer than the text that it stands for: then the whole is pointed at.
        let written = format!("{{{{{name}}}}}");
        let text = &self.document.source.text()[within.start..within.end];
        let span = text.find(&written).map_or(within, |at| {
            let start = within.start + at;
            Span::new(start, start + written.len())
        });
        let mut known: Vec<_> = self.known.iter().map(String::as_str).collect();
        known.sort_unstable();
        let help = if self.has_facts {
            known.extend(FACTS.iter().map(|fact| fact.name));
            "a name is bound by an earlier `bind`, is a key of `cases`, or is a fact".to_owned()
        } else {
            format!("there is {}", listed(&known, "and"))
        };
        let help = did_you_mean(name, &known).unwrap_or(help);
        self.mistake(span, format!("nothing is bound to `{name}`"), Some(help));
    }

    /// A fact that the scenario uses must be among its needs, so that where it is missing the checks are skipped.
    fn needed(&mut self, name: &str, within: Span) {
        let bearer = name.rsplit_once('.').map_or(name, |(bearer, _)| bearer);
        let covers =
            |need: &String| need.strip_prefix(bearer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        let is_everywhere = EVERYWHERE.iter().any(|fact| name.split('.').next() == Some(fact));
        if !is_everywhere && !self.needs.iter().any(covers) {
            let help = format!("say `needs: [{bearer}]`, and the checks are skipped where there is none");
            self.mistake(within, format!("not every server has `{name}`"), Some(help));
            self.needs.insert(bearer.to_owned());
        }
    }

    fn base64(&mut self, node: &Node) {
        let Some(encoded) = node.get("base64") else { return };
        if encoded.text().is_some_and(|text| BASE64_STANDARD.decode(text).is_err()) {
            self.mistake(encoded.span, "not base64".into(), None);
        }
    }

    /// A schema that is none; one with placeholders is known only when they are filled in.
    fn schema(&mut self, node: Option<&Node>) {
        let Some(node) = node else { return };
        let schema = node.to_value();
        let is_form = matches!(node.kind, NodeKind::Map(_) | NodeKind::Bool(_));
        if !is_form || placeholders(&schema.to_string()).next().is_some() {
            return;
        }
        if let Err(e) = jsonschema::draft202012::meta::validate(&schema) {
            let place = node.pointer(e.instance_path().as_str()).unwrap_or(node).span;
            let (value, word) = (e.instance(), e.instance_path().as_str().rsplit('/').next().unwrap_or_default());
            self.mistake(place, format!("not a JSON Schema: {value} cannot be the `{word}` of one"), None);
        } else if let Err(e) = jsonschema::draft202012::new(&schema) {
            self.mistake(node.span, format!("not a JSON Schema that can be used: {e}"), None);
        }
    }
}

fn each(list: Option<&Node>) -> impl Iterator<Item = &Node> {
    list.and_then(Node::items).unwrap_or_default().iter()
}

fn did_you_mean(word: &str, known: &[&str]) -> Option<String> {
    nearest(word, known).map(|meant| format!("did you mean `{meant}`?"))
}
