//! `fuzz`: looks for what a client can provoke in a server; tells how it goes, and what was found. Judges nothing.

mod tally;
mod verdicts;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum, ValueHint};
use tokio::runtime;
use url::{Host, Url};

use self::tally::Tally;
use self::verdicts::report;
use super::args::{CallTools, CheckArgs, PaceArgs, ReportsArgs, RunArgs, TargetArgs, duration};
use super::exit::{Exit, Stop};
use super::file::File;
use super::outlets::Outlets;
use super::signals::Signals;
use super::{console, run, settings};
use crate::fuzz::{Cell, LIBFUZZER, Offer, Oracle, Place, Supervisor, WorkPlan};
use crate::protocol::Revision;
use crate::run::{Offered, Settings, offers};
use crate::source::printable;
use crate::transport::Target;
use crate::wire::TransportKind;

/// Look for what a hostile or careless client can provoke in a server
#[derive(Debug, Parser)]
#[command(
    override_usage = "mcp-litmus fuzz [OPTIONS] -- <COMMAND> [ARG]...\n       mcp-litmus fuzz [OPTIONS] --url <URL>\n       \
                      mcp-litmus fuzz [OPTIONS] --config <FILE> [--server <NAME>]\n       mcp-litmus fuzz [OPTIONS] --demo",
    after_help = EXAMPLES
)]
pub(super) struct FuzzArgs {
    #[command(flatten)]
    target: TargetArgs,
    /// The revision to speak [default: the newest that the server speaks]
    #[arg(long, value_name = "REVISION", hide_possible_values = true, help_heading = HEADING)]
    revision: Option<Revision>,
    /// Which tools may be called: those annotated as read-only, all or none [default: read-only]
    #[arg(long, value_name = "WHICH", value_enum, env = "LITMUS_CALL_TOOLS", hide_env = true, help_heading = HEADING)]
    call_tools: Option<CallTools>,
    /// How long: 60s, 10m, 8h [default: 1m, unless --execs says how much]
    #[arg(long, value_name = "TIME", value_parser = duration, help_heading = HEADING)]
    time: Option<Duration>,
    /// How many inputs
    #[arg(long, value_name = "N", help_heading = HEADING)]
    execs: Option<u64>,
    /// Where inputs are kept from one night to the next; further folders are only read [default: corpus in --out]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = HEADING)]
    corpus: Vec<PathBuf>,
    /// Where findings are written, a scenario file each; those that are there are tried first
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, default_value = "fuzz-findings", help_heading = HEADING)]
    out: PathBuf,
    /// Only these oracles judge; may be given several times
    #[arg(long, value_name = "NAME", help_heading = HEADING)]
    oracle: Vec<Oracle>,
    /// These do not
    #[arg(long, value_name = "NAME", help_heading = HEADING)]
    no_oracle: Vec<Oracle>,
    /// Which hook tells what of the target's code was reached
    #[arg(long, value_name = "WHICH", value_enum, default_value_t, help_heading = HEADING)]
    coverage: Coverage,
    /// What chooses inputs to go on from: a plain loop, or libFuzzer
    #[arg(long, value_name = "WHICH", value_enum, default_value_t, help_heading = HEADING)]
    engine: Engine,
    /// Shut the program in: no network, an empty home, an empty working directory (Linux)
    #[arg(long, help_heading = HEADING)]
    sandbox: bool,
    /// Fuzz an address that is not of this machine
    #[arg(long, help_heading = HEADING)]
    allow_remote: bool,
    /// Messages a second at most, over all workers [default: no limit on this machine, 20 elsewhere]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = HEADING)]
    rate: Option<u32>,
    #[command(flatten)]
    pace: PaceArgs,
    #[command(flatten)]
    reports: ReportsArgs,
}

const HEADING: &str = "Fuzzing";

const EXAMPLES: &str = "\
Findings are scenario files; `mcp-litmus replay` tells which of them are fixed.

Oracles: died, hang, unanswered, invalid-message, stray-answer, noise,
accepted-invalid, internal-error, leaked-internals, resources, session-mixup,
proportion.

Examples:
  mcp-litmus fuzz --demo --time 10s
  mcp-litmus fuzz --time 8h --jobs 4 --call-tools all --sandbox -- node dist/index.js
  mcp-litmus fuzz --url http://127.0.0.1:3000/mcp --time 10m
  mcp-litmus fuzz --execs 10000 --seed 7 --jobs 1 --out findings -- ./my-server
  mcp-litmus replay findings -- ./my-server";

/// Messages a second to an address elsewhere, where nothing else is said.
const REMOTE_RATE: u32 = 20;
/// How long, where nothing is said.
const TIME: Duration = Duration::from_mins(1);

/// Which hook tells what of the target's code was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Coverage {
    #[default]
    Auto,
    Off,
    Python,
    Node,
    Native,
}

/// What chooses inputs to go on from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Engine {
    #[default]
    Loop,
    Libfuzzer,
}

