//! `report`: makes reports of runs that were kept as events or JSON. Runs nothing, and judges nothing anew.

use std::path::PathBuf;

use clap::{Parser, ValueHint};

use super::args::ReportsArgs;
use super::exit::{Exit, Stop};
use super::outlets::Outlets;
use crate::report::{ReadError, merge, read_events};

/// Make reports of runs that were kept
#[derive(Debug, Parser)]
#[command(after_help = "Examples:
  mcp-litmus report run.jsonl                                  read it on the terminal
  mcp-litmus report stdio.jsonl http.jsonl --report html=report.html")]
pub(super) struct ReportArgs {
    /// Files of events (`run --events`), or JSON reports; several are joined
    #[arg(value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    reports: ReportsArgs,
}

/// Reports.
pub(super) fn report(args: &ReportArgs) -> Result<Exit, Stop> {
    let streams = args.files.iter().map(|file| read_events(file)).collect::<Result<Vec<_>, ReadError>>();
    let events = merge(streams.map_err(Stop::usage)?).map_err(Stop::usage)?;
    let mut outlets = Outlets::new(&args.reports, None, args.reports.report.is_empty())?;
    for event in &events {
        outlets.event(event);
    }
    outlets.finish().map(|()| Exit::Conforms)
}
