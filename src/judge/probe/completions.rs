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
        for references in references(&setting) {
            // What cannot be completed may be refused, but hardly everything of one kind.
            let (mut understood, mut refused) = (false, None);
            for (reference, arguments) in &references {
                let mut answered = Vec::new();
                for argument in arguments {
                    match ask(&mut setting, reference, argument).await {
                        Ok(()) => answered.push(argument),
                        Err(refusal) => refused = Some(refusal),
                    }
                }
                understood |= !answered.is_empty();
                if let Some(second) = answered.iter().find(|argument| **argument != &arguments[0]) {
                    judged.extend(ask_in_context(&mut setting, reference, &arguments[0], second).await);
                }
            }
            judged.extend(match refused {
                _ if understood => Some(Judged::pass(BOTH)),
                Some((from, actual)) => Some(setting.fail(BOTH, from, "a result for something that is listed", actual)),
                None => None,
            });
        }
        judged
    })
}

/// Asks for nothing typed yet, for a letter, and for the first suggestion whole; or tells what was refused.
async fn ask(setting: &mut Setting<'_>, reference: &Value, argument: &str) -> Result<(), (usize, String)> {
    let mut suggestion = None;
    for typed in ["", "a"] {
        let (sent, answer) = setting.ask("completion/complete", params(reference, argument, typed)).await;
        let result = match &answer {
            Awaited::Message(_, message) => message.result(),
            _ => None,
        };
        let Some(result) = result else { return Err((sent.index, came(&answer))) };
        let first = || result.pointer("/completion/values/0")?.as_str().map(str::to_owned);
        suggestion = suggestion.or_else(first);
    }
    if let Some(whole) = suggestion {
        setting.ask("completion/complete", params(reference, argument, &whole)).await;
    }
    Ok(())
}

/// Asks for an argument that was completed before, with another one settled.
async fn ask_in_context(setting: &mut Setting<'_>, reference: &Value, settled: &str, argument: &str) -> Option<Judged> {
    if setting.session.revision() < Revision::V2025_06_18 {
        return None;
    }
    let mut params = params(reference, argument, "");
    params["context"] = json!({"arguments": {settled: "1"}});
    let (sent, answer) = setting.ask("completion/complete", params).await;
    Some(match &answer {
        Awaited::Message(_, message) if message.result().is_some() => Judged::pass(CONTEXT),
        _ => setting.fail(CONTEXT, sent.index, "a result, as without the context", came(&answer)),
    })
}

fn params(reference: &Value, argument: &str, typed: &str) -> Value {
    json!({"ref": reference, "argument": {"name": argument, "value": typed}})
}

/// A reference to what is listed, with what it takes.
type Reference = (Value, Vec<String>);

/// References to prompts, and references to templates.
fn references(setting: &Setting<'_>) -> [Vec<Reference>; 2] {
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
    let takes = |(_, arguments): &Reference| !arguments.is_empty();
    [prompts.filter(takes).take(MOST).collect(), templates.filter(takes).take(MOST).collect()]
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
