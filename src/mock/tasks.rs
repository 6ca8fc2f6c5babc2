//! Tasks: those of 2025-11-25, and those of the extension of 2026-07-28. A task's work is done at once; that it takes long is
//! pretended by counting how often it was asked for.

use serde_json::{Value, json};

use crate::protocol::{Era, Revision};

use super::answer::{Answer, Object, Refusal, Request};
use super::ask::Question;
use super::page::page;
use super::server::{Held, Mock, Output, Until, notification};
use super::tools::{Tasks, Tool};
use super::{call, clock};

/// The extension's name among capabilities.
pub(super) const EXTENSION: &str = "io.modelcontextprotocol/tasks";

const RELATED: &str = "io.modelcontextprotocol/related-task";

/// The longest that a task is kept, in milliseconds.
const LONGEST: u64 = 3_600_000;

/// How often a task is asked for until it is done.
const POLLS: u32 = 2;

/// Some work that is asked for by its id.
#[derive(Debug, Clone)]
pub(super) struct Task {
    id: String,
    status: Status,
    created: u64,
    updated: u64,
    ttl: u64,
    polls: u32,
    /// The result that it comes to.
    outcome: Object,
    /// What it needs to know first.
    question: Option<Question>,
    token: Option<Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Working,
    InputRequired,
    Completed,
    Failed,
    Cancelled,
}

impl Mock {
    /// Calls a tool as a task, if that is what the request, or the tool, wants.
    pub(super) fn call_as_task(
        &mut self,
        request: &Request,
        tool: &Tool,
        arguments: &Value,
        out: &mut Vec<Output>,
    ) -> Result<Option<Answer>, Refusal> {
        if !self.options.offers_all() || request.revision < Revision::V2025_11_25 {
            return Ok(None);
        }
        if request.revision.era() == Era::Stateless {
            return match tool.tasks {
                Tasks::Forbidden => Ok(None),
                _ if tool.complaint(arguments).is_some() => Ok(None),
                Tasks::Optional if !declares(request) => Ok(None),
                Tasks::Optional | Tasks::Required => {
                    require_declared(request)?;
                    let outcome = call::errand(arguments);
                    let task = self.create(LONGEST, outcome, question(request, arguments), None);
                    let mut result = task.shown_stateless();
                    result["resultType"] = json!("task");
                    Ok(Some(Answer::result(result)))
                }
            };
        }
        let Some(wanted) = request.params.get("task") else {
            return match tool.tasks {
                Tasks::Required => Err(Refusal::new(-32601, "This tool can be called as a task only")),
                _ => Ok(None),
            };
        };
        if tool.tasks == Tasks::Forbidden {
            return Err(Refusal::new(-32601, "This tool cannot be called as a task"));
        }
        let ttl = match wanted.as_object().map(|wanted| wanted.get("ttl")) {
            Some(None) => LONGEST,
            Some(Some(Value::Number(ttl))) => ttl.as_u64().unwrap_or(LONGEST),
            _ => return Err(Refusal::params("`task` must be an object, with a number as `ttl` if any")),
        };
        let outcome = tool.complaint(arguments).map_or_else(|| call::errand(arguments), |fault| call::failed(&fault));
        let task = self.create(ttl, outcome, question(request, arguments), request.progress_token().cloned());
        if let Some(progress) = task.progress(1) {
            out.push(Output { exchange: Some(request.exchange), message: progress });
        }
        Ok(Some(Answer::result(json!({"task": task.shown()}))))
    }

    /// Serves the task methods of 2025-11-25; `None` for any other method.
    pub(super) fn serve_task(&mut self, request: &Request, out: &mut Vec<Output>) -> Option<Answer> {
        if request.revision != Revision::V2025_11_25 || !self.options.offers_all() {
            return None;
        }
        self.forget_expired();
        Some(match request.method.as_str() {
            "tasks/get" => self.poll(request, out).map(|task| Answer::result(task.shown())).into(),
            "tasks/result" => self.task_result(request, out).into(),
            "tasks/cancel" => self.cancel_task(request, out).map(|task| Answer::result(task.shown())).into(),
            "tasks/list" if self.options.lists_tasks => {
                let tasks: Vec<_> = self.tasks.iter().map(Task::shown).collect();
                page("tasks", &tasks, 3, &request.params, &self.options).map(Answer::Result).into()
            }
            _ => return None,
        })
    }

