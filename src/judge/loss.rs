//! Whether a target is lost: it went away by itself, or cannot be reached any more. One loss is one failure, however many
//! checks were waiting for an answer. Reads transcripts; convicts nobody.

use crate::session::{Entry, Transcript, What};
use crate::transport::{ExchangeId, ExitAfter, Incoming};
use crate::wire::TransportKind;

/// The requirement that a lost target breaks.
pub(super) const SURVIVES: &str = "house.survives";
/// The scenario that watches for lost targets in every session.
pub(super) const WATCHER: &str = "always/survives";

/// Exchanges in a row that must come to nothing before a target counts as unreachable: one alone may have been refused.
const BROKEN: usize = 2;

/// A target that was lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Loss {
    /// The entry of what the harness did last before.
    pub(super) cause: usize,
    /// The entry that shows the loss.
    pub(super) witness: usize,
    /// What happened, in one clause.
    pub(super) what: String,
}

/// How the target of a session was lost, if it was.
pub(super) fn loss(transcript: &Transcript) -> Option<Loss> {
    match transcript.kind() {
        TransportKind::Stdio => exited(transcript.entries()),
        TransportKind::Http | TransportKind::Sse => unreachable(transcript.entries()),
    }
}

/// The process ended although its input was open.
fn exited(entries: &[Entry]) -> Option<Loss> {
    let (witness, exit) = entries.iter().find_map(|entry| match &entry.what {
        What::Received(Incoming::Exited(exit)) if exit.after == ExitAfter::Nothing => Some((entry.index, exit)),
        _ => None,
    })?;
    let what = match (exit.code, exit.signal) {
        (_, Some(signal)) => format!("signal {signal} ended the server"),
        (Some(code), _) => format!("the server exited with code {code}"),
        _ => "the server ended".to_owned(),
    };
    let cause = entries[..witness].iter().rev().find(|entry| entry.is_from_client());
    Some(Loss { cause: cause.map_or(0, |entry| entry.index), witness, what })
}

/// The newest requests all came to nothing, although others before them were answered.
fn unreachable(entries: &[Entry]) -> Option<Loss> {
    let requests = || entries.iter().filter(|entry| matches!(entry.what, What::Requested { .. }));
    let heard = |exchange: ExchangeId| {
        entries.iter().find(|entry| {
            let what = matches!(entry.what, What::Received(Incoming::Head { .. } | Incoming::Broken(_)));
            entry.exchange == exchange && what
        })
    };
    let is_head = |entry: &&Entry| matches!(entry.what, What::Received(Incoming::Head { .. }));
    if !requests().any(|request| heard(request.exchange).is_some_and(|entry| is_head(&entry))) {
        return None;
    }
    let mut broken = Vec::new();
    for request in requests().collect::<Vec<_>>().into_iter().rev() {
        match heard(request.exchange) {
            Some(entry) if is_head(&entry) => break,
            Some(entry) => broken.push((request.index, entry)),
            None => {}
        }
    }
    let (cause, witness) = *broken.last().filter(|_| broken.len() >= BROKEN)?;
    let What::Received(Incoming::Broken(reason)) = &witness.what else { return None };
    Some(Loss { cause, witness: witness.index, what: format!("the server cannot be reached any more: {reason}") })
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use bytes::Bytes;

    use super::*;
    use crate::transport::{Arrival, Exit, HttpRequest};

    fn arrive(transcript: &mut Transcript, exchange: u64, what: Incoming) {
        transcript.arrived(Arrival { at: Instant::now(), exchange: ExchangeId(exchange), what });
    }

    fn request(transcript: &mut Transcript, exchange: u64) {
        let request = HttpRequest { method: "POST".to_owned(), path: None, headers: Vec::new(), body: Bytes::new() };
        transcript.record(ExchangeId(exchange), What::Requested { request, deliberate: false });
    }

    #[test]
    fn an_exit_is_a_loss_unless_the_harness_wanted_it() {
        for (after, is_loss) in [(ExitAfter::Nothing, true), (ExitAfter::InputClosed, false)] {
            let mut transcript = Transcript::new(TransportKind::Stdio);
            transcript.record(ExchangeId::STREAM, What::Wrote { bytes: Bytes::from_static(b"{}\n"), deliberate: true });
            arrive(&mut transcript, 0, Incoming::OutputClosed);
            arrive(&mut transcript, 0, Incoming::Exited(Exit { code: Some(3), signal: None, after }));
            let what = "the server exited with code 3".to_owned();
            assert_eq!(loss(&transcript), is_loss.then_some(Loss { cause: 0, witness: 2, what }));
        }
    }

    #[test]
    fn one_broken_exchange_is_no_loss_two_at_the_end_are() {
        let mut transcript = Transcript::new(TransportKind::Http);
        let head = Incoming::Head { status: 200, headers: Vec::new() };
        request(&mut transcript, 1);
        arrive(&mut transcript, 1, Incoming::Broken("reset".to_owned()));
        request(&mut transcript, 2);
        arrive(&mut transcript, 2, head);
        request(&mut transcript, 3);
        arrive(&mut transcript, 3, Incoming::Broken("reset".to_owned()));
        assert_eq!(loss(&transcript), None);
        request(&mut transcript, 4);
        arrive(&mut transcript, 4, Incoming::Broken("refused".to_owned()));
        assert_eq!(loss(&transcript).map(|loss| (loss.cause, loss.witness)), Some((4, 5)));
    }
}
