//! What an open session offers, as facts that scenarios ask for by name. Lists and calls; never judges.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};

use super::lists::list;
use super::tasks;
use crate::protocol::{LISTS, List, Revision};
use crate::session::{Awaited, Session, alive_method};
use crate::smith::arguments;
use crate::source::printable;

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

/// Which tools may be called, and with which arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calls {
    /// Which may be called.
    pub policy: CallPolicy,
    /// Arguments for tools by name, as the user gives them. Whom they name may be called, unless no tool may.
    pub arguments: BTreeMap<String, Value>,
    /// How often each tool may be called in one run, all sessions together.
    pub per_tool: usize,
}

impl Default for Calls {
    fn default() -> Self {
        Self { policy: CallPolicy::default(), arguments: BTreeMap::new(), per_tool: Self::PER_TOOL }
    }
}

impl Calls {
    /// How often each tool may be called in one run, where nobody says: more than all built-in checks need together.
    pub const PER_TOOL: usize = 50;

    /// Whether a tool may be called.
    pub fn allow(&self, tool: &Value) -> bool {
        match self.policy {
            CallPolicy::All => true,
            CallPolicy::None => false,
            CallPolicy::ReadOnly => tool["annotations"]["readOnlyHint"] == true || self.given(tool).is_some(),
        }
    }

    /// The arguments to call a tool with: those given, or such as its schema accepts.
    pub(super) fn arguments(&self, tool: &Value) -> Option<Value> {
        self.given(tool).cloned().or_else(|| arguments::generate(&tool["inputSchema"]))
    }

    pub(super) fn given(&self, tool: &Value) -> Option<&Value> {
        self.arguments.get(tool["name"].as_str()?)
    }
}

/// What calls have told.
#[derive(Debug, Clone, Default)]
pub struct Called {
    /// The facts `tool` and `task`, where some tool fits.
    pub facts: Map<String, Value>,
    /// The names of all tools.
    pub tools: Vec<String>,
    /// Those of them that may not be called.
    pub uncalled: Vec<String>,
    /// Those that did not answer in time, after which no other one was tried.
    pub slow: Vec<String>,
}

impl Called {
    /// What the user should know where too many tools were slow.
    pub fn gave_up(&self) -> Option<String> {
        let names: Vec<_> = self.slow.iter().map(|name| format!("`{}`", printable(name, 60))).collect();
        (names.len() == SLOW).then(|| format!("{} did not answer in time; no other tool was tried", names.join(", ")))
    }
}

/// Tools, resources and prompts of which one is tried at most, to find those that answer. Each tool is called once.
const TRIES: usize = 16;
/// Tools that may be too slow to answer in time; after so many no other one is tried, however many there are.
pub(super) const SLOW: usize = 3;

/// Facts by name about what an open session offers, as far as lists tell, and reads of what is listed; see the language's table
/// of facts. Calls no tool.
pub async fn survey(session: &mut Session, within: Duration) -> Map<String, Value> {
    let capabilities = session.capabilities();
    let mut facts = Map::new();
    facts.insert("alive.method".to_owned(), json!(alive_method(session.revision())));
    facts.insert("revision".to_owned(), json!(session.revision()));
    facts.insert("capabilities".to_owned(), capabilities.clone());
    for List { capability, method, member, .. } in LISTS {
        if capabilities.get(capability).is_some() {
            let list = list(session, method, member, within).await;
            if !list.items.is_empty() {
                facts.insert(member.to_owned(), Value::Array(list.items));
            }
        }
    }
    if let Some(fact) = resource(session, &items(&facts, "resources"), within).await {
        facts.insert("resource".to_owned(), fact);
    }
    if let Some(fact) = template(session, &items(&facts, "resourceTemplates"), within).await {
        facts.insert("template".to_owned(), fact);
    }
    if let Some(fact) = prompt(session, &items(&facts, "prompts"), within).await {
        facts.insert("prompt".to_owned(), fact);
    }
    // The first revision has no capability for completions: a server that completes something has declared it by that.
    if session.revision() == Revision::V2024_11_05 && completes(session, &facts, within).await {
        facts["capabilities"]["completions"] = json!({});
    }
    facts
}

