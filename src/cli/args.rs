//! What can be typed: the commands, the options of `run`, and those that several commands have. Interprets nothing.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Parser, Subcommand, ValueEnum, ValueHint};

use super::certify::CertifyArgs;
use super::console::Colour;
use super::coverage::CoverageArgs;
use super::explain::ExplainArgs;
use super::fuzz::FuzzArgs;
use super::init::InitArgs;
use super::lint::LintArgs;
use super::list::ListArgs;
use super::manual::{CompletionsArgs, ManArgs};
use super::replay::ReplayArgs;
use super::report::ReportArgs;
use super::serve::ServeArgs;
use super::snapshot::SnapshotArgs;
use super::verify::VerifyArgs;
use crate::protocol::Revision;
use crate::run::Shard;
use crate::survey::CallPolicy;

/// Test any Model Context Protocol server against the specification.
#[derive(Debug, Parser)]
#[command(
    name = "mcp-litmus",
    version,
    after_help = EXAMPLES,
    max_term_width = 110,
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub(super) struct Args {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  mcp-litmus run --demo                              try it with nothing installed
  mcp-litmus run -- npx -y my-server                 a server on standard input and output
  mcp-litmus run --url http://127.0.0.1:3000/mcp     a server over HTTP

Exit codes:
  0  conforms                   3  target not reached, or does not speak the revision
  1  does not conform           4  the harness failed
  2  mistake in what was typed or written";

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the conformance checks against a server
    Run(Box<RunArgs>),
    /// Look for what a hostile or careless client can provoke
    Fuzz(Box<FuzzArgs>),
    /// Tell which findings of `fuzz` are fixed
    Replay(Box<ReplayArgs>),
    /// List the checks that a run may hold
    List(ListArgs),
    /// Explain a requirement, a check or a scenario
    Explain(ExplainArgs),
    /// Show which requirements the checks prove
    Coverage(CoverageArgs),
    /// Check scenario files for mistakes, without running them
    Lint(LintArgs),
    /// Make reports of runs that were kept
    Report(ReportArgs),
    /// Keep what a server offers in files, and tell what changed since
    Snapshot(Box<SnapshotArgs>),
    /// Certify a server for a revision of the protocol
    Certify(Box<CertifyArgs>),
    /// Verify a certificate, and tell what it says
    Verify(VerifyArgs),
    /// Write the settings of a repository, and the workflow of its pipeline
    Init(InitArgs),
    /// Start the built-in MCP server, right or broken on demand
    Serve(ServeArgs),
    /// Print what a shell needs to complete commands and options
    Completions(CompletionsArgs),
    /// Print the manual page
    Man(ManArgs),
}

/// Run the conformance checks against a server, in every revision that it speaks
#[derive(Debug, Parser)]
#[command(
    after_help = RUN_EXAMPLES,
    override_usage = "mcp-litmus run [OPTIONS] -- <COMMAND> [ARG]...\n       mcp-litmus run [OPTIONS] --url <URL>\n       \
                      mcp-litmus run [OPTIONS] --config <FILE> [--server <NAME>]\n       mcp-litmus run [OPTIONS] --demo"
)]
pub(super) struct RunArgs {
    #[command(flatten)]
    pub target: TargetArgs,
    #[command(flatten)]
    pub checks: CheckArgs,
    #[command(flatten)]
    pub pace: PaceArgs,
    /// Keep every event, to be replayed by `report`
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Output")]
    pub events: Option<OsString>,
    #[command(flatten)]
    pub reports: ReportsArgs,
}

const RUN_EXAMPLES: &str = "\
Examples:
  mcp-litmus run -- uvx mcp-server-time
  mcp-litmus run --env TOKEN=abc --cwd ./server -- node dist/index.js
  mcp-litmus run --url https://example.com/mcp --header 'Authorization: Bearer abc'
  mcp-litmus run --config .mcp.json --server search
  mcp-litmus run --demo --select tools --skip 'tools.call.*'
  mcp-litmus run --report junit=junit.xml --report json=report.json -- my-server

