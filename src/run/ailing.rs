//! Lists that fail whatever is asked: what else a check wants to see of such a list shows nothing. Judges nothing.

use crate::judge::Traffic;
use crate::protocol::LISTS;
use crate::session::Transcript;

/// Codes that say that the request is at fault, or that the server has no such list.
const OF_THE_REQUEST: [i64; 6] = [-32600, -32601, -32602, -32020, -32021, -32022];

/// The requirements that a list is answered.
const ANSWERED: [&str; 4] =
    ["tools.list.answered", "resources.list.answered", "prompts.list.answered", "prompts.capabilities.respected"];

/// A list that failed when it was asked for as it should be, with the code of its error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ailing {
    pub(super) method: String,
    pub(super) code: i64,
}

/// The lists that failed in a transcript from an entry on, by no fault of the request as far as the target says.
pub(super) fn ailing(transcript: &Transcript, from: usize) -> Vec<Ailing> {
    let traffic = Traffic::of(transcript);
    let heard = traffic.heard.iter().filter(|heard| heard.entry.index >= from);
    let failed = heard.filter_map(|heard| {
        let method = heard.method().filter(|method| LISTS.iter().any(|list| list.method == *method))?.to_owned();
        let code = heard.error()?["code"].as_i64().filter(|code| !OF_THE_REQUEST.contains(code))?;
        Some(Ailing { method, code })
    });
    failed.collect()
}

/// Whether a requirement is that a list is answered, or that the target lives on whatever it answers.
pub(super) fn is_of_the_list(requirement: &str) -> bool {
    ANSWERED.contains(&requirement) || requirement.starts_with("house.")
}