    /// Serves the methods of the extension; `None` for any other method.
    pub(super) fn serve_task_extension(&mut self, request: &Request, out: &mut Vec<Output>) -> Option<Answer> {
        if !self.options.offers_all() {
            return None;
        }
        self.forget_expired();
        let declared = require_declared(request);
        Some(match request.method.as_str() {
            "tasks/get" => declared
                .and_then(|()| self.poll(request, out))
                .map(|task| Answer::result(task.shown_stateless()))
                .into(),
            "tasks/update" => declared.and_then(|()| self.update_task(request, out)).into(),
            "tasks/cancel" => declared
                .and_then(|()| {
                    let task = self.task(request)?;
                    if !task.status.is_terminal() {
                        self.cancel_task(request, out)?;
                    }
                    Ok(Answer::empty())
                })
                .into(),
            _ => return None,
        })
    }

    /// Which of these tasks can be listened to.
    pub(super) fn known_tasks(&self, ids: &[Value]) -> Vec<Value> {
        ids.iter().filter(|id| self.tasks.iter().any(|task| **id == task.id)).cloned().collect()
    }

    fn create(&mut self, ttl: u64, outcome: Object, question: Option<Question>, token: Option<Value>) -> &Task {
        let now = clock::now();
        self.tasks.push(Task {
            id: clock::unguessable(),
            status: Status::Working,
            created: now,
            updated: now,
            ttl: ttl.min(LONGEST),
            polls: 0,
            outcome,
            question,
            token,
        });
        &self.tasks[self.tasks.len() - 1]
    }

    /// The task that a request names.
    fn task(&mut self, request: &Request) -> Result<&mut Task, Refusal> {
        let id = request.text("taskId")?;
        let task = self.tasks.iter_mut().find(|task| task.id == id);
        task.ok_or_else(|| Refusal::params("Task not found: it never was, or has expired"))
    }

    /// The task that a request asks for, which brings it nearer to its end.
    fn poll(&mut self, request: &Request, out: &mut Vec<Output>) -> Result<Task, Refusal> {
        let stateless = request.revision.era() == Era::Stateless;
        let task = self.task(request)?;
        let before = task.status;
        if before == Status::Working {
            task.polls += 1;
            if task.question.is_some() {
                task.turn(Status::InputRequired);
            } else if task.polls >= POLLS {
                let status = if stateless { Status::Completed } else { task.outcome_status() };
                task.turn(status);
            }
        }
        let task = task.clone();
        if task.status != before {
            self.tell_task(&task, stateless, out);
        }
        Ok(task)
    }

    fn task_result(&mut self, request: &Request, out: &mut Vec<Output>) -> Result<Answer, Refusal> {
        let task = self.task(request)?;
        if task.status == Status::Cancelled {
            return Err(cancelled());
        }
        if let Some(question) = task.question.clone() {
            let (id, before) = (task.id.clone(), task.status);
            task.turn(Status::InputRequired);
            let task = task.clone();
            if before != task.status {
                self.tell_task(&task, false, out);
            }
            self.ask_by_request(request, question, Some(id), out);
            return Ok(Answer::Later);
        }
        let is_news = !task.status.is_terminal();
        if is_news {
            // Whoever waits for the result has waited long enough.
            let status = task.outcome_status();
            task.turn(status);
        }
        let task = task.clone();
        if is_news {
            // Whoever waits hears of it on the very stream on which the result will come.
            let before = out.len();
            self.tell_task(&task, false, out);
            out[before..].iter_mut().for_each(|output| output.exchange = Some(request.exchange));
        }
        let mut result = task.outcome;
        result.insert("_meta".to_owned(), related(&task.id));
        Ok(Answer::Result(result))
    }

    /// Ends a task of the core with what came of its question, whose result is waited for.
    pub(super) fn conclude_task(&mut self, id: &str, result: &mut Object, out: &mut Vec<Output>) {
        let task = self.tasks.iter_mut().find(|task| task.id == id && !task.status.is_terminal());
        if let Some(task) = task {
            task.question = None;
            task.outcome.clone_from(result);
            let status = task.outcome_status();
            task.turn(status);
            let task = task.clone();
            self.tell_task(&task, false, out);
        }
        result.insert("_meta".to_owned(), related(id));
    }

    fn cancel_task(&mut self, request: &Request, out: &mut Vec<Output>) -> Result<Task, Refusal> {
        let task = self.task(request)?;
        if task.status.is_terminal() {
            return Err(Refusal::params("The task has ended already"));
        }
        task.turn(Status::Cancelled);
        let task = task.clone();
        self.tell_task(&task, request.revision.era() == Era::Stateless, out);
        // Whoever waits for the result need wait no longer.
        let waits = |held: &mut Held| matches!(&held.until, Until::Reply { task: Some(id), .. } if *id == task.id);
        for held in self.held.extract_if(.., waits).collect::<Vec<_>>() {
            out.extend(held.withdrawal("the task behind it was cancelled"));
            out.push(self.refusal(held.exchange, Some(&held.id), &cancelled()));
        }
        Ok(task)
    }

