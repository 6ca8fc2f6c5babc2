//! The era of metadata on every request: its validation, discovery, and subscriptions by a request that stays open.

use serde_json::{Value, json};

use crate::protocol::Revision;
use crate::transport::ExchangeId;

use super::answer::{Answer, LEVELS, Object, Refusal, Request};
use super::call::Change;
use super::handshake::capabilities;
use super::quirk::Quirk;
use super::server::{Mock, Output, notification};
use super::{resources, tasks};

const VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
const CLIENT: &str = "io.modelcontextprotocol/clientInfo";
const LEVEL: &str = "io.modelcontextprotocol/logLevel";
/// The members of `_meta` that only requests of this era have.
pub(super) const MEMBERS: [&str; 4] = [VERSION, CAPABILITIES, CLIENT, LEVEL];
const SERVER: &str = "io.modelcontextprotocol/serverInfo";
const SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";

/// The results that may be kept by clients, and for how long, in milliseconds.
const CACHED: [(&str, u64); 6] = [
    ("server/discover", 600_000),
    ("tools/list", 60_000),
    ("resources/list", 60_000),
    ("resources/templates/list", 600_000),
    ("prompts/list", 60_000),
    ("resources/read", 0),
];

/// A subscription: a `subscriptions/listen` request that stays open.
#[derive(Debug, Clone)]
pub(super) struct Listen {
    pub(super) exchange: ExchangeId,
    pub(super) id: Value,
    /// The filter as it was acknowledged.
    filter: Value,
}

impl Mock {
    /// Serves a request of the stateless era.
    pub(super) fn serve_stateless(
        &mut self,
        exchange: ExchangeId,
        id: &Value,
        method: &str,
        params: Option<&Object>,
        revision: Revision,
        out: &mut Vec<Output>,
    ) -> Answer {
        let request = match self.read_request(exchange, id, method, params, revision) {
            Ok(request) => request,
            Err(refusal) => return refusal.into(),
        };
        let answer = match method {
            "server/discover" => Answer::result(json!({
                "supportedVersions": self.options.revision_names(),
                "capabilities": capabilities(revision, &self.options),
                "instructions": "This server shows what a correct one does. Its tools change nothing but itself.",
            })),
            "subscriptions/listen" => self.listen(&request, out).into(),
            _ => self
                .serve_common(&request, out)
                .or_else(|| self.serve_task_extension(&request, out))
                .unwrap_or_else(|| Refusal::method(method).into()),
        };
        match answer {
            Answer::Result(mut result) => {
                self.complete_stateless(method, &mut result);
                Answer::Result(result)
            }
            other => other,
        }
    }

    /// Adds what every result of this era carries.
    pub(super) fn complete_stateless(&self, method: &str, result: &mut Object) {
        let complete = result.entry("resultType").or_insert_with(|| json!("complete")) == "complete";
        if let Some((_, ttl)) = CACHED.iter().find(|(cached, _)| *cached == method)
            && complete
        {
            result.insert("ttlMs".to_owned(), json!(ttl));
            result.insert("cacheScope".to_owned(), json!("public"));
        }
        let meta = result.entry("_meta").or_insert_with(|| json!({}));
        meta[SERVER] = json!({"name": self.options.name, "version": self.options.version});
    }

    /// Reads the metadata that every request of this era carries.
    fn read_request(
        &mut self,
        exchange: ExchangeId,
        id: &Value,
        method: &str,
        params: Option<&Object>,
        revision: Revision,
    ) -> Result<Request, Refusal> {
        let meta = params.and_then(|params| params.get("_meta")).and_then(Value::as_object);
        let meta = meta.map(|meta| self.as_needed(meta, revision));
        let meta = meta.as_ref();
        // A server that knows no handshake tells whoever tries one which revisions it speaks.
        let supported = json!(self.options.revision_names());
        let unsupported = |asked: &str| {
            Refusal::new(-32022, "Unsupported protocol version")
                .with(json!({"supported": supported, "requested": asked}))
        };
        if method == "initialize" && meta.is_none_or(|meta| !meta.contains_key(VERSION)) {
            let asked = params.and_then(|params| params.get("protocolVersion")).and_then(Value::as_str);
            return Err(unsupported(asked.unwrap_or("unknown")));
        }
        let meta = meta.ok_or_else(|| Refusal::params("`_meta` must be given, as an object"))?;
        let version = meta.get(VERSION).and_then(Value::as_str);
        let version = version.ok_or_else(|| Refusal::params(format!("`{VERSION}` must be given, as a string")))?;
        if version != revision.as_str() {
            return Err(unsupported(version));
        }
        if self.options.has(Quirk::WantsDiscovery) && method != "server/discover" && !self.discovered {
            return Err(Refusal::request("server/discover comes first"));
        }
        self.discovered |= method == "server/discover";
        if self.options.has(Quirk::WantsClientInfo) && !meta.contains_key(CLIENT) {
            return Err(Refusal::params(format!("`{CLIENT}` must be given")));
        }
        let client = meta.get(CAPABILITIES).filter(|declared| are_capabilities(declared));
        let client = client
            .ok_or_else(|| Refusal::params(format!("`{CAPABILITIES}` must be given, as an object of objects")))?;
        if let Some(info) = meta.get(CLIENT)
            && !["name", "version"].iter().all(|name| info.get(name).is_some_and(Value::is_string))
        {
            return Err(Refusal::params(format!("`{CLIENT}` must have a name and a version")));
        }
        let level = match meta.get(LEVEL) {
            None => None,
            Some(level) => Some(
                LEVELS
                    .iter()
                    .position(|known| level == known)
                    .ok_or_else(|| Refusal::params("there is no such log level"))?,
            ),
        };
        if meta.get("progressToken").is_some_and(|token| !token.is_string() && !token.is_number()) {
            return Err(Refusal::params("`progressToken` must be a string or a number"));
        }
        let mut client = client.clone();
        if self.options.has(Quirk::RemembersCapabilities) {
            crate::wire::pattern::merge_patch(&mut self.remembered, &client);
            client = self.remembered.clone();
        }
        let params = params.cloned().unwrap_or_default();
        Ok(Request { exchange, id: id.clone(), method: method.to_owned(), params, revision, client, level })
    }

