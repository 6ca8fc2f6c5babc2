//! The catalogue of obligations: what the specification binds a server to, one entry each over all revisions. Data only.

use std::collections::HashMap;
use std::sync::LazyLock;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::{Era, Revision};
use crate::outcome::Level;
use crate::wire::TransportKind;

/// One obligation of a server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// `area.words`; stable.
    pub id: String,
    /// How strongly the specification binds; see [`Requirement::effective_level`] for what is reported.
    pub level: Level,
    /// What stands behind the level, where it is no upper-case key word and no schema type.
    pub basis: Option<Basis>,
    /// Whom it binds.
    pub who: Who,
    /// First revision in which it holds.
    pub since: Revision,
    /// Last revision in which it holds; absent while it holds in the newest.
    pub until: Option<Revision>,
    /// Where it applies.
    pub transports: Vec<TransportKind>,
    /// Capabilities without which it is not exercised (`|` any of, `,` all of).
    pub needs: Option<String>,
    /// How it can be seen from outside.
    pub observable: Observable,
    /// The obligation in our words.
    pub statement: String,
    /// Where it stands, per revision: `page#anchor` below the specification's folder; several joined by `; `.
    #[serde(rename = "where")]
    pub places: IndexMap<Revision, String>,
    /// Where it is said, for what no specification says.
    #[serde(default)]
    pub sources: Vec<Source>,
    /// How to check it by hand.
    pub probe: Prose,
    /// Correct behaviour that must not be blamed.
    pub false_positive_risk: Option<Prose>,
    /// Why no check proves it, where none does.
    pub untested: Option<String>,
}

/// What stands behind a level that no upper-case key word gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// Follows from the text.
    Implied,
    /// Stated without a key word.
    Described,
    /// A key word in lower case.
    LowerCase,
    /// From JSON-RPC 2.0.
    JsonRpc,
}

impl Basis {
    /// What it says of a level, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Implied => "follows from the text, without a key word",
            Self::Described => "stated without a key word",
            Self::LowerCase => "the key word is in lower case",
            Self::JsonRpc => "from JSON-RPC 2.0",
        }
    }
}

/// Whom a requirement binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Who {
    /// Servers.
    Server,
    /// Clients and servers.
    Both,
}

/// How a requirement can be seen from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Observable {
    /// In ordinary traffic.
    Wire,
    /// With faulty or unusual input.
    Provoked,
    /// In lists, capabilities and documents.
    Static,
    /// With a tool, resource or token that behaves in a known way.
    Fixture,
    /// Not at all.
    No,
}

/// A page that says what no specification says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Its address.
    pub url: String,
    /// The date that it bears, or to which what it says was seen.
    pub date: String,
    /// What it says, in our words.
    pub says: String,
}

/// What is said of a requirement.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Prose {
    /// The same in every revision.
    Both(String),
    /// Different in the two eras, or said of one only.
    ByEra {
        /// Through 2025-11-25.
        stateful: Option<String>,
        /// In 2026-07-28.
        stateless: Option<String>,
    },
}

impl Prose {
    /// What is said for an era.
    pub fn of(&self, era: Era) -> Option<&str> {
        match (self, era) {
            (Self::Both(text), _) => Some(text),
            (Self::ByEra { stateful, .. }, Era::Handshake) => stateful.as_deref(),
            (Self::ByEra { stateless, .. }, Era::Stateless) => stateless.as_deref(),
        }
    }
}

impl Requirement {
    /// Every requirement, in the order of the catalogue.
    pub fn all() -> &'static [Self] {
        &CATALOGUE.entries
    }

    /// The requirement of this id.
    pub fn find(id: &str) -> Option<&'static Self> {
        CATALOGUE.by_id.get(id).map(|&i| &CATALOGUE.entries[i])
    }

    /// Whether it holds in a revision.
    pub fn holds_in(&self, revision: Revision) -> bool {
        self.since <= revision && self.until.is_none_or(|until| revision <= until)
    }

    /// Whether it holds in a revision over a transport. The stateless era is never spoken over HTTP+SSE.
    pub fn applies(&self, revision: Revision, transport: TransportKind) -> bool {
        let spoken = transport != TransportKind::Sse || revision.era() == Era::Handshake;
        spoken && self.holds_in(revision) && self.transports.contains(&transport)
    }

    /// The area: the first word of the id.
    pub fn area(&self) -> &str {
        self.id.split('.').next().unwrap_or_default()
    }

    /// The level that is reported: what only follows from the text, is only described or stands in lower case binds as
    /// SHOULD at most.
    pub fn effective_level(&self) -> Level {
        match (self.basis, self.level) {
            (None | Some(Basis::JsonRpc), level) => level,
            (Some(_), Level::Must) => Level::Should,
            (Some(_), Level::MustNot) => Level::ShouldNot,
            (Some(_), level) => level,
        }
    }

    /// The statement; where it is reported as less than it is called, with the reason.
    pub fn told(&self) -> String {
        let (told, called) = (self.effective_level(), self.level);
        match self.basis.filter(|_| told != called) {
            Some(basis) => format!("{} ({told}, not {called}: {}.)", self.statement, basis.words()),
            None => self.statement.clone(),
        }
    }

    /// The address of the first place where it stands, in the revision given (or the newest one in which it holds); for what
    /// no specification says, that of its first source, empty without any.
    pub fn page(&self, revision: Revision) -> String {
        if self.places.is_empty() {
            return self.sources.first().map(|source| source.url.clone()).unwrap_or_default();
        }
        let place = self.places.get(&revision).or_else(|| self.places.values().last());
        let first = place.and_then(|p| p.split("; ").next()).unwrap_or_default();
        page_address(revision, first)
    }
}

