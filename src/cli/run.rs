//! `run`: the checks against one target or several, every event to every reporter, and the exit code. Judges nothing.

use tokio::runtime;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use super::args::{FailOn, RunArgs};
use super::baseline::Expectations;
use super::exit::{Exit, Stop};
use super::file::File;
use super::outlets::Outlets;
use super::signals::Signals;
use super::{console, settings};
use crate::outcome::{CheckResult, Event, Verdict, profile_of};
use crate::run::{Ledger, RunError, Settings, run as run_checks};
use crate::scenario::Catalogue;
use crate::source::{Secrets, printable};
use crate::transport::TransportError;

/// Runs the checks, on one server after another.
pub(super) fn run(mut args: Box<RunArgs>) -> Result<Exit, Stop> {
    let file = File::of(&args.target)?;
    file.fill(&mut args)?;
    let catalogue = settings::catalogue(&args.checks.scenarios)?;
    let every = settings::every(&args, file, &catalogue)?;
    let is_shard = every.iter().any(|settings| settings.selection.is_shard());
    let expectations = expectations(&args, &catalogue, &every)?;
    let outlets = Outlets::new(&args.reports, args.events.as_ref(), true)?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Stop::fault(format!("cannot set up the runtime: {error}")))?;
    let tally = Tally::new(args.checks.fail_on.unwrap_or_default(), expectations);
    // With the runtime go all processes that the run has started and not yet ended.
    let (ended, reported) = runtime.block_on(async {
        let (sender, events) = mpsc::unbounded_channel();
        tokio::join!(conduct_every(every, &catalogue, sender), hand_out(events, outlets, tally))
    });
    let ended = ended?;
    let tally = reported?;
    match ended {
        Ended::Interrupted(signal) => Ok(Exit::Signal(signal)),
        Ended::Complete if tally.not_reached => Ok(Exit::NotReached),
        // A part of a small plan may be empty.
        Ended::Complete if tally.checks == 0 && is_shard => Ok(Exit::Conforms),
        Ended::Complete if tally.checks == 0 => {
            Err(Stop::usage("the selection holds no check for the revisions and the transport that the target speaks"))
        }
        Ended::Complete => tally.exit(),
    }
}

/// Bytes of an error that are shown.
const TOLD: usize = 600;

pub(super) enum Ended {
    Complete,
    Interrupted(u8),
}

/// Runs against each server until a signal comes. Of several, one that is not there is told in the reports.
async fn conduct_every(every: Vec<Settings>, catalogue: &Catalogue, events: Events) -> Result<Ended, Stop> {
    let mut signals = listen()?;
    let is_one = every.len() == 1;
    for settings in every.into_iter().map(settings::stamped) {
        let ledger = Ledger::new(events.clone()).hiding(settings.secrets.clone());
        match conduct(&settings, catalogue, &ledger, &mut signals).await {
            Ok(Ended::Complete) => {}
            Err(stop) if stop.exit == Exit::NotReached && !is_one => {
                ledger.begin(settings.started());
                ledger.unreached(stop.message.trim_start_matches("error: ").to_owned());
            }
            ended => return ended,
        }
    }
    Ok(Ended::Complete)
}

type Events = UnboundedSender<Event>;

/// Listens for what asks for the end.
pub(super) fn listen() -> Result<Signals, Stop> {
    Signals::listen().map_err(|error| Stop::fault(format!("cannot listen for signals: {error}")))
}

/// Runs until all is judged or a signal comes, and ends the ledger where it has begun.
pub(super) async fn conduct(
    settings: &Settings,
    catalogue: &Catalogue,
    ledger: &Ledger,
    signals: &mut Signals,
) -> Result<Ended, Stop> {
    let ended = tokio::select! {
        result = run_checks(settings, catalogue, ledger) => result.map(|()| Ended::Complete).map_err(|error| stop(error, &settings.secrets))?,
        signal = signals.next() => Ended::Interrupted(signal),
    };
    // Interrupted while the target was being reached: a report without checks, but a report.
    ledger.begin(settings.started());
    ledger.finish(matches!(ended, Ended::Interrupted(_)));
    Ok(ended)
}

