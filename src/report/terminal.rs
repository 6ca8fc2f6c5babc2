//! The report for a person at a terminal: a line of progress while it runs, then the page.

mod page;

use std::io::{self, Write};

use self::page::render;
use super::collected::Collected;
use super::reporter::Reporter;
use super::text::plain;
use crate::outcome::Event;

/// How the report should look; the caller knows the terminal.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Columns.
    pub width: usize,
    /// Whether colours may be used.
    pub colour: bool,
    /// Whether to show progress: only where it can be wiped out again.
    pub progress: bool,
    /// How much to tell.
    pub detail: Detail,
}

/// How much a report tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// Which checks failed, and the conclusion.
    Quiet,
    /// What a person needs to mend the failures.
    Normal,
    /// Everything: whole excerpts, those of warnings too, and each check that was skipped.
    Verbose,
}

/// Reports to a person.
pub struct Terminal {
    out: Box<dyn Write>,
    look: Look,
    collected: Collected,
    target: String,
    run: String,
    progress_shown: bool,
}

impl Terminal {
    /// One that writes there.
    pub fn new(out: Box<dyn Write>, look: Look) -> Self {
        Self {
            out,
            look,
            collected: Collected::default(),
            target: String::new(),
            run: String::new(),
            progress_shown: false,
        }
    }

    fn wipe_progress(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.progress_shown) {
            self.out.write_all(b"\r\x1b[K")?;
        }
        Ok(())
    }
}

impl Reporter for Terminal {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::Started { target, .. } => {
                self.target = target.name.as_ref().map(|name| format!("{name}  ")).unwrap_or_default();
            }
            Event::RunStarted { run, .. } => self.run = format!("{} {}", run.revision, run.transport),
            Event::Progress { done, checks, scenario } if self.look.progress => {
                let line = plain(&format!("{}{}  {done}/{checks}  {scenario}", self.target, self.run));
                let line = textwrap::wrap(&line, self.look.width.saturating_sub(1).max(1)).swap_remove(0);
                write!(self.out, "\r\x1b[K{line}")?;
                self.out.flush()?;
                self.progress_shown = true;
            }
            _ => {}
        }
        self.collected.add(event)
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.collected.close();
        self.wipe_progress()?;
        self.out.write_all(render(&self.collected, self.look).as_bytes())?;
        self.out.flush()
    }
}
