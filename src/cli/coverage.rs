//! `coverage`: which requirements can be seen from outside, and which of these some check proves. Asks no target.

use std::collections::{BTreeMap, BTreeSet};

use clap::Parser;
use serde_json::{Map, Value, json};

use super::exit::{Exit, Stop};
use super::list::ListFormat;
use super::{console, settings};
use crate::outcome::Level;
use crate::protocol::{Observable, Requirement, Revision};
use crate::run::{Proofs, Proved};
use crate::wire::TransportKind;

/// Show which requirements the checks prove
#[derive(Debug, Parser)]
#[command(after_help = "\
Observable are the requirements that ordinary traffic, lists or provocation show (`wire`, `static`, `provoked`) and that
bind a server: MAY is counted apart, and what the specification does not say (HOUSE) not at all. Proved are those on which
some broken server is caught, and on nothing else. Risks are the correct behaviours that the catalogue names and a careless
check would blame; shown are those that some server of the tests has, and is not blamed for.")]
pub(super) struct CoverageArgs {
    /// Only this revision
    #[arg(long, value_name = "REVISION")]
    revision: Option<Revision>,
    /// For people or for programs
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    format: ListFormat,
}

/// Shows the coverage.
pub(super) fn coverage(args: &CoverageArgs) -> Result<Exit, Stop> {
    let catalogue = settings::catalogue(&[])?;
    let revisions = Revision::ALL.into_iter().filter(|&one| args.revision.is_none_or(|wanted| wanted == one));
    let proofs = Proofs::of(&catalogue).map_err(|error| Stop::fault(format!("a built-in scenario: {error}")))?;
    let covered: Vec<_> = revisions.map(|revision| Covered::of(&proofs, revision)).collect();
    console::print(&match args.format {
        ListFormat::Text => covered.iter().map(Covered::table).collect::<Vec<_>>().join("\n"),
        ListFormat::Json => document(&covered),
    })
}

/// A requirement, and the correct behaviour that must not be blamed by it.
type Risk = (&'static Requirement, &'static str);
/// A part of what is proved.
type Among = fn(&Proved) -> &BTreeSet<&'static str>;

/// One revision.
struct Covered<'a> {
    revision: Revision,
    /// Over each transport that the revision has.
    transports: Vec<(TransportKind, Proved)>,
    /// Requirements by which a correct behaviour is shown not to be blamed.
    spared: BTreeSet<&'a str>,
}

impl<'a> Covered<'a> {
    fn of(proofs: &'a Proofs, revision: Revision) -> Self {
        let applies = |kind| Requirement::all().iter().any(|requirement| requirement.applies(revision, kind));
        let proved = |kind| (kind, proofs.over(revision, kind));
        // The newest revision knows no HTTP+SSE, whatever an entry for all transports says.
        let exists = |kind: &TransportKind| *kind != TransportKind::Sse || revision <= Revision::LATEST_HANDSHAKE;
        let kinds = TransportKind::ALL.into_iter().filter(exists).filter(|&kind| applies(kind));
        Self { revision, transports: kinds.map(proved).collect(), spared: proofs.spared(revision.era()) }
    }

