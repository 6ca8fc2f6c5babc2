//! What the probes of authorization share: a stranger at the door, challenges, and documents that lie on the target itself.
//! What lies on another host is judged by its address, and never fetched.

use serde_json::Value;
use url::Url;

use super::Setting;
use crate::judge::context::Judged;
use crate::judge::excerpt::excerpt;
use crate::outcome::Evidence;
use crate::session::{Reply, Stranger};
use crate::transport::Target;

/// The place of the metadata of a protected resource.
pub(super) const RESOURCE: &str = "/.well-known/oauth-protected-resource";

/// A stranger at the door of a protected target.
pub(super) struct Door<'a> {
    pub(super) setting: Setting<'a>,
    pub(super) stranger: Stranger,
    /// The target's own address.
    pub(super) url: Url,
    /// A method that it refuses to strangers.
    pub(super) method: String,
}

/// The metadata of a protected resource, as far as they were found.
pub(super) enum Metadata {
    /// The document, and the entry of the request for it.
    Found(Value, usize),
    /// They lie on another host, which the user did not name.
    Elsewhere(String),
    /// They are nowhere.
    Nowhere,
}

impl<'a> Door<'a> {
    /// Goes to the door. What cannot be judged there is inconclusive.
    pub(super) fn of(setting: Setting<'a>) -> Result<Self, Vec<Judged>> {
        let context = setting.context;
        let all = |reason: &str| setting.proves().iter().map(|id| Judged::inconclusive(id, reason, None)).collect();
        let method = context.facts.get("authorization").and_then(|fact| fact["method"].as_str()).map(str::to_owned);
        let (Target::Url(target), Some(method)) = (&context.target, method) else {
            return Err(all("the target asks nobody for a token"));
        };
        let url = target.url.clone();
        match Stranger::new(&context.target, context.revision, context.limits, context.timeout) {
            Ok(Some(stranger)) => Ok(Self { setting, stranger, url, method }),
            Ok(None) => Err(all("the target is not spoken to over HTTP")),
            Err(error) => Err(all(&error.to_string())),
        }
    }

    /// Asks for what is refused, with this as `Authorization`.
    pub(super) async fn knock(&mut self, authorization: Option<&str>) -> Result<Reply, String> {
        let method = self.method.clone();
        self.stranger.request(&method, authorization).await
    }

    /// The path and query of an address on the target itself; `None` where it leads elsewhere, or is no address.
    pub(super) fn path_here(&self, address: &str) -> Option<String> {
        let url = self.url.join(address).ok().filter(|url| url.origin() == self.url.origin())?;
        Some(url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path())))
    }

    /// Looks for the metadata of the protected resource: where the challenge says, at the well-known place with the path of
    /// the endpoint, and at the one without.
    pub(super) async fn metadata(&mut self) -> Result<Metadata, String> {
        let challenge = self.knock(None).await?.header("www-authenticate").unwrap_or_default();
        let named = parameter(&challenge, "resource_metadata");
        let here = named.as_deref().and_then(|address| self.path_here(address));
        let path = self.url.path().trim_end_matches('/').to_owned();
        for place in here.iter().cloned().chain([format!("{RESOURCE}{path}"), RESOURCE.to_owned()]) {
            let reply = self.stranger.get(&place, "application/json").await?;
            if reply.status == 200
                && let Some(document) = reply.json().filter(Value::is_object)
            {
                return Ok(Metadata::Found(document, reply.index));
            }
        }
        Ok(match named {
            Some(address) if here.is_none() => Metadata::Elsewhere(address),
            _ => Metadata::Nowhere,
        })
    }

    /// The verdict that a requirement does not hold, with what was said since the entry `from`.
    pub(super) fn fail(&self, requirement: &str, from: usize, expected: &str, actual: String) -> Judged {
        let transcript = self.stranger.transcript();
        let evidence = Evidence {
            expected: expected.to_owned(),
            actual,
            asked_at: self.setting.scenario.file.display().to_string(),
            excerpt: excerpt(transcript, from, transcript.entries().len()),
            witnesses: Vec::new(),
        };
        Judged::fail(requirement, evidence)
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

/// A parameter of a challenge, such as `scope`: quoted or not, its name in any case.
pub(super) fn parameter(challenge: &str, name: &str) -> Option<String> {
    let lower = challenge.to_ascii_lowercase();
    let mut from = 0;
    while let Some(at) = lower[from..].find(name).map(|at| at + from) {
        from = at + name.len();
        let begins = lower[..at].chars().next_back().is_none_or(|before| matches!(before, ' ' | ',' | '\t'));
        let Some(value) = lower[from..].trim_start().strip_prefix('=').filter(|_| begins) else { continue };
        let value = &challenge[challenge.len() - value.trim_start().len()..];
        return Some(match value.strip_prefix('"') {
            Some(quoted) => quoted.split('"').next().unwrap_or_default().to_owned(),
            None => value.split([',', ' ', '\t']).next().unwrap_or_default().to_owned(),
        });
    }
    None
}

/// Whether a challenge is for bearer tokens.
pub(super) fn is_bearer(challenge: &str) -> bool {
    challenge.split([',', ' ']).any(|word| word.eq_ignore_ascii_case("bearer"))
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
    fn parameters_of_challenges_are_read() {
        let challenge = r#"Bearer error="invalid_token", Scope=mcp, resource_metadata="https://h/.well-known/x""#;
        assert_eq!(parameter(challenge, "error").as_deref(), Some("invalid_token"));
        assert_eq!(parameter(challenge, "scope").as_deref(), Some("mcp"));
        assert_eq!(parameter(challenge, "resource_metadata").as_deref(), Some("https://h/.well-known/x"));
        assert_eq!(parameter(r#"Bearer x-scope="a""#, "scope"), None);
        assert!(is_bearer("Basic realm=x, bearer") && !is_bearer("Basic"));
    }

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
