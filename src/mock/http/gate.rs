//! What is refused before a message is looked at: foreign origins, foreign hosts, and media types that cannot work.

use hyper::HeaderMap;
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST, ORIGIN};

/// Whether a request comes from a page, and was sent to a name, of this machine.
pub(super) fn is_local(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let origin = text(ORIGIN).is_none_or(|origin| {
        let host = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        host.is_some_and(is_this_machine)
    });
    origin && text(HOST).is_none_or(is_this_machine)
}

/// Whether a request comes from a page of the host that it was sent to, whatever host that is.
pub(super) fn agrees(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let origin = text(ORIGIN).and_then(|origin| origin.split_once("://"));
    origin.is_some_and(|(_, host)| text(HOST) == Some(host))
}

fn is_this_machine(authority: &str) -> bool {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    ["localhost", "127.0.0.1", "[::1]"].contains(&host.to_ascii_lowercase().as_str())
}

/// Whether the client takes this media type.
pub(super) fn accepts(headers: &HeaderMap, wanted: &str) -> bool {
    let (family, _) = wanted.split_once('/').unwrap_or((wanted, ""));
    let mut values = headers.get_all(ACCEPT).iter().peekable();
    if values.peek().is_none() {
        return true;
    }
    values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).any(|entry| {
        let media = entry.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        media == wanted || media == "*/*" || media == format!("{family}/*")
    })
}

/// Whether the body is JSON by its own account.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let media = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    media.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value"))).collect()
    }

    #[test]
    fn only_this_machine_is_local() {
        for (host, origin, local) in [
            ("127.0.0.1:80", "http://localhost:3000", true),
            ("[::1]:80", "https://[::1]", true),
            ("localhost", "null", false),
            ("localhost", "http://evil.example", false),
            ("localhost", "http://localhost.evil.example", false),
            ("evil.example", "http://localhost", false),
        ] {
            assert_eq!(is_local(&headers(&[("host", host), ("origin", origin)])), local, "{host} {origin}");
        }
        assert!(is_local(&headers(&[("host", "LOCALHOST:1")])));
    }

    #[test]
    fn media_types_are_compared_without_parameters() {
        let both =
            headers(&[("accept", "application/json;q=1, text/*"), ("content-type", "Application/JSON; charset=utf-8")]);
        assert!(accepts(&both, "application/json") && accepts(&both, "text/event-stream") && is_json(&both));
        assert!(!accepts(&headers(&[("accept", "text/html")]), "application/json"));
        assert!(accepts(&headers(&[]), "application/json"));
        assert!(!is_json(&headers(&[("content-type", "text/plain")])));
    }
}