const SITE: &str = "https://modelcontextprotocol.io";

fn page_address(revision: Revision, place: &str) -> String {
    if let Some(section) = place.strip_prefix("jsonrpc2") {
        return format!("https://www.jsonrpc.org/specification{section}");
    }
    if let Some(name) = place.strip_prefix("schema.ts#") {
        return format!("{SITE}/specification/{revision}/schema#{}", name.to_lowercase());
    }
    for folder in ["docs/", "extensions/", "seps/"] {
        if let Some(page) = place.strip_prefix(folder) {
            return format!("{SITE}/{folder}{page}");
        }
    }
    format!("{SITE}/specification/{revision}/{}", place.replace("/index#", "#").trim_end_matches("/index"))
}

struct Catalogue {
    entries: Vec<Requirement>,
    by_id: HashMap<&'static str, usize>,
}

/// The build script turns `schemas/requirements/*.yaml` into one JSON file, which loads in a fraction of the time.
static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    let text = include_str!(concat!(env!("OUT_DIR"), "/requirements.json"));
    let entries: Vec<Requirement> =
        serde_json::from_str(text).expect("the build script has checked the catalogue's form");
    // Leaked once per process: the ids live as long as the catalogue, which is static.
    let by_id = entries.iter().enumerate().map(|(i, r)| (&*r.id.clone().leak(), i)).collect();
    Catalogue { entries, by_id }
});

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::outcome::profile_of;

    #[test]
    fn ids_are_unique_and_name_their_area() {
        let mut seen = HashSet::new();
        for requirement in Requirement::all() {
            assert!(seen.insert(&requirement.id), "{} twice", requirement.id);
            assert!(requirement.id.len() <= 48, "{} is too long", requirement.id);
        }
        assert!(seen.len() >= 706);
    }

    #[test]
    fn ranges_are_not_empty_and_places_cover_them() {
        for r in Requirement::all() {
            let held: Vec<_> = Revision::ALL.into_iter().filter(|&revision| r.holds_in(revision)).collect();
            assert!(!held.is_empty(), "{}: empty range", r.id);
            assert!(!r.transports.is_empty(), "{}: no transport", r.id);
            assert!(r.statement.ends_with(['.', ')']), "{}: {}", r.id, r.statement);
            let is_profile = profile_of(&r.id).is_some();
            assert!(!is_profile || r.level == Level::House, "{}: a profile binds nobody", r.id);
            assert_eq!(is_profile, !r.sources.is_empty(), "{}: sources", r.id);
            if r.level != Level::House {
                assert_eq!(r.places.keys().copied().collect::<Vec<_>>(), held, "{}: places", r.id);
            }
        }
    }

    #[test]
    fn weak_bases_never_bind_as_must() {
        for r in Requirement::all() {
            if matches!(r.basis, Some(Basis::Implied | Basis::Described | Basis::LowerCase)) {
                assert!(!r.effective_level().is_binding(), "{}", r.id);
                assert_eq!(r.told() == r.statement, r.effective_level() == r.level, "{}", r.id);
            }
        }
        let r = Requirement::find("stdio.framing.newline").expect("in the catalogue");
        assert!(r.told().ends_with(" (SHOULD, not MUST: stated without a key word.)"), "{}", r.told());
    }

    #[test]
    fn pages_have_addresses() {
        let r = Requirement::find("version.negotiation.echo").expect("in the catalogue");
        assert_eq!(
            r.page(Revision::V2025_11_25),
            "https://modelcontextprotocol.io/specification/2025-11-25/basic/lifecycle#version-negotiation"
        );
    }
}
