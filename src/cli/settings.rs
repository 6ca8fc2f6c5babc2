//! What was typed becomes what is meant: targets, selections, limits, reports. Opens no connection and writes no file.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::num::NonZero;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::SystemTime;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use url::{ParseError, Url};

use super::args::{CallTools, CheckArgs, PaceArgs, RunArgs, TargetArgs};
use super::exit::Stop;
use super::file::File;
use super::{config, words};
use crate::judge::{INVARIANTS, PROBES};
use crate::mock::{Lines, Options, Quirk};
use crate::outcome::TargetInfo;
use crate::report::{Format, Output};
use crate::run::{Selection, Settings, checks_of};
use crate::scenario::{Catalogue, Names};
use crate::source::Secrets;
use crate::survey::{CallPolicy, Calls};
use crate::transport::{CommandTarget, Limits, Target, UrlTarget};

/// The settings of a run, as they are meant.
pub(super) fn settings(args: &RunArgs, file: File, catalogue: &Catalogue) -> Result<Settings, Stop> {
    let File { arguments, call_tools, jobs, timeout, start_timeout, .. } = file;
    let timeout = args.pace.timeout.or(timeout).unwrap_or(PaceArgs::TIMEOUT);
    let start_timeout = args.pace.start_timeout.or(start_timeout).unwrap_or(timeout * 3);
    let exchange = start_timeout.max(timeout);
    let policy = match args.checks.call_tools.or(call_tools).unwrap_or_default() {
        CallTools::ReadOnly => CallPolicy::ReadOnly,
        CallTools::All => CallPolicy::All,
        CallTools::None => CallPolicy::None,
    };
    let (target, info, secrets) = target(&args.target, file.target, file.secrets)?;
    Ok(Settings {
        target,
        info,
        words: words::words(args),
        revisions: revisions(&args.checks),
        selection: selection(&args.checks.select, &args.checks.skip, catalogue)?.in_shard(args.checks.shard),
        calls: Calls { policy, arguments },
        secrets,
        jobs: args.pace.jobs.or(jobs).map_or_else(processors, usize::from),
        timeout,
        start_timeout,
        limits: Limits { exchange, ..Limits::default() },
        started_at: OffsetDateTime::from(SystemTime::now())
            .replace_nanosecond(0)
            .ok()
            .and_then(|t| t.format(&Rfc3339).ok()),
        transcripts: None,
    })
}

