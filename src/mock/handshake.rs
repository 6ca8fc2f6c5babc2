//! The era of `initialize`: negotiation, the session, and the methods that only this era has.

use serde_json::{Value, json};

use crate::protocol::{Era, Revision};
use crate::transport::ExchangeId;

use super::answer::{Answer, LEVELS, Object, Refusal, Request};
use super::ask::Question;
use super::call::Change;
use super::options::{Features, Options};
use super::quirk::Quirk;
use super::server::{Mock, Output, notification};
use super::{resources, tasks, tools};

/// What `initialize` settled, and what was set since.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) revision: Revision,
    /// What the client declared.
    client: Value,
    /// Whether `notifications/initialized` has come.
    ready: bool,
    /// The lowest log level sent, as a position in [`LEVELS`].
    level: usize,
    /// The URIs subscribed to.
    subscriptions: Vec<String>,
    /// Whether the roots were ever asked for.
    knows_roots: bool,
}

/// Methods of this era, which are refused before `initialize` for another reason than that nobody knows them.
const METHODS: [&str; 15] = [
    "tools/list",
    "tools/call",
    "resources/list",
    "resources/templates/list",
    "resources/read",
    "resources/subscribe",
    "resources/unsubscribe",
    "prompts/list",
    "prompts/get",
    "completion/complete",
    "logging/setLevel",
    "tasks/get",
    "tasks/list",
    "tasks/result",
    "tasks/cancel",
];

impl Mock {
    /// Serves a request of the handshake era; `newest` is the newest of its revisions that is spoken.
    pub(super) fn serve_handshake(
        &mut self,
        exchange: ExchangeId,
        id: &Value,
        method: &str,
        params: Option<&Object>,
        newest: Revision,
        out: &mut Vec<Output>,
    ) -> Answer {
        if let Some(meta) = params.and_then(|params| params.get("_meta"))
            && !meta.is_object()
        {
            return Refusal::params("`_meta` must be an object").into();
        }
        match (method, &self.session) {
            ("ping", _) => Answer::empty(),
            ("initialize", Some(_)) => Refusal::request("the session is initialized already").into(),
            ("initialize", None) => self.initialize(params, newest).into(),
            (_, Some(session)) => {
                let request = Request {
                    exchange,
                    id: id.clone(),
                    method: method.to_owned(),
                    params: params.cloned().unwrap_or_default(),
                    revision: session.revision,
                    client: session.client.clone(),
                    level: Some(session.level),
                };
                self.serve_in_session(&request, out)
            }
            // A server of both eras cannot tell whether the handshake is missing or the metadata; -32602 says the latter.
            (_, None) if self.options.newest(Era::Stateless).is_some() && METHODS.contains(&method) => {
                Refusal::params("neither was the session initialized, nor has the request its `_meta`").into()
            }
            (_, None) if METHODS.contains(&method) => Refusal::request("the session is not initialized").into(),
            (_, None) => Refusal::method(method).into(),
        }
    }

    /// Takes `notifications/initialized`.
    pub(super) fn initialized(&mut self) {
        if let Some(session) = &mut self.session {
            session.ready = true;
        }
    }