    /// The metadata with what quirks do without.
    fn as_needed(&self, meta: &Object, revision: Revision) -> Object {
        let mut meta = meta.clone();
        if self.options.has(Quirk::NeedsNoCapabilities) {
            meta.entry(CAPABILITIES).or_insert_with(|| json!({}));
        }
        if self.options.has(Quirk::NeedsNoVersion) {
            meta.entry(VERSION).or_insert_with(|| json!(revision));
        }
        meta
    }

    fn listen(&mut self, request: &Request, out: &mut Vec<Output>) -> Result<Answer, Refusal> {
        let wanted = request.params.get("notifications").and_then(Value::as_object);
        let wanted = wanted.ok_or_else(|| Refusal::params("`notifications` must be given, as an object"))?;
        let mut filter = json!({});
        for name in ["toolsListChanged", "promptsListChanged", "resourcesListChanged"] {
            match wanted.get(name) {
                Some(Value::Bool(true)) if self.options.offers_all() => filter[name] = json!(true),
                None | Some(Value::Bool(_)) => {}
                Some(_) => return Err(Refusal::params(format!("`{name}` must be a boolean"))),
            }
        }
        match wanted.get("resourceSubscriptions") {
            None => {}
            Some(Value::Array(uris)) if uris.iter().all(Value::is_string) => {
                let known = |uri: &&Value| uri.as_str().is_some_and(|uri| resources::read(uri, &self.world).is_some());
                if self.options.offers_all() {
                    filter["resourceSubscriptions"] = uris.iter().filter(known).cloned().collect();
                }
            }
            Some(_) => return Err(Refusal::params("`resourceSubscriptions` must be an array of strings")),
        }
        match wanted.get("taskIds") {
            Some(Value::Array(ids)) if self.options.offers_all() => {
                tasks::require_declared(request)?;
                filter["taskIds"] = self.known_tasks(ids).into();
            }
            _ => {}
        }
        let listen = Listen { exchange: request.exchange, id: request.id.clone(), filter };
        out.push(listen.notify("notifications/subscriptions/acknowledged", json!({"notifications": listen.filter})));
        if listen.promises_nothing() {
            return Ok(Answer::Result(listen.ended()));
        }
        self.listens.push(listen);
        Ok(Answer::Later)
    }
}

impl Listen {
    /// The notification of a change, if the subscription is to hear of it.
    pub(super) fn tell(&self, change: Change, all: bool) -> Option<Output> {
        let (wanted, params) = match change {
            Change::Tools => (self.filter.get("toolsListChanged").is_some(), json!({})),
            Change::Prompts => (self.filter.get("promptsListChanged").is_some(), json!({})),
            Change::Resources => (self.filter.get("resourcesListChanged").is_some(), json!({})),
            Change::Resource(uri) => {
                let uris = self.filter.get("resourceSubscriptions").and_then(Value::as_array);
                (uris.is_some_and(|uris| uris.iter().any(|known| known == uri)), json!({"uri": uri}))
            }
        };
        (wanted || all).then(|| self.notify(change.method(), params))
    }

    /// The notification of a task, if the subscription is to hear of it.
    pub(super) fn tell_task(&self, id: &str, task: Value) -> Option<Output> {
        let ids = self.filter.get("taskIds")?.as_array()?;
        ids.iter().any(|known| known == id).then(|| self.notify("notifications/tasks", task))
    }

    /// What ends the subscription from the server's side. The pages of the specification disagree on whether a notification or
    /// a result does, so both are sent.
    pub(super) fn teardown(&self, server: &Mock) -> [Output; 2] {
        let mut result = self.ended();
        server.complete_stateless("subscriptions/listen", &mut result);
        [
            self.notify("notifications/cancelled", json!({"requestId": self.id, "reason": "the server shuts down"})),
            server.result(self.exchange, &self.id, result),
        ]
    }

    /// The result of the request, which ends the subscription.
    fn ended(&self) -> Object {
        Object::from_iter([("_meta".to_owned(), json!({SUBSCRIPTION: self.id}))])
    }

    /// Whether there is nothing that it would ever tell.
    fn promises_nothing(&self) -> bool {
        let is_nothing = |kind: &Value| kind.as_array().is_some_and(Vec::is_empty);
        self.filter.as_object().is_none_or(|kinds| kinds.values().all(is_nothing))
    }

    fn notify(&self, method: &str, mut params: Value) -> Output {
        params["_meta"] = json!({SUBSCRIPTION: self.id});
        notification(Some(self.exchange), method, params)
    }
}

/// Whether a value has the form of client capabilities.
fn are_capabilities(declared: &Value) -> bool {
    declared.as_object().is_some_and(|declared| declared.values().all(Value::is_object))
}