/// Why nothing could be run, as the user is told it.
pub(super) fn stop(error: RunError, secrets: &Secrets) -> Stop {
    match error {
        RunError::Transport(TransportError::BadUrl { .. }) => Stop::usage(error),
        RunError::Transport(TransportError::Tls(_)) => Stop::fault(error),
        // What the target said is repeated in it.
        _ => Stop::not_reached(printable(&secrets.redacted(&error.to_string()), TOLD)),
    }
}

/// Hands every event to every reporter, and counts what decides the exit code.
async fn hand_out(mut events: UnboundedReceiver<Event>, mut outlets: Outlets, mut tally: Tally) -> Result<Tally, Stop> {
    while let Some(mut event) = events.recv().await {
        tally.count(&mut event);
        outlets.event(&event);
    }
    outlets.finish().map(|()| tally)
}

/// What decides the exit code.
#[derive(Default)]
struct Tally {
    fail_on: FailOn,
    expectations: Option<Expectations>,
    checks: usize,
    failed: usize,
    stale: usize,
    /// Of the target at work.
    passed: usize,
    inconclusive: usize,
    /// A target of which nothing could be judged has not shown that it conforms.
    nothing_judged: bool,
    not_reached: bool,
}

impl Tally {
    fn new(fail_on: FailOn, expectations: Option<Expectations>) -> Self {
        Self { fail_on, expectations, ..Self::default() }
    }

    /// Counts an event, after the baseline has said what it expects of it.
    fn count(&mut self, event: &mut Event) {
        let fail_on = self.fail_on;
        if let Some(expectations) = &mut self.expectations {
            expectations.mark(event, |result| counts(result, fail_on));
        }
        match event {
            Event::Started { strict, .. } => {
                *strict = fail_on == FailOn::Should;
                (self.passed, self.inconclusive) = (0, 0);
            }
            Event::Check { result } => {
                self.checks += 1;
                if profile_of(&result.requirement).is_some() {
                    return;
                }
                match &result.verdict {
                    Verdict::Fail { .. } => {
                        self.failed += usize::from(result.expected.is_none() && counts(result, fail_on));
                    }
                    Verdict::Pass => self.passed += 1,
                    Verdict::Inconclusive { .. } => self.inconclusive += 1,
                    Verdict::Skipped { .. } => {}
                }
            }
            Event::Finished { stale, not_reached, .. } => {
                self.stale += stale.len();
                self.not_reached |= not_reached.is_some();
                self.nothing_judged |= self.inconclusive > 0 && self.passed == 0;
            }
            _ => {}
        }
    }

    fn exit(&self) -> Result<Exit, Stop> {
        let told = self.expectations.as_ref().map(Expectations::finish).transpose()?.flatten();
        let updated = told.is_some();
        console::tell(&told.unwrap_or_default());
        let fails = self.failed > 0 && !updated || self.stale > 0 || self.nothing_judged;
        Ok(if fails { Exit::Fails } else { Exit::Conforms })
    }
}

/// Whether a failure of this check makes the target fail.
fn counts(result: &CheckResult, fail_on: FailOn) -> bool {
    result.counts(fail_on == FailOn::Should)
}

fn expectations(args: &RunArgs, catalogue: &Catalogue, every: &[Settings]) -> Result<Option<Expectations>, Stop> {
    let update = args.checks.update_baseline;
    let (file, first) = match (&args.checks.baseline, every.first()) {
        (None, _) if update => return Err(Stop::usage("--update-baseline needs a file: give --baseline FILE")),
        (Some(file), Some(first)) => (file, first),
        _ => return Ok(None),
    };
    // What is selected is the same for all servers.
    Expectations::read(file, update, catalogue, &first.selection, &first.revisions, every.len()).map(Some)
}
