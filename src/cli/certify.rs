//! `certify`: runs the frozen requirement set of one revision and writes what was seen as a certificate. Judges no more than
//! the checks do.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use clap::{Parser, ValueEnum, ValueHint};
use flate2::write::GzEncoder;
use tokio::runtime;
use tokio::sync::mpsc;

use super::args::{CallTools, CheckArgs, PaceArgs, ReportsArgs, RunArgs, TargetArgs};
use super::exit::{Exit, Stop};
use super::run::{Ended, conduct, listen};
use super::{console, file, settings, subject};
use crate::outcome::{CheckResult, Verdict};
use crate::protocol::{Definitions, RequirementSet, Revision};
use crate::report::{
    Basis, Collected, Draft, Format, Grade, Outcome, Outcomes, RunReport, SigningKey, outcomes, statement,
};
use crate::run::{Ledger, Selection, Settings};
use crate::scenario::Catalogue;
use crate::session::{Transcript, record};
use crate::source::printable;
use crate::transport::Target;

/// Certify a server for a revision of the protocol
#[derive(Debug, Parser)]
#[command(
    override_usage = "mcp-litmus certify --revision <REVISION> --out <DIR> [OPTIONS] -- <COMMAND> [ARG]...\n       \
                      mcp-litmus certify --revision <REVISION> --out <DIR> [OPTIONS] --url <URL>",
    after_help = "\
Levels:
  conformant  whatever MUST be and could be exercised is so
  strict      so is whatever SHOULD be

What could not be exercised is listed in the certificate.

Examples:
  mcp-litmus certify --revision 2025-11-25 --out certificate -- node dist/index.js
  mcp-litmus certify --revision 2025-11-25 --out certificate --key key.pem --level strict -- ./my-server
  openssl genpkey -algorithm ed25519 -out key.pem"
)]
pub(super) struct CertifyArgs {
    #[command(flatten)]
    target: TargetArgs,
    /// The revision to certify
    #[arg(long, value_name = "REVISION", help_heading = HEADING)]
    revision: Revision,
    /// The folder of the certificate, new or empty
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = HEADING)]
    out: PathBuf,
    /// Sign with this private key: Ed25519 or ECDSA P-256, in PKCS#8 PEM
    #[arg(long, value_name = "PEM", value_hint = ValueHint::FilePath, help_heading = HEADING)]
    key: Option<PathBuf>,
    /// The level below which the exit code is 1
    #[arg(long, value_name = "LEVEL", value_enum, default_value_t, help_heading = HEADING)]
    level: WantedLevel,
    /// Which tools may be called: those annotated as read-only, all or none [default: read-only]
    #[arg(long, value_name = "WHICH", value_enum, env = "LITMUS_CALL_TOOLS", hide_env = true, help_heading = HEADING)]
    call_tools: Option<CallTools>,
    #[command(flatten)]
    pace: PaceArgs,
}

const HEADING: &str = "Certificate";

/// The least grade that is a success.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum WantedLevel {
    #[default]
    Conformant,
    Strict,
}

/// Runs the checks and writes the certificate.
pub(super) fn certify(args: Box<CertifyArgs>) -> Result<Exit, Stop> {
    let CertifyArgs { target, revision, out, key, level, call_tools, pace } = *args;
    let key = key.as_deref().map(signing_key).transpose()?;
    let set = RequirementSet::of(revision);
    let checks = CheckArgs { revision: vec![revision], call_tools, ..CheckArgs::default() };
    let args = RunArgs { target, checks, pace, events: None, reports: ReportsArgs::default() };
    let file = file::File::of(&args.target)?;
    let catalogue = settings::catalogue(&[])?;
    let mut settings = settings::settings(&args, file, &catalogue)?;
    settings.selection = Selection::of_requirements(set.requirements.iter().map(|entry| entry.id.clone()));
    let subject = subject::of(&settings.target, &settings.info)?;
    let draft = Draft::begin(&out)
        .map_err(|error| Stop::usage(format!("cannot write a certificate to `{}`: {error}", out.display())))?;
    let unwritten = |error: io::Error| Stop::unwritten(&format!("the certificate to `{}`", out.display()), &error);

    let kept = Kept::begin(&draft, secrets(&settings.target)).map_err(unwritten)?;
    settings.transcripts = Some(kept.sink());
    let (ended, collected) = run(&settings, &catalogue)?;
    drop(settings.transcripts.take());
    kept.finish().map_err(unwritten)?;
    if let Ended::Interrupted(signal) = ended {
        return Ok(Exit::Signal(signal));
    }
    let Some(report) = collected.runs().map(|(_, run)| run).next() else {
        return Err(Stop::fault("the run told nothing"));
    };
    if let Some(reason) = why_not_open(&report.results) {
        return Err(Stop::not_reached(format!("the target opens no conversation in {revision}: {reason}")));
    }
    let outcomes = outcomes(set.requirements.iter().map(|entry| (entry.id.as_str(), entry.level)), &report.results);
    write_files(&draft, revision, &collected).map_err(unwritten)?;
    let basis = Basis {
        revision: revision.to_string(),
        transport: report.info.transport.clone(),
        server: report.info.server.clone(),
        subject,
        set_version: set.version,
        tool: subject::tool()?,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: settings.started_at.clone(),
        files: draft.files().map_err(unwritten)?,
    };
    draft.finish(&statement(&basis, &outcomes), key.as_ref()).map_err(unwritten)?;
    console::print(&told(&out, report, &set, &outcomes))?;
    let wanted = if level == WantedLevel::Strict { Grade::Strict } else { Grade::Conformant };
    Ok(if Grade::of(&outcomes) >= wanted { Exit::Conforms } else { Exit::Fails })
}

