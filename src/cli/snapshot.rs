//! `snapshot`: keeps what a server offers in files of the user's repository, and tells what changed since. Judges no
//! requirement.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Parser, ValueEnum, ValueHint};
use serde_json::Value;
use tokio::runtime;

use super::args::{CheckArgs, PaceArgs, ReportsArgs, RunArgs, TargetArgs};
use super::exit::{Exit, Stop};
use super::file::File;
use super::signals::Signals;
use super::{console, run, settings};
use crate::protocol::Revision;
use crate::report::{Change, Class, Snapshot, changes, difference, normal};
use crate::run::{Offered, RunError, Settings, offers};
use crate::source::printable;

/// Keep what a server offers in files, and tell what changed since
#[derive(Debug, Parser)]
#[command(
    override_usage = "mcp-litmus snapshot [OPTIONS] -- <COMMAND> [ARG]...\n       mcp-litmus snapshot [OPTIONS] --url <URL>\n       \
                      mcp-litmus snapshot [OPTIONS] --config <FILE> [--server <NAME>]",
    after_help = "\
The first time, files are written. Later, what changed is shown, and written beside them as `.snap.new`.
Breaking is what clients rely on: a tool that is gone, a new required argument, a narrower type.
New tools and optional arguments are compatible; titles and descriptions are cosmetic.
Tools that have [arguments] in litmus.toml are called, and the shape of what they answer is kept too.

Examples:
  mcp-litmus snapshot -- node dist/index.js
  mcp-litmus snapshot --accept -- node dist/index.js
  mcp-litmus snapshot --fail-on-change any --url http://127.0.0.1:3000/mcp"
)]
pub(super) struct SnapshotArgs {
    #[command(flatten)]
    target: TargetArgs,
    /// The folder of the snapshots
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, default_value = "snapshots", help_heading = HEADING)]
    dir: PathBuf,
    /// Take what the server offers now as right
    #[arg(long, help_heading = HEADING)]
    accept: bool,
    /// Which changes make the exit code 1: those that break clients, or any
    #[arg(long, value_name = "WHICH", value_enum, default_value_t, help_heading = HEADING)]
    fail_on_change: FailOnChange,
    /// A revision of the protocol; may be given several times [default: all that the server speaks]
    #[arg(long, value_name = "REVISION", hide_possible_values = true, help_heading = HEADING)]
    revision: Vec<Revision>,
    #[command(flatten)]
    pace: PaceArgs,
}

const HEADING: &str = "Snapshots";

/// Which changes count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum FailOnChange {
    #[default]
    Breaking,
    Any,
}

/// Compares, and records what is new or accepted.
pub(super) fn snapshot(args: Box<SnapshotArgs>) -> Result<Exit, Stop> {
    let SnapshotArgs { target, dir, accept, fail_on_change, revision, pace } = *args;
    let checks = CheckArgs { revision, ..CheckArgs::default() };
    let args = RunArgs { target, checks, pace, events: None, reports: ReportsArgs::default() };
    let file = File::of(&args.target)?;
    let every = settings::every(&args, file, &settings::catalogue(&[])?)?;
    // All are asked before anything is written.
    let mut asked = Vec::new();
    for settings in &every {
        match ask(settings)? {
            Asked::Offers(offered) => asked.push(offered),
            Asked::Interrupted(signal) => return Ok(Exit::Signal(signal)),
        }
    }
    let mut compared = Vec::new();
    for (settings, offered) in every.iter().zip(&asked) {
        let (server, whole) = (settings.info.name.clone(), settings.revisions.is_empty());
        let prefix = server.as_ref().filter(|_| every.len() > 1).map(|name| format!("{name} ")).unwrap_or_default();
        compared.extend(Folder { dir: dir.clone(), server, whole, prefix }.compare(offered)?);
    }
    if accept || compared.iter().all(|one| one.is_first) {
        compared.iter().try_for_each(Compared::accept)?;
    } else {
        compared.iter().try_for_each(Compared::propose)?;
    }
    console::print(&told(&compared, accept))?;
    let counts = |change: &Change| fail_on_change == FailOnChange::Any || change.class == Class::Breaking;
    let fails = !accept && compared.iter().flat_map(|one| &one.changes).any(counts);
    Ok(if fails { Exit::Fails } else { Exit::Conforms })
}

enum Asked {
    Offers(Vec<Offered>),
    Interrupted(u8),
}

fn ask(settings: &Settings) -> Result<Asked, Stop> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Stop::fault(format!("cannot set up the runtime: {error}")))?;
    runtime.block_on(async {
        let signals = Signals::listen();
        let mut signals = signals.map_err(|error| Stop::fault(format!("cannot listen for signals: {error}")))?;
        tokio::select! {
            offered = offers(settings) => offered.map(Asked::Offers).map_err(|error| stop(error, settings)),
            signal = signals.next() => Ok(Asked::Interrupted(signal)),
        }
    })
}

fn stop(error: RunError, settings: &Settings) -> Stop {
    let stop = run::stop(error, &settings.secrets);
    match &settings.info.name {
        Some(name) => Stop { message: format!("{} (of `{}`)", stop.message, printable(name, 80)), ..stop },
        None => stop,
    }
}

