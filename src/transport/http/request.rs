//! Puts the bytes of a request together. Sends nothing; refuses only what would no longer be one request.

use bytes::{Bytes, BytesMut};
use url::Url;

use crate::transport::{HttpRequest, UrlTarget};

/// The bytes of `request`, with what the transport adds: `Host`, the target's own headers and `Content-Length`, each
/// unless the request has it. An error says why this cannot be one request; [`crate::transport::Outgoing::RawHttp`] sends
/// even that.
pub fn encode(target: &UrlTarget, request: &HttpRequest) -> Result<Bytes, String> {
    let path = request.path.clone().unwrap_or_else(|| path_and_query(&target.url));
    let mut bytes = BytesMut::with_capacity(1024 + request.body.len());
    let one_word = |text: &str| !text.is_empty() && !text.bytes().any(|byte| byte <= b' ');
    if !one_word(&request.method) || !one_word(&path) {
        return Err(format!("cannot send `{} {path}`: it has a blank or a control character", request.method));
    }
    for part in [request.method.as_str(), " ", &path, " HTTP/1.1\r\n"] {
        bytes.extend_from_slice(part.as_bytes());
    }
    let own = |name: &str| request.headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
    if !own("host") {
        put_field(&mut bytes, "Host", &host(&target.url))?;
    }
    for (name, value) in target.headers.iter().filter(|(name, _)| !own(name)).chain(&request.headers) {
        put_field(&mut bytes, name, value)?;
    }
    let wants_length = !request.body.is_empty() || matches!(request.method.as_str(), "POST" | "PUT" | "PATCH");
    if wants_length && !own("content-length") && !own("transfer-encoding") {
        put_field(&mut bytes, "Content-Length", &request.body.len().to_string())?;
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(&request.body);
    Ok(bytes.freeze())
}

/// The path to send messages to, as an `endpoint` event of HTTP+SSE gives it: a reference relative to the stream's URL,
/// which must not lead to another origin. An error says so in words.
pub fn endpoint_path(base: &Url, data: &str) -> Result<String, String> {
    let url = base.join(data.trim()).map_err(|error| format!("the endpoint `{data}` is no URL: {error}"))?;
    // The origin of a URL that has none, such as `file:`, is equal to no other.
    if url.origin() == base.origin() {
        Ok(path_and_query(&url))
    } else {
        Err(format!("the endpoint `{data}` lies outside {}", base.origin().ascii_serialization()))
    }
}

fn put_field(bytes: &mut BytesMut, name: &str, value: &str) -> Result<(), String> {
    // A line break would begin another field, or the body.
    if name.is_empty() || [name, value].iter().any(|text| text.contains(['\r', '\n', '\0'])) {
        return Err(format!("cannot send the header `{name}: {value}`: it is not one line of text"));
    }
    for part in [name, ": ", value, "\r\n"] {
        bytes.extend_from_slice(part.as_bytes());
    }
    Ok(())
}

/// The path of an address, with its query.
pub fn path_and_query(url: &Url) -> String {
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    }
}

fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str, headers: &[(&str, &str)]) -> UrlTarget {
        UrlTarget { headers: owned(headers), ..UrlTarget::new(Url::parse(url).expect("valid")) }
    }

    fn owned(headers: &[(&str, &str)]) -> Vec<(String, String)> {
        headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn encoded(
        target: &UrlTarget,
        method: &str,
        headers: &[(&str, &str)],
        body: &'static str,
    ) -> Result<String, String> {
        let request = HttpRequest {
            method: method.to_owned(),
            path: None,
            headers: owned(headers),
            body: Bytes::from_static(body.as_bytes()),
        };
        encode(target, &request).map(|bytes| String::from_utf8(bytes.to_vec()).expect("text"))
    }

    #[test]
    fn names_keep_spelling_and_order_and_nothing_else_is_added() {
        let target = target("http://[::1]:8080/mcp?x=1#part", &[("authorization", "Bearer t")]);
        assert_eq!(
            encoded(&target, "POST", &[("Mcp-METHOD", "é"), ("mcp-method", "")], "{}").expect("fine"),
            "POST /mcp?x=1 HTTP/1.1\r\nHost: [::1]:8080\r\nauthorization: Bearer t\r\nMcp-METHOD: é\r\nmcp-method: \r\n\
             Content-Length: 2\r\n\r\n{}"
        );
    }

    #[test]
    fn the_request_wins_over_what_is_added() {
        let target = target("http://localhost", &[("Authorization", "Bearer t")]);
        assert_eq!(
            encoded(&target, "POST", &[("host", "evil.example"), ("AUTHORIZATION", "x"), ("Content-length", "9")], "")
                .expect("fine"),
            "POST / HTTP/1.1\r\nhost: evil.example\r\nAUTHORIZATION: x\r\nContent-length: 9\r\n\r\n"
        );
        assert_eq!(
            encoded(&target, "GET", &[("Authorization", "")], "").expect("fine"),
            "GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: \r\n\r\n"
        );
    }

    #[test]
    fn what_would_be_another_request_is_refused() {
        let target = target("http://localhost/", &[]);
        for headers in [[("a", "b\r\nc: d")], [("a\n", "b")], [("", "b")]] {
            assert!(encoded(&target, "GET", &headers, "").is_err(), "{headers:?}");
        }
        assert!(encoded(&target, "GET / HTTP/1.1\r\nX:", &[], "").is_err());
    }

    #[test]
    fn endpoints_stay_at_their_origin() {
        let base = Url::parse("http://localhost:3000/sse?a=b").expect("valid");
        for (data, path) in [
            ("/messages?s=1", "/messages?s=1"),
            ("messages", "/messages"),
            ("?s=2", "/sse?s=2"),
            ("http://localhost:3000/m?s=1#x", "/m?s=1"),
            ("/a b\r\nX: y", "/a%20bX:%20y"),
        ] {
            assert_eq!(endpoint_path(&base, data).as_deref(), Ok(path), "{data:?}");
        }
        for data in
            ["http://localhost:3001/", "https://localhost:3000/", "//evil.example/m", "file:///etc/passwd", "http://["]
        {
            assert!(endpoint_path(&base, data).is_err(), "{data}");
        }
    }
}
