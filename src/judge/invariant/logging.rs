//! In the stateless era only a request that names a log level is logged about.

use crate::judge::always::evidence;
use crate::judge::compare::{Miss, shown};
use crate::judge::context::{Context, Judged, fold};
use crate::judge::traffic::{Asked, Heard, Traffic};
use crate::scenario::Scenario;
use crate::wire::TransportKind;

const OPT_IN: &str = "logging.opt-in-only";

/// Judges log messages (specification: server/utilities/logging#per-request-log-level).
pub(in crate::judge) fn judge(scenario: &Scenario, _: &Context, traffic: &Traffic<'_>) -> Vec<Judged> {
    let mut judged = Vec::new();
    let is_log = |heard: &&Heard<'_>| {
        let message = &heard.message;
        message.method() == Some("notifications/message") && message.id().is_none() && message.result().is_none()
    };
    for heard in traffic.heard.iter().filter(is_log) {
        judged.push(if is_wanted(traffic, heard) {
            Judged::pass(OPT_IN)
        } else {
            let expected = "no log message: no request in progress asked for any".to_owned();
            let miss = Miss { expected, actual: shown(heard.message.value()) };
            Judged::fail(OPT_IN, evidence(scenario, 1, miss, heard, traffic))
        });
    }
    if traffic.heard.iter().any(|heard| heard.method() == Some("tools/call")) {
        judged.push(Judged::pass(OPT_IN));
    }
    fold(judged)
}

/// Whether the request that a message may belong to named a level: over HTTP that of its exchange, on stdio any that is not
/// answered, or that was answered last (a message may be late; that is another requirement).
fn is_wanted(traffic: &Traffic<'_>, heard: &Heard<'_>) -> bool {
    let names_level = |asked: &Asked| {
        asked
            .message
            .value()
            .pointer("/params/_meta")
            .and_then(|meta| meta.get("io.modelcontextprotocol/logLevel"))
            .is_some_and(|level| !level.is_null())
    };
    let before: Vec<_> = traffic.asked.iter().filter(|asked| asked.index < heard.entry.index).collect();
    if traffic.transcript.kind() == TransportKind::Http {
        return before.iter().any(|asked| asked.exchange == heard.entry.exchange && names_level(asked));
    }
    let answered = |asked: &std::rc::Rc<Asked>| {
        traffic.responses_to(asked).any(|response| response.entry.index < heard.entry.index)
    };
    before.iter().any(|asked| names_level(asked) && !answered(asked))
        || before.last().is_some_and(|asked| names_level(asked))
}
