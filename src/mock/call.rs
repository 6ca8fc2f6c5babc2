//! Runs the tools. What a tool says goes to its caller; what it changes is told to those who asked.

use serde_json::{Value, json};

use crate::protocol::Revision;

use super::answer::{Answer, LEVELS, Object, Refusal, Request};
use super::ask::Question;
use super::quirk::Quirk;
use super::resources::{COUNTER, SILENCE};
use super::server::{Mock, Output, Until, notification};
use super::tools::{self, PIXEL, Tool};

/// Something that others may want to hear of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Tools,
    Resources,
    Prompts,
    /// The resource of this URI.
    Resource(&'static str),
}

/// A tool result of one text.
pub(super) fn text(text: &str) -> Object {
    contents(&[json!({"type": "text", "text": text})])
}

/// The result of a tool that failed.
pub(super) fn failed(reason: &str) -> Object {
    let mut result = text(reason);
    result.insert("isError".to_owned(), json!(true));
    result
}

/// What the errands come to.
pub(super) fn errand(arguments: &Value) -> Object {
    if arguments["fails"] == json!(true) { failed("the errand failed") } else { text("The errand is done.") }
}

fn contents(contents: &[Value]) -> Object {
    let mut result = Object::new();
    result.insert("content".to_owned(), json!(contents));
    result
}

impl Mock {
    /// Answers `tools/call`.
    pub(super) fn call(&mut self, request: &Request, out: &mut Vec<Output>) -> Result<Answer, Refusal> {
        let name = request.text("name")?;
        let arguments = Value::Object(request.object("arguments")?);
        if self.options.has(Quirk::WantsArguments) && !request.params.contains_key("arguments") {
            return Err(Refusal::params("`arguments` must be given"));
        }
        let tool = tools::find(name, request.revision, self.options.features, self.world.extras)
            .ok_or_else(|| Refusal::params("there is no such tool"))?;
        if let Some(answer) = self.call_as_task(request, tool, &arguments, out)? {
            return Ok(answer);
        }
        if let Some(complaint) = tool.complaint(&arguments)
            && !self.options.has(Quirk::SkipsValidation)
        {
            return if request.revision >= Revision::V2025_11_25 {
                Ok(Answer::Result(failed(&complaint)))
            } else {
                Err(Refusal::params("the arguments do not fit the tool").with(json!(complaint)))
            };
        }
        if let Some(question) = Question::of_tool(name, request.revision) {
            return self.ask(request, &arguments, question, out);
        }
        Ok(self.run(request, tool, &arguments, out))
    }

    fn run(&mut self, request: &Request, tool: &Tool, arguments: &Value, out: &mut Vec<Output>) -> Answer {
        let result = match tool.name {
            "add" => sum(request.revision, arguments),
            "echo" => text(arguments["text"].as_str().unwrap_or_default()),
            "version" => text(&format!("{} {}", self.options.name, self.options.version)),
            "fail" => failed("this tool fails every time"),
            "count" => count(request, arguments, out),
            "log" => {
                self.log(request, arguments, out);
                text("Logged.")
            }
            "hold" => return self.hold(request, arguments),
            "order" => text(&format!("{} of size {} will be served.", arguments["count"], arguments["size"])),
            "route" => text(&arguments.to_string()),
            "picture" => contents(&[json!({"type": "image", "data": PIXEL, "mimeType": "image/png"})]),
            "sound" => contents(&[json!({"type": "audio", "data": SILENCE, "mimeType": "audio/wav"})]),
            "document" => contents(&[
                json!({"type": "resource", "resource": {"uri": "mock://texts/poem", "mimeType": "text/plain",
                       "text": "The wire is bare,\nthe line is long.\n"}}),
                json!({"type": "resource", "resource": {"uri": "mock://images/dot", "mimeType": "image/png", "blob": PIXEL},
                       "annotations": {"audience": ["user"], "priority": 0.2}}),
            ]),
            "link" => contents(&[json!({"type": "resource_link", "uri": "mock://texts/welcome", "name": "welcome",
                                        "title": "Welcome", "mimeType": "text/plain"})]),
            "touch" => {
                self.world.counter += 1;
                self.tell(&[Change::Resource(COUNTER)], out);
                text(&format!("The counter is at {}.", self.world.counter))
            }
            "toggle_extras" => {
                self.world.extras = !self.world.extras;
                self.tell(&[Change::Tools, Change::Resources, Change::Prompts], out);
                text(if self.world.extras { "The extras are there." } else { "The extras are gone." })
            }
            "errand" => errand(arguments),
            _ => text("Done."),
        };
        Answer::Result(result)
    }