/// Fuzzes, and reports.
pub(super) fn fuzz(args: &FuzzArgs) -> Result<Exit, Stop> {
    let FuzzArgs { target, revision, call_tools, pace, reports, .. } = args;
    let run_args = run_args(target, revision.as_slice(), pace)?;
    let jobs = run_args.pace.jobs;
    let settings = the_settings(&run_args, *call_tools, pace.seed)?;
    guard_address(&settings.target, args.allow_remote)?;
    let mut own = the_settings(&run_args, *call_tools, pace.seed)?;
    let _cell = if args.sandbox { Some(shut_in(&mut own)?) } else { None };
    let outlets = Outlets::new(reports, None, true)?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Stop::fault(format!("cannot set up the runtime: {error}")))?;
    runtime.block_on(async {
        let mut signals =
            Signals::listen().map_err(|error| Stop::fault(format!("cannot listen for signals: {error}")))?;
        let offered = tokio::select! {
            offered = offers(&own) => offered.map_err(|error| run::stop(error, &own.secrets))?,
            signal = signals.next() => return Ok(Exit::Signal(signal)),
        };
        let newest = offered.into_iter().max_by_key(|offered| offered.revision);
        let offered = newest.ok_or_else(|| Stop::not_reached("the target speaks no revision"))?;
        let plan = plan(args, &settings, jobs, &offered)?;
        announce(&plan, &args.reports);
        let mut tally = Tally::new(plan.clone(), args.reports.quiet);
        let mut supervisor = Supervisor::start(plan.clone())
            .await
            .map_err(|error| Stop::fault(format!("cannot start a worker: {error}")))?;
        let mut ticks = tokio::time::interval(Duration::from_millis(500));
        let mut ended_by = None;
        loop {
            tokio::select! {
                told = supervisor.next() => match told {
                    Some((worker, report)) => tally.take(worker, report),
                    None => break,
                },
                signal = signals.next() => {
                    // The second one is meant.
                    if ended_by.replace(signal).is_some() {
                        break;
                    }
                    supervisor.stop();
                }
                _ = ticks.tick() => tally.show(),
            }
        }
        tally.clear();
        report(&tally, &settings, &offered, outlets, ended_by.is_some())?;
        Ok(match (ended_by, tally.found.is_empty(), &tally.stuck) {
            (Some(signal), ..) => Exit::Signal(signal),
            (None, false, _) => Exit::Fails,
            (None, true, Some(reason)) => return Err(Stop::not_reached(printable(reason, 600))),
            (None, true, None) => Exit::Conforms,
        })
    })
}

/// The arguments of a run that say the same of the target.
pub(super) fn run_args(target: &TargetArgs, revision: &[Revision], pace: &PaceArgs) -> Result<Box<RunArgs>, Stop> {
    let target = target.clone();
    let checks = CheckArgs { revision: revision.to_vec(), ..CheckArgs::default() };
    let pace = PaceArgs { seed: 0, ..pace.clone() };
    let mut args = Box::new(RunArgs { target, checks, pace, events: None, reports: ReportsArgs::default() });
    // The selection, the baseline and the reports of the settings are those of `run`.
    let file = File::of(&args.target)?;
    let timeout = args.pace.timeout.or(file.timeout);
    args.pace.timeout = timeout;
    Ok(args)
}

/// The settings of the one target that is meant. Its words say nothing of `call_tools` and `seed`: a finding knows them itself.
pub(super) fn the_settings(args: &RunArgs, call_tools: Option<CallTools>, seed: u64) -> Result<Settings, Stop> {
    let file = File::of(&args.target)?;
    let mut settings = settings::settings(args, file, &settings::catalogue(&[])?)?;
    if let Some(call_tools) = call_tools {
        settings.calls.policy = call_tools.into();
    }
    settings.seed = seed;
    Ok(settings)
}

/// Other people's servers are left alone unless that is asked for.
pub(super) fn guard_address(target: &Target, allow_remote: bool) -> Result<(), Stop> {
    match target {
        Target::Url(target) if target.url.scheme() != "http" => {
            Err(Stop::usage("only servers over plain http are fuzzed; put TLS in front of them elsewhere"))
        }
        Target::Url(target) if !is_of_this_machine(&target.url) && !allow_remote => Err(Stop::usage(format!(
            "`{}` is not of this machine: --allow-remote fuzzes it all the same, at {REMOTE_RATE} messages a second unless --rate says more",
            target.url.host_str().unwrap_or_default()
        ))),
        _ => Ok(()),
    }
}