/// Calls those tools of a survey that may be called, and learns which of them answer.
pub async fn call_tools(
    session: &mut Session,
    surveyed: &Map<String, Value>,
    calls: &Calls,
    within: Duration,
) -> Called {
    let listed = items(surveyed, "tools");
    let names = |wanted: fn(&Calls, &Value) -> bool| {
        let tools = listed.iter().filter(|tool| wanted(calls, tool));
        tools.filter_map(|tool| tool["name"].as_str().map(str::to_owned)).collect()
    };
    let mut called =
        Called { tools: names(|_, _| true), uncalled: names(|calls, tool| !calls.allow(tool)), ..Called::default() };
    if let Some(fact) = tools(session, &listed, calls, within, &mut called.slow).await {
        called.facts.insert("tool".to_owned(), fact);
    }
    if let Some(fact) = tasks::tasks(session, &listed, calls, within).await {
        called.facts.insert("task".to_owned(), fact);
    }
    called
}

/// The items of a list among facts.
fn items(facts: &Map<String, Value>, member: &str) -> Vec<Value> {
    facts.get(member).and_then(Value::as_array).cloned().unwrap_or_default()
}

/// The result of a request, if it has one that is complete.
async fn result(session: &mut Session, method: &str, params: Value, within: Duration) -> Option<Value> {
    let sent = session.request(method, Some(params));
    complete(session.answer(&sent, within).await)
}

/// The result in an answer, if it has one that is complete.
fn complete(answer: Awaited) -> Option<Value> {
    let Awaited::Message(_, message) = answer else { return None };
    let result = message.result()?;
    result.get("resultType").is_none_or(|kind| kind == "complete").then(|| result.clone())
}

/// Calls some tools that may be called, and keeps the first of each sort that answers.
async fn tools(
    session: &mut Session,
    tools: &[Value],
    calls: &Calls,
    within: Duration,
    slow: &mut Vec<String>,
) -> Option<Value> {
    let mut allowed: Vec<_> = tools.iter().filter(|tool| tool["name"].is_string() && calls.allow(tool)).collect();
    // Those for which the user gives arguments are the best to try.
    allowed.sort_by_key(|tool| calls.given(tool).is_none());
    let allowed = allowed;
    let mut found = Map::new();
    for (number, tool) in allowed.into_iter().take(TRIES).enumerate() {
        if slow.len() == SLOW {
            break;
        }
        let Some(arguments) = calls.arguments(tool) else { continue };
        let token = json!(format!("litmus-survey-{number}"));
        let params = json!({"name": tool["name"], "arguments": arguments, "_meta": {"progressToken": token}});
        let sent = session.request("tools/call", Some(params));
        let answer = session.answer(&sent, within).await;
        if matches!(answer, Awaited::TimedOut(_)) {
            slow.push(tool["name"].as_str().unwrap_or_default().to_owned());
        }
        if complete(answer).is_none_or(|result| result["isError"] == true) {
            continue;
        }
        let other_case = other_case(&tool["name"]).filter(|name| tools.iter().all(|tool| tool["name"] != **name));
        if let Some(other) = other_case {
            let fact = json!({"name": tool["name"], "other-name": other, "arguments": arguments});
            found.entry("cased").or_insert(fact);
        }
        let mut sorts = sorts(tool, &arguments);
        sorts.extend(mirrored(session, tool, &arguments));
        if has_reported(session, &token) {
            sorts.push((Some("progress"), json!({"name": tool["name"], "arguments": arguments})));
        }
        for (sort, fact) in sorts {
            match sort {
                None => fact.as_object().into_iter().flatten().for_each(|(key, value)| {
                    found.entry(key).or_insert(value.clone());
                }),
                Some(sort) => drop(found.entry(sort).or_insert(fact)),
            }
        }
    }
    (!found.is_empty()).then_some(Value::Object(found))
}