/// Where the snapshots of a server are.
struct Folder {
    dir: PathBuf,
    /// Its name, where a configuration gives one.
    server: Option<String>,
    /// Whether every revision was asked for, so that one that did not come is gone.
    whole: bool,
    /// What tells it from others, where there are several.
    prefix: String,
}

/// One snapshot and what became of it.
struct Compared {
    snapshot: Snapshot,
    /// `2025-11-25 over stdio`.
    title: String,
    /// What the snapshot says of itself.
    description: String,
    old: Option<Value>,
    /// What is offered now; `None` where the revision is not spoken any more.
    new: Option<Value>,
    changes: Vec<Change>,
    /// There was no snapshot of this server before.
    is_first: bool,
}

impl Folder {
    fn compare(&self, offered: &[Offered]) -> Result<Vec<Compared>, Stop> {
        let known = Snapshot::all(&self.dir, self.server.as_deref());
        let known = known.map_err(|error| Stop::usage(format!("cannot read `{}`: {error}", self.dir.display())))?;
        let mut compared = Vec::new();
        for (revision, snapshot) in &known {
            if self.whole && !offered.iter().any(|one| one.revision.as_str() == revision) {
                compared.push(Compared {
                    title: format!("{}{revision}", self.prefix),
                    description: String::new(),
                    old: read(snapshot)?,
                    new: None,
                    changes: vec![change(Class::Breaking, "the revision is no longer spoken")],
                    is_first: false,
                    snapshot: snapshot.clone(),
                });
            }
        }
        for one in offered {
            let snapshot = Snapshot::new(&self.dir, self.server.as_deref(), one.revision.as_str());
            let (old, new) = (read(&snapshot)?, normal(&one.offer));
            let changes = match &old {
                Some(old) => changes(old, &new),
                None if known.is_empty() => Vec::new(),
                None => vec![change(Class::Compatible, "the revision is newly spoken")],
            };
            compared.push(Compared {
                snapshot,
                title: format!("{}{} over {}", self.prefix, one.revision, one.transport),
                description: format!("what {} offers in {}", one.server.name, one.revision),
                is_first: known.is_empty(),
                new: Some(new),
                old,
                changes,
            });
        }
        compared.sort_by(|a, b| a.title.cmp(&b.title));
        Ok(compared)
    }
}

impl Compared {
    fn accept(&self) -> Result<(), Stop> {
        self.written(match &self.new {
            Some(new) if self.old.as_ref() != Some(new) => {
                let folder = self.snapshot.path().parent().map_or(Ok(()), std::fs::create_dir_all);
                folder.and_then(|()| self.snapshot.accept(&self.description, new))
            }
            Some(_) => self.snapshot.unpropose(),
            None => self.snapshot.remove(),
        })
    }

    fn propose(&self) -> Result<(), Stop> {
        self.written(match &self.new {
            Some(new) if self.old.as_ref() != Some(new) => self.snapshot.propose(&self.description, new),
            _ => self.snapshot.unpropose(),
        })
    }

    fn written(&self, result: std::io::Result<()>) -> Result<(), Stop> {
        result.map_err(|error| Stop::unwritten(&format!("`{}`", self.snapshot.path().display()), &error))
    }
}

fn read(snapshot: &Snapshot) -> Result<Option<Value>, Stop> {
    snapshot.read().map_err(|error| Stop::usage(format!("cannot read `{}`: {error}", snapshot.path().display())))
}

fn change(class: Class, what: &str) -> Change {
    Change { class, what: what.to_owned() }
}

/// What a person is told.
fn told(compared: &[Compared], accepted: bool) -> String {
    let mut text = String::new();
    for one in compared {
        let what = match (&one.changes[..], one.is_first) {
            ([], true) => format!("recorded in {}", printable(&one.snapshot.path().display().to_string(), 400)),
            ([], false) => "unchanged".to_owned(),
            (changes, _) => format!("{} change{}", changes.len(), if changes.len() == 1 { "" } else { "s" }),
        };
        let _ = writeln!(text, "{}: {what}", one.title);
        for change in &one.changes {
            let _ = writeln!(text, "  {:10}  {}", change.class, change.what);
        }
        if let (Some(old), Some(new)) = (&one.old, &one.new)
            && !one.changes.is_empty()
        {
            text.extend(difference(old, new).lines().map(|line| format!("    {line}\n")));
        }
    }
    let changes = || compared.iter().flat_map(|one| &one.changes);
    let of = |class| changes().filter(|change| change.class == class).count();
    if changes().next().is_some() {
        let verb =
            if accepted { "accepted" } else { "--accept takes it (in a Rust package, so does `cargo insta review`)" };
        let (breaking, compatible, cosmetic) = (of(Class::Breaking), of(Class::Compatible), of(Class::Cosmetic));
        let _ = writeln!(text, "\n{breaking} breaking, {compatible} compatible, {cosmetic} cosmetic; {verb}");
    }
    text
}
