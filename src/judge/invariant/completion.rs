//! Holds suggestions against what is said of their number, and against what was typed.

use serde_json::Value;

use crate::judge::always::evidence;
use crate::judge::compare::{Miss, shown};
use crate::judge::context::{Context, Judged, fold};
use crate::judge::traffic::{Heard, Traffic};
use crate::scenario::Scenario;

const MOST: usize = 100;

/// Judges answers to `completion/complete` (specification: server/utilities/completion#completion-results).
pub(super) fn judge(scenario: &Scenario, _: &Context, traffic: &Traffic<'_>) -> Vec<Judged> {
    let mut judged = Vec::new();
    for heard in traffic.heard.iter().filter(|heard| heard.method() == Some("completion/complete")) {
        let Some(completion) = heard.result().and_then(|result| result.get("completion")) else { continue };
        let Some(values) = completion.get("values").and_then(Value::as_array) else { continue };
        let verdict = |requirement: &str, fault: Option<(String, String)>| match fault {
            None => Judged::pass(requirement),
            Some((expected, actual)) => {
                let miss = Miss { expected, actual };
                Judged::fail(requirement, evidence(scenario, 1, miss, heard, traffic))
            }
        };
        let too_many =
            (values.len() > MOST).then(|| (format!("at most {MOST} values"), format!("{} values", values.len())));
        judged.push(verdict("completion.values.max-100", too_many));
        judged.push(verdict("completion.has-more.consistent", wrong_sum(completion, values.len())));
        if let Some(typed) = typed(heard).filter(|typed| values.contains(typed)) {
            let late = (values.first() != Some(typed))
                .then(|| (format!("{} first, which is what was typed", shown(typed)), shown(&values[0])));
            judged.push(verdict("completion.sorted", late));
        }
    }
    fold(judged)
}

/// Where `total` and `hasMore` disagree with the number of values.
fn wrong_sum(completion: &Value, count: usize) -> Option<(String, String)> {
    let total = completion.get("total").and_then(Value::as_f64);
    let more = completion.get("hasMore").and_then(Value::as_bool);
    #[expect(clippy::cast_precision_loss, reason = "no message holds that many values")]
    let count = count as f64;
    let said =
        format!("{count} values, total {}, hasMore {}", shown(&completion["total"]), shown(&completion["hasMore"]));
    let expected = match (total, more) {
        (Some(total), _) if total < count => "a total that is not less than the values",
        (Some(total), Some(false)) if total > count => "hasMore, since there are more",
        (Some(total), Some(true)) if total <= count => "no hasMore, since these are all",
        _ => return None,
    };
    Some((expected.to_owned(), said))
}

/// What was typed, where it is not nothing.
fn typed<'a>(heard: &'a Heard<'_>) -> Option<&'a Value> {
    let typed = heard.request.as_ref()?.message.value().pointer("/params/argument/value")?;
    typed.as_str().is_some_and(|text| !text.is_empty()).then_some(typed)
}
