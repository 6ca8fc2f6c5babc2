//! `lint`: checks scenario files without running them. Changes none of them.

use std::path::PathBuf;

use clap::{Parser, ValueHint};

use super::exit::{Exit, Stop};
use super::{console, settings};
use crate::scenario;

/// Check scenario files for mistakes, without running them
#[derive(Debug, Parser)]
#[command(
    after_help = "Examples:\n  mcp-litmus lint                        the folder `scenarios`\n  mcp-litmus lint mine/search.yaml"
)]
pub(super) struct LintArgs {
    /// Files, or folders with files below them
    #[arg(value_name = "PATH", default_value = "scenarios", value_hint = ValueHint::AnyPath)]
    paths: Vec<PathBuf>,
}

/// Lints.
pub(super) fn lint(args: &LintArgs) -> Result<Exit, Stop> {
    let report = settings::with_names(|names| scenario::lint(&args.paths, names))?;
    if report.mistakes.is_empty() && report.files == 0 {
        return Err(Stop::usage("there is no scenario file (`*.yaml`) there"));
    }
    if report.mistakes.is_empty() {
        let s = if report.files == 1 { "" } else { "s" };
        return console::print(&format!("{} file{s}, no mistakes\n", report.files));
    }
    Err(Stop::mistakes(&report.mistakes))
}
