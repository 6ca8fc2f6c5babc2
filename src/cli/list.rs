//! `list`: every check, or every requirement, that patterns select. Asks no target.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Parser, ValueEnum, ValueHint};
use serde_json::{Value, json};

use super::args::Profile;
use super::exit::{Exit, Stop};
use super::{console, settings};
use crate::outcome::CheckId;
use crate::protocol::{Requirement, Revision};
use crate::run::{Selection, checks_of};
use crate::scenario::{Catalogue, Scenario};

/// List the checks that a run may hold
#[derive(Debug, Parser)]
#[command(
    after_help = "Examples:\n  mcp-litmus list --select 'tools.*'\n  mcp-litmus list --requirements --format json"
)]
pub(super) struct ListArgs {
    /// Only these: an area, a scenario, a requirement or a check id, with * and ?
    #[arg(long, value_name = "PATTERN")]
    select: Vec<String>,
    /// Not these
    #[arg(long, value_name = "PATTERN")]
    skip: Vec<String>,
    /// The checks of a client or model provider too; may be given several times
    #[arg(long, value_name = "NAME", value_enum)]
    profile: Vec<Profile>,
    /// Only what holds in this revision
    #[arg(long, value_name = "REVISION")]
    revision: Option<Revision>,
    /// The catalogue of requirements, whether a check proves them or not
    #[arg(long)]
    requirements: bool,
    /// Scenarios of your own, in addition
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    scenarios: Vec<PathBuf>,
    /// For people or for programs
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    format: ListFormat,
}

/// For people or for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum ListFormat {
    #[default]
    Text,
    Json,
}

/// One line of the list.
struct Row {
    id: String,
    requirement: &'static Requirement,
    since: Revision,
    until: Option<Revision>,
    text: String,
}

/// Lists.
pub(super) fn list(args: &ListArgs) -> Result<Exit, Stop> {
    let rows = if args.requirements { requirements(args)? } else { checks(args)? };
    let rows: Vec<_> =
        rows.into_iter().filter(|row| args.revision.is_none_or(|revision| row.holds_in(revision))).collect();
    console::print(&match args.format {
        ListFormat::Text => table(&rows, args.requirements),
        ListFormat::Json => document(&rows, args.requirements),
    })
}

fn checks(args: &ListArgs) -> Result<Vec<Row>, Stop> {
    let catalogue = settings::catalogue(&args.scenarios)?;
    let profiles = args.profile.iter().map(|profile| profile.name());
    let selection = settings::selection(&args.select, &args.skip, &catalogue)?.with_profiles(profiles);
    Ok(rows_of(&catalogue, &selection))
}

fn rows_of(catalogue: &Catalogue, selection: &Selection) -> Vec<Row> {
    let mut rows = Vec::new();
    for (index, scenario) in catalogue.scenarios().iter().enumerate() {
        for check in checks_of(scenario, index).into_iter().filter(|check| selection.wants(&check.id)) {
            let (since, until) = span(scenario, check.requirement);
            let text = scenario.title.clone();
            rows.push(Row { id: check.id.to_string(), requirement: check.requirement, since, until, text });
        }
    }
    rows
}

fn requirements(args: &ListArgs) -> Result<Vec<Row>, Stop> {
    let profiles = args.profile.iter().map(|profile| profile.name());
    let selection = Selection::new(&args.select, &args.skip).map_err(Stop::usage)?.with_profiles(profiles);
    let id = |requirement: &Requirement| CheckId::new(requirement.area(), &requirement.id, None);
    let ids: Vec<_> = Requirement::all().iter().map(id).collect();
    if let Some(idle) = selection.idle(&ids).first() {
        return Err(Stop::usage(format!("no requirement fits `{idle}`")));
    }
    let row = |requirement: &'static Requirement| Row {
        id: requirement.id.clone(),
        requirement,
        since: requirement.since,
        until: requirement.until,
        text: requirement.statement.clone(),
    };
    Ok(Requirement::all().iter().filter(|requirement| selection.wants(&id(requirement))).map(row).collect())
}

/// The revisions in which a scenario judges a requirement.
fn span(scenario: &Scenario, requirement: &Requirement) -> (Revision, Option<Revision>) {
    let since = scenario.since.map_or(requirement.since, |since| since.max(requirement.since));
    let until = match (scenario.until, requirement.until) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    (since, until)
}

impl Row {
    fn holds_in(&self, revision: Revision) -> bool {
        self.since <= revision && self.until.is_none_or(|until| revision <= until)
    }

    fn level(&self) -> &'static str {
        self.requirement.effective_level().as_str()
    }
}

/// `2025-03-26 to 2025-11-25`, `since 2025-06-18`, `2024-11-05`.
pub(super) fn revisions(since: Revision, until: Option<Revision>) -> String {
    match until {
        Some(until) if until == since => since.to_string(),
        Some(until) => format!("{since} to {until}"),
        None => format!("since {since}"),
    }
}

fn table(rows: &[Row], requirements: bool) -> String {
    let width = rows.iter().map(|row| row.id.len()).max().unwrap_or_default();
    let mut text = String::new();
    for row in rows {
        let Row { id, since, until, text: words, .. } = row;
        writeln!(text, "{id:width$}  {:10}  {:24}  {words}", row.level(), revisions(*since, *until))
            .expect("writing to a String never fails");
    }
    let what = if requirements { "requirement" } else { "check" };
    let s = if rows.len() == 1 { "" } else { "s" };
    writeln!(text, "{} {what}{s}", rows.len()).expect("writing to a String never fails");
    text
}

fn document(rows: &[Row], requirements: bool) -> String {
    let rows: Vec<_> = rows
        .iter()
        .map(|row| {
            let Row { id, requirement, text, .. } = row;
            let revisions: Vec<_> = Revision::ALL.into_iter().filter(|&revision| row.holds_in(revision)).collect();
            let mut object = json!({"id": id, "level": row.level(), "revisions": revisions});
            let more = if requirements {
                json!({"transports": requirement.transports, "observable": requirement.observable, "statement": text})
            } else {
                json!({"requirement": requirement.id, "transports": requirement.transports, "title": text})
            };
            if let (Value::Object(object), Value::Object(more)) = (&mut object, more) {
                object.extend(more);
            }
            object
        })
        .collect();
    format!("{:#}\n", Value::Array(rows))
}
