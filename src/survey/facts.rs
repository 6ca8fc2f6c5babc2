//! What an open session offers, as facts that scenarios ask for by name. Lists and calls; never judges.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::arguments;
use crate::session::{Awaited, Session};

/// Which tools may be called.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum CallPolicy {
    /// Those annotated `readOnlyHint`, and those named here.
    #[default]
    ReadOnly,
    /// All of them.
    All,
    /// None.
    None,
}

/// What was learned, and what was left alone.
#[derive(Debug, Clone, Default)]
pub struct Survey {
    /// Facts by name; see the language's table of facts.
    pub facts: Map<String, Value>,
    /// What the user should know: tools that were not called, lists that could not be read.
    pub notes: Vec<String>,
}

/// Pages of a list that are read at most.
const PAGES: usize = 50;
/// Tools that are tried at most, to find one that answers.
const TRIES: usize = 8;

/// Learns what an open session offers. `arguments` of tools by name come from the user's configuration.
pub async fn survey(session: &mut Session, policy: &CallPolicy, within: Duration) -> Survey {
    let mut survey = Survey::default();
    let capabilities = session.capabilities();
    survey.facts.insert("revision".to_owned(), json!(session.revision()));
    survey.facts.insert("capabilities".to_owned(), capabilities.clone());
    let lists = [
        ("tools", "tools/list", "tools"),
        ("resources", "resources/list", "resources"),
        ("resources", "resources/templates/list", "resourceTemplates"),
        ("prompts", "prompts/list", "prompts"),
    ];
    let mut found = Map::new();
    for (capability, method, member) in lists {
        if capabilities.get(capability).is_some() {
            let items = list(session, method, member, within).await;
            found.insert(member.to_owned(), Value::Array(items));
        }
    }
    let items = |member: &str| found.get(member).and_then(Value::as_array).cloned().unwrap_or_default();
    tools(session, &items("tools"), policy, within, &mut survey).await;
    resources(&items("resources"), &items("resourceTemplates"), &mut survey.facts);
    prompts(&items("prompts"), &mut survey.facts);
    for (member, items) in found {
        if items.as_array().is_some_and(|items| !items.is_empty()) {
            survey.facts.insert(member, items);
        }
    }
    survey
}

/// All items of a list, page by page; stops at a cursor that comes again.
async fn list(session: &mut Session, method: &str, member: &str, within: Duration) -> Vec<Value> {
    let mut items = Vec::new();
    let mut cursors: Vec<String> = Vec::new();
    while cursors.len() < PAGES {
        let params = cursors.last().map(|cursor| json!({"cursor": cursor}));
        let sent = session.request(method, params);
        let Awaited::Message(_, message) = session.answer(&sent, within).await else { break };
        let Some(result) = message.result() else { break };
        items.extend(result[member].as_array().into_iter().flatten().cloned());
        match result["nextCursor"].as_str() {
            Some(cursor) if !cursors.iter().any(|seen| seen == cursor) => cursors.push(cursor.to_owned()),
            _ => break,
        }
    }
    items
}

async fn tools(session: &mut Session, tools: &[Value], policy: &CallPolicy, within: Duration, survey: &mut Survey) {
    let named: Vec<_> = tools.iter().filter(|tool| tool["name"].is_string()).collect();
    let allowed: Vec<_> = named.iter().filter(|tool| may_call(tool, policy)).collect();
    if allowed.len() < named.len() {
        survey.notes.push(format!(
            "{} of {} tools were not called; --call-tools all calls them",
            named.len() - allowed.len(),
            named.len()
        ));
    }
    for tool in allowed.iter().take(TRIES) {
        let Some(arguments) = arguments::generate(&tool["inputSchema"]) else { continue };
        let sent = session.request("tools/call", Some(json!({"name": tool["name"], "arguments": arguments})));
        let Awaited::Message(_, message) = session.answer(&sent, within).await else { continue };
        let Some(result) = message.result().filter(|result| result["isError"] != true) else { continue };
        if result.get("resultType").is_some_and(|kind| kind != "complete") {
            continue;
        }
        let fact = json!({"name": tool["name"], "arguments": arguments});
        let mut keep = |name: &str, fact: Value| {
            survey.facts.entry(name).or_insert(fact);
        };
        keep("tool", fact.clone());
        if tool.get("outputSchema").is_some() {
            keep("tool-structured", fact.clone());
        }
        let required =
            tool["inputSchema"]["required"].as_array().and_then(|names| names.first()).filter(|n| n.is_string());
        match required {
            None => keep("tool-optional", fact),
            Some(argument) => {
                let mut fact = fact;
                fact["argument"] = argument.clone();
                let declared = &tool["inputSchema"]["properties"][argument.as_str().unwrap_or_default()]["type"];
                if let Some(wrong) = arguments::wrong_type(declared) {
                    let mut typed = fact.clone();
                    typed["arguments"][argument.as_str().unwrap_or_default()] = wrong;
                    keep("tool-typed", typed);
                }
                keep("tool-required", fact);
            }
        }
    }
}

fn may_call(tool: &Value, policy: &CallPolicy) -> bool {
    match policy {
        CallPolicy::All => true,
        CallPolicy::None => false,
        CallPolicy::ReadOnly => tool["annotations"]["readOnlyHint"] == true,
    }
}

fn resources(resources: &[Value], templates: &[Value], facts: &mut Map<String, Value>) {
    if let Some(resource) = resources.iter().find(|resource| resource["uri"].is_string()) {
        facts.insert("resource".to_owned(), json!({"uri": resource["uri"]}));
    }
    if let Some(template) = templates.iter().find(|template| template["uriTemplate"].is_string()) {
        let text = template["uriTemplate"].as_str().unwrap_or_default();
        let mut fact = json!({"uri-template": text});
        if let Some(variable) = first_variable(text) {
            fact["variable"] = json!(variable);
        }
        facts.insert("template".to_owned(), fact);
    }
}

/// The first variable of a URI template (RFC 6570), without operator and modifiers.
fn first_variable(template: &str) -> Option<&str> {
    let expression = template.split_once('{')?.1.split_once('}')?.0;
    let names = expression.trim_start_matches(['+', '#', '.', '/', ';', '?', '&']);
    names.split([',', ':', '*']).next().filter(|name| !name.is_empty())
}

fn prompts(prompts: &[Value], facts: &mut Map<String, Value>) {
    for prompt in prompts.iter().filter(|prompt| prompt["name"].is_string()) {
        let declared: Vec<_> = prompt["arguments"].as_array().into_iter().flatten().collect();
        let given: Map<_, _> = declared
            .iter()
            .filter(|argument| argument["required"] == true)
            .filter_map(|argument| Some((argument["name"].as_str()?.to_owned(), json!("1"))))
            .collect();
        let required = given.keys().next().cloned();
        let mut fact = json!({"name": prompt["name"], "arguments": given});
        if let Some(argument) = declared.first().and_then(|argument| argument["name"].as_str()) {
            fact["argument"] = json!(argument);
            facts.entry("prompt-argument").or_insert(fact.clone());
        }
        match required {
            Some(required) => {
                fact["required"] = json!(required);
                facts.entry("prompt-required").or_insert(fact.clone());
            }
            None => {
                facts.entry("prompt-optional").or_insert(fact.clone());
            }
        }
        facts.entry("prompt").or_insert(fact);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_uri_templates() {
        assert_eq!(first_variable("demo://{id}/x"), Some("id"));
        assert_eq!(first_variable("demo://{?q,limit}"), Some("q"));
        assert_eq!(first_variable("demo://plain"), None);
    }
}
