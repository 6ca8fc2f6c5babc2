//! Conversations with the built-in server over HTTP, of both eras.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;

use super::Server;
use crate::mock::{Features, Options};
use crate::protocol::{Era, Revision};
use crate::scenario::{Broken, HttpPatch, Moment};
use crate::transport::{Connection, ExchangeId, HttpRequest, Incoming, Limits, Outgoing, Target, UrlTarget};

/// A client of the server.
struct Client {
    /// Until it is stopped.
    server: Option<Server>,
    connection: Connection,
    next: u64,
}

/// All that came back on one exchange.
#[derive(Debug, Default)]
struct Got {
    status: u16,
    headers: Vec<(String, String)>,
    /// Event ids and messages (null where an event had no data).
    messages: Vec<(Option<String>, Value)>,
    body: Vec<u8>,
}

impl Client {
    fn start(options: Options, broken: Vec<Broken>) -> Self {
        let address = "127.0.0.1:0".parse().expect("an address");
        let server = Server::start(address, options, broken).expect("it starts");
        let url = server.url().parse().expect("a URL");
        let target = Target::Url(UrlTarget::new(url));
        let connection = Connection::open(&target, Limits::default()).expect("a usable URL");
        Self { server: Some(server), connection, next: 0 }
    }

    fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> ExchangeId {
        self.next += 1;
        let exchange = ExchangeId(self.next);
        let mut all = vec![("Accept".to_owned(), "application/json, text/event-stream".to_owned())];
        if method == "POST" {
            all.push(("Content-Type".to_owned(), "application/json".to_owned()));
        }
        for (name, value) in headers {
            all.retain(|(known, _)| known != name);
            all.push(((*name).to_owned(), (*value).to_owned()));
        }
        let body = match body {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let request =
            HttpRequest { method: method.to_owned(), path: Some(path.to_owned()), headers: all, body: body.into() };
        self.connection.send(Outgoing::Http { exchange, request });
        exchange
    }

    /// Waits for the next thing on an exchange.
    async fn arrival(&mut self, exchange: ExchangeId) -> Incoming {
        loop {
            let arrival = timeout(Duration::from_secs(10), self.connection.receive()).await;
            let arrival = arrival.expect("in time").expect("more to come");
            if arrival.exchange == exchange {
                return arrival.what;
            }
        }
    }

    /// Reads an exchange, up to its end or to so many events with data.
    async fn read(&mut self, exchange: ExchangeId, events: usize) -> Got {
        let mut got = Got::default();
        while got.messages.iter().filter(|(_, message)| !message.is_null()).count() < events {
            match self.arrival(exchange).await {
                Incoming::Head { status, headers } => (got.status, got.headers) = (status, headers),
                Incoming::Body(body) => {
                    got.messages.extend(serde_json::from_slice(&body).ok().map(|message| (None, message)));
                    got.body = body.to_vec();
                }
                Incoming::Event { id, data, .. } => {
                    let data = data.filter(|data| !data.is_empty());
                    let message = data.map_or(Value::Null, |data| {
                        serde_json::from_slice(&data).unwrap_or_else(|_| json!(String::from_utf8_lossy(&data)))
                    });
                    got.messages.push((id, message));
                }
                Incoming::End => break,
                other => panic!("{other:?}"),
            }
        }
        got
    }

    async fn post(&mut self, headers: &[(&str, &str)], body: &Value) -> Got {
        let exchange = self.send("POST", "/mcp", headers, body);
        self.read(exchange, usize::MAX).await
    }

    /// Opens a session; returns its id.
    async fn initialize(&mut self, revision: Revision) -> String {
        let got = self
            .post(
                &[],
                &json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
            "protocolVersion": revision, "capabilities": {"sampling": {}, "roots": {}},
            "clientInfo": {"name": "test", "version": "0"}}}),
            )
            .await;
        assert_eq!(got.status, 200);
        assert_eq!(got.message()["result"]["protocolVersion"], revision.as_str());
        let session = got.header("mcp-session-id").expect("a session").to_owned();
        let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        let ready = self.post(&[("Mcp-Session-Id", &session)], &initialized).await;
        assert_eq!((ready.status, ready.body), (202, Vec::new()));
        session
    }

    /// Sends a stateless request with these headers against the usual ones.
    async fn ask(&mut self, method: &str, params: Value, headers: &[(&str, &str)]) -> Got {
        let (body, all) = stateless(method, params, headers);
        let all: Vec<_> = all.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.post(&all, &body).await
    }
}

