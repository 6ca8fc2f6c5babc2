//! Holds the tools that were listed against the rules for their schemas, and the results of calls against what was listed.

use serde_json::Value;

use crate::judge::always::evidence;
use crate::judge::compare::{Miss, shown};
use crate::judge::context::{Context, Judged, fold};
use crate::judge::dialect::{fault, violation};
use crate::judge::traffic::{Heard, Traffic};
use crate::scenario::Scenario;

const INPUT: &str = "tools.input-schema.valid";
const OUTPUT: &str = "tools.output-schema.valid";
const NAMED_ONCE: [&str; 2] = ["tools.name.identifier-unique", "tools.name.unique"];
const CONFORMS: &str = "tools.call.output-conforms";
const ALSO_TEXT: &str = "tools.call.structured-also-text";
const EMBEDDED: &str = "tools.call.embedded-resource-capability";

/// Judges all lists of tools and all calls (specification: server/tools).
pub(super) fn judge(scenario: &Scenario, context: &Context, traffic: &Traffic<'_>) -> Vec<Judged> {
    let mut court = Court { scenario, traffic, judged: Vec::new() };
    let mut pages: Vec<Page> = Vec::new();
    let mut known: Vec<&Value> = context.facts.get("tools").and_then(Value::as_array).into_iter().flatten().collect();
    for heard in &traffic.heard {
        let Some(result) = heard.result() else { continue };
        match heard.method() {
            Some("tools/list") => {
                let Some(tools) = result.get("tools").and_then(Value::as_array) else { continue };
                let page = Page::of(heard, context.revision.next_cursor(result), tools, &pages);
                court.names(heard, &page);
                pages.push(page);
                for tool in tools {
                    court.schemas(heard, tool);
                    known.retain(|other| other["name"] != tool["name"]);
                    known.push(tool);
                }
            }
            Some("tools/call") => {
                let name = heard.request.as_ref().and_then(|asked| asked.message.value().pointer("/params/name"));
                let tool = name.and_then(|name| known.iter().find(|tool| tool["name"] == *name).copied());
                court.call(heard, result, tool, context);
            }
            _ => {}
        }
    }
    fold(court.judged)
}

struct Court<'a> {
    scenario: &'a Scenario,
    traffic: &'a Traffic<'a>,
    judged: Vec<Judged>,
}

impl Court<'_> {
    fn schemas(&mut self, heard: &Heard<'_>, tool: &Value) {
        let name = shown(&tool["name"]);
        for (requirement, member) in [(INPUT, "inputSchema"), (OUTPUT, "outputSchema")] {
            if let Some(schema) = tool.get(member) {
                let actual = fault(schema).map(|fault| format!("{member} of {name}: {fault}"));
                self.enter(requirement, heard, "a valid JSON Schema in its dialect", actual);
            }
        }
    }

    fn names(&mut self, heard: &Heard<'_>, page: &Page) {
        // A page that comes again as a whole is a fault of pagination.
        if page.names.is_empty() || page.names.iter().all(|name| page.before.contains(name)) {
            return;
        }
        let names = page.names.iter().enumerate();
        let again =
            names.into_iter().find(|(index, name)| page.before.contains(name) || page.names[..*index].contains(name));
        let actual = again.map(|(_, name)| format!("two tools named {}", shown(name)));
        for requirement in NAMED_ONCE {
            self.enter(requirement, heard, "every name once", actual.clone());
        }
    }

    fn call(&mut self, heard: &Heard<'_>, result: &Value, tool: Option<&Value>, context: &Context) {
        let is_complete =
            result.get("resultType").is_none_or(|kind| kind == "complete") && result.get("task").is_none();
        if !is_complete || result["isError"] == true {
            return;
        }
        let structured = result.get("structuredContent");
        if let Some(schema) = tool.and_then(|tool| tool.get("outputSchema")) {
            let actual = match structured {
                None => Some("no structuredContent".to_owned()),
                Some(value) => violation(schema, value).map(|miss| format!("structuredContent: {miss}")),
            };
            self.enter(CONFORMS, heard, "structuredContent that satisfies the outputSchema", actual);
        }
        let blocks: Vec<_> = result["content"].as_array().into_iter().flatten().collect();
        // Blocks that are none are judged by their definition.
        let is_sound = result["content"].is_array() && blocks.iter().all(|block| is_known(block));
        if let Some(content) = structured.filter(|_| is_sound) {
            let texts = blocks.iter().filter_map(|block| block["text"].as_str());
            // What is no object needs no more than words, as in the page's own example of a list.
            let is_told = texts.into_iter().any(|text| tells(text, content) || !content.is_object());
            let actual = (!is_told).then(|| format!("no text block holds {}", shown(content)));
            self.enter(ALSO_TEXT, heard, "the structured content as JSON in a text block too", actual);
        }
        if blocks.iter().any(|block| block["type"] == "resource") {
            let declared = context.facts.get("capabilities").is_some_and(|all| all.get("resources").is_some());
            let actual = (!declared).then(|| "an embedded resource from a server without resources".to_owned());
            self.enter(EMBEDDED, heard, "the resources capability", actual);
        }
    }

    fn enter(&mut self, requirement: &str, heard: &Heard<'_>, expected: &str, actual: Option<String>) {
        self.judged.push(match actual {
            None => Judged::pass(requirement),
            Some(actual) => {
                let miss = Miss { expected: expected.to_owned(), actual };
                Judged::fail(requirement, evidence(self.scenario, 1, miss, heard, self.traffic))
            }
        });
    }
}

/// A page of a list of tools.
struct Page {
    /// The cursor of the page after it.
    next: Option<Value>,
    names: Vec<Value>,
    /// Names on the pages before it.
    before: Vec<Value>,
}

impl Page {
    fn of(heard: &Heard<'_>, next: Option<&str>, tools: &[Value], earlier: &[Self]) -> Self {
        let request = heard.request.as_ref().map(|asked| asked.message.value());
        let cursor = request.and_then(|request| request.pointer("/params/cursor"));
        let last = cursor.and_then(|cursor| earlier.iter().rev().find(|page| page.next.as_ref() == Some(cursor)));
        let before = last.map(|page| [page.before.as_slice(), &page.names].concat()).unwrap_or_default();
        let names = tools.iter().map(|tool| tool["name"].clone()).collect();
        Self { next: next.map(Value::from), names, before }
    }
}

/// Whether a text is the JSON of a value, or of the value in a wrapper `{"result": value}`, which is then told bare.
fn tells(text: &str, content: &Value) -> bool {
    let is_it = |value: &Value| {
        serde_json::from_str::<Value>(text).is_ok_and(|told| same(&told, value)) || value.as_str() == Some(text)
    };
    let wrapped = content.as_object().filter(|members| members.len() == 1).and_then(|members| members.get("result"));
    is_it(content) || wrapped.is_some_and(is_it)
}

/// Whether a value is a block of content of a type that some revision knows.
fn is_known(block: &Value) -> bool {
    ["text", "image", "audio", "resource", "resource_link"].iter().any(|kind| block["type"] == *kind)
}

/// Equality of JSON values, numbers by value.
fn same(a: &Value, b: &Value) -> bool {
    use crate::wire::pattern::matches;
    matches(a, b) && matches(b, a)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_may_tell_the_content_in_its_own_form() {
        assert!(tells("{\n  \"sum\": 3.0 }", &json!({"sum": 3})));
        assert!(tells("3", &json!({"result": 3})) && tells("three", &json!({"result": "three"})));
        assert!(!tells("The sum is 3.", &json!({"sum": 3})));
    }
}