    /// Logs once at each level that is wanted.
    fn log(&self, request: &Request, arguments: &Value, out: &mut Vec<Output>) {
        let lowest = if self.options.has(Quirk::IgnoresLevel) { Some(0) } else { request.level };
        let Some(lowest) = lowest else { return };
        let said = arguments["text"].as_str().unwrap_or("A line of the log.");
        for level in &LEVELS[lowest..] {
            let params = json!({"level": level, "logger": "mock", "data": said});
            out.push(notification(Some(request.exchange), "notifications/message", params));
        }
    }

    fn hold(&mut self, request: &Request, arguments: &Value) -> Answer {
        let wanted = arguments["messages"].as_u64().unwrap_or(0);
        if wanted == 0 {
            return Answer::Result(text("So it is."));
        }
        let until = Until::Messages { wanted, seen: 0, token: request.progress_token().cloned() };
        self.held.push(request.held(until));
        Answer::Later
    }

    /// Tells changes to those who asked to hear of them.
    fn tell(&mut self, changes: &[Change], out: &mut Vec<Output>) {
        for change in changes {
            if let Some(session) = &self.session {
                out.extend(session.tell(*change, self.options.has(Quirk::NotifiesAll)));
            }
            out.extend(
                self.listens.iter().filter_map(|listen| listen.tell(*change, self.options.has(Quirk::NotifiesAll))),
            );
        }
    }
}

impl Change {
    /// The method of the notification that tells of it.
    pub(super) fn method(self) -> &'static str {
        match self {
            Self::Tools => "notifications/tools/list_changed",
            Self::Resources => "notifications/resources/list_changed",
            Self::Prompts => "notifications/prompts/list_changed",
            Self::Resource(_) => "notifications/resources/updated",
        }
    }
}

fn sum(revision: Revision, arguments: &Value) -> Object {
    let (a, b) = (&arguments["a"], &arguments["b"]);
    let sum = match (a.as_i64(), b.as_i64()) {
        (Some(a), Some(b)) => a.checked_add(b).map(Value::from),
        _ => None,
    };
    // What is no number, and was not refused, counts as nothing.
    let number = |value: &Value| value.as_f64().unwrap_or_default();
    // Beyond all numbers that JSON can say there is nothing better than an error.
    let sum = sum.or_else(|| serde_json::Number::from_f64(number(a) + number(b)).map(Value::Number));
    let Some(sum) = sum else { return failed("the sum is too large") };
    if revision < Revision::V2025_06_18 {
        return text(&sum.to_string());
    }
    let structured = json!({"sum": sum});
    let mut result = text(&structured.to_string());
    result.insert("structuredContent".to_owned(), structured);
    result
}

/// Counts, and tells each step to a client that wants to hear of it.
fn count(request: &Request, arguments: &Value, out: &mut Vec<Output>) -> Object {
    let to = arguments["to"].as_u64().unwrap_or(3);
    if let Some(token) = request.progress_token() {
        for step in 1..=to {
            let mut params = json!({"progressToken": token, "progress": step, "total": to});
            if request.revision >= Revision::V2025_03_26 {
                params["message"] = json!(format!("Counted to {step}"));
            }
            out.push(notification(Some(request.exchange), "notifications/progress", params));
        }
    }
    text(&format!("Counted to {to}."))
}
