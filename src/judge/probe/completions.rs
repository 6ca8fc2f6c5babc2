//! Asks for completions of what the listed prompts and templates take, up to a number.

use std::future::Future;
use std::pin::Pin;

use serde_json::{Value, json};

use super::{Setting, came};
use crate::judge::context::Judged;
use crate::protocol::Revision;
use crate::session::Awaited;

const BOTH: &str = "completion.ref.both-types";
const CONTEXT: &str = "completion.context.accepted";

/// Arguments and variables that are tried at most, of each kind of reference.
const MOST: usize = 8;

/// Judges that both kinds of reference are understood (specification: server/utilities/completion); what is suggested is
/// for the watchers.
pub(super) fn run<'a>(mut setting: Setting<'a>) -> Pin<Box<dyn Future<Output = Vec<Judged>> + 'a>> {
    Box::pin(async move {
        let mut judged = Vec::new();
        for (reference, arguments) in references(&setting) {
            for argument in &arguments {
                ask(&mut setting, &reference, argument, &mut judged).await;
            }
            if let [first, second, ..] = arguments.as_slice()
                && setting.session.revision() >= Revision::V2025_06_18
            {
                let params = json!({"ref": reference, "argument": {"name": second, "value": ""},
                                    "context": {"arguments": {first: "1"}}});
                let (sent, answer) = setting.ask("completion/complete", params).await;
                judged.push(match &answer {
                    Awaited::Message(_, message) if message.result().is_some() => Judged::pass(CONTEXT),
                    _ => setting.fail(CONTEXT, sent.index, "a result", came(&answer)),
                });
            }
        }
        judged
    })
}

/// Asks for nothing typed yet, for a letter, and for the first suggestion whole.
async fn ask(setting: &mut Setting<'_>, reference: &Value, argument: &str, judged: &mut Vec<Judged>) {
    let mut suggestion = None;
    for typed in ["", "a"] {
        let params = json!({"ref": reference, "argument": {"name": argument, "value": typed}});
        let (sent, answer) = setting.ask("completion/complete", params).await;
        let result = match &answer {
            Awaited::Message(_, message) => message.result(),
            _ => None,
        };
        judged.push(match result {
            Some(_) => Judged::pass(BOTH),
            None => setting.fail(BOTH, sent.index, "a result: what is referred to is listed", came(&answer)),
        });
        suggestion = suggestion.or_else(|| result?.pointer("/completion/values/0")?.as_str().map(str::to_owned));
    }
    if let Some(whole) = suggestion {
        let params = json!({"ref": reference, "argument": {"name": argument, "value": whole}});
        setting.ask("completion/complete", params).await;
    }
}

/// References to what is listed, each with what it takes.
fn references(setting: &Setting<'_>) -> Vec<(Value, Vec<String>)> {
    let listed = |fact: &str| setting.context.facts.get(fact).and_then(Value::as_array).cloned().unwrap_or_default();
    let prompts = listed("prompts").into_iter().map(|prompt| {
        let arguments = prompt["arguments"].as_array().into_iter().flatten();
        let names = arguments.filter_map(|argument| argument["name"].as_str().map(str::to_owned)).collect();
        (json!({"type": "ref/prompt", "name": prompt["name"]}), names)
    });
    let templates = listed("resourceTemplates").into_iter().filter_map(|template| {
        let text = template["uriTemplate"].as_str()?;
        Some((json!({"type": "ref/resource", "uri": text}), variables(text)))
    });
    let takes = |(_, arguments): &(Value, Vec<String>)| !arguments.is_empty();
    prompts.filter(takes).take(MOST).chain(templates.filter(takes).take(MOST)).collect()
}

/// The variables of a URI template, without operators and modifiers.
fn variables(template: &str) -> Vec<String> {
    let expressions = template.split('{').skip(1).filter_map(|rest| rest.split_once('}'));
    let names = expressions.flat_map(|(expression, _)| {
        expression
            .trim_start_matches(['+', '#', '.', '/', ';', '?', '&'])
            .split(',')
            .map(str::to_owned)
            .collect::<Vec<_>>()
    });
    let plain = names.filter_map(|name| name.split([':', '*']).next().map(str::to_owned));
    plain.filter(|name| !name.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_uri_templates() {
        assert_eq!(variables("demo://{id}/x{?q*,limit:3}"), ["id", "q", "limit"]);
        assert_eq!(variables("demo://plain"), Vec::<String>::new());
    }
}
