//! The servers that were named become targets: what reports call each, and what no report may show of it. Opens no connection.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::Arc;

use url::{ParseError, Url};

use super::args::TargetArgs;
use super::config;
use super::exit::Stop;
use crate::mock::{Lines, Options};
use crate::outcome::TargetInfo;
use crate::source::Secrets;
use crate::transport::{AllowedHost, CommandTarget, Target, UrlTarget};

/// A server to speak to.
pub(super) struct Named {
    pub target: Target,
    /// What reports call it.
    pub info: TargetInfo,
    /// What no report may show of it.
    pub secrets: Secrets,
    /// How the command line names this one alone.
    pub args: TargetArgs,
}

/// All servers that were named: one, or several of a configuration or of the settings.
pub(super) fn targets(
    args: &TargetArgs,
    of_file: Vec<(Option<String>, Target)>,
    mut secrets: Secrets,
) -> Result<Vec<Named>, Stop> {
    let forms = [!args.command.is_empty(), args.url.is_some(), args.config.is_some(), args.demo];
    match forms.iter().filter(|&&given| given).count() {
        1 if !args.target.is_empty() => {
            return Err(Stop::usage("several targets: --target chooses from the settings, and another one is given"));
        }
        1 => {}
        0 if !of_file.is_empty() => {}
        0 => {
            return Err(Stop::usage(
                "no target: give a command after `--`, or --url, --config, --demo, or a [target] in litmus.toml (`mcp-litmus run --help` shows how)",
            ));
        }
        _ => return Err(Stop::usage("several targets: give one of a command after `--`, --url, --config and --demo")),
    }
    if !args.server.is_empty() && args.config.is_none() {
        return Err(Stop::usage("--server chooses from a configuration file: give --config too"));
    }
    let named: Vec<(Option<String>, Target)> = if args.demo {
        let demo = Target::Memory(Arc::new(|| {
            let lines = Lines::new(Options::default(), []);
            Box::new(lines.expect("a server without rules has no unknown quirk"))
        }));
        vec![(Some("demo".to_owned()), demo)]
    } else if let Some(url) = &args.url {
        vec![(None, Target::Url(UrlTarget::new(self::url(url).map_err(Stop::usage)?)))]
    } else if let Some(file) = &args.config {
        let (servers, filled_in) = config::servers(file, &args.server)?;
        secrets.join(&filled_in);
        servers.into_iter().map(|(name, target)| (Some(name), target)).collect()
    } else if args.command.is_empty() {
        of_file
    } else {
        vec![(None, Target::Command(command(&args.command)?))]
    };
    named.into_iter().map(|(name, target)| named_target(args, name, target, secrets.clone())).collect()
}

fn named_target(
    args: &TargetArgs,
    name: Option<String>,
    mut target: Target,
    mut secrets: Secrets,
) -> Result<Named, Stop> {
    amend(&mut target, args, &mut secrets)?;
    let mut alone = args.clone();
    let of_several = if args.config.is_some() { &mut alone.server } else { &mut alone.target };
    if let (Some(name), false) = (&name, args.demo) {
        *of_several = vec![name.clone()];
    }
    let mut info = TargetInfo { name, ..TargetInfo::default() };
    match &target {
        Target::Command(command) => {
            info.command = Some(std::iter::once(&command.program).chain(&command.arguments).cloned().collect());
        }
        Target::Url(target) => info.url = Some(shown(&target.url)),
        Target::Memory(_) => {}
    }
    Ok(Named { target, info, secrets, args: alone })
}

/// An address that can be used: `http` or `https`, with a host.
pub(super) fn url(text: &str) -> Result<Url, String> {
    match Url::parse(text) {
        Ok(url) if ["http", "https"].contains(&url.scheme()) => Ok(url),
        Ok(_) | Err(ParseError::RelativeUrlWithoutBase) => {
            let meant = if text.contains("://") { String::new() } else { format!("; is `http://{text}` meant?") };
            Err(format!("`{text}` is no URL of a server: it begins with neither http:// nor https://{meant}"))
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
            refuse(!args.allow_host.is_empty(), "--allow-host", "a server over HTTP")?;
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
            let allowed = args.allow_host.iter().map(|host| host.parse());
            url.allowed.extend(allowed.collect::<Result<Vec<AllowedHost>, _>>().map_err(Stop::usage)?);
        }
        Target::Memory(_) => {
            refuse(!args.header.is_empty(), "--header", "a server over HTTP")?;
            refuse(!args.allow_host.is_empty(), "--allow-host", "a server over HTTP")?;
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
