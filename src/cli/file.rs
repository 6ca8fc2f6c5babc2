//! `litmus.toml`: what a repository says once, instead of every command line. Reads one file; starts nothing.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum as _;
use serde_json::Value;

use self::read::{Choice, Reader};
use super::args::{CallTools, FailOn, Profile, RunArgs, TargetArgs};
use super::exit::Stop;
use crate::protocol::Revision;
use crate::source::{Diagnostic, Secrets, Source, read_toml};
use crate::transport::Target;

mod read;

/// Where it is looked for.
const NAME: &str = "litmus.toml";

/// The file that `init` writes: all that can be said, and what holds where nothing is.
pub(super) const TEMPLATE: &str = include_str!("litmus.toml");

/// All that a file says. Paths are as they are to be used, from the working directory.
#[derive(Default)]
pub(super) struct File {
    /// The servers that were chosen, or the only one; each with its name, where it has one.
    pub targets: Vec<(Option<String>, Target)>,
    /// Arguments of tools by name.
    pub arguments: BTreeMap<String, Value>,
    pub call_tools: Option<CallTools>,
    pub calls_per_tool: Option<u16>,
    pub jobs: Option<u16>,
    pub timeout: Option<Duration>,
    pub start_timeout: Option<Duration>,
    /// Values out of the environment.
    pub secrets: Secrets,
    /// Each pattern, and what is wrong where no check fits it.
    pub patterns: Vec<(String, Diagnostic)>,
    revisions: Vec<Revision>,
    select: Vec<String>,
    skip: Vec<String>,
    profiles: Vec<Profile>,
    scenarios: Vec<PathBuf>,
    fail_on: Option<FailOn>,
    baseline: Option<PathBuf>,
    reports: Vec<OsString>,
    events: Option<OsString>,
}

impl File {
    /// The file of `--settings`, or that of the working directory; without either, one that says nothing.
    pub(super) fn of(args: &TargetArgs) -> Result<Self, Stop> {
        let path = args.settings.as_deref().unwrap_or(Path::new(NAME));
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound && args.settings.is_none() => {
                return if args.target.is_empty() {
                    Ok(Self::default())
                } else {
                    Err(Stop::usage("--target chooses from a litmus.toml, and there is none here"))
                };
            }
            Err(error) => return Err(Stop::usage(format!("cannot read `{}`: {error}", path.display()))),
        };
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        let source = Source::new(path.display().to_string(), text);
        let of_environment = words("LITMUS_TARGET");
        let names = if args.target.is_empty() { &of_environment } else { &args.target };
        let choice = Choice { names, is_needed: !args.names_a_target() };
        Self::read(&source, folder, choice).map_err(|mistakes| Stop::mistakes(&mistakes))
    }

    /// Fills in what neither the command line nor the environment says about a run.
    pub(super) fn fill(&self, args: &mut RunArgs) -> Result<(), Stop> {
        let RunArgs { checks, reports, events, .. } = args;
        let revisions = words("LITMUS_REVISION").iter().map(|word| word.parse()).collect::<Result<Vec<_>, _>>();
        let revisions = revisions.map_err(|error| Stop::usage(format!("LITMUS_REVISION: {error}")))?;
        first_that_speaks(&mut checks.revision, revisions, &self.revisions);
        first_that_speaks(&mut checks.select, words("LITMUS_SELECT"), &self.select);
        first_that_speaks(&mut checks.skip, words("LITMUS_SKIP"), &self.skip);
        let profiles =
            words("LITMUS_PROFILE").iter().map(|word| Profile::from_str(word, false)).collect::<Result<_, _>>();
        let profiles = profiles.map_err(|error| Stop::usage(format!("LITMUS_PROFILE: {error}")))?;
        first_that_speaks(&mut checks.profile, profiles, &self.profiles);
        first_that_speaks(&mut checks.scenarios, Vec::new(), &self.scenarios);
        let of_environment = words("LITMUS_REPORT").into_iter().map(OsString::from).collect();
        first_that_speaks(&mut reports.report, of_environment, &self.reports);
        checks.fail_on = checks.fail_on.or(self.fail_on);
        checks.baseline = checks.baseline.take().or_else(|| self.baseline.clone());
        *events = events.take().or_else(|| self.events.clone());
        Ok(())
    }

    fn read(source: &Arc<Source>, folder: PathBuf, choice: Choice) -> Result<Self, Vec<Diagnostic>> {
        let root = read_toml(source).map_err(|mistake| vec![mistake])?;
        Reader::new(source, folder).read(&root, choice)
    }
}

/// The words of a variable that holds a list.
fn words(variable: &str) -> Vec<String> {
    std::env::var(variable).unwrap_or_default().split_whitespace().map(str::to_owned).collect()
}

fn first_that_speaks<T: Clone>(typed: &mut Vec<T>, of_environment: Vec<T>, of_file: &[T]) {
    if typed.is_empty() {
        *typed = if of_environment.is_empty() { of_file.to_vec() } else { of_environment };
    }
}

#[cfg(test)]
mod tests {
    use super::super::args::PaceArgs;
    use super::*;
    use crate::survey::Calls;

    fn read(text: &str) -> Result<File, Vec<Diagnostic>> {
        File::read(&Source::new("litmus.toml", text), PathBuf::new(), Choice { names: &[], is_needed: false })
    }

    #[test]
    fn the_template_says_what_holds_without_it() {
        let file = read(TEMPLATE).expect("no mistakes");
        assert!(
            file.targets.is_empty() && file.arguments.is_empty() && file.reports.is_empty() && file.select.is_empty()
        );
        assert_eq!(file.call_tools, Some(CallTools::default()));
        assert_eq!(file.fail_on, Some(FailOn::default()));
        assert_eq!(file.timeout, Some(PaceArgs::TIMEOUT));
        assert_eq!(file.calls_per_tool.map(usize::from), Some(Calls::PER_TOOL));
    }

    #[test]
    fn every_line_of_the_template_can_be_used() {
        // A line that is commented out begins with a key or a header; prose does not.
        let is_used =
            |line: &str| line.starts_with('[') || line.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '));
        let used = TEMPLATE.lines().map(|line| line.strip_prefix("# ").filter(|rest| is_used(rest)).unwrap_or(line));
        let text = used.collect::<Vec<_>>().join("\n").replace("cwd = \"server\"", "cwd = \"src\"");
        // One server, or several with names.
        let text = text.replace("[target]", "[targets.local]");
        let text = text.replace("${API_KEY}", "${API_KEY:-a}").replace("${TOKEN}", "${TOKEN:-b}");
        let every = Choice { names: &["all".to_owned()], is_needed: true };
        let file = File::read(&Source::new("litmus.toml", text), PathBuf::new(), every)
            .unwrap_or_else(|mistakes| panic!("{}", mistakes[0]));
        assert_eq!(file.targets.len(), 2);
        assert_eq!(file.arguments["search"]["query"], "litmus");
        assert_eq!((file.reports.len(), file.revisions.len(), file.select.len(), file.skip.len()), (6, 2, 2, 1));
        assert_eq!((file.jobs, file.start_timeout), (Some(4), Some(Duration::from_secs(30))));
        assert!(file.baseline.is_some() && file.events.is_some() && !file.scenarios.is_empty());
    }
}