/// The built-in scenarios, and those of the user's folders.
pub(super) fn catalogue(folders: &[PathBuf]) -> Result<Catalogue, Stop> {
    // A mistake in a built-in scenario is not the user's.
    let mut catalogue = Catalogue::built_in().map_err(|error| Stop::fault(format!("a built-in scenario: {error}")))?;
    for folder in folders {
        with_names(|names| catalogue.add_folder(folder, names))?;
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
    let selection = Selection::new(select, skip).map_err(Stop::usage)?;
    let scenarios = catalogue.scenarios().iter().enumerate();
    let ids: Vec<_> =
        scenarios.flat_map(|(index, scenario)| checks_of(scenario, index)).map(|check| check.id).collect();
    match selection.idle(&ids).first() {
        Some(idle) => Err(Stop::usage(format!("no check fits `{idle}` (`mcp-litmus list` shows all there are)"))),
        None => Ok(selection),
    }
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

/// The one target that was named, what reports call it, and what they may not show of it.
fn target(
    args: &TargetArgs,
    of_file: Option<(Option<String>, Target)>,
    mut secrets: Secrets,
) -> Result<(Target, TargetInfo, Secrets), Stop> {
    let forms = [!args.command.is_empty(), args.url.is_some(), args.config.is_some(), args.demo];
    match forms.iter().filter(|&&given| given).count() {
        1 if args.target.is_some() => {
            return Err(Stop::usage("several targets: --target chooses from the settings, and another one is given"));
        }
        1 => {}
        0 if of_file.is_some() => {}
        0 => {
            return Err(Stop::usage(
                "no target: give a command after `--`, or --url, --config, --demo, or a [target] in litmus.toml (`mcp-litmus run --help` shows how)",
            ));
        }
        _ => return Err(Stop::usage("several targets: give one of a command after `--`, --url, --config and --demo")),
    }
    if args.server.is_some() && args.config.is_none() {
        return Err(Stop::usage("--server chooses from a configuration file: give --config too"));
    }
    let mut info = TargetInfo::default();
    let mut target = if args.demo {
        info.name = Some("demo".to_owned());
        Target::Memory(Arc::new(|| {
            let lines = Lines::new(Options::default(), []);
            Box::new(lines.expect("a server without rules has no unknown quirk"))
        }))
    } else if let Some(url) = &args.url {
        Target::Url(UrlTarget { url: self::url(url).map_err(Stop::usage)?, headers: Vec::new() })
    } else if let Some(file) = &args.config {
        let (name, target, filled_in) = config::server(file, args.server.as_deref())?;
        info.name = Some(name);
        secrets.join(&filled_in);
        target
    } else if let Some((name, target)) = of_file.filter(|_| args.command.is_empty()) {
        info.name = name;
        target
    } else {
        Target::Command(command(&args.command)?)
    };
    amend(&mut target, args, &mut secrets)?;
    match &target {
        Target::Command(command) => {
            info.command = Some(std::iter::once(&command.program).chain(&command.arguments).cloned().collect());
        }
        Target::Url(target) => info.url = Some(shown(&target.url)),
        Target::Memory(_) => {}
    }
    Ok((target, info, secrets))
}

/// An address that can be used: `http` or `https`, with a host.
pub(super) fn url(text: &str) -> Result<Url, String> {
    match Url::parse(text) {
        Ok(url) if ["http", "https"].contains(&url.scheme()) => Ok(url),
        Ok(_) | Err(ParseError::RelativeUrlWithoutBase) => {
            Err(format!("`{text}` is no URL of a server: it begins with neither http:// nor https://"))
        }
        Err(why) => Err(format!("`{text}` is no URL: {why}")),
    }
}

/// The address without a password, for reports.
fn shown(url: &Url) -> String {
    let mut url = url.clone();
    // Both fail only for addresses without a host, which are refused before.
    let _ = url.set_password(None);
    let _ = url.set_username("");
    url.into()
}

fn command(words: &[OsString]) -> Result<CommandTarget, Stop> {
    let text = |word: &OsString| match word.to_str() {
        Some(text) => Ok(text.to_owned()),
        None => Err(Stop::usage(format!("`{}` is not UTF-8", word.display()))),
    };
    let mut words = words.iter().map(text);
    let program = words.next().transpose()?.unwrap_or_default();
    let arguments = words.collect::<Result<_, _>>()?;
    Ok(CommandTarget { program, arguments, environment: BTreeMap::new(), directory: None })
}

/// Adds what the options beside the target say to it.
fn amend(target: &mut Target, args: &TargetArgs, secrets: &mut Secrets) -> Result<(), Stop> {
    match target {
        Target::Command(command) => {
            refuse(!args.header.is_empty(), "--header", "a server over HTTP")?;
            for text in &args.env {
                let (name, value) = variable(text)?;
                secrets.add_named(&name, &value);
                command.environment.insert(name, value);
            }
            if let Some(directory) = &args.cwd {
                if !directory.is_dir() {
                    return Err(Stop::usage(format!("`{}` is no folder", directory.display())));
                }
                command.directory = Some(directory.clone());
            }
        }
        Target::Url(url) => {
            refuse(!args.env.is_empty(), "--env", "a program")?;
            refuse(args.cwd.is_some(), "--cwd", "a program")?;
            for text in &args.header {
                let header = header(text)?;
                secrets.add_named(&header.0, &header.1);
                url.headers.retain(|(name, _)| !name.eq_ignore_ascii_case(&header.0));
                url.headers.push(header);
            }
        }
        Target::Memory(_) => {
            refuse(!args.header.is_empty(), "--header", "a server over HTTP")?;
            refuse(!args.env.is_empty(), "--env", "a program")?;
            refuse(args.cwd.is_some(), "--cwd", "a program")?;
        }
    }
    Ok(())
}

fn refuse(given: bool, option: &str, what: &str) -> Result<(), Stop> {
    if given { Err(Stop::usage(format!("{option} is for {what}"))) } else { Ok(()) }
}

fn variable(text: &str) -> Result<(String, String), Stop> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !text.contains('\0') => Ok((name.to_owned(), value.to_owned())),
        _ => Err(Stop::usage(format!("`{text}` is no environment variable (NAME=VALUE)"))),
    }
}

/// A header that can be sent: `Name: value`.
pub(super) fn header(text: &str) -> Result<(String, String), Stop> {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    match text.split_once(':') {
        Some((name, value))
            if !name.is_empty() && name.chars().all(is_token) && !value.contains(['\r', '\n', '\0']) =>
        {
            Ok((name.to_owned(), value.trim().to_owned()))
        }
        // Nothing of it is repeated: it may be a secret.
        _ => Err(Stop::usage("a --header is not of the form 'Name: value'")),
    }
}