/// A stateless request and its headers. An empty value leaves a header out.
fn stateless(method: &str, mut params: Value, headers: &[(&str, &str)]) -> (Value, Vec<(String, String)>) {
    let meta = json!({"_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28",
                                "io.modelcontextprotocol/clientCapabilities": {}}});
    crate::wire::pattern::merge_patch(&mut params, &meta);
    let mut all = vec![
        ("MCP-Protocol-Version".to_owned(), "2026-07-28".to_owned()),
        ("Mcp-Method".to_owned(), method.to_owned()),
    ];
    if let Some(name) = params.get("name").or(params.get("uri")).and_then(Value::as_str) {
        all.push(("Mcp-Name".to_owned(), name.to_owned()));
    }
    for (name, value) in headers {
        all.retain(|(known, _)| known != name);
        if !value.is_empty() {
            all.push(((*name).to_owned(), (*value).to_owned()));
        }
    }
    (json!({"jsonrpc": "2.0", "id": "r-1", "method": method, "params": params}), all)
}

impl Got {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find_map(|(known, value)| (known == name).then_some(value.as_str()))
    }

    fn message(&self) -> &Value {
        self.messages.last().map_or(&Value::Null, |(_, message)| message)
    }

    fn code(&self) -> (u16, i64) {
        (self.status, self.message()["error"]["code"].as_i64().unwrap_or_default())
    }
}

fn call(id: u64, tool: &str, arguments: &Value, token: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call",
           "params": {"name": tool, "arguments": arguments, "_meta": {"progressToken": token}}})
}

#[tokio::test]
async fn sessions_are_opened_demanded_and_ended() {
    for revision in Revision::ALL.into_iter().filter(|revision| revision.era() == Era::Handshake) {
        let mut client = Client::start(Options::default(), Vec::new());
        let session = client.initialize(revision).await;
        let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
        let got = client.post(&[("Mcp-Session-Id", &session)], &list).await;
        assert_eq!((got.status, got.header("content-type")), (200, Some("application/json")));
        assert_eq!(client.post(&[], &list).await.status, 400);
        assert_eq!(client.post(&[("Mcp-Session-Id", "none")], &list).await.status, 404);
        assert_eq!(client.post(&[("Mcp-Session-Id", &session)], &json!("{")).await.code(), (400, -32700));
        let got = client.post(&[("Mcp-Session-Id", &session), ("MCP-Protocol-Version", "1999-01-01")], &list).await;
        assert_eq!(got.status, if revision < Revision::V2025_06_18 { 200 } else { 400 });
        let ended = client.send("DELETE", "/mcp", &[("Mcp-Session-Id", &session)], &Value::Null);
        assert_eq!(client.read(ended, usize::MAX).await.status, 204);
        assert_eq!(client.post(&[("Mcp-Session-Id", &session)], &list).await.status, 404);
    }
}

#[tokio::test]
async fn progress_comes_as_events_that_can_be_resumed() {
    let mut client = Client::start(Options::default(), Vec::new());
    let session = client.initialize(Revision::V2025_11_25).await;
    let headers = [("Mcp-Session-Id", session.as_str())];
    let got = client.post(&headers, &call(1, "count", &json!({"to": 2}), "t")).await;
    assert_eq!(got.header("content-type"), Some("text/event-stream"));
    assert_eq!(got.messages.len(), 4, "{got:?}");
    assert_eq!(got.messages[0].1, Value::Null);
    assert_eq!(got.message()["id"], 1);
    let second = got.messages[1].0.clone().expect("an id");
    let resumed = client.send("GET", "/mcp", &[("Mcp-Session-Id", &session), ("Last-Event-ID", &second)], &Value::Null);
    let resumed = client.read(resumed, usize::MAX).await;
    assert_eq!(resumed.messages, got.messages[2..]);
}

#[tokio::test]
async fn what_belongs_to_no_request_comes_on_the_general_stream() {
    let mut client = Client::start(Options::default(), Vec::new());
    let session = client.initialize(Revision::V2025_06_18).await;
    let headers = [("Mcp-Session-Id", session.as_str())];
    let general = client.send("GET", "/mcp", &headers, &Value::Null);
    assert!(matches!(client.arrival(general).await, Incoming::Head { status: 200, .. }));
    let got = client.post(&headers, &call(1, "toggle_extras", &json!({}), "t")).await;
    assert_eq!((got.messages.len(), &got.message()["id"]), (1, &json!(1)));
    let told = client.read(general, 3).await;
    assert_eq!(told.messages[0].1["method"], "notifications/tools/list_changed");
}