/// Whether progress has come under a token.
fn has_reported(session: &Session, token: &Value) -> bool {
    session.transcript().from_server().any(|(_, message)| {
        let of = message.params().and_then(|params| params.get("progressToken"));
        message.method() == Some("notifications/progress") && of == Some(token)
    })
}

/// What a tool that answers these arguments can serve as: `None` for any tool, else the name of a sort.
fn sorts(tool: &Value, arguments: &Value) -> Vec<(Option<&'static str>, Value)> {
    let plain = json!({"name": tool["name"], "arguments": arguments});
    let mut sorts = vec![(None, plain.clone())];
    if tool.get("outputSchema").is_some() {
        sorts.push((Some("structured"), plain.clone()));
    }
    let schema = &tool["inputSchema"];
    let required: Vec<_> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let with = |argument: &str| {
        let mut fact = plain.clone();
        fact["argument"] = json!(argument);
        fact
    };
    match required.first() {
        None => sorts.push((Some("no-arguments"), plain.clone())),
        Some(argument) => sorts.push((Some("required"), with(argument))),
    }
    let typed = required
        .iter()
        .find_map(|argument| Some((*argument, arguments::wrong_type(&schema["properties"][argument]["type"])?)));
    if let Some((argument, wrong)) = typed {
        let mut fact = with(argument);
        fact["wrong-arguments"] = arguments.clone();
        fact["wrong-arguments"][argument] = wrong;
        sorts.push((Some("typed"), fact));
    }
    let invalid = arguments::invalid(schema, arguments);
    if invalid.len() > 1 {
        sorts.push((Some("particular"), json!({"name": tool["name"], "arguments": arguments, "invalid": invalid})));
    }
    sorts
}

/// What a tool can serve as whose arguments are mirrored in headers: `mirrored` where a text among them is given, `unmirrored`
/// where one of them is left out.
fn mirrored(session: &Session, tool: &Value, arguments: &Value) -> Vec<(Option<&'static str>, Value)> {
    let annotated = session.mirrored(tool["name"].as_str().unwrap_or_default());
    let given = |path: &[String]| path.iter().try_fold(arguments, |value, key| value.get(key.as_str()));
    let plain = json!({"name": tool["name"], "arguments": arguments});
    let mut sorts = Vec::new();
    let text = annotated.iter().find_map(|(header, path)| {
        let value =
            given(path)?.as_str().filter(|value| !value.is_empty() && value.chars().all(|c| c.is_ascii_graphic()))?;
        Some((header, value))
    });
    if let Some((header, value)) = text {
        let mut fact = plain.clone();
        fact["header"] = json!(format!("Mcp-Param-{header}"));
        fact["value"] = json!(value);
        fact["value-base64"] = json!(BASE64_STANDARD.encode(value));
        sorts.push((Some("mirrored"), fact));
    }
    if annotated.iter().any(|(_, path)| given(path).is_none()) {
        sorts.push((Some("unmirrored"), plain));
    }
    sorts
}

/// A name with its ASCII letters in the other case, if it has any.
fn other_case(name: &Value) -> Option<String> {
    let name = name.as_str()?;
    let swap = |c: char| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
    let swapped: String = name.chars().map(swap).collect();
    (swapped != name).then_some(swapped)
}

async fn resource(session: &mut Session, resources: &[Value], within: Duration) -> Option<Value> {
    for resource in resources.iter().filter(|resource| resource["uri"].is_string()).take(TRIES) {
        if result(session, "resources/read", json!({"uri": resource["uri"]}), within).await.is_some() {
            return Some(json!({"uri": resource["uri"]}));
        }
    }
    None
}