A file litmus.toml can say all this once (`mcp-litmus init` writes one), and so can variables of the environment:
LITMUS_SETTINGS, _TARGET, _SELECT, _SKIP, _PROFILE, _REVISION, _BASELINE, _CALL_TOOLS, _CALLS_PER_TOOL, _FAIL_ON, _JOBS, _TIMEOUT,
_START_TIMEOUT, _REPORT and _COLOR. What is typed wins over these, and these win over the file.";

/// Which server.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Target (exactly one)")]
pub(super) struct TargetArgs {
    /// A program that speaks on its standard input and output, with its arguments, after `--`
    #[arg(last = true, value_name = "COMMAND", value_hint = ValueHint::CommandWithArguments)]
    pub command: Vec<OsString>,
    /// The address of an HTTP server
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    pub url: Option<String>,
    /// A server of a client's configuration: that of Claude Desktop, .mcp.json, .vscode/mcp.json
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// The built-in server, with nothing installed
    #[arg(long)]
    pub demo: bool,

    /// Which server of the configuration file; may be given several times [default: all]
    #[arg(long, value_name = "NAME", help_heading = "Target options")]
    pub server: Vec<String>,
    /// A header of every HTTP request, such as 'Authorization: Bearer abc'
    #[arg(long, value_name = "NAME: VALUE", help_heading = "Target options")]
    pub header: Vec<String>,
    /// A host beside the target's own that may be asked for what the target says lies there, such as metadata; may be given
    /// several times, as HOST or HOST:PORT. No header goes there
    #[arg(long, value_name = "HOST", help_heading = "Target options")]
    pub allow_host: Vec<String>,
    /// An environment variable for the program
    #[arg(long, value_name = "NAME=VALUE", help_heading = "Target options")]
    pub env: Vec<String>,
    /// The working directory of the program
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = "Target options")]
    pub cwd: Option<PathBuf>,
    /// The settings of a repository, and its servers [default: litmus.toml, where there is one]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, env = "LITMUS_SETTINGS", hide_env = true, help_heading = "Target options")]
    pub settings: Option<PathBuf>,
    /// Which server of the settings, or `all`; may be given several times
    #[arg(long, value_name = "NAME", help_heading = "Target options")]
    pub target: Vec<String>,
}

impl TargetArgs {
    /// Whether a target is named that is none of the settings.
    pub(super) fn names_a_target(&self) -> bool {
        !self.command.is_empty() || self.url.is_some() || self.config.is_some() || self.demo
    }
}

/// Which checks, and what counts.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Checks")]
pub(super) struct CheckArgs {
    /// A revision of the protocol; may be given several times [default: all that the server speaks]
    #[arg(long, value_name = "REVISION", hide_possible_values = true)]
    pub revision: Vec<Revision>,
    /// Run only these checks: an area, a scenario, a requirement or a check id, with * and ?
    #[arg(long, value_name = "PATTERN")]
    pub select: Vec<String>,
    /// Leave these checks out
    #[arg(long, value_name = "PATTERN")]
    pub skip: Vec<String>,
    /// Check too what a client or model provider is known to refuse; may be given several times. Counts against nothing
    #[arg(long, value_name = "NAME", value_enum)]
    pub profile: Vec<Profile>,
    /// Run one of N parts of the plan, for as many machines; `report` joins what --events keeps of each
    #[arg(long, value_name = "I/N")]
    pub shard: Option<Shard>,
    /// Scenarios of your own, in addition
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub scenarios: Vec<PathBuf>,
    /// Which tools may be called: those annotated as read-only, all or none [default: read-only]
    #[arg(long, value_name = "WHICH", value_enum, env = "LITMUS_CALL_TOOLS", hide_env = true)]
    pub call_tools: Option<CallTools>,
    /// How often each tool may be called in each revision, by all checks together [default: 50]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), env = "LITMUS_CALLS_PER_TOOL", hide_env = true)]
    pub calls_per_tool: Option<u16>,
    /// Which failures count: of MUST (and what every user expects), or of SHOULD as well [default: must]
    #[arg(long, value_name = "LEVEL", value_enum, env = "LITMUS_FAIL_ON", hide_env = true)]
    pub fail_on: Option<FailOn>,
    /// Failures that are expected, each with a reason; any other fails, and so does one that is there no more
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, env = "LITMUS_BASELINE", hide_env = true)]
    pub baseline: Option<PathBuf>,
    /// Write the failures of this run into the baseline, and take out what fails no more
    #[arg(long)]
    pub update_baseline: bool,
}

