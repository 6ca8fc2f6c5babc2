//! `explain`: all that is known of a requirement, a check or a scenario, for a person. Asks no target.

use std::path::PathBuf;

use clap::{Parser, ValueHint};

use super::exit::{Exit, Stop};
use super::list::revisions;
use super::{console, settings};
use crate::outcome::CheckId;
use crate::protocol::{Basis, Observable, Prose, Requirement, Revision, Who};
use crate::run::proves;
use crate::scenario::{Body, Catalogue, Needs, Scenario, SessionUse, nearest};

/// Explain a requirement, a check or a scenario
#[derive(Debug, Parser)]
#[command(after_help = "Examples:
  mcp-litmus explain jsonrpc.error.method-not-found
  mcp-litmus explain errors/unknown-method
  mcp-litmus explain 'errors/unknown-method#jsonrpc.error.method-not-found[plain]'")]
pub(super) struct ExplainArgs {
    /// The id of a requirement, a check or a scenario
    #[arg(value_name = "ID")]
    id: String,
    /// Scenarios of your own, in addition
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    scenarios: Vec<PathBuf>,
}

/// Explains.
pub(super) fn explain(args: &ExplainArgs) -> Result<Exit, Stop> {
    let catalogue = settings::catalogue(&args.scenarios)?;
    let mut page = Page { width: console::width().min(110), text: String::new() };
    if let Some(requirement) = Requirement::find(&args.id) {
        page.requirement(requirement, &catalogue);
    } else if let Some(scenario) = catalogue.scenario(&args.id) {
        page.scenario(scenario, None);
        for requirement in proves(scenario).into_iter().filter_map(Requirement::find) {
            page.brief(requirement);
        }
    } else if let Some((scenario, requirement, case)) = check(&args.id, &catalogue) {
        page.scenario(scenario, case.as_deref());
        page.requirement(requirement, &catalogue);
    } else {
        return Err(Stop::usage(unknown(&args.id, &catalogue)));
    }
    console::print(&page.text)
}

fn check<'c>(id: &str, catalogue: &'c Catalogue) -> Option<(&'c Scenario, &'static Requirement, Option<String>)> {
    let id: CheckId = id.parse().ok()?;
    let scenario = catalogue.scenario(&id.scenario)?;
    let requirement = Requirement::find(&id.requirement).filter(|r| proves(scenario).contains(&&*r.id))?;
    let has_case = id.case.as_ref().is_none_or(|case| scenario.cases.contains_key(case));
    has_case.then_some((scenario, requirement, id.case))
}

fn unknown(id: &str, catalogue: &Catalogue) -> String {
    let requirements: Vec<_> = Requirement::all().iter().map(|r| r.id.as_str()).collect();
    let scenarios: Vec<_> = catalogue.scenarios().iter().map(|scenario| scenario.id.as_str()).collect();
    let message = format!("`{id}` is no requirement, check or scenario");
    let meant = match id.parse::<CheckId>() {
        // Of a check's id, each part may be mistyped.
        Ok(check) => {
            let scenario = catalogue
                .scenario(&check.scenario)
                .or_else(|| catalogue.scenario(nearest(&check.scenario, &scenarios)?));
            scenario.map(|scenario| {
                let proved = proves(scenario);
                let requirement = nearest(&check.requirement, &proved).or(proved.first().copied());
                CheckId::new(&scenario.id, requirement.unwrap_or_default(), scenario.cases.keys().next().map(|k| &**k))
                    .to_string()
            })
        }
        Err(_) => nearest(id, &requirements).or_else(|| nearest(id, &scenarios)).map(str::to_owned),
    };
    match meant {
        Some(meant) => format!("{message}; did you mean `{meant}`?"),
        None => format!("{message} (`mcp-litmus list` shows the checks, `list --requirements` the requirements)"),
    }
}

/// What is shown.
struct Page {
    width: usize,
    text: String,
}

impl Page {
    fn scenario(&mut self, scenario: &Scenario, case: Option<&str>) {
        let case = case.map(|case| format!("[{case}]")).unwrap_or_default();
        self.line(&format!("{}{case}  {}", scenario.id, scenario.title));
        self.paragraph("  ", &scenario.about);
        self.line("");
        self.field("file", &scenario.file.display().to_string());
        self.field("kind", kind(&scenario.body));
        if !scenario.is_watcher() {
            self.field("session", session(scenario.session));
        }
        if scenario.since.is_some() || scenario.until.is_some() {
            let oldest = Revision::ALL[0];
            self.field("revisions", &revisions(scenario.since.unwrap_or(oldest), scenario.until));
        }
        self.field("needs", &needs(&scenario.needs));
        self.field("cases", &scenario.cases.keys().map(String::as_str).collect::<Vec<_>>().join(", "));
        self.line("");
    }