    /// Requirements in force, over one transport or over any.
    fn in_force(&self, over: Option<TransportKind>) -> impl Iterator<Item = &'static Requirement> + use<> {
        let kinds: Vec<_> =
            self.transports.iter().map(|(kind, _)| *kind).filter(|&k| over.is_none_or(|o| o == k)).collect();
        let spoken_of = Requirement::all().iter().filter(|requirement| requirement.level != Level::House);
        let revision = self.revision;
        spoken_of.filter(move |requirement| kinds.iter().any(|&kind| requirement.applies(revision, kind)))
    }

    /// Whether it is among these over this transport, or over any.
    fn has(&self, over: Option<TransportKind>, among: Among, requirement: &Requirement) -> bool {
        let mut kinds = self.transports.iter().filter(|(kind, _)| over.is_none_or(|over| over == *kind));
        kinds.any(|(_, proved)| among(proved).contains(requirement.id.as_str()))
    }

    fn proves(&self, requirement: &Requirement, over: Option<TransportKind>) -> bool {
        self.has(over, |all| &all.proved, requirement)
    }

    /// Why it is not proved over this transport, or over any.
    fn why(&self, requirement: &'static Requirement, over: Option<TransportKind>) -> &'static str {
        let is_checked = self.has(over, |all| &all.checked, requirement);
        let unsaid = if is_checked { "no broken server is caught on it alone" } else { "no check yet" };
        requirement.untested.as_deref().unwrap_or(unsaid)
    }

    /// The requirements that are checked and name a correct behaviour as a risk: those of which it is shown not to be blamed,
    /// and the others, each with the risk.
    fn risks(&self) -> (Vec<Risk>, Vec<Risk>) {
        let era = self.revision.era();
        let checked = self.in_force(None).filter(|requirement| self.has(None, |all| &all.checked, requirement));
        let named =
            checked.filter_map(|requirement| Some((requirement, requirement.false_positive_risk.as_ref()?.of(era)?)));
        named.partition(|(requirement, _)| self.spared.contains(requirement.id.as_str()))
    }

    fn missing(&self, over: Option<TransportKind>) -> impl Iterator<Item = &'static Requirement> {
        self.in_force(over).filter(move |r| is_observable(r) && binds(r) && !self.proves(r, over))
    }

    fn count(&self, over: Option<TransportKind>) -> Count {
        let mut count = Count::default();
        for requirement in self.in_force(over) {
            count.add(requirement, self.proves(requirement, over));
        }
        count
    }

    fn table(&self) -> String {
        let mut text = String::new();
        for (kind, _) in &self.transports {
            let over = Some(*kind);
            let mut areas: BTreeMap<&str, Count> = BTreeMap::new();
            for requirement in self.in_force(over) {
                areas.entry(requirement.area()).or_default().add(requirement, self.proves(requirement, over));
            }
            let title = format!("{} {kind}", self.revision);
            let head = format!("{title:22} in force  observable  proved   share     MAY\n");
            text += &head;
            text.extend(areas.iter().map(|(area, count)| count.row(area)));
            text += &self.count(over).row("all");
            let elsewhere = self.missing(over).filter(|requirement| self.proves(requirement, None));
            text += &self.list(elsewhere, over, &format!("{title}, proved over other transports only"));
            text.push('\n');
        }
        text += &self.list(self.missing(None), None, &format!("{}, not proved over any transport", self.revision));
        let (shown, others) = self.risks();
        let named = shown.len() + others.len();
        text += &format!("{}, risks: {named} named, {} shown not to be blamed\n", self.revision, shown.len());
        let others: String = others.iter().map(|(one, risk)| format!("  {}: {risk}\n", one.id)).collect();
        let title = format!("{}, risks that no server of the tests shows not to be blamed", self.revision);
        if others.is_empty() { text } else { format!("{text}{title}:\n{others}") }
    }

    fn list(
        &self,
        missing: impl Iterator<Item = &'static Requirement>,
        over: Option<TransportKind>,
        title: &str,
    ) -> String {
        let lines: String = missing.map(|one| format!("  {}: {}\n", one.id, self.why(one, over))).collect();
        if lines.is_empty() { lines } else { format!("{title}:\n{lines}") }
    }
}

/// Numbers of requirements.
#[derive(Debug, Default)]
struct Count {
    in_force: usize,
    observable: usize,
    proved: usize,
    may: usize,
    may_proved: usize,
}

impl Count {
    fn add(&mut self, requirement: &Requirement, proved: bool) {
        self.in_force += 1;
        match (is_observable(requirement), binds(requirement)) {
            (true, true) => {
                self.observable += 1;
                self.proved += usize::from(proved);
            }
            (true, false) => {
                self.may += 1;
                self.may_proved += usize::from(proved);
            }
            (false, _) => {}
        }
    }

    fn row(&self, name: &str) -> String {
        let Self { in_force, observable, proved, may, may_proved } = self;
        let share = (proved * 100).checked_div(*observable).map_or("-".to_owned(), |share| format!("{share} %"));
        format!(
            "{name:22} {in_force:>8}  {observable:>10}  {proved:>6}  {share:>6}  {:>6}\n",
            format!("{may_proved}/{may}")
        )
    }
}

fn is_observable(requirement: &Requirement) -> bool {
    matches!(requirement.observable, Observable::Wire | Observable::Provoked | Observable::Static)
}

fn binds(requirement: &Requirement) -> bool {
    requirement.level != Level::May
}

fn document(covered: &[Covered]) -> String {
    let revisions: Map<_, _> = covered
        .iter()
        .map(|one| {
            let counted = |over| {
                let count = one.count(over);
                let missing: Vec<_> = one.missing(over).map(|r| json!({"id": r.id, "why": one.why(r, over)})).collect();
                json!({"observable": count.observable, "proved": count.proved, "missing": missing})
            };
            let mut object = counted(None);
            let transports: Map<_, _> =
                one.transports.iter().map(|(kind, _)| (kind.to_string(), counted(Some(*kind)))).collect();
            object["transports"] = Value::Object(transports);
            let may = one.count(None);
            object["may"] = json!({"observable": may.may, "proved": may.may_proved});
            let (shown, others) = one.risks();
            let missing: Vec<_> = others.iter().map(|(r, risk)| json!({"id": r.id, "risk": risk})).collect();
            object["risks"] = json!({"named": shown.len() + others.len(), "shown": shown.len(), "missing": missing});
            (one.revision.to_string(), object)
        })
        .collect();
    format!("{:#}\n", json!({"revisions": revisions}))
}