fn signing_key(path: &Path) -> Result<SigningKey, Stop> {
    let pem = std::fs::read(path);
    let pem = pem.map_err(|error| Stop::usage(format!("cannot read `{}`: {error}", path.display())))?;
    SigningKey::read(&pem).map_err(|error| Stop::usage(format!("`{}` holds {error}", path.display())))
}

/// Values of the user's that a server may repeat and nobody else is to see.
fn secrets(target: &Target) -> Vec<String> {
    // What is shorter is no secret, and stands in too many places.
    const SHORTEST: usize = 6;
    let values: Vec<&String> = match target {
        Target::Command(command) => command.environment.values().collect(),
        Target::Url(url) => url.headers.iter().map(|(_, value)| value).collect(),
        Target::Memory(_) => Vec::new(),
    };
    let words = values.into_iter().flat_map(|value| [Some(value.as_str()), value.strip_prefix("Bearer ")]).flatten();
    words.filter(|word| word.len() >= SHORTEST).map(str::to_owned).collect()
}

fn run(settings: &Settings, catalogue: &Catalogue) -> Result<(Ended, Collected), Stop> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Stop::fault(format!("cannot set up the runtime: {error}")))?;
    runtime.block_on(async {
        let (sender, mut events) = mpsc::unbounded_channel();
        let gather = async {
            let mut collected = Collected::default();
            while let Some(event) = events.recv().await {
                // Events of one ledger follow one another as they must.
                let _ = collected.add(&event);
            }
            collected
        };
        let mut signals = listen()?;
        let judge = async {
            let ledger = Ledger::new(sender).hiding(settings.secrets.clone());
            conduct(settings, catalogue, &ledger, &mut signals).await
        };
        let (ended, collected) = tokio::join!(judge, gather);
        Ok((ended?, collected))
    })
}

/// The transcript file at work.
#[derive(Clone)]
struct Kept(Rc<RefCell<io::Result<GzEncoder<File>>>>, Vec<String>);

impl Kept {
    fn begin(draft: &Draft, secrets: Vec<String>) -> io::Result<Self> {
        Ok(Self(Rc::new(RefCell::new(Ok(draft.transcript()?))), secrets))
    }

    fn sink(&self) -> Box<dyn Fn(&Transcript)> {
        let Self(file, secrets) = self.clone();
        Box::new(move |transcript| {
            let mut file = file.borrow_mut();
            if let Ok(out) = &mut *file
                && let Err(error) = record(transcript, &secrets, out)
            {
                *file = Err(error);
            }
        })
    }

    /// Writes the rest; tells the first fault.
    fn finish(self) -> io::Result<()> {
        let file = self.0.replace(Err(io::Error::other("the transcript is finished")));
        file?.finish()?.flush()
    }
}

/// Why nothing was opened, where that is what the run found.
fn why_not_open(results: &[CheckResult]) -> Option<String> {
    let starts = results.iter().find(|result| result.requirement == "house.starts")?;
    let Verdict::Fail { evidence } = &starts.verdict else { return None };
    let is_open = results.iter().any(|result| result.verdict == Verdict::Pass);
    (!is_open).then(|| printable(&evidence.actual, 400))
}

fn write_files(draft: &Draft, revision: Revision, collected: &Collected) -> io::Result<()> {
    draft.write("requirements.yaml", RequirementSet::file(revision).as_bytes())?;
    draft.write("schema.json", Definitions::schema(revision).as_bytes())?;
    for (name, format) in [("report.json", Format::Json), ("report.html", Format::Html), ("junit.xml", Format::Junit)] {
        let mut bytes = Vec::new();
        format.write(collected, &mut bytes)?;
        draft.write(name, &bytes)?;
    }
    Ok(())
}

/// What a person is told.
fn told(out: &Path, report: &RunReport, set: &RequirementSet, outcomes: &Outcomes) -> String {
    let name = match report.info.server.name.as_str() {
        "" => "the server".to_owned(),
        name => printable(&format!("{name} {}", report.info.server.version), 120),
    };
    let grade = match Grade::of(outcomes) {
        Grade::None => "does not conform".to_owned(),
        grade => format!("conforms (level {grade})"),
    };
    let (revision, transport, version) = (set.revision, &report.info.transport, set.version);
    let mut text = format!("{name} {grade} to {revision} over {transport}, requirement set {version}\n");
    for (id, (level, outcome)) in outcomes {
        let what = match outcome {
            Outcome::Failed => "failed".to_owned(),
            Outcome::Inconclusive(reason) => format!("not judged: {}", printable(reason, 200)),
            _ => continue,
        };
        let _ = writeln!(text, "  {:10} {id}: {what}", level.as_str());
    }
    let count = |wanted: fn(&Outcome) -> bool| outcomes.values().filter(|(_, outcome)| wanted(outcome)).count();
    let passed = count(|outcome| *outcome == Outcome::Passed);
    let left = count(|outcome| matches!(outcome, Outcome::NotExercised(_)));
    let _ = writeln!(text, "{passed} of {} requirements seen to hold, {left} not exercised", outcomes.len());
    let _ = writeln!(text, "written to {}", printable(&out.display().to_string(), 400));
    text
}
