//! What the probes of authorization share: a stranger at the door, challenges, and documents that lie on the target itself.
//! What lies on another host is fetched only where the user allows requests to that host.

use serde_json::Value;
use url::Url;

use super::Setting;
use crate::judge::challenge::parameter;
use crate::judge::context::Judged;
use crate::judge::excerpt::excerpt;
use crate::outcome::Evidence;
use crate::session::{Reply, Stranger};
use crate::transport::{Target, UrlTarget, host_and_port, path_and_query};

/// The place of the metadata of a protected resource.
pub(super) const RESOURCE: &str = "/.well-known/oauth-protected-resource";

/// What becomes of a name that means nothing.
const INVALID_PARAMS: i64 = -32602;

/// A stranger at the door of a protected target.
pub(super) struct Door<'a> {
    pub(super) setting: Setting<'a>,
    pub(super) stranger: Stranger,
    /// The target's own address.
    pub(super) url: Url,
    target: UrlTarget,
    /// A method that it refuses to strangers, and the params with which it does.
    method: String,
    params: Option<Value>,
}

/// The metadata of a protected resource, as far as they were found.
pub(super) enum Metadata {
    /// The document, and what was said when it was fetched.
    Found(Document),
    /// They lie on another host, to which the user does not allow requests.
    Elsewhere(Url),
    /// They are nowhere.
    Nowhere,
}

/// A document that was fetched.
pub(super) struct Document {
    pub(super) value: Value,
    excerpt: Vec<String>,
}

impl<'a> Door<'a> {
    /// Goes to the door. What cannot be judged there is inconclusive.
    pub(super) fn of(setting: Setting<'a>) -> Result<Self, Vec<Judged>> {
        let context = setting.context;
        let all = |reason: &str| setting.proves().iter().map(|id| Judged::inconclusive(id, reason, None)).collect();
        let fact = context.facts.get("authorization");
        let (Target::Url(target), Some(fact)) = (&context.target, fact) else {
            return Err(all("the target asks nobody for a token"));
        };
        let method = fact["method"].as_str().unwrap_or_default().to_owned();
        let params = fact.get("params").cloned();
        let (url, target) = (target.url.clone(), target.clone());
        match Stranger::new(&context.target, context.revision, context.limits, context.timeout) {
            Ok(Some(stranger)) => Ok(Self { setting, stranger, url, target, method, params }),
            Ok(None) => Err(all("the target is not spoken to over HTTP")),
            Err(error) => Err(all(&error.to_string())),
        }
    }

    /// Whether the scenario wants a requirement judged.
    pub(super) fn proves(&self, requirement: &str) -> bool {
        self.setting.proves().iter().any(|id| id == requirement)
    }

    /// The bearer token that the user gave to the target, if any.
    pub(super) fn token(&self) -> Option<String> {
        let is_it = |name: &str| name.eq_ignore_ascii_case("authorization");
        let (_, value) = self.target.headers.iter().find(|(name, _)| is_it(name))?;
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
    }

    /// Asks for what is refused, with this as `Authorization`.
    pub(super) async fn knock(&mut self, authorization: Option<&str>) -> Result<Reply, String> {
        self.stranger.request(&self.method, self.params.as_ref(), authorization).await
    }

    /// Asks for the same at a path and query, without a token.
    pub(super) async fn knock_at(&mut self, path: &str) -> Result<Reply, String> {
        self.stranger.ask(&self.method, self.params.as_ref(), Some(path), &[]).await
    }

    /// Whether what is refused to strangers was served: there is a result, or what was named was looked for and not found.
    pub(super) fn is_served(&self, reply: &Reply) -> bool {
        let is_refused = [401, 403].contains(&reply.status);
        let is_unknown = || reply.json().is_some_and(|answer| answer["error"]["code"] == INVALID_PARAMS);
        reply.is_served() || self.params.is_some() && !is_refused && is_unknown()
    }

    /// The path and query of an address on the target itself; `None` where it leads elsewhere, or is no address.
    pub(super) fn path_here(&self, address: &str) -> Option<String> {
        let url = self.url.join(address).ok().filter(|url| url.origin() == self.url.origin())?;
        Some(path_and_query(&url))
    }

