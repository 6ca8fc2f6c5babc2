//! Messages in which no watch has found anything wrong: a message that is the same but for its id, to the same request, need not be
//! looked at again.

use memchr::memmem;

use crate::fuzz::digest::digest;
use crate::judge::Heard;
use crate::protocol::Revision;
use crate::wire::Kind;

/// The digest of a message as far as watches see it, with all that they may ask of its request; `None` for what is in a batch.
pub(super) fn digest_heard(heard: &Heard<'_>, revision: Revision) -> Option<u64> {
    let bytes = heard.entry.payload().filter(|_| !heard.in_batch)?;
    let id = heard.message.id().filter(|_| heard.kind == Kind::Response).map(ToString::to_string).unwrap_or_default();
    // Where the id is, and of what type, counts; which it is does not.
    let at = memmem::find(bytes, id.as_bytes()).filter(|_| !id.is_empty());
    let (before, after) = at.map_or((bytes, &[][..]), |at| (&bytes[..at], &bytes[at + id.len()..]));
    let asked = heard.request.as_ref().map(|asked| (asked.message.method(), asked.deliberate));
    Some(digest(&(id.starts_with('"'), before, after, asked, heard.is_of_older_era(revision))))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::judge::Traffic;
    use crate::session::{Transcript, What};
    use crate::transport::{Arrival, ExchangeId, Incoming};
    use crate::wire::TransportKind;

    /// The digest of what answers a request.
    fn digest_of(asked: &'static str, answer: &'static str) -> Option<u64> {
        let mut transcript = Transcript::new(TransportKind::Stdio);
        transcript.record(ExchangeId::STREAM, What::Wrote { bytes: Bytes::from(asked), deliberate: false });
        let what = Incoming::Line(Bytes::from(answer));
        transcript.arrived(Arrival { at: std::time::Instant::now(), exchange: ExchangeId::STREAM, what });
        let traffic = Traffic::of(&transcript);
        digest_heard(traffic.heard.first()?, Revision::V2025_11_25)
    }

    #[test]
    fn the_id_alone_may_differ() {
        let seven = r#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#;
        let first = digest_of(seven, r#"{"jsonrpc":"2.0","id":7,"result":{}}"#);
        assert!(first.is_some());
        let eight = r#"{"jsonrpc":"2.0","id":8,"method":"ping"}"#;
        assert_eq!(first, digest_of(eight, r#"{"jsonrpc":"2.0","id":8,"result":{}}"#));
        assert_ne!(first, digest_of(eight, r#"{"jsonrpc":"2.0","id":8,"result":[]}"#));
        let text = r#"{"jsonrpc":"2.0","id":"8","method":"ping"}"#;
        assert_ne!(first, digest_of(text, r#"{"jsonrpc":"2.0","id":"8","result":{}}"#));
        let other = r#"{"jsonrpc":"2.0","id":8,"method":"tools/list"}"#;
        assert_ne!(first, digest_of(other, r#"{"jsonrpc":"2.0","id":8,"result":{}}"#));
        assert_ne!(first, digest_of(eight, r#"{"jsonrpc":"2.0","id":9,"result":{}}"#));
        assert_eq!(digest_of(seven, r#"[{"jsonrpc":"2.0","id":7,"result":{}}]"#), None);
    }
}