    /// Whether requests may be sent to the client.
    pub(super) fn is_ready(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.ready)
    }

    /// Sends a question as a request, in the name of a task if one asks; returns its id.
    pub(super) fn send_question(
        &mut self,
        exchange: ExchangeId,
        question: &Question,
        revision: Revision,
        task: Option<&str>,
        out: &mut Vec<Output>,
    ) -> Value {
        if !self.options.has(Quirk::ReusesIds) || self.asked == 0 {
            self.asked += 1;
        }
        let id = json!(format!("ask-{}", self.asked));
        let mut message = json!({"jsonrpc": "2.0", "id": id});
        if let (Value::Object(message), Value::Object(request)) = (&mut message, question.request(revision)) {
            message.extend(request);
        }
        if let Some(task) = task {
            message["params"]["_meta"] = tasks::related(task);
        }
        // A question that no request stands behind belongs to none.
        let exchange = (*question != Question::RootsAgain).then_some(exchange);
        out.push(Output { exchange, message });
        if let Some(session) = &mut self.session {
            session.knows_roots |= *question == Question::Roots;
        }
        id
    }

    /// Takes `notifications/roots/list_changed`: roots that were asked for are asked for again.
    pub(super) fn roots_changed(&mut self, exchange: ExchangeId, out: &mut Vec<Output>) {
        if let Some(session) = &self.session
            && session.knows_roots
        {
            let revision = session.revision;
            self.send_question(exchange, &Question::RootsAgain, revision, None, out);
        }
    }

    fn initialize(&mut self, params: Option<&Object>, newest: Revision) -> Result<Answer, Refusal> {
        let member = |name: &str| params.and_then(|params| params.get(name));
        let asked = member("protocolVersion").and_then(Value::as_str);
        let asked = asked.ok_or_else(|| Refusal::params("`protocolVersion` must be given, as a string"))?;
        let client = member("capabilities").filter(|capabilities| capabilities.is_object());
        let client = client.ok_or_else(|| Refusal::params("`capabilities` must be given, as an object"))?;
        let has_text = |name: &str| member("clientInfo").and_then(|info| info.get(name)).is_some_and(Value::is_string);
        if !has_text("name") || !has_text("version") {
            return Err(Refusal::params("`clientInfo` must be given, with name and version"));
        }
        let known = asked.parse().ok().filter(|r: &Revision| r.era() == Era::Handshake && self.options.speaks(*r));
        let has = |quirk| self.options.has(quirk);
        let revision = if has(Quirk::NewestAlways) {
            newest
        } else if has(Quirk::IgnoresVersion) {
            self.options.revisions.iter().copied().min().unwrap_or(newest)
        } else if known.is_none() && has(Quirk::ErrorsOnUnknownVersion) {
            return Err(Refusal::params("Unsupported protocol version"));
        } else {
            match known {
                Some(Revision::V2024_11_05) if has(Quirk::SwapsVersions) => Revision::V2025_03_26,
                Some(Revision::V2025_03_26) if has(Quirk::SwapsVersions) => Revision::V2024_11_05,
                known => known.unwrap_or(newest),
            }
        };
        let told = match known {
            None if has(Quirk::EchoesAnyVersion) => asked,
            None if has(Quirk::OffersUnknownVersion) && asked != "2023-01-01" => "2023-01-01",
            _ => revision.as_str(),
        };
        self.session = Some(Session {
            revision,
            client: client.clone(),
            ready: false,
            level: 1,
            subscriptions: Vec::new(),
            knows_roots: false,
        });
        Ok(Answer::result(json!({
            "protocolVersion": told,
            "capabilities": capabilities(revision, &self.options),
            "serverInfo": identity(revision, &self.options),
            "instructions": "This server shows what a correct one does. Its tools change nothing but itself.",
        })))
    }

    fn serve_in_session(&mut self, request: &Request, out: &mut Vec<Output>) -> Answer {
        if let Some(answer) = self.serve_common(request, out).or_else(|| self.serve_task(request, out)) {
            return answer;
        }
        let keeps = self.options.has(Quirk::KeepsSubscriptions);
        let all = self.options.offers_all();
        let Some(session) = &mut self.session else { return Refusal::method(&request.method).into() };
        match request.method.as_str() {
            "logging/setLevel" if all => {
                let level = request.params.get("level").and_then(Value::as_str);
                match LEVELS.iter().position(|known| Some(*known) == level) {
                    Some(level) => {
                        session.level = level;
                        Answer::empty()
                    }
                    None => Refusal::params("there is no such log level").into(),
                }
            }
            "resources/subscribe" | "resources/unsubscribe" if all => {
                let uri = match request.text("uri") {
                    Ok(uri) => uri,
                    Err(refusal) => return refusal.into(),
                };
                if resources::read(uri, &self.world).is_none() {
                    return Self::no_such_resource(request.revision, uri).into();
                }
                if !keeps || request.method == "resources/subscribe" {
                    session.subscriptions.retain(|known| known != uri);
                }
                if request.method == "resources/subscribe" {
                    session.subscriptions.push(uri.to_owned());
                }
                Answer::empty()
            }
            method => Refusal::method(method).into(),
        }
    }
}

impl Session {
    /// The notification of a change, if the client is to hear of it.
    pub(super) fn tell(&self, change: Change, all: bool) -> Option<Output> {
        let params = match change {
            Change::Resource(uri) if all || self.subscriptions.iter().any(|known| known == uri) => json!({"uri": uri}),
            Change::Resource(_) => return None,
            _ => Value::Null,
        };
        Some(notification(None, change.method(), params))
    }
}

/// The capabilities as a revision knows them.
pub(super) fn capabilities(revision: Revision, options: &Options) -> Value {
    if !options.offers_all() {
        return if options.features == Features::Nothing { json!({}) } else { json!({"tools": {}}) };
    }
    let mut capabilities = json!({
        "tools": {"listChanged": true},
        "resources": {"subscribe": true, "listChanged": true},
        "prompts": {"listChanged": true},
        "logging": {},
    });
    if revision >= Revision::V2025_03_26 {
        capabilities["completions"] = json!({});
    }
    if revision == Revision::V2025_11_25 {
        capabilities["tasks"] = json!({"cancel": {}, "requests": {"tools": {"call": {}}}});
        if options.lists_tasks {
            capabilities["tasks"]["list"] = json!({});
        }
    }
    if revision == Revision::V2026_07_28 {
        capabilities["extensions"] = json!({tasks::EXTENSION: {}});
        if options.has(Quirk::HasExtensionsOfItsOwn) {
            capabilities["extensions"]["com.example/parts"] = json!({});
        }
    }
    capabilities
}

/// Name and version of the server, and what else a revision wants to know.
pub(super) fn identity(revision: Revision, options: &Options) -> Value {
    let mut identity = json!({"name": options.name, "version": options.version});
    if revision >= Revision::V2025_06_18 {
        identity["title"] = json!("The built-in server of mcp-litmus");
    }
    if revision >= Revision::V2025_11_25 {
        identity["description"] = json!("Does everything that the protocol knows, correctly.");
        identity["icons"] = tools::icons();
    }
    identity
}
