//! What was typed becomes what is meant: targets, selections, limits, reports. Opens no connection and writes no file.

use std::ffi::{OsStr, OsString};
use std::num::NonZero;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::thread;
use std::time::SystemTime;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::args::{CheckArgs, PaceArgs, RunArgs};
use super::exit::Stop;
use super::file::File;
use super::targets::{Named, targets};
use super::words;
use crate::judge::{INVARIANTS, PROBES};
use crate::mock::Quirk;
use crate::report::{Format, Output};
use crate::run::{Selection, Settings, checks_of};
use crate::scenario::{Catalogue, Names};
use crate::source::Diagnostic;
use crate::survey::Calls;
use crate::transport::Limits;

/// The settings of a run against the one server that is meant.
pub(super) fn settings(args: &RunArgs, file: File, catalogue: &Catalogue) -> Result<Settings, Stop> {
    let mut all = every(args, file, catalogue)?;
    match (all.pop(), all.len()) {
        (Some(only), 0) => Ok(stamped(only)),
        _ if args.target.config.is_some() => Err(Stop::usage("several servers: choose one with --server NAME")),
        _ => Err(Stop::usage("several targets: choose one with --target NAME")),
    }
}

/// The settings of a run against each server that is meant, at least one.
pub(super) fn every(args: &RunArgs, file: File, catalogue: &Catalogue) -> Result<Vec<Settings>, Stop> {
    let File { arguments, call_tools, calls_per_tool, jobs, timeout, start_timeout, .. } = file;
    let per_tool = args.checks.calls_per_tool.or(calls_per_tool).map_or(Calls::PER_TOOL, usize::from);
    let timeout = args.pace.timeout.or(timeout).unwrap_or(PaceArgs::TIMEOUT);
    let start_timeout = args.pace.start_timeout.or(start_timeout).unwrap_or(timeout * 3);
    let exchange = start_timeout.max(timeout);
    let policy = args.checks.call_tools.or(call_tools).unwrap_or_default().into();
    let calls = Calls { policy, arguments, per_tool };
    let CheckArgs { select, skip, shard, profile, .. } = &args.checks;
    let selection = placed_selection(select, skip, catalogue, &file.patterns)?
        .in_shard(*shard)
        .with_profiles(profile.iter().map(|profile| profile.name()));
    let settings = |named: Named| Settings {
        words: words::words(args, &named.args),
        target: named.target,
        info: named.info,
        revisions: revisions(&args.checks),
        selection: selection.clone(),
        calls: calls.clone(),
        secrets: named.secrets,
        jobs: args.pace.jobs.or(jobs).map_or_else(processors, usize::from),
        timeout,
        start_timeout,
        seed: args.pace.seed,
        limits: Limits { exchange, ..Limits::default() },
        started_at: None,
        transcripts: None,
    };
    Ok(targets(&args.target, file.targets, file.secrets)?.into_iter().map(settings).collect())
}

/// With the time of day at which the run begins.
pub(super) fn stamped(settings: Settings) -> Settings {
    let now = OffsetDateTime::from(SystemTime::now()).replace_nanosecond(0);
    Settings { started_at: now.ok().and_then(|time| time.format(&Rfc3339).ok()), ..settings }
}

/// The built-in scenarios, and those of the user's folders.
pub(super) fn catalogue(folders: &[PathBuf]) -> Result<Catalogue, Stop> {
    // A mistake in a built-in scenario is not the user's.
    let mut catalogue = Catalogue::built_in().map_err(|error| Stop::fault(format!("a built-in scenario: {error}")))?;
    for folder in folders {
        let before = catalogue.scenarios().len();
        with_names(|names| catalogue.add_folder(folder, names))?;
        if catalogue.scenarios().len() == before {
            return Err(Stop::usage(format!("there are no scenarios in `{}` (AREA/NAME.yaml)", folder.display())));
        }
    }
    Ok(catalogue)
}

