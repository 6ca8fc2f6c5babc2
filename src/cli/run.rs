//! `run`: the checks against a target, every event to every reporter, and the exit code. Judges nothing.

use tokio::runtime;
use tokio::sync::mpsc::{self, UnboundedReceiver};

use super::args::{FailOn, RunArgs};
use super::baseline::Expectations;
use super::exit::{Exit, Stop};
use super::file::File;
use super::outlets::Outlets;
use super::signals::Signals;
use super::{console, settings};
use crate::outcome::{Event, Level, Verdict};
use crate::run::{Ledger, RunError, Settings, run as run_checks};
use crate::scenario::Catalogue;
use crate::source::{Secrets, printable};
use crate::transport::TransportError;

/// Runs the checks.
pub(super) fn run(mut args: Box<RunArgs>) -> Result<Exit, Stop> {
    let file = File::of(&args.target)?;
    file.fill(&mut args)?;
    let catalogue = settings::catalogue(&args.checks.scenarios)?;
    let settings = settings::settings(&args, file, &catalogue)?;
    let expectations = expectations(&args, &catalogue, &settings)?;
    let outlets = Outlets::new(&args.reports, args.events.as_ref(), true)?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Stop::fault(format!("cannot set up the runtime: {error}")))?;
    let tally = Tally::new(args.checks.fail_on.unwrap_or_default(), expectations);
    // With the runtime go all processes that the run has started and not yet ended.
    let (ended, reported) = runtime.block_on(async {
        let (sender, events) = mpsc::unbounded_channel();
        let ledger = Ledger::new(sender).hiding(settings.secrets.clone());
        tokio::join!(conduct(&settings, &catalogue, ledger), hand_out(events, outlets, settings.started(), tally))
    });
    let ended = ended?;
    let tally = reported?;
    match ended {
        Ended::Interrupted(signal) => Ok(Exit::Signal(signal)),
        // A part of a small plan may be empty.
        Ended::Complete if tally.checks == 0 && settings.selection.is_shard() => Ok(Exit::Conforms),
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

/// Runs until all is judged or a signal comes; closes the channel of events in any case.
pub(super) async fn conduct(settings: &Settings, catalogue: &Catalogue, ledger: Ledger) -> Result<Ended, Stop> {
    let mut signals = Signals::listen().map_err(|error| Stop::fault(format!("cannot listen for signals: {error}")))?;
    let ended = tokio::select! {
        result = run_checks(settings, catalogue, &ledger) => result.map(|()| Ended::Complete).map_err(|error| stop(error, &settings.secrets))?,
        signal = signals.next() => Ended::Interrupted(signal),
    };
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
async fn hand_out(
    mut events: UnboundedReceiver<Event>,
    mut outlets: Outlets,
    started: Event,
    mut tally: Tally,
) -> Result<Tally, Stop> {
    while let Some(mut event) = events.recv().await {
        if matches!(event, Event::Finished { .. }) && !outlets.are_open() {
            // Interrupted while the target was being reached: a report without checks, but a report.
            outlets.event(&started);
        }
        tally.count(&mut event);
        outlets.event(&event);
    }
    outlets.finish().map(|()| tally)
}

/// What decides the exit code.
struct Tally {
    fail_on: FailOn,
    expectations: Option<Expectations>,
    checks: usize,
    failed: usize,
    stale: usize,
    passed: usize,
    inconclusive: usize,
}

impl Tally {
    fn new(fail_on: FailOn, expectations: Option<Expectations>) -> Self {
        Self { fail_on, expectations, checks: 0, failed: 0, stale: 0, passed: 0, inconclusive: 0 }
    }

    /// Counts an event, after the baseline has said what it expects of it.
    fn count(&mut self, event: &mut Event) {
        let fail_on = self.fail_on;
        if let Some(expectations) = &mut self.expectations {
            expectations.mark(event, |level| counts(level, fail_on));
        }
        if let Event::Finished { stale, .. } = event {
            self.stale = stale.len();
        }
        let Event::Check { result } = event else { return };
        self.checks += 1;
        match &result.verdict {
            Verdict::Fail { .. } => {
                self.failed += usize::from(result.expected.is_none() && counts(result.level, fail_on));
            }
            Verdict::Pass => self.passed += 1,
            Verdict::Inconclusive { .. } => self.inconclusive += 1,
            Verdict::Skipped { .. } => {}
        }
    }

    /// A target of which nothing could be judged has not shown that it conforms.
    fn exit(&self) -> Result<Exit, Stop> {
        let nothing_judged = self.inconclusive > 0 && self.passed == 0;
        let told = self.expectations.as_ref().map(Expectations::finish).transpose()?.flatten();
        let updated = told.is_some();
        console::tell(&told.unwrap_or_default());
        let fails = self.failed > 0 && !updated || self.stale > 0 || nothing_judged;
        Ok(if fails { Exit::Fails } else { Exit::Conforms })
    }
}

/// Whether a failure at this level makes the target fail.
fn counts(level: Level, fail_on: FailOn) -> bool {
    level.is_binding() || fail_on == FailOn::Should && matches!(level, Level::Should | Level::ShouldNot)
}

fn expectations(args: &RunArgs, catalogue: &Catalogue, settings: &Settings) -> Result<Option<Expectations>, Stop> {
    let Some(file) = &args.checks.baseline else {
        let update = args.checks.update_baseline;
        return if update {
            Err(Stop::usage("--update-baseline needs a file: give --baseline FILE"))
        } else {
            Ok(None)
        };
    };
    let (update, selection) = (args.checks.update_baseline, &settings.selection);
    Expectations::read(file, update, catalogue, selection, &settings.revisions).map(Some)
}
