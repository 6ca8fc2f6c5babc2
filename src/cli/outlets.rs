//! Where events go: the report on the terminal, the files of `--report` and `--events`. Makes no report itself.

use std::ffi::OsString;
use std::io::{self, IsTerminal as _};

use super::args::ReportsArgs;
use super::exit::Stop;
use super::{console, settings};
use crate::outcome::Event;
use crate::report::{Detail, EventFile, Format, Look, Output, Reporter, Terminal};

/// All reports that were asked for.
///
/// Nothing is opened before there is something to tell, so that a target that was never reached leaves no empty report. A
/// report that cannot be written is given up, the others go on, and in the end the first fault is told.
pub(super) struct Outlets {
    wanted: Option<Wanted>,
    open: Vec<Outlet>,
    fault: Option<Stop>,
}

/// What to open.
struct Wanted {
    reports: Vec<(Format, Output)>,
    events: Option<Output>,
    terminal: Option<Terminal>,
}

/// A reporter, and what it writes, for a sentence.
struct Outlet {
    name: String,
    reporter: Box<dyn Reporter>,
}

impl Outlets {
    /// The outlets that the options ask for. Whatever cannot be written is told now.
    pub(super) fn new(args: &ReportsArgs, events: Option<&OsString>, on_terminal: bool) -> Result<Self, Stop> {
        let reports = settings::reports(&args.report)?;
        let events = settings::events(events, &reports)?;
        let takes_stdout = reports.iter().map(|(_, output)| output).chain(&events).any(|o| *o == Output::Stdout);
        let terminal = on_terminal.then(|| terminal(args, takes_stdout));
        let wanted = Wanted { reports, events, terminal };
        Ok(Self { wanted: Some(wanted), open: Vec::new(), fault: None })
    }

    /// Hands an event to every reporter.
    pub(super) fn event(&mut self, event: &Event) {
        if matches!(event, Event::Started { .. })
            && let Some(wanted) = self.wanted.take()
        {
            self.open(wanted);
        }
        for mut outlet in std::mem::take(&mut self.open) {
            let result = outlet.reporter.event(event);
            if self.went_well(&outlet.name, result) {
                self.open.push(outlet);
            }
        }
    }

    /// Has every report finished.
    pub(super) fn finish(mut self) -> Result<(), Stop> {
        for outlet in std::mem::take(&mut self.open) {
            let result = outlet.reporter.finish();
            self.went_well(&outlet.name, result);
        }
        self.fault.map_or(Ok(()), Err)
    }

    fn open(&mut self, wanted: Wanted) {
        if let Some(output) = wanted.events {
            let name = format!("the events to {}", settings::place(&output));
            match EventFile::create(&output) {
                Ok(file) => self.open.push(Outlet { name, reporter: Box::new(file) }),
                Err(error) => {
                    self.went_well(&name, Err(error));
                }
            }
        }
        self.open.extend(wanted.reports.into_iter().map(|(format, output)| {
            let name = format!("the {format} report to {}", settings::place(&output));
            Outlet { name, reporter: format.reporter(output) }
        }));
        // Last, so that a person who reads its end finds the files written.
        let to_person = |terminal| Outlet { name: "the report".to_owned(), reporter: Box::new(terminal) };
        self.open.extend(wanted.terminal.map(to_person));
    }

    fn went_well(&mut self, name: &str, result: io::Result<()>) -> bool {
        match result {
            Ok(()) => true,
            Err(error) => {
                self.fault.get_or_insert_with(|| Stop::unwritten(name, &error));
                false
            }
        }
    }
}

/// The report for people goes where no other report goes.
fn terminal(args: &ReportsArgs, takes_stdout: bool) -> Terminal {
    let (out, progress, colour): (Box<dyn io::Write>, _, _) = if takes_stdout {
        (Box::new(io::stderr()), io::stderr().is_terminal(), args.color.for_stderr())
    } else {
        (Box::new(io::stdout()), io::stdout().is_terminal(), args.color.for_stdout())
    };
    let detail = match (args.quiet, args.verbose) {
        (true, _) => Detail::Quiet,
        (_, true) => Detail::Verbose,
        _ => Detail::Normal,
    };
    let progress = progress && !args.quiet;
    Terminal::new(out, Look { width: console::width(), colour, progress, detail })
}