#[tokio::test]
async fn the_client_is_asked_on_the_stream_of_its_request() {
    let mut client = Client::start(Options::default(), Vec::new());
    let session = client.initialize(Revision::V2025_03_26).await;
    let headers = [("Mcp-Session-Id", session.as_str())];
    let asking = client.send("POST", "/mcp", &headers, &call(1, "ask_roots", &json!({}), "t"));
    let asked = client.read(asking, 1).await;
    assert_eq!(asked.message()["method"], "roots/list");
    let reply = json!({"jsonrpc": "2.0", "id": asked.message()["id"], "result": {"roots": []}});
    assert_eq!(client.post(&headers, &reply).await.status, 202);
    assert_eq!(client.read(asking, usize::MAX).await.message()["id"], 1);

    let held = client.send("POST", "/mcp", &headers, &call(2, "hold", &json!({"messages": 9}), "t"));
    assert!(matches!(client.arrival(held).await, Incoming::Head { .. }));
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 2}});
    assert_eq!(client.post(&headers, &cancel).await.status, 202);
    assert_eq!(client.read(held, usize::MAX).await.messages, []);
}

#[tokio::test]
async fn stateless_requests_must_agree_with_their_headers() {
    let mut client = Client::start(Options::default(), Vec::new());
    let got = client.ask("server/discover", json!({}), &[]).await;
    assert_eq!((got.status, &got.message()["result"]["resultType"]), (200, &json!("complete")));
    for (header, value, code) in [
        ("MCP-Protocol-Version", "", -32020),
        ("MCP-Protocol-Version", "2025-11-25", -32020),
        ("Mcp-Method", "", -32020),
        ("Mcp-Method", "Tools/call", -32020),
        ("Mcp-Name", "", -32020),
        ("Mcp-Name", "add", -32020),
    ] {
        let got = client.ask("tools/call", json!({"name": "version"}), &[(header, value)]).await;
        assert_eq!(got.code(), (400, code), "{header}: {value}");
        assert_eq!(got.message()["id"], "r-1");
    }
    assert_eq!(client.ask("no/such", json!({}), &[]).await.code(), (404, -32601));
    assert_eq!(client.ask("tools/call", json!({"name": "none"}), &[]).await.code(), (400, -32602));
    assert_eq!(client.ask("tools/call", json!({"name": "ask_name"}), &[]).await.code(), (400, -32021));
    let old = json!({"_meta": {"io.modelcontextprotocol/protocolVersion": "1900-01-01"}});
    let (mut body, _) = stateless("tools/list", json!({}), &[]);
    crate::wire::pattern::merge_patch(&mut body["params"], &old);
    let got = client.post(&[("MCP-Protocol-Version", "1900-01-01"), ("Mcp-Method", "tools/list")], &body).await;
    assert_eq!(got.code(), (400, -32022));
    let bare = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
    let got = client.post(&[("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "tools/list")], &bare).await;
    assert_eq!(got.code(), (400, -32602));
    let region = json!({"name": "route", "arguments": {"region": "x"}});
    assert_eq!(client.ask("tools/call", region.clone(), &[]).await.code(), (400, -32020));
    assert_eq!(client.ask("tools/call", region, &[("Mcp-Param-Region", "x")]).await.status, 200);
}

#[tokio::test]
async fn a_subscription_is_a_stream_and_ends_with_it() {
    let mut client = Client::start(Options::default(), Vec::new());
    let (body, headers) = stateless("subscriptions/listen", json!({"notifications": {"toolsListChanged": true}}), &[]);
    let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let listen = client.send("POST", "/mcp", &headers, &body);
    let got = client.read(listen, 1).await;
    assert_eq!(got.header("x-accel-buffering"), Some("no"));
    assert_eq!(got.message()["method"], "notifications/subscriptions/acknowledged");
    let got = client.ask("tools/call", json!({"name": "toggle_extras"}), &[]).await;
    assert_eq!((got.messages.len(), got.status), (1, 200));
    assert_eq!(
        client.read(listen, 1).await.message()["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"],
        "r-1"
    );
    let stopping = tokio::spawn(client.server.take().expect("it runs").stop());
    let end = client.read(listen, usize::MAX).await;
    assert_eq!(end.messages[0].1["method"], "notifications/cancelled");
    assert_eq!((&end.message()["id"], &end.message()["result"]["resultType"]), (&json!("r-1"), &json!("complete")));
    stopping.await.expect("no panic");
}

#[tokio::test]
async fn strangers_and_other_methods_are_refused() {
    let mut client = Client::start(Options::default(), Vec::new());
    let got = client.ask("server/discover", json!({}), &[("Origin", "http://evil.example")]).await;
    assert_eq!(got.status, 403);
    for (method, path, headers, status) in [
        ("GET", "/mcp", &[("MCP-Protocol-Version", "2026-07-28")], 405),
        ("GET", "/mcp", &[("Accept", "text/event-stream")], 400),
        ("PUT", "/mcp", &[("Accept", "*/*")], 405),
        ("GET", "/none", &[("Accept", "*/*")], 404),
        ("POST", "/sse", &[("Accept", "*/*")], 405),
        ("POST", "/mcp", &[("Content-Type", "text/plain")], 415),
        ("POST", "/mcp", &[("Accept", "text/html")], 406),
    ] {
        let exchange = client.send(method, path, headers, &Value::Null);
        assert_eq!(client.read(exchange, usize::MAX).await.status, status, "{method} {path} {headers:?}");
    }
    let options = Options { revisions: vec![Revision::V2026_07_28], ..Options::default() };
    let mut modern = Client::start(options, Vec::new());
    for (method, path, status) in [("GET", "/mcp", 405), ("DELETE", "/mcp", 405), ("GET", "/sse", 404)] {
        let exchange = modern.send(method, path, &[], &Value::Null);
        assert_eq!(modern.read(exchange, usize::MAX).await.status, status, "{method} {path}");
    }
    let got = modern
        .post(
            &[],
            &json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-11-25"}}),
        )
        .await;
    assert_eq!(got.code(), (400, -32022));
}

#[tokio::test]
async fn the_first_transport_has_one_stream_and_one_address() {
    let options = Options { features: Features::ToolsOnly, ..Options::default() };
    let mut client = Client::start(options, Vec::new());
    assert!(client.server.as_ref().expect("it runs").sse_url().ends_with("/sse"));
    let stream = client.send("GET", "/sse", &[], &Value::Null);
    let got = client.read(stream, 1).await;
    let address = got.message().as_str().expect("an address").to_owned();
    let body = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
        "protocolVersion": "2024-11-05", "capabilities": {}, "clientInfo": {"name": "test", "version": "0"}}});
    let posted = client.send("POST", &address, &[], &body);
    // The answer may come before the status of the request that it answers.
    let answer = client.read(stream, 1).await;
    assert_eq!(answer.message()["result"]["protocolVersion"], "2024-11-05");
    let _ = posted;
    let lost = client.send("POST", "/messages?session=none", &[], &body);
    assert_eq!(client.read(lost, usize::MAX).await.status, 404);
}

