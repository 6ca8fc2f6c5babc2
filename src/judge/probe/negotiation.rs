//! Asks for every revision of the handshake era, and for two that never were, each on a connection of its own; holds the
//! answers against each other.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use serde_json::{Value, json};

use super::Setting;
use crate::judge::compare::shown;
use crate::judge::context::{Context, Judged, fold};
use crate::judge::excerpt::excerpt;
use crate::outcome::{CheckId, Evidence};
use crate::protocol::{Era, Revision};
use crate::session::{Awaited, Session, Transcript, connect};

const ECHO: &str = "version.negotiation.echo";
const ALTERNATIVE: &str = "version.negotiation.alternative";
const LATEST: &str = "version.negotiation.latest";
const PREPARED: &str = "lifecycle.errors.prepared";

/// Versions that never were, before all others and after.
const UNKNOWN: [&str; 2] = ["1999-01-01", "2999-12-31"];

/// What the server made of one version.
#[derive(Debug)]
pub struct Asked {
    version: String,
    reply: Reply,
    /// The lines of the question and the answer.
    lines: Vec<String>,
}

#[derive(Debug)]
enum Reply {
    /// A result with this version.
    Version(String),
    /// An error, or a result without a version.
    Other(Value),
    /// No answer; says why.
    Nothing(String),
}

/// Asks and judges.
pub(super) fn run<'a>(setting: Setting<'a>) -> Pin<Box<dyn Future<Output = Vec<Judged>> + 'a>> {
    Box::pin(negotiate(setting))
}

async fn negotiate(setting: Setting<'_>) -> Vec<Judged> {
    let Setting { scenario, context, transcripts, .. } = setting;
    // What a server answers here is the same in every revision under test: it is asked once.
    let all = context.negotiated.get_or_init(|| ask_all(context, transcripts)).await;
    let place = scenario.file.display().to_string();
    let blame = CheckId::new(&scenario.id, PREPARED, None);
    let mut judged = vec![Judged::pass(ECHO)];
    for asked in all {
        let is_unknown = UNKNOWN.contains(&asked.version.as_str());
        if is_unknown {
            judged.extend(judge_alternative(asked, all, &place, &blame));
        }
        judged.extend(judge_echo(asked, all, &place));
    }
    fold(judged)
}

/// Asks for all versions, each on a connection of its own.
async fn ask_all(context: &Context, transcripts: &mut Vec<Transcript>) -> Vec<Asked> {
    let mut all = Vec::new();
    for version in UNKNOWN {
        all.push(ask_anew(version, context, transcripts).await);
    }
    for revision in Revision::ALL.into_iter().filter(|revision| revision.era() == Era::Handshake) {
        let known = context.answered.iter().find(|(asked, _)| asked == revision.as_str());
        all.push(match known {
            Some((asked, answered)) => {
                Asked { version: asked.clone(), reply: Reply::Version(answered.clone()), lines: Vec::new() }
            }
            None => ask_anew(revision.as_str(), context, transcripts).await,
        });
    }
    // What is offered instead may be a version that this harness does not know: then it is asked for as well.
    let offered: Vec<_> = all.iter().filter_map(Asked::answered).map(str::to_owned).collect();
    for version in offered {
        if all.iter().all(|asked| asked.version != version) {
            all.push(ask_anew(&version, context, transcripts).await);
        }
    }
    all
}

/// Judges the answer to a version that never was.
fn judge_alternative(asked: &Asked, all: &[Asked], place: &str, blame: &CheckId) -> Vec<Judged> {
    match &asked.reply {
        Reply::Nothing(reason) => {
            let expected = format!("an answer to initialize with version {}", asked.version);
            let hangs = |id| Judged::inconclusive(id, "initialize was not answered", Some(blame.clone()));
            vec![asked.fails(PREPARED, expected, reason.clone(), place), hangs(ALTERNATIVE), hangs(LATEST)]
        }
        Reply::Other(_) => {
            let reason = "the version was refused, for which the page on the lifecycle has an example of its own";
            vec![Judged::pass(PREPARED), Judged::skipped(ALTERNATIVE, reason), Judged::skipped(LATEST, reason)]
        }
        Reply::Version(version) => {
            let newest =
                all.iter().filter(|other| other.is_echoed()).filter_map(|other| other.version.parse().ok()).max();
            let is_older = |newest: &Revision| version.parse().is_ok_and(|version: Revision| version < *newest);
            vec![
                Judged::pass(PREPARED),
                if *version == asked.version {
                    let expected = format!("another version than {}, which does not exist", asked.version);
                    asked.fails(ALTERNATIVE, expected, format!("the version {version}"), place)
                } else if !is_of_handshake(version) && spoken(version, all) == Some(false) {
                    let expected = "a version that the server speaks".to_owned();
                    asked.fails(ALTERNATIVE, expected, format!("{version}, which it does not speak when asked"), place)
                } else {
                    Judged::pass(ALTERNATIVE)
                },
                match newest.filter(is_older) {
                    Some(newest) => {
                        let expected = format!("the newest version that the server speaks, {newest}");
                        asked.fails(LATEST, expected, format!("the version {version}"), place)
                    }
                    None => Judged::pass(LATEST),
                },
            ]
        }
    }
}

