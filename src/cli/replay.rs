//! `replay`: tries findings of `fuzz` again, and says which are fixed. Judges nothing itself.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Parser, ValueHint};
use tokio::runtime;
use tokio::sync::mpsc;

use super::args::{CallTools, PaceArgs, TargetArgs};
use super::exit::{Exit, Stop};
use super::fuzz::{guard_address, plan_for, run_args, shut_in, the_settings};
use super::signals::Signals;
use super::{console, run, settings};
use crate::fuzz::{Finding, findings, replay as try_again};
use crate::outcome::{Event, Verdict};
use crate::protocol::Revision;
use crate::run::{Ledger, RunError, Settings, offers, run as run_checks};
use crate::scenario::Catalogue;
use crate::source::printable;

/// Tell which findings of `fuzz` are fixed
#[derive(Debug, Parser)]
#[command(
    override_usage = "mcp-litmus replay [OPTIONS] <FINDING|DIR> -- <COMMAND> [ARG]...\n       \
                      mcp-litmus replay [OPTIONS] <FINDING|DIR> --url <URL>",
    after_help = "\
Each finding is FIXED or STILL THERE; the exit code is 1 if any is still there.
Its messages are sent on fresh sessions, and judged by the oracle that found it
and as the scenario that the file holds.

Examples:
  mcp-litmus replay fuzz-findings -- node dist/index.js
  mcp-litmus replay fuzz-findings/died-1a2b3c4d.yaml -- node dist/index.js"
)]
pub(super) struct ReplayArgs {
    /// A file that `fuzz` wrote, or a folder of them
    #[arg(value_name = "FINDING|DIR", value_hint = ValueHint::AnyPath)]
    path: PathBuf,
    #[command(flatten)]
    target: TargetArgs,
    /// Replay at an address that is not of this machine
    #[arg(long, help_heading = "Replay")]
    allow_remote: bool,
    /// Shut the program in: no network, an empty home, an empty working directory (Linux)
    #[arg(long, help_heading = "Replay")]
    sandbox: bool,
    #[command(flatten)]
    pace: PaceArgs,
}

/// Tries every finding again.
pub(super) fn replay(args: Box<ReplayArgs>) -> Result<Exit, Stop> {
    let ReplayArgs { path, target, allow_remote, sandbox, pace } = *args;
    let found = findings(&path).map_err(|error| Stop::usage(format!("cannot read `{}`: {error}", path.display())))?;
    if found.is_empty() {
        return Err(Stop::usage(format!("`{}` holds no finding of `fuzz`", path.display())));
    }
    let mut by_revision: BTreeMap<Revision, Vec<(PathBuf, Finding)>> = BTreeMap::new();
    for (file, finding) in found {
        by_revision.entry(finding.revision).or_default().push((file, finding));
    }
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Stop::fault(format!("cannot set up the runtime: {error}")))?;
    let built_in = settings::catalogue(&[])?;
    let mut still_there = 0;
    for (revision, found) in by_revision {
        let args = run_args(&target, &[revision], &pace)?;
        let settings = the_settings(&args, Some(CallTools::All), pace.seed)?;
        guard_address(&settings.target, allow_remote)?;
        let mut own = the_settings(&args, Some(CallTools::All), pace.seed)?;
        let _cell = if sandbox { Some(shut_in(&mut own)?) } else { None };
        let Some(offered) = runtime.block_on(until_signal(offers(&own)))? else {
            return Ok(Exit::Signal(2));
        };
        let offered = offered.map_err(|error| run::stop(error, &own.secrets))?;
        let Some(offered) = offered.into_iter().next() else {
            return Err(Stop::not_reached(format!("the target does not speak {revision}")));
        };
        let plan = plan_for(&settings, &offered, sandbox, path.parent().unwrap_or(Path::new(".")))?;
        for (file, finding) in found {
            if finding.transport != offered.transport {
                let (was, is) = (finding.transport, offered.transport);
                console::print(&format!("LEFT OUT     {} (found over {was}, not {is})\n", file.display()))?;
                continue;
            }
            let replayed = try_again(&plan, &built_in, &finding).map_err(Stop::fault)?;
            let judged = replayed.still_there.map(|seen| seen.actual);
            let judged = if judged.is_some() {
                judged
            } else {
                let Some(failed) = runtime.block_on(until_signal(as_scenario(&own, &file)))? else {
                    return Ok(Exit::Signal(2));
                };
                failed?
            };
            still_there += usize::from(judged.is_some());
            console::print(&match judged {
                Some(actual) => {
                    let actual = printable(&settings.secrets.redacted(&actual), 300);
                    format!("STILL THERE  {} ({}): {actual}\n", file.display(), finding.suspicion.oracle)
                }
                None => format!("FIXED        {} ({})\n", file.display(), finding.suspicion.oracle),
            })?;
        }
    }
    Ok(if still_there > 0 { Exit::Fails } else { Exit::Conforms })
}

/// What a future comes to, unless a signal comes first.
async fn until_signal<T>(of: impl Future<Output = T>) -> Result<Option<T>, Stop> {
    let mut signals = Signals::listen().map_err(|error| Stop::fault(format!("cannot listen for signals: {error}")))?;
    Ok(tokio::select! {
        value = of => Some(value),
        _ = signals.next() => None,
    })
}

/// Runs the scenario of a file as `run` would; what failed in it, if anything did.
async fn as_scenario(settings: &Settings, file: &Path) -> Result<Option<String>, Stop> {
    let catalogue = settings::with_names(|names| Catalogue::of_file(file, "fuzz/finding", names))?;
    let (sender, mut events) = mpsc::unbounded_channel();
    let ledger = Ledger::new(sender);
    let ran: Result<(), RunError> = run_checks(settings, &catalogue, &ledger).await;
    ran.map_err(|error| run::stop(error, &settings.secrets))?;
    ledger.finish(false);
    drop(ledger);
    let mut failed = None;
    while let Some(event) = events.recv().await {
        if let Event::Check { result } = event
            && let Verdict::Fail { evidence } = result.verdict
        {
            failed = failed.or(Some(evidence.actual));
        }
    }
    Ok(failed)
}
