//! Opens several sessions and looks at their ids side by side.

use std::future::Future;
use std::pin::Pin;

use super::Setting;
use crate::judge::context::Judged;

/// The requirement, and the number of characters in which two ids must be able to differ, at least. A counter or a clock
/// gives fewer than twelve; fewer than eight are beyond doubt.
const REQUIREMENTS: [(&str, usize); 2] = [("http.session.id-secure", 12), ("security.session.unpredictable", 8)];

/// Sessions opened.
const SESSIONS: usize = 6;

/// Judges that session ids cannot be guessed (specification: basic/transports#session-management).
pub(super) fn run<'a>(setting: Setting<'a>) -> Pin<Box<dyn Future<Output = Vec<Judged>> + 'a>> {
    Box::pin(async move {
        let proved = |(requirement, _): &&(&str, usize)| setting.proves().iter().any(|proved| proved == requirement);
        let Some((requirement, least)) = REQUIREMENTS.iter().find(proved) else { return Vec::new() };
        let context = setting.context;
        let mut ids = Vec::new();
        for _ in 0..SESSIONS {
            let opening = context.open(context.timeout).await;
            let Ok(opening) = opening else { break };
            ids.extend(opening.session.session_id().map(str::to_owned));
            setting.transcripts.push(opening.session.close().await);
        }
        if ids.len() < 2 {
            return vec![Judged::inconclusive(requirement, "no further sessions could be opened", None)];
        }
        let varying = varying(&ids);
        vec![if varying >= *least {
            Judged::pass(requirement)
        } else {
            let expected = "ids of sessions that nobody can guess";
            let actual = format!("ids that differ in {varying} characters: {}", ids.join(", "));
            setting.fail(requirement, setting.session.transcript().entries().len(), expected, actual)
        }]
    })
}

/// How many characters are left of the longest id without what all of them begin with, and end with; none where two are
/// the same.
fn varying(ids: &[String]) -> usize {
    let mut sorted: Vec<_> = ids.iter().collect();
    sorted.sort_unstable();
    if sorted.windows(2).any(|pair| pair[0] == pair[1]) {
        return 0;
    }
    let common = |a: &mut dyn Iterator<Item = char>, b: &mut dyn Iterator<Item = char>| {
        a.zip(b).take_while(|(a, b)| a == b).count()
    };
    let (first, rest) = (&ids[0], &ids[1..]);
    let before = rest.iter().map(|id| common(&mut first.chars(), &mut id.chars())).min().unwrap_or(0);
    let after = rest.iter().map(|id| common(&mut first.chars().rev(), &mut id.chars().rev())).min().unwrap_or(0);
    let longest = ids.iter().map(|id| id.chars().count()).max().unwrap_or(0);
    longest.saturating_sub(before + after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_and_clocks_vary_little() {
        let owned = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        assert_eq!(varying(&owned(&["session-9", "session-10", "session-11"])), 2);
        assert_eq!(varying(&owned(&["1763690000123", "1763690000129"])), 1);
        assert_eq!(varying(&owned(&["a", "a"])), 0);
        let random = ["0b9c1f0e6d0c4f0b9a572d5f7c1e8a44", "51a2c3d4e5f60718293a4b5c6d7e8f90"];
        assert_eq!(varying(&owned(&random)), 32);
    }
}