/// Calls with the names that scenario files may use for what is code.
pub(super) fn with_names<T>(f: impl FnOnce(&Names) -> T) -> T {
    let probes: Vec<_> = PROBES.iter().map(|(name, _)| *name).collect();
    let invariants: Vec<_> = INVARIANTS.iter().map(|(name, _)| *name).collect();
    let quirks = Quirk::TABLE.map(|(name, _)| name);
    f(&Names { probes: &probes, invariants: &invariants, quirks: &quirks })
}

/// Patterns, each of which fits some check: one that fits none is a slip of the fingers, and would turn a pipeline green.
pub(super) fn selection(select: &[String], skip: &[String], catalogue: &Catalogue) -> Result<Selection, Stop> {
    placed_selection(select, skip, catalogue, &[])
}

/// The same; what a file said is told with its place.
fn placed_selection(
    select: &[String],
    skip: &[String],
    catalogue: &Catalogue,
    of_file: &[(String, Diagnostic)],
) -> Result<Selection, Stop> {
    let selection = Selection::new(select, skip).map_err(Stop::usage)?;
    let scenarios = catalogue.scenarios().iter().enumerate();
    let ids: Vec<_> =
        scenarios.flat_map(|(index, scenario)| checks_of(scenario, index)).map(|check| check.id).collect();
    let idle = selection.idle(&ids);
    let Some(first) = idle.first() else { return Ok(selection) };
    let placed = of_file.iter().filter(|(pattern, _)| idle.contains(&&**pattern)).map(|(_, mistake)| mistake.clone());
    let placed: Vec<_> = placed.collect();
    if placed.is_empty() {
        return Err(Stop::usage(format!("no check fits `{first}` (`mcp-litmus list` shows all there are)")));
    }
    Err(Stop::mistakes(&placed))
}

/// The reports of `--report` and their places, each seen to be writable.
pub(super) fn reports(texts: &[OsString]) -> Result<Vec<(Format, Output)>, Stop> {
    let mut reports: Vec<(Format, Output)> = Vec::new();
    for text in texts {
        let (format, output) = report(text)?;
        if reports.iter().any(|(_, other)| *other == output) {
            return Err(Stop::usage(format!("two reports go to {}", place(&output))));
        }
        reports.push((format, output));
    }
    Ok(reports)
}

/// The file of `--events`.
pub(super) fn events(path: Option<&OsString>, reports: &[(Format, Output)]) -> Result<Option<Output>, Stop> {
    let Some(path) = path else { return Ok(None) };
    let output = writable(Output::from(path.clone()))?;
    if reports.iter().any(|(_, other)| *other == output) {
        return Err(Stop::usage(format!("a report and the events go to {}", place(&output))));
    }
    Ok(Some(output))
}

/// What an output is called in a sentence.
pub(super) fn place(output: &Output) -> String {
    match output {
        Output::Stdout => "standard output".to_owned(),
        Output::File(path) => format!("`{}`", path.display()),
    }
}

fn report(text: &OsStr) -> Result<(Format, Output), Stop> {
    let bytes = text.as_bytes();
    let Some(at) = bytes.iter().position(|&byte| byte == b'=') else {
        let text = text.display();
        return Err(Stop::usage(format!("`{text}` is no report (FORMAT=PATH, such as junit=junit.xml)")));
    };
    let format = String::from_utf8_lossy(&bytes[..at]).parse().map_err(Stop::usage)?;
    let path = OsStr::from_bytes(&bytes[at + 1..]);
    if path.is_empty() {
        return Err(Stop::usage(format!("`{}` names no file", text.display())));
    }
    Ok((format, writable(Output::from(path.to_owned()))?))
}

fn writable(output: Output) -> Result<Output, Stop> {
    match output.check() {
        Ok(()) => Ok(output),
        Err(error) => Err(Stop::usage(format!("cannot write {}: {error}", place(&output)))),
    }
}

/// The revisions asked for, each once, oldest first.
fn revisions(args: &CheckArgs) -> Vec<crate::protocol::Revision> {
    let mut revisions = args.revision.clone();
    revisions.sort_unstable();
    revisions.dedup();
    revisions
}

fn processors() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}
