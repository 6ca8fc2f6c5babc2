//! Runs plans against a target: opens sessions, has every check judged, and enters the verdicts. Never prints.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Semaphore;

use super::conduct::{Conductor, conduct};
use super::ledger::Ledger;
use super::reach::{Reached, reach};
use super::{Plan, Selection};
use crate::judge::Context;
use crate::outcome::{Event, RunInfo, ServerInfo, TargetInfo};
use crate::protocol::{Era, Revision};
use crate::scenario::Catalogue;
use crate::session::{CallBudget, Opened, Opening, Transcript};
use crate::source::Secrets;
use crate::survey::Calls;
use crate::transport::{Limits, Target, TransportError};
use crate::wire::TransportKind;

/// All that a run depends on beside the catalogue.
pub struct Settings {
    /// The server under test.
    pub target: Target,
    /// What reports call it.
    pub info: TargetInfo,
    /// How the command line names it, with the options that it needs: `--cwd server -- node index.js`.
    pub words: Vec<String>,
    /// The revisions asked for; empty means every one that the target speaks.
    pub revisions: Vec<Revision>,
    /// Which checks.
    pub selection: Selection,
    /// Which tools may be called, and with which arguments.
    pub calls: Calls,
    /// What no report may show.
    pub secrets: Secrets,
    /// How many sessions of their own scenarios may have at once.
    pub jobs: usize,
    /// How long an answer may take.
    pub timeout: Duration,
    /// How long a target may take to start and open a conversation.
    pub start_timeout: Duration,
    /// What generated messages are drawn from: the same number, the same messages.
    pub seed: u64,
    /// Bounds on every connection.
    pub limits: Limits,
    /// When the run began, as RFC 3339, for reports.
    pub started_at: Option<String>,
    /// Is shown the transcript of every session that checks were made on, when it has ended.
    pub transcripts: Option<TranscriptSink>,
}

/// Where transcripts go.
pub type TranscriptSink = Box<dyn Fn(&Transcript)>;

impl Settings {
    /// The event with which a run under these settings begins.
    pub fn started(&self) -> Event {
        let mut event = Event::Started {
            tool: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            target: self.info.clone(),
            started_at: self.started_at.clone(),
            strict: false,
        };
        event.each_text(&mut |text| *text = self.secrets.redacted(text));
        event
    }
}

/// Why nothing could be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// No connection.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// Nothing listens there.
    #[error("cannot reach the target: {0}")]
    Unreachable(String),
    /// What the target offers could not be read.
    #[error("cannot read what the target offers in {revision}: {reason}")]
    Unread {
        /// The revision spoken.
        revision: Revision,
        /// Why not, in one clause.
        reason: String,
    },
    /// The target does not speak a revision asked for.
    #[error("the target does not speak {asked}{}", offered(.answered))]
    NotSpoken {
        /// The revision asked for.
        asked: Revision,
        /// What it answered instead.
        answered: Vec<String>,
    },
}

fn offered(answered: &[String]) -> String {
    if answered.is_empty() { String::new() } else { format!(" (it answers with {})", answered.join(", ")) }
}

/// Runs every wanted check in every revision that the target speaks, or was asked for. Verdicts go into the ledger; the
/// caller finishes it.
pub async fn run(settings: &Settings, catalogue: &Catalogue, ledger: &Ledger) -> Result<(), RunError> {
    let revisions = if settings.revisions.is_empty() { Revision::ALL.to_vec() } else { settings.revisions.clone() };
    let Reached { openings, answered } =
        reach(&settings.target, &revisions, settings.limits, settings.start_timeout).await?;
    let openings = worth_running(settings, openings)?;
    ledger.begin(settings.started());
    let permits = Semaphore::new(settings.jobs.max(1));
    let negotiated = Arc::default();
    let plan = |opening: &Opening| Plan::new(catalogue, &settings.selection, opening.asked, opening.session.kind());
    let plans: Vec<_> = openings.iter().map(plan).collect();
    let mut runs = Vec::new();
    for (opening, plan) in openings.into_iter().zip(&plans) {
        let (revision, kind) = (plan.revision, plan.kind);
        let info =
            RunInfo { revision: revision.to_string(), transport: kind.to_string(), server: server_info(&opening) };
        let run = ledger.add_run(info, plan.checks.len());
        let context = Context {
            target: settings.target.clone(),
            kind,
            revision,
            limits: settings.limits,
            timeout: settings.timeout,
            start_timeout: settings.start_timeout,
            calls: CallBudget::new(settings.calls.per_tool),
            seed: settings.seed,
            facts: Arc::default(),
            answered: answered.clone(),
            negotiated: Arc::clone(&negotiated),
        };
        let (ailing, own_end) = (Vec::new(), Arc::default());
        let conductor =
            Conductor { settings, catalogue, ledger, permits: &permits, plan, run, context, ailing, own_end };
        runs.push(conduct(conductor, opening));
    }
    futures_util::future::join_all(runs).await;
    Ok(())
}

/// The openings to run checks on: those that succeeded; where none did, the one that shows best why.
pub(super) fn worth_running(settings: &Settings, openings: Vec<Opening>) -> Result<Vec<Opening>, RunError> {
    let asked = !settings.revisions.is_empty();
    if asked {
        for opening in &openings {
            match &opening.outcome {
                Opened::Other(answered) => {
                    return Err(RunError::NotSpoken { asked: opening.asked, answered: answered.clone() });
                }
                Opened::Refused(message) => {
                    return Err(RunError::NotSpoken { asked: opening.asked, answered: refusal(message.value()) });
                }
                _ => {}
            }
        }
    }
    let unreachable = openings.iter().find_map(|opening| match &opening.outcome {
        Opened::Unreachable(reason) => Some(reason.clone()),
        _ => None,
    });
    let any_open = openings.iter().any(|opening| opening.outcome == Opened::Yes);
    if any_open {
        return Ok(openings.into_iter().filter(|opening| asked || is_judged(opening)).collect());
    }
    if let Some(reason) = unreachable {
        return Err(RunError::Unreachable(reason));
    }
    // Nothing opened: one revision stands for all, the newest of the era that every server knows where it is among them.
    let best = openings.iter().rposition(|opening| opening.asked <= Revision::LATEST_HANDSHAKE).unwrap_or(0);
    Ok(openings.into_iter().nth(best).into_iter().collect())
}

/// Whether an opening is judged where others opened: an open one is; and one that came to nothing, since every server of the
/// older era owes `initialize` an answer, whatever the revision asked for. What lies beyond its era owes nothing.
fn is_judged(opening: &Opening) -> bool {
    match opening.outcome {
        Opened::Yes => true,
        Opened::Failed(_) => opening.asked.era() == Era::Handshake && opening.session.kind() != TransportKind::Http,
        Opened::Other(_) | Opened::Refused(_) | Opened::Unreachable(_) => false,
    }
}

/// What a refusal tells: the versions that the target speaks, or the error's own words.
fn refusal(message: &Value) -> Vec<String> {
    let supported = message.pointer("/error/data/supported").and_then(Value::as_array);
    let versions: Vec<_> = supported.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    if !versions.is_empty() {
        return versions;
    }
    match message.pointer("/error/message").and_then(Value::as_str) {
        Some(words) => vec![format!("`{words}`")],
        None => vec![message.to_string()],
    }
}

pub(super) fn server_info(opening: &Opening) -> ServerInfo {
    let info = opening.session.server_info();
    let text = |key: &str| info.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    ServerInfo { name: text("name"), version: text("version") }
}