    fn update_task(&mut self, request: &Request, out: &mut Vec<Output>) -> Result<Answer, Refusal> {
        let task = self.task(request)?;
        let responses = request.params.get("inputResponses").and_then(Value::as_object);
        let responses = responses.ok_or_else(|| Refusal::params("`inputResponses` must be given, as an object"))?;
        let answered = task.question.as_ref().and_then(|question| Some((question, responses.get(question.key())?)));
        if let Some((question, response)) = answered
            && task.status == Status::InputRequired
        {
            task.outcome = question.conclude(Some(response))?;
            task.question = None;
            task.turn(Status::Working);
            let task = task.clone();
            self.tell_task(&task, true, out);
        }
        Ok(Answer::empty())
    }

    /// Tells of a task that has just changed to those who asked to hear of it.
    fn tell_task(&self, task: &Task, stateless: bool, out: &mut Vec<Output>) {
        if stateless {
            out.extend(self.listens.iter().filter_map(|listen| listen.tell_task(&task.id, task.shown_stateless())));
        } else {
            if matches!(task.status, Status::Completed | Status::Failed) {
                out.extend(task.progress(2).map(|message| Output { exchange: None, message }));
            }
            out.push(notification(None, "notifications/tasks/status", task.shown()));
        }
    }

    fn forget_expired(&mut self) {
        let now = clock::now();
        self.tasks.retain(|task| now <= task.created + task.ttl);
    }
}

impl Task {
    fn turn(&mut self, status: Status) {
        self.status = status;
        self.updated = clock::now();
    }

    fn outcome_status(&self) -> Status {
        if self.outcome.contains_key("isError") { Status::Failed } else { Status::Completed }
    }

    /// The task as 2025-11-25 shows it.
    fn shown(&self) -> Value {
        json!({
            "taskId": self.id,
            "status": self.status.name(),
            "statusMessage": self.status.message(),
            "createdAt": clock::iso(self.created),
            "lastUpdatedAt": clock::iso(self.updated),
            "ttl": self.ttl,
            "pollInterval": 10,
        })
    }

    /// The task as the extension shows it.
    fn shown_stateless(&self) -> Value {
        let mut shown = json!({
            "taskId": self.id,
            "status": self.status.name(),
            "statusMessage": self.status.message(),
            "createdAt": clock::iso(self.created),
            "lastUpdatedAt": clock::iso(self.updated),
            "ttlMs": self.ttl,
            "pollIntervalMs": 10,
        });
        match (self.status, &self.question) {
            (Status::Completed, _) => {
                shown["result"] = json!(self.outcome);
                shown["result"]["resultType"] = json!("complete");
            }
            (Status::InputRequired, Some(question)) => {
                shown["inputRequests"] = json!({question.key(): question.request(Revision::V2026_07_28)});
            }
            _ => {}
        }
        shown
    }

    /// The notification of the n-th of its two steps, if its client wants to hear of them.
    fn progress(&self, step: u32) -> Option<Value> {
        let token = self.token.as_ref()?;
        let params = json!({"progressToken": token, "progress": step, "total": 2, "message": format!("Step {step} of 2"),
                            "_meta": related(&self.id)});
        Some(notification(None, "notifications/progress", params).message)
    }
}

impl Status {
    fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Working => "working",
            Self::InputRequired => "input_required",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    fn message(self) -> &'static str {
        match self {
            Self::Working => "The errand is being run.",
            Self::InputRequired => "The errand needs an answer first.",
            Self::Completed => "The errand is done.",
            Self::Failed => "The errand failed, as it was told to.",
            Self::Cancelled => "The errand was cancelled.",
        }
    }
}

/// The metadata of what belongs to a task.
pub(super) fn related(task: &str) -> Value {
    json!({RELATED: {"taskId": task}})
}

/// The error instead of the result of a task that was cancelled; its code is outside of all that are reserved.
fn cancelled() -> Refusal {
    Refusal::new(1, "The task was cancelled")
}

/// What an errand asks first, if it is told to and the client can be asked.
fn question(request: &Request, arguments: &Value) -> Option<Question> {
    (arguments["asks"] == json!(true) && Question::Name.is_allowed(request)).then_some(Question::Name)
}

fn declares(request: &Request) -> bool {
    request.client.get("extensions").and_then(|extensions| extensions.get(EXTENSION)).is_some_and(Value::is_object)
}

pub(super) fn require_declared(request: &Request) -> Result<(), Refusal> {
    if declares(request) {
        Ok(())
    } else {
        Err(Refusal::capability(EXTENSION, &json!({"extensions": {EXTENSION: {}}})))
    }
}
