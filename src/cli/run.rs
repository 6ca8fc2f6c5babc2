//! `run`: the checks against a target, every event to every reporter, and the exit code. Judges nothing.

use tokio::runtime;
use tokio::sync::mpsc::{self, UnboundedReceiver};

use super::args::{FailOn, RunArgs};
use super::exit::{Exit, Stop};
use super::outlets::Outlets;
use super::settings;
use super::signals::Signals;
use crate::outcome::{Event, Level, Verdict};
use crate::run::{Ledger, RunError, Settings, run as run_checks};
use crate::scenario::Catalogue;
use crate::source::printable;
use crate::transport::TransportError;

/// Runs the checks.
pub(super) fn run(args: &RunArgs) -> Result<Exit, Stop> {
    let catalogue = settings::catalogue(&args.checks.scenarios)?;
    let settings = settings::settings(args, &catalogue)?;
    let outlets = Outlets::new(&args.reports, args.events.as_ref(), true)?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Stop::fault(format!("cannot set up the runtime: {error}")))?;
    // With the runtime go all processes that the run has started and not yet ended.
    let (ended, reported) = runtime.block_on(async {
        let (sender, events) = mpsc::unbounded_channel();
        let ledger = Ledger::new(sender);
        tokio::join!(conduct(&settings, &catalogue, ledger), hand_out(events, outlets, settings.started()))
    });
    let ended = ended?;
    let tally = reported?;
    match ended {
        Ended::Interrupted(signal) => Ok(Exit::Signal(signal)),
        Ended::Complete if tally.checks == 0 => {
            Err(Stop::usage("the selection holds no check for the revisions and the transport that the target speaks"))
        }
        Ended::Complete => Ok(tally.exit(args.checks.fail_on)),
    }
}

/// Bytes of an error that are shown.
const TOLD: usize = 600;

enum Ended {
    Complete,
    Interrupted(u8),
}

/// Runs until all is judged or a signal comes; closes the channel of events in any case.
async fn conduct(settings: &Settings, catalogue: &Catalogue, ledger: Ledger) -> Result<Ended, Stop> {
    let mut signals = Signals::listen().map_err(|error| Stop::fault(format!("cannot listen for signals: {error}")))?;
    let ended = tokio::select! {
        result = run_checks(settings, catalogue, &ledger) => result.map(|()| Ended::Complete).map_err(stop)?,
        signal = signals.next() => Ended::Interrupted(signal),
    };
    ledger.finish(matches!(ended, Ended::Interrupted(_)));
    Ok(ended)
}

/// Why nothing could be run, as the user is told it.
pub(super) fn stop(error: RunError) -> Stop {
    match error {
        RunError::Transport(TransportError::BadUrl { .. }) => Stop::usage(error),
        RunError::Transport(TransportError::Tls(_)) => Stop::fault(error),
        // What the target said is repeated in it.
        _ => Stop::not_reached(printable(&error.to_string(), TOLD)),
    }
}

/// Hands every event to every reporter, and counts what decides the exit code.
async fn hand_out(mut events: UnboundedReceiver<Event>, mut outlets: Outlets, started: Event) -> Result<Tally, Stop> {
    let mut tally = Tally::default();
    while let Some(event) = events.recv().await {
        if matches!(event, Event::Finished { .. }) && !outlets.are_open() {
            // Interrupted while the target was being reached: a report without checks, but a report.
            outlets.event(&started);
        }
        tally.count(&event);
        outlets.event(&event);
    }
    outlets.finish().map(|()| tally)
}

/// What decides the exit code.
#[derive(Debug, Default)]
struct Tally {
    checks: usize,
    binding: usize,
    advised: usize,
    passed: usize,
    inconclusive: usize,
}

impl Tally {
    fn count(&mut self, event: &Event) {
        let Event::Check { result } = event else { return };
        self.checks += 1;
        match (&result.verdict, result.level) {
            (Verdict::Fail { .. }, level) if level.is_binding() => self.binding += 1,
            (Verdict::Fail { .. }, Level::Should | Level::ShouldNot) => self.advised += 1,
            (Verdict::Pass, _) => self.passed += 1,
            (Verdict::Inconclusive { .. }, _) => self.inconclusive += 1,
            _ => {}
        }
    }

    /// A target of which nothing could be judged has not shown that it conforms.
    fn exit(&self, fail_on: FailOn) -> Exit {
        let advised = fail_on == FailOn::Should && self.advised > 0;
        let nothing_judged = self.inconclusive > 0 && self.passed == 0;
        if self.binding > 0 || advised || nothing_judged { Exit::Fails } else { Exit::Conforms }
    }
}
