//! Guards a server that wants a token, and says where such tokens come from. Issues none.

use hyper::header::{AUTHORIZATION, HOST};
use serde_json::{Value, json};

use crate::mock::options::Options;
use crate::mock::quirk::Quirk;

use super::endpoint;
use super::reply::Answer;
use super::state::{Call, State};

const RESOURCE: &str = "/.well-known/oauth-protected-resource";
const SERVER: &str = "/.well-known/oauth-authorization-server";

/// What a token must allow.
const SCOPE: &str = "mcp";
/// What no token here allows, and the tool that wants it.
const MORE: &str = "mcp:pictures";
const PRIVILEGED: &str = "picture";

impl State {
    /// The answer to a request that is about authorization, or lacks it; `None` lets the request pass.
    pub(super) fn guard(&self, call: &Call) -> Option<Answer> {
        let token = self.options.token.as_deref()?;
        let base = format!("http://{}", call.headers.get(HOST)?.to_str().ok()?);
        let (path, method) = (call.path.as_str(), call.method.as_str());
        // Both forms of the well-known addresses: with the path of the endpoint, and without.
        let place = path.strip_suffix(endpoint::PATH).filter(|place| !place.is_empty()).unwrap_or(path);
        let has_own_keys = self.options.has(Quirk::HasKeysOfItsOwn);
        match (place, method) {
            _ if has_own_keys && method == "GET" && place != endpoint::PATH => {
                Some(Answer::plain(404, "Nothing here."))
            }
            _ if has_own_keys => {
                self.challenge(call, token, &base).map(|refusal| Answer::plain(refusal.status, "A key is needed here."))
            }
            (RESOURCE | SERVER, "GET") if self.options.has(Quirk::HasNoMetadata) => {
                Some(Answer::plain(404, "Nothing here."))
            }
            (RESOURCE, "GET") => Some(Answer::json(200, &resource(&base, &self.options))),
            (SERVER, "GET") => Some(Answer::json(200, &server(&base))),
            // Nobody is known here, so that nobody is sent anywhere.
            ("/authorize", "GET") => Some(Answer::plain(400, "This client is not registered.")),
            ("/token", "POST") => Some(Answer::json(400, &json!({"error": "invalid_client"}))),
            ("/register", "POST") => Some(register(&call.body)),
            _ if self.options.has(Quirk::ShowsItself) && looks(&call.body) => None,
            _ if self.options.has(Quirk::KeepsUse) && !uses(&call.body) => None,
            _ => self.challenge(call, token, &base),
        }
    }

    /// What a request without the right token is told.
    fn challenge(&self, call: &Call, token: &str, base: &str) -> Option<Answer> {
        let given = call.headers.get(AUTHORIZATION).map(|value| value.to_str().unwrap_or_default());
        let right = given.and_then(|given| given.strip_prefix("Bearer ")).is_some_and(|given| given == token);
        let metadata = format!("resource_metadata=\"{base}{RESOURCE}{}\"", endpoint::PATH);
        if right && calls(&call.body, PRIVILEGED) {
            let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"{SCOPE} {MORE}\", {metadata}");
            return Some(Answer::plain(403, "This needs more.").with("www-authenticate", &challenge));
        }
        let is_session = given.is_none() && call.header("mcp-session-id").is_some();
        if right
            || given.is_some() && self.options.has(Quirk::AcceptsAnyToken)
            || is_session && self.options.has(Quirk::TrustsSessionIds)
        {
            return None;
        }
        let status = if given.is_none() && self.options.has(Quirk::ForbidsStrangers) { 403 } else { 401 };
        let error = if given.is_some() { "error=\"invalid_token\", " } else { "" };
        let scope = if self.options.has(Quirk::HasNoScopes) { String::new() } else { format!("scope=\"{SCOPE}\", ") };
        let challenge = format!("Bearer {error}{scope}{metadata}");
        Some(Answer::plain(status, "A token is needed here.").with("www-authenticate", &challenge))
    }
}

/// Whether a body calls a tool.
fn calls(body: &[u8], tool: &str) -> bool {
    let message: Value = serde_json::from_slice(body).unwrap_or_default();
    message["method"] == "tools/call" && message["params"]["name"] == tool
}

/// Whether a body asks what there is.
fn looks(body: &[u8]) -> bool {
    let message: Value = serde_json::from_slice(body).unwrap_or_default();
    let open = ["server/discover", "initialize", "notifications/initialized", "prompts/list"];
    open.iter().any(|method| message["method"] == *method)
}

/// Whether a body asks for something to be done.
fn uses(body: &[u8]) -> bool {
    let message: Value = serde_json::from_slice(body).unwrap_or_default();
    ["tools/call", "resources/read", "prompts/get"].iter().any(|method| message["method"] == *method)
}

fn resource(base: &str, options: &Options) -> Value {
    let mut metadata = json!({
        "resource": format!("{base}{}", endpoint::PATH),
        "authorization_servers": [base],
        "bearer_methods_supported": ["header"],
    });
    if !options.has(Quirk::HasNoScopes) {
        metadata["scopes_supported"] = json!([SCOPE]);
    }
    metadata
}

fn server(base: &str) -> Value {
    json!({
        "issuer": base,
        "authorization_endpoint": format!("{base}/authorize"),
        "token_endpoint": format!("{base}/token"),
        "registration_endpoint": format!("{base}/register"),
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none"],
    })
}

/// Registers nobody, since nobody ever comes back; but tells right from wrong.
fn register(body: &[u8]) -> Answer {
    let client: Value = serde_json::from_slice(body).unwrap_or_default();
    let redirects = client["redirect_uris"].as_array().map(Vec::as_slice).unwrap_or_default();
    let fits = |uri: &Value| {
        uri.as_str().and_then(|uri| url::Url::parse(uri).ok()).is_some_and(|uri| {
            uri.scheme() == "https" || ["localhost", "127.0.0.1", "[::1]"].contains(&uri.host_str().unwrap_or_default())
        })
    };
    if redirects.is_empty() || !redirects.iter().all(fits) {
        return Answer::json(400, &json!({"error": "invalid_redirect_uri"}));
    }
    Answer::json(201, &json!({"client_id": "nobody", "redirect_uris": redirects}))
}