    /// Looks for the metadata of the protected resource: where the challenge says, at the well-known place with the path of
    /// the endpoint, and at the one without.
    pub(super) async fn metadata(&mut self) -> Result<Metadata, String> {
        let challenge = self.knock(None).await?.header("www-authenticate").unwrap_or_default();
        let named = parameter(&challenge, "resource_metadata").and_then(|address| self.url.join(&address).ok());
        let named = named.filter(|address| ["http", "https"].contains(&address.scheme()));
        let path = self.url.path().trim_end_matches('/').to_owned();
        let well_known = [format!("{RESOURCE}{path}"), RESOURCE.to_owned()];
        let well_known = well_known.iter().filter_map(|place| self.url.join(place).ok());
        let places = named.iter().cloned().chain(well_known).filter(|place| self.target.may_reach(place));
        for place in places.collect::<Vec<_>>() {
            if let Some(document) = self.document(&place).await? {
                return Ok(Metadata::Found(document));
            }
        }
        Ok(match named {
            Some(address) if !self.target.may_reach(&address) => Metadata::Elsewhere(address),
            _ => Metadata::Nowhere,
        })
    }

    /// The JSON object at an address that may be reached, if there is one.
    async fn document(&mut self, address: &Url) -> Result<Option<Document>, String> {
        let context = self.setting.context;
        let mut other = None;
        if address.origin() != self.url.origin() {
            let abroad = Stranger::abroad(address, context.revision, context.limits, context.timeout);
            other = Some(abroad.map_err(|error| error.to_string())?);
        }
        let stranger = other.as_mut().unwrap_or(&mut self.stranger);
        let reply = stranger.get(&path_and_query(address), "application/json").await?;
        let transcript = stranger.transcript();
        let excerpt = excerpt(transcript, reply.index, transcript.entries().len());
        let value = reply.json().filter(|document| reply.status == 200 && document.is_object());
        Ok(value.map(|value| Document { value, excerpt }))
    }

    /// The verdict that a requirement does not hold, with what was said since the entry `from`.
    pub(super) fn fail(&self, requirement: &str, from: usize, expected: &str, actual: String) -> Judged {
        let transcript = self.stranger.transcript();
        self.fail_by(excerpt(transcript, from, transcript.entries().len()), requirement, expected, actual)
    }

    fn fail_by(&self, excerpt: Vec<String>, requirement: &str, expected: &str, actual: String) -> Judged {
        let evidence = Evidence {
            expected: expected.to_owned(),
            actual,
            asked_at: self.setting.scenario.file.display().to_string(),
            excerpt,
            witnesses: Vec::new(),
        };
        Judged::fail(requirement, evidence)
    }

    /// A pass where a document is as it must be, else a failure with what was said when it was fetched.
    pub(super) fn judge_document(
        &self,
        document: &Document,
        requirement: &str,
        holds: bool,
        expected: &str,
        actual: String,
    ) -> Judged {
        if holds {
            Judged::pass(requirement)
        } else {
            self.fail_by(document.excerpt.clone(), requirement, expected, actual)
        }
    }

    /// A pass where it holds, else the failure that [`Door::fail`] makes.
    pub(super) fn judge(&self, requirement: &str, holds: bool, from: usize, expected: &str, actual: String) -> Judged {
        if holds { Judged::pass(requirement) } else { self.fail(requirement, from, expected, actual) }
    }

    /// The same verdict on all that the scenario proves and that is not judged yet.
    pub(super) fn rest(&self, judged: &mut Vec<Judged>, verdict: impl Fn(&str) -> Judged) {
        for requirement in self.setting.proves() {
            if judged.iter().all(|one| one.requirement != *requirement) {
                judged.push(verdict(requirement));
            }
        }
    }
}

/// Why nothing was fetched from another host, and what the user would say to have it fetched.
pub(super) fn not_followed(what: &str, address: &Url) -> String {
    format!("{what} at {address}, on a host that was not named; --allow-host {} has it asked", host_and_port(address))
}

/// A reply as one line of evidence.
pub(super) fn shown(reply: &Reply) -> String {
    let body: String = String::from_utf8_lossy(&reply.body).chars().take(200).collect();
    format!("HTTP {} {body}", reply.status)
}

/// Whether an address is open to be read on its way: plain HTTP, and not to this machine.
pub(super) fn is_open_to_all(address: &str) -> bool {
    let Ok(url) = Url::parse(address) else { return false };
    let local = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "http" && !local
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for (address, open) in [
            ("http://auth.example.com", true),
            ("https://auth.example.com", false),
            ("http://localhost:80", false),
            ("http://127.0.0.2/x", false),
            ("http://[::1]/", false),
            ("urn:x", false),
        ] {
            assert_eq!(is_open_to_all(address), open, "{address}");
        }
    }
}
