//! The requests that both eras have: lists, reads, gets and completions. Knows nothing of handshakes or metadata.

use std::time::Instant;

use serde_json::{Value, json};

use crate::protocol::{Era, Revision};

use super::answer::{Answer, Refusal, Request};
use super::options::Features;
use super::page::page;
use super::quirk::Quirk;
use super::server::{Mock, Output, Until};
use super::{ask::Question, call, completion, prompts, resources, seal, tools};

impl Mock {
    /// Serves what both eras have; `None` for any other method.
    pub(super) fn serve_common(&mut self, request: &Request, out: &mut Vec<Output>) -> Option<Answer> {
        if !self.knows_cursor(request) {
            return Some(Refusal::params("this cursor was not given here").into());
        }
        let answer = self.serve_list_or_item(request, out)?;
        if let Answer::Result(result) = &answer
            && let Some(cursor) = result.get("nextCursor").and_then(Value::as_str)
        {
            self.cursors.push(cursor.to_owned());
        }
        Some(answer)
    }

    /// Whether a cursor may be used on this connection: anywhere, unless a quirk binds it.
    fn knows_cursor(&self, request: &Request) -> bool {
        let are_bound = self.options.has(Quirk::BindsCursors) || self.options.has(Quirk::OwnsData);
        let cursor = request.params.get("cursor").and_then(Value::as_str).filter(|_| are_bound);
        cursor.is_none_or(|cursor| self.cursors.iter().any(|given| given == cursor))
    }

    fn serve_list_or_item(&mut self, request: &Request, out: &mut Vec<Output>) -> Option<Answer> {
        let all = self.options.offers_all();
        let (revision, world, params) = (request.revision, &self.world, &request.params);
        // Within one walk over the pages the order stays.
        self.listed += usize::from(request.method == "tools/list" && !params.contains_key("cursor"));
        let turns = if self.options.has(Quirk::ShufflesLists) { self.listed } else { 0 };
        self.paged += usize::from(request.method == "resources/list" && params.contains_key("cursor"));
        let is_grown = self.paged >= 3 && self.options.has(Quirk::GrowsList);
        let list = |member: &str, items: &[Value], size: usize| {
            let mut items = items.to_vec();
            if is_grown && member == "resources" {
                let added = resources::listed(revision, world).into_iter().take(size);
                let added = added.enumerate().map(|(number, mut item)| {
                    item["uri"] = json!(format!("mock://added/{number}"));
                    item
                });
                items.splice(0..0, added);
            }
            if member == "resources" && self.options.has(Quirk::OwnsData) {
                let mut own = items[0].clone();
                own["uri"] = json!(format!("mock://own/{}", self.number));
                items.push(own);
            }
            let turns = turns % items.len().max(1);
            items.rotate_left(turns);
            page(member, &items, size, params, &self.options).map(Answer::Result).into()
        };
        Some(match request.method.as_str() {
            "tools/list" if self.options.features != Features::Nothing => {
                let listed = tools::listed(revision, self.options.features, world.extras);
                if self.options.has(Quirk::ListsManyTools) {
                    list("tools", &[listed, &tools::more(revision)].concat(), 64)
                } else {
                    list("tools", listed, 8)
                }
            }
            "tools/call" if self.options.features != Features::Nothing => self.call(request, out).into(),
            "resources/list" if all => list("resources", &resources::listed(revision, world), 3),
            "resources/templates/list" if all => list("resourceTemplates", &resources::templates(revision), 2),
            "prompts/list" if all => list("prompts", &prompts::listed(revision, world.extras), 3),
            "resources/read" if all => self.read(request).into(),
            "prompts/get" if all => self.prompt(request).into(),
            "completion/complete" if all => completion::complete(request, world, &self.options).into(),
            _ => return None,
        })
    }

    /// The error for a resource that does not exist.
    pub(super) fn no_such_resource(revision: Revision, uri: &str) -> Refusal {
        let code = if revision.era() == Era::Stateless { -32602 } else { -32002 };
        Refusal::new(code, "Resource not found").with(json!({"uri": uri}))
    }

    /// Asks the client, as the revision wants it: by a request of its own, or by a result that demands input.
    pub(super) fn ask(
        &mut self,
        request: &Request,
        arguments: &Value,
        question: Question,
        out: &mut Vec<Output>,
    ) -> Result<Answer, Refusal> {
        let allowed = question.is_allowed(request) || self.options.has(Quirk::AsksUndeclared);
        if request.revision.era() == Era::Stateless {
            if !allowed {
                let (name, required) = question.required();
                return Err(Refusal::capability(name, &required));
            }
            return self.ask_by_result(request, arguments, &question);
        }
        if !allowed || !self.is_ready() {
            return Ok(Answer::Result(call::failed("the client cannot be asked this")));
        }
        self.ask_by_request(request, question, None, out);
        Ok(Answer::Later)
    }

    /// Sends a question, for a task if one wants to know, and holds the request until the reply comes.
    pub(super) fn ask_by_request(
        &mut self,
        request: &Request,
        question: Question,
        task: Option<String>,
        out: &mut Vec<Output>,
    ) {
        let id = self.send_question(request.exchange, &question, request.revision, task.as_deref(), out);
        let due = Instant::now() + self.options.patience;
        self.held.push(request.held(Until::Reply { id, question, due, task }));
    }

    fn ask_by_result(&self, request: &Request, arguments: &Value, question: &Question) -> Result<Answer, Refusal> {
        let purpose = json!([request.method, request.params.get("name"), arguments]).to_string();
        let responses = request.object("inputResponses")?;
        let carried = match request.params.get("requestState") {
            None => false,
            Some(Value::String(state)) if seal::opens(state, &purpose) => true,
            Some(_) if self.options.has(Quirk::TrustsState) => true,
            Some(_) => return Err(Refusal::params("`requestState` was not issued for this call, or has expired")),
        };
        if carried && let Some(response) = responses.get(question.key()) {
            if !response.is_object() {
                return Err(Refusal::params("every one of `inputResponses` must be an object"));
            }
            return question.conclude(Some(response)).map(Answer::Result);
        }
        Ok(Answer::result(json!({
            "resultType": "input_required",
            "inputRequests": {question.key(): question.request(request.revision)},
            "requestState": seal::seal(&purpose),
        })))
    }

    fn read(&mut self, request: &Request) -> Result<Answer, Refusal> {
        self.world.grown += usize::from(self.options.has(Quirk::GrowsResource));
        let uri = request.text("uri")?;
        let contents = resources::read(uri, &self.world);
        let contents = contents.ok_or_else(|| Self::no_such_resource(request.revision, uri))?;
        Ok(Answer::result(json!({"contents": [contents]})))
    }

    fn prompt(&self, request: &Request) -> Result<Answer, Refusal> {
        let prompt = prompts::find(request.text("name")?, self.world.extras);
        let prompt = prompt.ok_or_else(|| Refusal::params("there is no such prompt"))?;
        prompt.result(request.revision, &request.object("arguments")?).map(Answer::result)
    }
}