async fn template(session: &mut Session, templates: &[Value], within: Duration) -> Option<Value> {
    let template = templates.iter().find_map(|template| template["uriTemplate"].as_str())?;
    let mut fact = json!({"uri-template": template});
    if let Some(variable) = first_variable(template) {
        fact["variable"] = json!(variable);
        let uri = expanded(template);
        if result(session, "resources/read", json!({"uri": uri}), within).await.is_some() {
            fact["uri"] = json!(uri);
        }
    }
    Some(fact)
}

/// A URI template with `1` for each of its simple variables.
fn expanded(template: &str) -> String {
    let mut uri = String::new();
    let mut rest = template;
    while let Some((before, (_, after))) = rest.split_once('{').and_then(|(b, r)| Some((b, r.split_once('}')?))) {
        uri.push_str(before);
        uri.push('1');
        rest = after;
    }
    uri + rest
}

/// The first variable of a URI template (RFC 6570), without operator and modifiers.
fn first_variable(template: &str) -> Option<&str> {
    let expression = template.split_once('{')?.1.split_once('}')?.0;
    let names = expression.trim_start_matches(['+', '#', '.', '/', ';', '?', '&']);
    names.split([',', ':', '*']).next().filter(|name| !name.is_empty())
}

/// The first prompt that can be got, and the first of each sort.
async fn prompt(session: &mut Session, prompts: &[Value], within: Duration) -> Option<Value> {
    let mut found = Map::new();
    let mut alone = None;
    for prompt in prompts.iter().filter(|prompt| prompt["name"].is_string()).take(TRIES) {
        let declared: Vec<_> = prompt["arguments"].as_array().into_iter().flatten().collect();
        let given: Map<_, _> = declared
            .iter()
            .filter(|argument| argument["required"] == true)
            .filter_map(|argument| Some((argument["name"].as_str()?.to_owned(), json!("1"))))
            .collect();
        let name = &prompt["name"];
        if let Some(argument) = declared.first().map(|argument| &argument["name"]).filter(|name| name.is_string()) {
            found.entry("with-argument").or_insert(json!({"name": name, "argument": argument}));
            // Better than any prompt with an argument is one that can be got with this argument alone.
            if given.len() <= 1 && alone.is_none() {
                let required = given.keys().next().map(|required| json!(required));
                alone = Some(json!({"name": name, "argument": required.as_ref().unwrap_or(argument)}));
            }
        }
        if let Some(argument) = given.keys().next() {
            found.entry("required").or_insert(json!({"name": name, "argument": argument}));
        }
        if found.contains_key("name") {
            continue;
        }
        let params = json!({"name": name, "arguments": given});
        if result(session, "prompts/get", params, within).await.is_some() {
            found.insert("name".to_owned(), name.clone());
            found.insert("arguments".to_owned(), Value::Object(given));
        }
    }
    if let Some(prompt) = alone {
        found.insert("with-argument".to_owned(), prompt);
    }
    (!found.is_empty()).then_some(Value::Object(found))
}

/// Whether the target suggests something for the first prompt or template that has an argument.
async fn completes(session: &mut Session, facts: &Map<String, Value>, within: Duration) -> bool {
    let facts = Value::Object(facts.clone());
    let prompt = facts.pointer("/prompt/with-argument/name").zip(facts.pointer("/prompt/with-argument/argument"));
    let template = facts.pointer("/template/uri-template").zip(facts.pointer("/template/variable"));
    let prompt = prompt.map(|(name, argument)| (json!({"type": "ref/prompt", "name": name}), argument));
    let template = template.map(|(uri, variable)| (json!({"type": "ref/resource", "uri": uri}), variable));
    for (reference, argument) in prompt.into_iter().chain(template) {
        let params = json!({"ref": reference, "argument": {"name": argument, "value": ""}});
        if result(session, "completion/complete", params, within).await.is_some() {
            return true;
        }
    }
    false
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