/// How fast, how patient.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Pace")]
pub(super) struct PaceArgs {
    /// Sessions at once, beside the shared one; of `fuzz`, workers [default: processors]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), env = "LITMUS_JOBS", hide_env = true)]
    pub jobs: Option<u16>,
    /// How long an answer may take: 500ms, 10s, 2m [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = duration, env = "LITMUS_TIMEOUT", hide_env = true)]
    pub timeout: Option<Duration>,
    /// How long the server may take to start [default: three times --timeout]
    #[arg(long, value_name = "TIME", value_parser = duration, env = "LITMUS_START_TIMEOUT", hide_env = true)]
    pub start_timeout: Option<Duration>,
    /// What generated messages are drawn from: the same number, the same messages
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
}

impl PaceArgs {
    /// The timeout where none is given.
    pub(super) const TIMEOUT: Duration = Duration::from_secs(10);
}

/// What is reported, and where.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Output")]
pub(super) struct ReportsArgs {
    /// Write a report: junit, json, sarif, html, markdown or codequality (GitLab); the path - is standard output
    #[arg(long, value_name = "FORMAT=PATH")]
    pub report: Vec<OsString>,
    /// Tell only which checks failed, and the conclusion
    #[arg(long, short, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Show whole excerpts, and what was skipped
    #[arg(long, short, action = ArgAction::SetTrue)]
    pub verbose: bool,
    /// When to use colours
    #[arg(long, value_name = "WHEN", value_enum, default_value_t, env = "LITMUS_COLOR", hide_env = true)]
    pub color: Colour,
}

/// A client or model provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Profile {
    Openai,
    Anthropic,
    Gemini,
    Vscode,
}

impl Profile {
    /// Its name in the catalogue of requirements.
    pub(super) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// Which tools may be called. Variants have no text of their own, which would spread the help over pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum CallTools {
    #[default]
    ReadOnly,
    All,
    None,
}

impl From<CallTools> for CallPolicy {
    fn from(which: CallTools) -> Self {
        match which {
            CallTools::ReadOnly => Self::ReadOnly,
            CallTools::All => Self::All,
            CallTools::None => Self::None,
        }
    }
}

/// The weakest level whose failures count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum FailOn {
    #[default]
    Must,
    Should,
}

/// `500ms`, `10s`, `2m`, `8h`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let units = [("ms", 1_u64), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];
    let parse = |(unit, factor): &(&str, u64)| text.strip_suffix(unit)?.parse::<u64>().ok()?.checked_mul(*factor);
    match units.iter().find_map(parse) {
        // A year is longer than anybody waits, and far from the limits of every clock.
        Some(millis) if (1..=31_536_000_000).contains(&millis) => Ok(Duration::from_millis(millis)),
        _ => Err("a time is a whole number with a unit, such as 500ms, 10s or 2m".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Args::command().debug_assert();
    }

    #[test]
    fn times_have_units() {
        let default = Args::try_parse_from(["litmus", "run", "--demo"]).map(|args| args.command);
        assert!(matches!(default, Ok(Command::Run(args)) if args.pace.timeout.is_none()));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(duration("2m"), Ok(Duration::from_mins(2)));
        for wrong in ["", "10", "s", "-1s", "0s", "1.5s", "99999999999999999999s", "9999999h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
