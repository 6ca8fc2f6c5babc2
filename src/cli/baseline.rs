//! The baseline of a run: reads its file, marks events as they pass, writes the file anew where asked to. Decides no verdict.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use time::OffsetDateTime;

use super::exit::Stop;
use crate::outcome::{CheckId, CheckResult, Event};
use crate::protocol::Revision;
use crate::report::Output;
use crate::run::{Baseline, Comparison, Selection, checks_of};
use crate::scenario::Catalogue;
use crate::source::Source;

/// A baseline beside a run that is going on.
pub(super) struct Expectations {
    file: PathBuf,
    comparison: Comparison,
    revision: Option<Revision>,
    update: bool,
    /// Servers that are still to come.
    remaining: usize,
    /// All that ran came to its end: only then is it known what fails no more.
    complete: bool,
}

impl Expectations {
    /// Reads the file, which may be missing where it is to be written.
    pub(super) fn read(
        file: &Path,
        update: bool,
        catalogue: &Catalogue,
        selection: &Selection,
        asked: &[Revision],
        servers: usize,
    ) -> Result<Self, Stop> {
        let scenarios = catalogue.scenarios().iter().enumerate();
        let checks: Vec<CheckId> = scenarios.flat_map(|(index, s)| checks_of(s, index)).map(|check| check.id).collect();
        let name = file.display().to_string();
        let baseline = match fs::read_to_string(file) {
            Ok(text) => {
                let today = OffsetDateTime::from(SystemTime::now()).date();
                let read = Baseline::read(&Source::new(name.as_str(), text), &checks, today);
                read.map_err(|mistakes| Stop::mistakes(&mistakes))?
            }
            Err(error) if update && error.kind() == ErrorKind::NotFound => Baseline::empty(&name),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(Stop::usage(format!("cannot read `{name}`: {error}; --update-baseline makes one")));
            }
            Err(error) => return Err(Stop::usage(format!("cannot read `{name}`: {error}"))),
        };
        if update {
            let output = Output::File(file.to_owned());
            output.check().map_err(|error| Stop::usage(format!("cannot write `{name}`: {error}")))?;
        }
        let comparison = Comparison::new(baseline, selection, &checks, asked);
        Ok(Self { file: file.to_owned(), comparison, revision: None, update, remaining: servers, complete: true })
    }

    /// Marks a failure that is expected; adds to the end what the user should know. `counts`: whether failures of a check make
    /// the target fail.
    pub(super) fn mark(&mut self, event: &mut Event, counts: impl Fn(&CheckResult) -> bool) {
        match event {
            Event::RunStarted { run, .. } => self.revision = run.revision.parse().ok(),
            Event::Check { result } => {
                let counts = counts(result);
                self.comparison.check(result, self.revision, counts);
            }
            Event::Finished { partial, not_reached, notes, stale, .. } => {
                self.complete &= !*partial && not_reached.is_none();
                self.remaining = self.remaining.saturating_sub(1);
                if !self.update && self.remaining == 0 {
                    notes.extend(self.comparison.notes());
                    stale.extend(self.complete.then(|| self.comparison.stale()).into_iter().flatten());
                }
            }
            _ => {}
        }
    }

    /// Writes the file, if it was asked for and the run came to its end; says what there is to say about it.
    pub(super) fn finish(&self) -> Result<Option<String>, Stop> {
        if !self.update || !self.complete || self.remaining > 0 {
            return Ok(None);
        }
        let name = self.file.display();
        let Some(update) = self.comparison.updated() else { return Ok(Some(format!("`{name}` stays as it is"))) };
        let written = Output::File(self.file.clone()).write(|out| out.write_all(update.text.as_bytes()));
        written.map_err(|error| Stop::unwritten(&format!("the baseline to `{name}`"), &error))?;
        let told = match (update.added, update.removed) {
            (0, removed) => format!("`{name}` is written: {removed} removed"),
            (added, 0) => format!("`{name}` is written: {added} added, whose reasons are for you to fill in"),
            (added, removed) => {
                format!("`{name}` is written: {added} added, whose reasons are for you to fill in, {removed} removed")
            }
        };
        Ok(Some(told))
    }
}
