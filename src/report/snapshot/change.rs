//! What changed between two offers of a server, and whom it hurts. Compares values; reads no files.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::schema::{Direction, compare};
use super::shape::results;
use crate::source::printable;

/// Whom a change hurts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Nobody: only texts for people and models differ.
    Cosmetic,
    /// No client that worked with the old offer.
    Compatible,
    /// Some client that worked with the old offer.
    Breaking,
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Cosmetic => "cosmetic",
            Self::Compatible => "compatible",
            Self::Breaking => "breaking",
        })
    }
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Whom it hurts.
    pub class: Class,
    /// What it is, in one clause, harmless to print.
    pub what: String,
}

impl Change {
    pub(super) fn new(class: Class, what: impl Into<String>) -> Self {
        Self { class, what: what.into() }
    }
}

/// Lists of an offer: member, what one item is called, and the member that tells items apart.
const LISTS: [(&str, &str, &str); 4] = [
    ("tools", "tool", "name"),
    ("resources", "resource", "uri"),
    ("resourceTemplates", "resource template", "uriTemplate"),
    ("prompts", "prompt", "name"),
];

/// Texts for people and models, and pictures.
const PROSE: [&str; 3] = ["title", "description", "icons"];

/// Annotations of a tool by which clients decide whether to ask somebody, and the value that promises harmlessness.
const PROMISES: [(&str, bool); 4] =
    [("readOnlyHint", true), ("idempotentHint", true), ("destructiveHint", false), ("openWorldHint", false)];

/// What changed from one offer to another, both normal; the worst first.
pub fn changes(old: &Value, new: &Value) -> Vec<Change> {
    let mut found = Vec::new();
    capabilities("", &old["capabilities"], &new["capabilities"], &mut found);
    for (list, noun, key) in LISTS {
        let (before, after) = (by_key(&old[list], key), by_key(&new[list], key));
        for (name, item) in &before {
            let place = format!("{noun} `{}`", printable(name, NAME));
            match after.get(name) {
                None => found.push(Change::new(Class::Breaking, format!("{place} is removed"))),
                Some(other) => members(&place, item, other, &mut found),
            }
        }
        for name in after.keys().filter(|name| !before.contains_key(*name)) {
            found.push(Change::new(Class::Compatible, format!("{noun} `{}` is added", printable(name, NAME))));
        }
    }
    results(&old["results"], &new["results"], &mut found);
    for (member, words) in [("serverInfo", "name or version of the server"), ("instructions", "the instructions")] {
        if old[member] != new[member] {
            found.push(Change::new(Class::Cosmetic, format!("{words} changed")));
        }
    }
    if found.is_empty() && old != new {
        found.push(Change::new(Class::Cosmetic, "the same is written differently"));
    }
    found.sort_by_key(|change| std::cmp::Reverse(change.class));
    found
}

/// Bytes of a name that are shown.
const NAME: usize = 120;

fn by_key<'a>(list: &'a Value, key: &str) -> BTreeMap<&'a str, &'a Value> {
    list.as_array().into_iter().flatten().filter_map(|item| Some((item[key].as_str()?, item))).collect()
}