    fn brief(&mut self, requirement: &Requirement) {
        self.line(&format!("{}  {}", requirement.id, requirement.effective_level()));
        self.paragraph("  ", &requirement.statement);
        self.line("");
    }

    fn requirement(&mut self, requirement: &Requirement, catalogue: &Catalogue) {
        self.brief(requirement);
        self.field("level", &level(requirement));
        self.field("binds", if requirement.who == Who::Server { "servers" } else { "clients and servers" });
        self.field("revisions", &revisions(requirement.since, requirement.until));
        let transports: Vec<_> = requirement.transports.iter().map(|kind| kind.as_str()).collect();
        self.field("transports", &transports.join(", "));
        self.field("needs", requirement.needs.as_deref().unwrap_or_default());
        self.field("seen", seen(requirement.observable));
        let pages = Revision::ALL.into_iter().filter(|&revision| requirement.holds_in(revision));
        for revision in pages.filter(|_| !requirement.places.is_empty()) {
            self.field("page", &requirement.page(revision));
        }
        for (index, source) in requirement.sources.iter().enumerate() {
            self.field(
                if index == 0 { "source" } else { "" },
                &format!("{} ({}): {}", source.url, source.date, source.says),
            );
        }
        self.prose("by hand", &requirement.probe);
        if let Some(risk) = &requirement.false_positive_risk {
            self.prose("no blame", risk);
        }
        let scenarios = catalogue.scenarios().iter().filter(|scenario| proves(scenario).contains(&&*requirement.id));
        let scenarios: Vec<_> = scenarios.map(|scenario| format!("{} ({})", scenario.id, scenario.title)).collect();
        if scenarios.is_empty() {
            let why = requirement.untested.as_deref();
            self.field("proved by", &why.map_or("no check yet".to_owned(), |why| format!("no check: {why}")));
        }
        for (index, scenario) in scenarios.iter().enumerate() {
            self.field(if index == 0 { "proved by" } else { "" }, scenario);
        }
    }

    fn prose(&mut self, name: &str, prose: &Prose) {
        let (stateful, stateless) = match prose {
            Prose::Both(text) => return self.field(name, text),
            Prose::ByEra { stateful, stateless } => (stateful, stateless),
        };
        let through = stateful.iter().map(|text| format!("(through {}) {text}", Revision::LATEST_HANDSHAKE));
        let since = stateless.iter().map(|text| format!("(since {}) {text}", Revision::V2026_07_28));
        for (index, text) in through.chain(since).enumerate() {
            self.field(if index == 0 { name } else { "" }, &text);
        }
    }

    fn field(&mut self, name: &str, text: &str) {
        if !text.is_empty() {
            self.wrapped(&format!("  {name:11} "), text);
        }
    }

    fn paragraph(&mut self, indent: &str, text: &str) {
        self.wrapped(indent, text);
    }

    fn wrapped(&mut self, first: &str, text: &str) {
        let rest = " ".repeat(first.len());
        let options = textwrap::Options::new(self.width.max(40))
            .initial_indent(first)
            .subsequent_indent(&rest)
            // What is to be copied stays whole.
            .break_words(false)
            .word_splitter(textwrap::WordSplitter::NoHyphenation);
        for line in textwrap::wrap(text.trim(), options) {
            self.line(&line);
        }
    }

    fn line(&mut self, text: &str) {
        self.text.push_str(text.trim_end());
        self.text.push('\n');
    }
}

fn level(requirement: &Requirement) -> String {
    let told = requirement.effective_level();
    let Some(why) = requirement.basis.map(Basis::words) else { return told.to_string() };
    if told == requirement.level {
        format!("{told} ({why})")
    } else {
        format!("{told} (not {}: {why})", requirement.level)
    }
}

fn seen(observable: Observable) -> &'static str {
    match observable {
        Observable::Wire => "in ordinary traffic",
        Observable::Provoked => "with faulty or unusual input",
        Observable::Static => "in lists, capabilities and documents",
        Observable::Fixture => "with a tool, resource or token that behaves in a known way",
        Observable::No => "not from outside",
    }
}

fn kind(body: &Body) -> &'static str {
    match body {
        Body::Steps(_) => "steps, one message after another",
        Body::Probe { .. } => "probe, written in Rust",
        Body::Always(_) => "watches every session",
        Body::Invariant { .. } => "watches every session, written in Rust",
    }
}

fn session(session: SessionUse) -> &'static str {
    match session {
        SessionUse::Shared => "shared with other scenarios",
        SessionUse::Fresh => "one of its own",
        SessionUse::Unopened => "one of its own, which it opens itself",
    }
}

fn needs(needs: &Needs) -> String {
    let without = needs.none.iter().map(|name| format!("no {name}"));
    needs.all.iter().cloned().chain(without).collect::<Vec<_>>().join(", ")
}
