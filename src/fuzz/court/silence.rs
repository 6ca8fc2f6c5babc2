//! What the silence of a request comes to.

use serde_json::Value;

use super::{Court, SHOWN, suspicion};
use crate::fuzz::assess::{Flaw, Worth};
use crate::fuzz::feedback::known;
use crate::fuzz::link::{End, Observed};
use crate::fuzz::oracle::{Oracle, Suspicion};
use crate::fuzz::script::{Ask, Script};
use crate::source::printable;

impl Court {
    /// What the silence of a request comes to that was waited for until its deadline.
    pub(in crate::fuzz) fn of_silence(&self, observed: &Observed) -> Vec<Suspicion> {
        if observed.end != End::Alive || !self.has(Oracle::Unanswered) {
            return Vec::new();
        }
        let owed = observed.unanswered.iter().map(|&at| &observed.script.asks[at]);
        // A tool may take as long as its arguments want; one that is not there takes no time.
        let may_take_long = |ask: &Ask| ask.method == "tools/call" && ask.worth != Worth::Flawed(Flaw::Tool);
        let owed = owed.filter(|ask| observed.script.is_owed(ask) && !may_take_long(ask));
        owed.map(|ask| {
            let within = self.context.timeout.as_secs_f32();
            // Among all alive requests that follow it is hard to see what it was.
            let asked = String::from_utf8_lossy(&observed.script.pieces[ask.piece].bytes);
            let asked = printable(&asked, SHOWN);
            let (subject, cause) = self.of_what_is_dropped(ask, &observed.script);
            suspicion(
                Oracle::Unanswered,
                subject,
                cause.to_owned(),
                "an answer".to_owned(),
                format!("none within {within} s, although the server answers what comes after it: {asked}"),
            )
        })
        .collect()
    }

    /// The subject and the cause of a silence: what is wrong with a message may hide from the server what it is about.
    fn of_what_is_dropped(&self, ask: &Ask, script: &Script) -> (String, &'static str) {
        let message = script.pieces[ask.piece].message.as_ref().and_then(|message| message.value().as_object());
        let is_known = |member: &String| ["jsonrpc", "id", "method", "params"].contains(&member.as_str());
        match &ask.worth {
            _ if message.is_some_and(|members| !members.keys().all(is_known)) => {
                (String::new(), "no answer to a request with a further member")
            }
            _ if message.and_then(|members| members.get("params")).is_some_and(has_faulty_meta) => {
                (String::new(), "no answer to a request with faulty metadata")
            }
            Worth::Sound => (self.subject(ask), "no answer"),
            _ => (known(self.revision, &ask.method).to_owned(), "no answer"),
        }
    }
}

/// Whether what params tell about a request, whatever it asks for, is of wrong types (specification: basic, "_meta").
fn has_faulty_meta(params: &Value) -> bool {
    let Some(meta) = params.get("_meta") else { return false };
    let Some(members) = meta.as_object() else { return true };
    members.iter().any(|(name, value)| match name.as_str() {
        "progressToken" => !(value.is_string() || value.is_i64() || value.is_u64()),
        "io.modelcontextprotocol/protocolVersion" | "io.modelcontextprotocol/logLevel" => !value.is_string(),
        "io.modelcontextprotocol/clientInfo" | "io.modelcontextprotocol/clientCapabilities" => !value.is_object(),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn metadata_is_faulty_by_its_own_types_alone() {
        for faulty in [
            json!({"_meta": "text"}),
            json!({"_meta": {"progressToken": 1.5}, "uri": 3}),
            json!({"_meta": {"io.modelcontextprotocol/clientCapabilities": 17}}),
            json!({"_meta": {"io.modelcontextprotocol/logLevel": null}}),
        ] {
            assert!(has_faulty_meta(&faulty), "{faulty}");
        }
        for sound in [json!({"uri": 3}), json!([1]), json!({"_meta": {"progressToken": "a", "of/another": null}})] {
            assert!(!has_faulty_meta(&sound), "{sound}");
        }
    }
}