/// The names of the members of two objects, each once.
pub(super) fn names<'a>(old: &'a Value, new: &'a Value) -> Vec<&'a str> {
    let keys = |value: &'a Value| value.as_object().into_iter().flat_map(|members| members.keys().map(String::as_str));
    let mut names: Vec<_> = keys(old).chain(keys(new)).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn capabilities(place: &str, old: &Value, new: &Value, found: &mut Vec<Change>) {
    let declared = |value: &Value| !matches!(value, Value::Null | Value::Bool(false));
    for name in names(old, new) {
        let (before, after) = (&old[name], &new[name]);
        let place = format!("{place}{}", printable(name, NAME));
        match (declared(before), declared(after)) {
            (true, false) => {
                found.push(Change::new(Class::Breaking, format!("capability `{place}` is no longer declared")));
            }
            (false, true) => found.push(Change::new(Class::Compatible, format!("capability `{place}` is declared"))),
            (true, true) if before.is_object() && after.is_object() => {
                capabilities(&format!("{place}."), before, after, found);
            }
            (true, true) if before != after => {
                found.push(Change::new(Class::Breaking, format!("capability `{place}` changed")));
            }
            _ => {}
        }
    }
}

/// The members of one item of a list that is there before and after.
fn members(place: &str, old: &Value, new: &Value, found: &mut Vec<Change>) {
    for name in names(old, new).into_iter().filter(|name| old.get(*name) != new.get(*name)) {
        let (before, after) = (&old[name], &new[name]);
        let shown = printable(name, NAME);
        let (class, what) = match name {
            "inputSchema" => {
                compare(&format!("{place}: argument"), before, after, Direction::Input, found);
                continue;
            }
            "outputSchema" if before.is_object() && after.is_object() => {
                compare(&format!("{place}: result"), before, after, Direction::Output, found);
                continue;
            }
            "arguments" => {
                arguments(place, before, after, found);
                continue;
            }
            "annotations" => {
                annotations(place, before, after, found);
                continue;
            }
            // The name of a resource is for people, its URI is for programs.
            name if PROSE.contains(&name) || name == "name" => (Class::Cosmetic, "changed"),
            "_meta" => (Class::Compatible, "changed"),
            _ if before.is_null() => (Class::Compatible, "is added"),
            _ if after.is_null() => (Class::Breaking, "is removed"),
            _ => (Class::Breaking, "changed"),
        };
        found.push(Change::new(class, format!("{place}: {shown} {what}")));
    }
}

fn arguments(place: &str, old: &Value, new: &Value, found: &mut Vec<Change>) {
    let (before, after) = (by_key(old, "name"), by_key(new, "name"));
    let required = |argument: &Value| argument["required"] == true;
    for (name, argument) in &before {
        let place = format!("{place}: argument `{}`", printable(name, NAME));
        let change = match after.get(name) {
            None => Change::new(Class::Breaking, format!("{place} is removed")),
            Some(other) if required(other) && !required(argument) => {
                Change::new(Class::Breaking, format!("{place} is now required"))
            }
            Some(other) if required(argument) && !required(other) => {
                Change::new(Class::Compatible, format!("{place} is no longer required"))
            }
            Some(other) if argument != other => Change::new(Class::Cosmetic, format!("{place}: its texts changed")),
            Some(_) => continue,
        };
        found.push(change);
    }
    for (name, argument) in after.iter().filter(|(name, _)| !before.contains_key(*name)) {
        let place = format!("{place}: argument `{}`", printable(name, NAME));
        found.push(if required(argument) {
            Change::new(Class::Breaking, format!("{place} is added and required"))
        } else {
            Change::new(Class::Compatible, format!("{place} is added"))
        });
    }
}

fn annotations(place: &str, old: &Value, new: &Value, found: &mut Vec<Change>) {
    for name in names(old, new).into_iter().filter(|name| old.get(*name) != new.get(*name)) {
        let promise = PROMISES.iter().find(|(hint, _)| *hint == name).map(|(_, value)| *value);
        let broken = promise.is_some_and(|value| old[name] == value);
        let (class, what) = match name {
            "title" => (Class::Cosmetic, "changed"),
            _ if broken => (Class::Breaking, "is no longer promised"),
            _ => (Class::Compatible, "changed"),
        };
        found.push(Change::new(class, format!("{place}: {} {what}", printable(name, NAME))));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The classes and texts of what changed, one to a line.
    fn told(old: &Value, new: &Value) -> Vec<String> {
        changes(old, new).into_iter().map(|change| format!("{} {}", change.class, change.what)).collect()
    }

    #[test]
    fn what_is_gone_breaks_and_what_is_new_does_not() {
        let old = json!({"capabilities": {"tools": {"listChanged": true}, "logging": {}}, "instructions": "a",
            "tools": [{"name": "a"}, {"name": "b", "description": "x", "annotations": {"readOnlyHint": true}}],
            "resources": [{"uri": "x:1", "name": "n", "mimeType": "text/plain"}],
            "prompts": [{"name": "p", "arguments": [{"name": "q"}, {"name": "r", "required": true}]}]});
        let new = json!({"capabilities": {"tools": {"listChanged": false}, "prompts": {}}, "instructions": "b",
            "tools": [{"name": "b", "description": "y", "annotations": {}}, {"name": "c\u{1b}"}],
            "resources": [{"uri": "x:1", "name": "m", "mimeType": "text/html"}],
            "prompts": [{"name": "p", "arguments": [{"name": "q", "required": true}, {"name": "r"}, {"name": "s"}]}]});
        assert_eq!(told(&old, &old), [""; 0]);
        assert_eq!(
            told(&old, &new),
            [
                "breaking capability `logging` is no longer declared",
                "breaking capability `tools.listChanged` is no longer declared",
                "breaking tool `a` is removed",
                "breaking tool `b`: readOnlyHint is no longer promised",
                "breaking resource `x:1`: mimeType changed",
                "breaking prompt `p`: argument `q` is now required",
                "compatible capability `prompts` is declared",
                "compatible tool `c\\u{1b}` is added",
                "compatible prompt `p`: argument `r` is no longer required",
                "compatible prompt `p`: argument `s` is added",
                "cosmetic tool `b`: description changed",
                "cosmetic resource `x:1`: name changed",
                "cosmetic the instructions changed",
            ]
        );
    }
}