#[tokio::test]
async fn rules_change_answers_of_both_layers() {
    let http = |moment: Moment, status| Broken {
        when: moment,
        http: Some(HttpPatch { status: Some(status), ..HttpPatch::default() }),
        ..Broken::default()
    };
    let rules = vec![
        http(Moment::Http(json!({"method": "DELETE"})), 200),
        http(Moment::Received(json!({"method": "server/discover"})), 201),
        Broken {
            when: Moment::Sending(json!({"error": {"code": -32601}})),
            merge: Some(json!({"error": {"code": -32603}})),
            ..Broken::default()
        },
        Broken { when: Moment::Received(json!({"method": "tools/list"})), silent: true, ..Broken::default() },
        Broken { when: Moment::Received(json!({"method": "prompts/list"})), exit: Some(1), ..Broken::default() },
    ];
    let mut client = Client::start(Options::default(), rules);
    let deleted = client.send("DELETE", "/mcp", &[], &Value::Null);
    assert_eq!(client.read(deleted, usize::MAX).await.status, 200);
    assert_eq!(client.ask("server/discover", json!({}), &[]).await.status, 201);
    assert_eq!(client.ask("no/such", json!({}), &[]).await.message()["error"]["code"], -32603);
    let got = client.ask("tools/list", json!({}), &[]).await;
    assert_eq!((got.status, got.messages.len()), (200, 0));
    for _ in 0..2 {
        let (body, headers) = stateless("prompts/list", json!({}), &[]);
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let exchange = client.send("POST", "/mcp", &headers, &body);
        assert!(matches!(client.arrival(exchange).await, Incoming::Broken(_)));
    }
}

#[tokio::test]
async fn a_question_that_nobody_answers_is_withdrawn() {
    let options = Options { patience: Duration::ZERO, ..Options::default() };
    let mut client = Client::start(options, Vec::new());
    let session = client.initialize(Revision::V2025_06_18).await;
    let headers = [("Mcp-Session-Id", session.as_str())];
    let got = client.post(&headers, &call(1, "ask_roots", &json!({}), "t")).await;
    assert_eq!(got.messages.len(), 3, "{got:?}");
    assert_eq!(got.messages[1].1["method"], "notifications/cancelled");
    assert_eq!(got.message()["result"]["isError"], true);
}