/// A revision that the server offers instead of another is one that it speaks when it is asked for.
fn judge_echo(asked: &Asked, all: &[Asked], place: &str) -> Option<Judged> {
    let version = asked.answered().filter(|version| *version != asked.version && is_of_handshake(version))?;
    (spoken(version, all) == Some(false)).then(|| {
        let expected = format!("{version} when asked for {version}, since it was offered to {}", asked.version);
        let reply = all.iter().find(|other| other.version == version).map(Asked::shown).unwrap_or_default();
        asked.fails(ECHO, expected, reply, place)
    })
}

fn is_of_handshake(version: &str) -> bool {
    version.parse().is_ok_and(|revision: Revision| revision.era() == Era::Handshake)
}

/// Whether a version is answered with itself; `None` where that could not be learned.
fn spoken(version: &str, all: &[Asked]) -> Option<bool> {
    let asked = all.iter().find(|asked| asked.version == version)?;
    match asked.reply {
        Reply::Nothing(_) => None,
        _ => Some(asked.is_echoed()),
    }
}

impl Asked {
    fn answered(&self) -> Option<&str> {
        match &self.reply {
            Reply::Version(version) => Some(version),
            _ => None,
        }
    }

    fn is_echoed(&self) -> bool {
        self.answered() == Some(&self.version)
    }

    fn shown(&self) -> String {
        match &self.reply {
            Reply::Version(version) => version.clone(),
            Reply::Other(answer) => shown(answer),
            Reply::Nothing(reason) => reason.clone(),
        }
    }

    fn fails(&self, requirement: &str, expected: String, actual: String, place: &str) -> Judged {
        let (asked_at, excerpt) = (place.to_owned(), self.lines.clone());
        Judged::fail(requirement, Evidence { expected, actual, asked_at, excerpt, witnesses: Vec::new() })
    }
}

/// Asks on a connection of its own.
async fn ask_anew(version: &str, context: &Context, transcripts: &mut Vec<Transcript>) -> Asked {
    // A target may take longer to start than to answer.
    let within = context.timeout * 3;
    match connect(&context.target, context.kind, context.revision, context.limits, within).await {
        Ok(mut opening) => {
            let asked = ask(&mut opening.session, version, within).await;
            transcripts.push(opening.session.close().await);
            asked
        }
        Err(error) => {
            Asked { version: version.to_owned(), reply: Reply::Nothing(error.to_string()), lines: Vec::new() }
        }
    }
}

async fn ask(session: &mut Session, version: &str, within: Duration) -> Asked {
    let mut params = session.initialize_params();
    params["protocolVersion"] = json!(version);
    let sent = session.request("initialize", Some(params));
    let reply = match session.answer(&sent, within).await {
        Awaited::Message(_, message) => {
            match message.result().and_then(|result| result.get("protocolVersion")?.as_str()) {
                Some(answered) => {
                    let answered = answered.to_owned();
                    if let Some(result) = message.result() {
                        session.adopt(&sent, result);
                    }
                    Reply::Version(answered)
                }
                None => Reply::Other(message.value().clone()),
            }
        }
        Awaited::Ended(reason) => Reply::Nothing(reason),
        Awaited::TimedOut(within) => Reply::Nothing(format!("no answer within {} s", within.as_secs_f32())),
    };
    let entries = session.transcript().entries().len();
    Asked { version: version.to_owned(), reply, lines: excerpt(session.transcript(), sent.index, entries) }
}
