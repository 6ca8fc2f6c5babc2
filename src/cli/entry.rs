//! The way in and the way out: parses, hands over to a command, tells the user why it stopped. Knows no command from inside.

use std::ffi::OsString;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Parser as _;

use super::args::{Args, Command};
use super::exit::{Exit, Stop};
use super::{
    certify, console, coverage, explain, fuzz, init, lint, list, manual, replay, report, run, serve, snapshot, verify,
};
use crate::fuzz::{LAUNCH, WORKER, launch, work};

/// Set by the first panic: whatever was reported afterwards, the harness has failed.
static PANICKED: AtomicBool = AtomicBool::new(false);

/// Runs the program with these arguments, the first of which is its name.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    panic::set_hook(Box::new(tell_panic));
    let exit = panic::catch_unwind(AssertUnwindSafe(|| {
        let args: Vec<OsString> = args.into_iter().collect();
        by_itself(&args).unwrap_or_else(|| parse_and_run(args))
    }))
    .unwrap_or(Exit::Fault);
    if PANICKED.load(Ordering::Relaxed) { Exit::Fault.into() } else { exit.into() }
}

/// What this program is started as by itself, never by a person: a worker of the fuzzer, or what becomes its target.
fn by_itself(args: &[OsString]) -> Option<Exit> {
    let failed = match args {
        [_, first] if first == WORKER => match work() {
            Ok(()) => return Some(Exit::Conforms),
            Err(reason) => reason,
        },
        [_, first, rest @ ..] if first == LAUNCH => launch(rest),
        _ => return None,
    };
    Some(told(&Stop::fault(failed)))
}

fn parse_and_run(args: impl IntoIterator<Item = OsString>) -> Exit {
    let args = match Args::try_parse_from(args) {
        Ok(args) => args,
        Err(message) => {
            let exit = if message.use_stderr() { Exit::Usage } else { Exit::Conforms };
            return match message.print() {
                Ok(()) => exit,
                Err(error) => told(&Stop::unwritten("the help", &error)),
            };
        }
    };
    let done = match args.command {
        Command::Run(args) => run::run(args),
        Command::Fuzz(args) => fuzz::fuzz(&args),
        Command::Replay(args) => replay::replay(args),
        Command::List(args) => list::list(&args),
        Command::Explain(args) => explain::explain(&args),
        Command::Coverage(args) => coverage::coverage(&args),
        Command::Lint(args) => lint::lint(&args),
        Command::Report(args) => report::report(&args),
        Command::Snapshot(args) => snapshot::snapshot(args),
        Command::Certify(args) => certify::certify(args),
        Command::Verify(args) => verify::verify(&args),
        Command::Init(args) => init::init(&args),
        Command::Serve(args) => serve::serve(&args),
        Command::Completions(args) => manual::completions(&args),
        Command::Man(args) => manual::man(&args),
    };
    done.unwrap_or_else(|stop| told(&stop))
}

fn told(stop: &Stop) -> Exit {
    console::tell(&stop.message);
    stop.exit
}

fn tell_panic(panic: &PanicHookInfo<'_>) {
    PANICKED.store(true, Ordering::Relaxed);
    let place = panic.location().map(|place| format!(" at {}:{}", place.file(), place.line())).unwrap_or_default();
    let what = panic.payload_as_str().unwrap_or("no message");
    console::tell(&format!("error: mcp-litmus itself failed{place}: {what}"));
}