fn is_of_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// What workers are told.
fn plan(args: &FuzzArgs, settings: &Settings, jobs: Option<u16>, offered: &Offered) -> Result<WorkPlan, Stop> {
    let mut plan = plan_for(settings, offered, args.sandbox, &args.out)?;
    let is_remote = matches!(&settings.target, Target::Url(target) if !is_of_this_machine(&target.url));
    let wanted =
        |oracle: &Oracle| (args.oracle.is_empty() || args.oracle.contains(oracle)) && !args.no_oracle.contains(oracle);
    plan.oracles = Oracle::ALL.into_iter().filter(wanted).collect();
    if plan.oracles.is_empty() {
        return Err(Stop::usage("no oracle is left to judge"));
    }
    plan.time = args.time.or_else(|| args.execs.is_none().then_some(TIME));
    plan.executions = args.execs;
    // What was typed as a default for `run` would be twice too many: each worker drives a server.
    plan.workers = u32::from(jobs.unwrap_or_else(|| u16::try_from(settings.jobs / 2).unwrap_or(1).max(1)));
    plan.rate = args.rate.or(is_remote.then_some(REMOTE_RATE)).map(|rate| (rate / plan.workers).max(1));
    plan.seed = settings.seed;
    if let [first, others @ ..] = args.corpus.as_slice() {
        plan.corpus.clone_from(first);
        plan.merged = others.to_vec();
    }
    plan.coverage = args.coverage.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
    if args.engine == Engine::Libfuzzer {
        LIBFUZZER.clone_into(&mut plan.engine);
    }
    for folder in [&plan.out, &plan.corpus] {
        std::fs::create_dir_all(folder)
            .map_err(|error| Stop::usage(format!("cannot write to `{}`: {error}", folder.display())))?;
    }
    if let Some(missing) = plan.merged.iter().find(|folder| !folder.is_dir()) {
        return Err(Stop::usage(format!("`{}` is no folder", missing.display())));
    }
    Ok(plan)
}

/// Shuts the target in that this process itself starts. What is returned has to live as long as the target.
pub(super) fn shut_in(settings: &mut Settings) -> Result<Cell, Stop> {
    if matches!(settings.target, Target::Url(_)) {
        return Err(Stop::usage("--sandbox is for a program"));
    }
    let cell = Cell::new(&settings.target).map_err(Stop::usage)?;
    settings.target = cell.target.clone();
    Ok(cell)
}

/// A plan for one worker, with every oracle.
pub(super) fn plan_for(
    settings: &Settings,
    offered: &Offered,
    sandbox: bool,
    out: &std::path::Path,
) -> Result<WorkPlan, Stop> {
    if offered.transport == TransportKind::Sse {
        return Err(Stop::usage("servers that speak only HTTP+SSE are not fuzzed"));
    }
    let place = match &settings.target {
        Target::Command(command) => Place::Command {
            program: command.program.clone(),
            arguments: command.arguments.clone(),
            environment: command.environment.clone(),
            directory: command.directory.clone(),
            sandbox,
        },
        Target::Url(target) => Place::Url { url: target.url.clone(), headers: target.headers.clone() },
        Target::Memory(_) => Place::Command {
            program: std::env::current_exe()
                .map_err(|error| Stop::fault(format!("cannot find this program: {error}")))?
                .display()
                .to_string(),
            arguments: vec!["serve".to_owned()],
            environment: BTreeMap::new(),
            directory: None,
            sandbox,
        },
    };
    let list = |member: &str| offered.offer[member].as_array().cloned().unwrap_or_default();
    let tools = list("tools");
    let callable = tools.iter().filter(|tool| settings.calls.allow(tool));
    let callable = callable.filter_map(|tool| tool["name"].as_str().map(str::to_owned)).collect();
    let offer = Offer {
        capabilities: offered.offer["capabilities"].clone(),
        callable,
        tools,
        resources: list("resources"),
        templates: list("resourceTemplates"),
        prompts: list("prompts"),
        arguments: settings.calls.arguments.clone(),
    };
    Ok(WorkPlan {
        place,
        words: settings.words.clone(),
        revision: offered.revision,
        offer,
        oracles: Oracle::ALL.into_iter().collect(),
        timeout: settings.timeout,
        start_timeout: settings.start_timeout,
        time: None,
        executions: None,
        seed: 0,
        worker: 0,
        workers: 1,
        corpus: out.join("corpus"),
        merged: Vec::new(),
        out: out.to_owned(),
        rate: None,
        coverage: "off".to_owned(),
        engine: "loop".to_owned(),
    })
}

/// Says what is going to be done before anything is called.
fn announce(plan: &WorkPlan, reports: &ReportsArgs) {
    let Offer { tools, callable, .. } = &plan.offer;
    let mut lines = vec![format!(
        "Fuzzing in {} over {}, {} worker{}, seed {}.",
        plan.revision,
        plan.kind(),
        plan.workers,
        if plan.workers == 1 { "" } else { "s" },
        plan.seed
    )];
    if !callable.is_empty() {
        let names: Vec<_> = callable.iter().map(|name| printable(name, 80)).collect();
        lines.push(format!("Tools that will be called, with any arguments: {}.", names.join(", ")));
    }
    let left = tools.len() - callable.len();
    if left > 0 {
        lines.push(format!("Tools that will not be called: {left} (--call-tools all calls them)."));
    }
    if !reports.quiet {
        console::tell(&lines.join("\n"));
    }
}
