//! Hosts that requests may go to beside the target's own. Resolves no name.

use std::str::FromStr;

use url::Url;

/// A host that the user allows requests to: any port of it, or one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedHost {
    /// As a URL has it: small letters, an IPv6 address in brackets.
    host: String,
    port: Option<u16>,
}

/// A text that names no host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no host (HOST or HOST:PORT, such as auth.example.com)")]
pub struct HostError(String);

impl FromStr for AllowedHost {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        let wrong = || HostError(text.to_owned());
        let url = Url::parse(&format!("http://{text}/")).map_err(|_| wrong())?;
        let is_host_alone = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        if !is_host_alone || !url.username().is_empty() || text.contains(['/', '@', '\\']) {
            return Err(wrong());
        }
        // A URL tells no port that is the usual one.
        let port = text.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        Ok(Self { host: url.host_str().ok_or_else(wrong)?.to_owned(), port })
    }
}

impl AllowedHost {
    /// Whether an address of HTTP lies there.
    pub(super) fn has(&self, url: &Url) -> bool {
        url.host_str() == Some(self.host.as_str())
            && self.port.is_none_or(|port| url.port_or_known_default() == Some(port))
    }
}

/// The host of an address, with its port where that is not the usual one: what `--allow-host` would be given.
pub fn host_and_port(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().expect("a URL")
    }

    #[test]
    fn a_host_is_named_with_or_without_its_port() {
        let has = |host: &str, address: &str| host.parse::<AllowedHost>().expect("a host").has(&url(address));
        assert!(
            has("auth.example.com", "https://auth.example.com/x")
                && has("Auth.Example.com", "http://auth.example.com:9/")
        );
        assert!(
            has("auth.example.com:443", "https://auth.example.com/x")
                && !has("auth.example.com:80", "https://auth.example.com/")
        );
        assert!(
            has("[::1]:80", "http://[::1]/")
                && has("[::1]", "http://[::1]:3000/")
                && has("127.0.0.2", "http://127.0.0.2:1/")
        );
        assert!(!has("example.com", "https://auth.example.com/") && !has("127.0.0.2", "http://127.0.0.1/"));
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in [
            "",
            "https://example.com",
            "example.com/x",
            "a@example.com",
            "example.com:x",
            "example.com:99999",
            "a b",
            "?x",
            "#x",
        ] {
            assert!(text.parse::<AllowedHost>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_host_is_told_as_it_would_be_given() {
        assert_eq!(host_and_port(&url("https://auth.example.com/x")), "auth.example.com");
        assert_eq!(host_and_port(&url("http://[::1]:9000/x")), "[::1]:9000");
    }
}
