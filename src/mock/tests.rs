//! Conversations with the built-in server in every revision: each message must satisfy its revision's schema.

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _};

use crate::protocol::{Definitions, Era, Profile, Revision};
use crate::transport::{Exit, ExitAfter, Incoming, Peer};

use super::{Features, Lines, Options};

/// A client that checks the form of all that it gets.
pub(super) struct Client {
    peer: Lines,
    revision: Revision,
    next: u64,
    capabilities: Value,
    /// Methods asked, by id, to judge the answers by.
    asked: Vec<(Value, String)>,
}

impl Client {
    pub(super) fn open(revision: Revision, options: Options, capabilities: Value) -> Self {
        let peer = Lines::new(options, []).expect("no rules, no unknown quirks");
        let mut client = Self { peer, revision, next: 0, capabilities, asked: Vec::new() };
        if revision.era() == Era::Handshake {
            let params = json!({"protocolVersion": revision, "capabilities": client.capabilities,
                                "clientInfo": {"name": "test", "version": "0"}});
            let answer = client.request("initialize", params);
            assert_eq!(answer["result"]["protocolVersion"], revision.as_str());
            assert_eq!(client.say(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"})), [] as [Value; 0]);
        }
        client
    }

    fn new(revision: Revision) -> Self {
        let capabilities = json!({"roots": {}, "sampling": {}, "elicitation": {"form": {}, "url": {}}});
        Self::open(revision, Options::default(), capabilities)
    }

    /// Sends a line, and returns the messages that come back.
    fn say_bytes(&mut self, line: &[u8]) -> Vec<Value> {
        let seen = self.peer.receive(Some(line));
        let messages: Vec<Value> = seen
            .iter()
            .map(|incoming| match incoming {
                Incoming::Line(line) => serde_json::from_slice(line).expect("every line is JSON"),
                other => panic!("{other:?}"),
            })
            .collect();
        for message in &messages {
            self.judge(message);
        }
        messages
    }

    fn say(&mut self, message: &Value) -> Vec<Value> {
        self.say_bytes(message.to_string().as_bytes())
    }

    /// Sends a request, and returns all that comes back.
    fn exchange(&mut self, method: &str, mut params: Value) -> Vec<Value> {
        if self.revision.era() == Era::Stateless {
            let meta = json!({"_meta": {
                "io.modelcontextprotocol/protocolVersion": self.revision,
                "io.modelcontextprotocol/clientCapabilities": self.capabilities,
            }});
            crate::wire::pattern::merge_patch(&mut params, &meta);
        }
        self.next += 1;
        self.asked.push((json!(self.next), method.to_owned()));
        self.say(&json!({"jsonrpc": "2.0", "id": self.next, "method": method, "params": params}))
    }

    /// Sends a request that is answered by one message.
    fn request(&mut self, method: &str, params: Value) -> Value {
        let mut answers = self.exchange(method, params);
        let answer = answers.pop().expect("an answer");
        assert_eq!(answers, [] as [Value; 0], "{method}");
        answer
    }

    fn call(&mut self, tool: &str, arguments: &Value) -> Vec<Value> {
        self.exchange("tools/call", json!({"name": tool, "arguments": arguments}))
    }

    /// Walks a list to its end.
    fn walk(&mut self, method: &str, member: &str) -> Vec<Value> {
        let (mut items, mut params, mut pages) = (Vec::new(), json!({}), 0);
        loop {
            let answer = self.request(method, params);
            items.extend(answer["result"][member].as_array().expect("a list").clone());
            pages += 1;
            match answer["result"].get("nextCursor") {
                Some(cursor) => params = json!({"cursor": cursor}),
                None => break,
            }
        }
        assert!(pages > 1, "{method} has one page only");
        items
    }

    /// Panics where a message breaks its definition.
    fn judge(&self, message: &Value) {
        let (profile, definitions) = (Profile::of(self.revision), Definitions::of(self.revision));
        let check = |definition: &str, value: &Value| {
            assert_eq!(definitions.violations(definition, value), [], "{} {definition}: {value}", self.revision);
        };
        if let Some(parts) = message.as_array() {
            return parts.iter().for_each(|part| self.judge(part));
        }
        if let Some(method) = message["method"].as_str() {
            let definition = if message.get("id").is_some() {
                profile.server_requests.get(method).map(|request| request.request.clone())
            } else {
                profile.server_notifications.get(method).cloned()
            };
            return check(&definition.unwrap_or_else(|| panic!("{} has no {method}", self.revision)), message);
        }
        if message.get("error").is_some() {
            if message.get("id").is_some_and(|id| !id.is_null()) {
                check(&profile.error_response, message);
            }
            return;
        }
        let (_, method) = self.asked.iter().find(|(id, _)| *id == message["id"]).expect("an answer to a request");
        let definition = match message["result"]["resultType"].as_str() {
            Some("input_required") => "InputRequiredResult",
            Some("task") => "TasksExtensionCreateTaskResult",
            _ if message["result"].get("task").is_some() => "CreateTaskResult",
            _ => &profile.requests[method].result,
        };
        check(definition, &message["result"]);
    }
}

#[test]
fn every_feature_is_right_in_every_revision() {
    for revision in Revision::ALL {
        let mut client = Client::new(revision);
        for tool in client.walk("tools/list", "tools") {
            let name = tool["name"].as_str().expect("a name").to_owned();
            let arguments = match name.as_str() {
                "add" => json!({"a": 1, "b": 2}),
                "echo" => json!({"text": "ß漢😀"}),
                "order" => json!({"size": "small", "count": 1}),
                "route" => json!({"region": "north"}),
                _ => json!({}),
            };
            let answers = client.call(&name, &arguments);
            assert!(!answers.is_empty(), "{name}");
        }
        for resource in client.walk("resources/list", "resources") {
            let answer = client.request("resources/read", json!({"uri": resource["uri"]}));
            assert_eq!(answer["result"]["contents"][0]["uri"], resource["uri"]);
        }
        assert_eq!(client.walk("resources/templates/list", "resourceTemplates").len(), 3);
        for prompt in client.walk("prompts/list", "prompts") {
            let given = prompt.get("arguments").and_then(Value::as_array).into_iter().flatten();
            let arguments: serde_json::Map<_, _> =
                given.map(|a| (a["name"].as_str().expect("a name").to_owned(), json!("x"))).collect();
            let answer = client.request("prompts/get", json!({"name": prompt["name"], "arguments": arguments}));
            assert!(answer["result"]["messages"][0].is_object(), "{answer}");
        }
        let answer = client.request(
            "completion/complete",
            json!({
                "ref": {"type": "ref/resource", "uri": "mock://squares/{number}"},
                "argument": {"name": "number", "value": ""},
            }),
        );
        assert_eq!(answer["result"]["completion"]["values"].as_array().map(Vec::len), Some(100));
        assert_eq!(answer["result"]["completion"]["hasMore"], true);
    }
}

#[test]
fn what_is_wrong_is_refused_and_the_server_lives_on() {
    for revision in Revision::ALL {
        let mut client = Client::new(revision);
        let not_found = if revision.era() == Era::Stateless { -32602 } else { -32002 };
        for (method, params, code) in [
            ("litmus/none", json!({}), -32601),
            ("Tools/List", json!({}), -32601),
            ("tools/call", json!({}), -32602),
            ("tools/call", json!({"name": "none"}), -32602),
            ("tools/call", json!({"name": "echo", "arguments": []}), -32602),
            ("tools/list", json!({"cursor": "none"}), -32602),
            ("tools/list", json!({"cursor": 1}), -32602),
            ("resources/read", json!({}), -32602),
            ("resources/read", json!({"uri": "mock://none"}), not_found),
            ("prompts/get", json!({"name": "none"}), -32602),
            ("prompts/get", json!({"name": "review"}), -32602),
            (
                "completion/complete",
                json!({"ref": {"type": "ref/prompt", "name": "none"}, "argument": {"name": "a", "value": ""}}),
                -32602,
            ),
            ("completion/complete", json!({"argument": {"name": "a", "value": ""}}), -32602),
        ] {
            assert_eq!(client.request(method, params)["error"]["code"], code, "{revision} {method}");
        }
        for (line, code) in [
            ("{\"jsonrpc\": \"2.0\",", -32700),
            ("Hello", -32700),
            ("\"hello\"", -32600),
            ("[]", -32600),
            ("{\"jsonrpc\":\"1.0\",\"id\":8,\"method\":\"ping\"}", -32600),
            ("{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":5}", -32600),
            ("{\"jsonrpc\":\"2.0\",\"id\":10}", -32600),
            ("{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}", -32600),
            ("{\"jsonrpc\":\"2.0\",\"id\":11,\"method\":\"tools/list\",\"params\":[]}", -32602),
        ] {
            let answers = client.say_bytes(line.as_bytes());
            assert_eq!(answers.len(), 1, "{revision} {line}");
            assert_eq!(answers[0]["error"]["code"], code, "{revision} {line}");
        }
        for silent in [
            json!({"jsonrpc": "2.0", "method": "notifications/none", "params": 1}),
            json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 77}}),
            json!({"jsonrpc": "2.0", "id": "x", "result": {}}),
        ] {
            assert_eq!(client.say(&silent), [] as [Value; 0], "{silent}");
        }
        assert!(client.request("tools/list", json!({}))["result"].is_object());
    }
}

#[test]
fn ids_come_back_as_they_were() {
    let mut client = Client::new(Revision::V2025_06_18);
    for id in [json!("7"), json!(7), json!(-1), json!(0), json!(""), json!("id ✓"), json!(9_007_199_254_740_991_i64)]
    {
        client.asked.push((id.clone(), "ping".to_owned()));
        assert_eq!(client.say(&json!({"jsonrpc": "2.0", "id": id, "method": "ping"}))[0]["id"], id);
    }
}

#[test]
fn batches_are_taken_in_one_revision_only() {
    let mut client = Client::new(Revision::V2025_03_26);
    client.asked.extend([(json!("a"), "ping".to_owned()), (json!("b"), "tools/list".to_owned())]);
    let batch = json!([
        {"jsonrpc": "2.0", "id": "a", "method": "ping"},
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 9}},
        1,
        {"jsonrpc": "2.0", "id": "b", "method": "tools/list"},
    ]);
    let answers = client.say(&batch);
    let parts = answers[0].as_array().expect("one batch");
    assert_eq!((answers.len(), parts.len()), (1, 3));
    assert_eq!(parts[1]["error"]["code"], -32600);
    assert_eq!(client.say(&json!([{"jsonrpc": "2.0", "method": "notifications/initialized"}])), [] as [Value; 0]);

    let answers = Client::new(Revision::V2025_06_18).say(&batch);
    assert_eq!((answers.len(), &answers[0]["error"]["code"]), (1, &json!(-32600)));
}

#[test]
fn a_handshake_settles_the_revision() {
    for (asked, told) in [("2025-03-26", "2025-03-26"), ("1999-01-01", "2025-11-25"), ("2026-07-28", "2025-11-25")] {
        let mut peer = Lines::new(Options::default(), []).expect("no rules");
        let early = peer.receive(Some(br#"{"jsonrpc":"2.0","id":0,"method":"tools/list"}"#));
        assert!(format!("{early:?}").contains("-32602"), "{early:?}");
        let line = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": asked, "capabilities": {"x": {}}, "clientInfo": {"name": "test", "version": "0"}}});
        let answer = peer.receive(Some(line.to_string().as_bytes()));
        assert!(format!("{answer:?}").contains(told), "{asked}: {answer:?}");
        let again = peer.receive(Some(line.to_string().as_bytes()));
        assert!(format!("{again:?}").contains("-32600"), "{again:?}");
    }
}

#[test]
fn progress_and_log_messages_go_to_who_asked() {
    for revision in Revision::ALL {
        let mut client = Client::new(revision);
        let answers = client
            .exchange("tools/call", json!({"name": "count", "arguments": {"to": 2}, "_meta": {"progressToken": "t"}}));
        assert_eq!(answers.len(), 3, "{revision}");
        assert_eq!(answers[1]["params"]["progress"], 2);
        let level = if revision.era() == Era::Handshake {
            client.request("logging/setLevel", json!({"level": "error"}));
            json!({})
        } else {
            assert_eq!(client.call("log", &json!({})).len(), 1, "none without a level");
            json!({"io.modelcontextprotocol/logLevel": "error"})
        };
        let answers = client.exchange("tools/call", json!({"name": "log", "_meta": level}));
        assert_eq!(answers.len(), 5, "{revision}");
        assert_eq!(answers[0]["params"]["level"], "error");
    }
}

#[test]
fn a_held_request_can_be_cancelled() {
    for revision in Revision::ALL {
        let mut client = Client::new(revision);
        assert!(client.call("hold", &json!({"messages": 2})).is_empty());
        let id = client.next;
        let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}});
        assert!(client.say(&cancel).is_empty());
        client.request("tools/list", json!({}));
        client.request("tools/list", json!({}));

        assert!(client.call("hold", &json!({"messages": 1})).is_empty());
        let (id, answers) = (client.next, client.exchange("prompts/list", json!({})));
        assert_eq!(answers.len(), 2);
        assert_eq!(answers[1]["id"], id);
    }
}

#[test]
fn changes_are_told_to_subscribers() {
    let mut client = Client::new(Revision::V2025_06_18);
    assert_eq!(client.call("touch", &json!({})).len(), 1);
    client.request("resources/subscribe", json!({"uri": "mock://counter"}));
    assert_eq!(client.call("touch", &json!({}))[0]["params"]["uri"], "mock://counter");
    client.request("resources/unsubscribe", json!({"uri": "mock://counter"}));
    assert_eq!(client.call("touch", &json!({})).len(), 1);
    assert_eq!(client.call("toggle_extras", &json!({})).len(), 4);

    let mut client = Client::new(Revision::V2026_07_28);
    assert_eq!(client.call("toggle_extras", &json!({})).len(), 1);
    let listen = json!({"notifications": {"toolsListChanged": true, "resourceSubscriptions": ["mock://counter", "mock://none"]}});
    let acknowledged = client.exchange("subscriptions/listen", listen);
    assert_eq!(acknowledged[0]["params"]["notifications"]["resourceSubscriptions"], json!(["mock://counter"]));
    let told = client.call("toggle_extras", &json!({}));
    assert_eq!(told.len(), 2);
    assert_eq!(
        told[0]["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"],
        acknowledged[0]["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"]
    );
    let ended = client.peer.receive(None);
    assert!(
        matches!(ended[3], Incoming::Exited(Exit { code: Some(0), after: ExitAfter::InputClosed, .. })),
        "{ended:?}"
    );
}

#[test]
fn questions_are_asked_in_the_way_of_the_era() {
    let replies = [
        ("ask_model", json!({"role": "assistant", "model": "m", "content": {"type": "text", "text": "Helsinki"}})),
        ("ask_roots", json!({"roots": [{"uri": "file:///a"}]})),
        ("ask_name", json!({"action": "accept", "content": {"name": "Aino"}})),
        ("ask_page", json!({"action": "accept"})),
    ];
    for (tool, reply) in &replies {
        let mut client = Client::new(Revision::V2025_11_25);
        let asked = client.call(tool, &json!({}));
        assert!(asked[0]["method"].is_string(), "{asked:?}");
        let answers = client.say(&json!({"jsonrpc": "2.0", "id": asked[0]["id"], "result": reply}));
        let answer = answers.last().expect("an answer");
        assert_eq!(answer["result"].get("isError"), None, "{answer}");

        let mut client = Client::new(Revision::V2026_07_28);
        let asked = client.call(tool, &json!({})).remove(0);
        let (key, _) = asked["result"]["inputRequests"].as_object().and_then(|all| all.iter().next()).expect("one");
        let mut again = json!({"name": tool, "requestState": asked["result"]["requestState"], "inputResponses": {}});
        assert_eq!(client.request("tools/call", again.clone())["result"]["resultType"], "input_required");
        again["inputResponses"][key] = reply.clone();
        assert_eq!(client.request("tools/call", again.clone())["result"]["resultType"], "complete");
        again["requestState"] = json!("forged");
        assert_eq!(client.request("tools/call", again)["error"]["code"], -32602);

        let mut client = Client::open(Revision::V2026_07_28, Options::default(), json!({}));
        assert_eq!(client.call(tool, &json!({}))[0]["error"]["code"], -32021);
    }
}

#[test]
fn metadata_is_demanded_on_every_stateless_request() {
    let (version, capabilities) =
        ("io.modelcontextprotocol/protocolVersion", "io.modelcontextprotocol/clientCapabilities");
    for (meta, code) in [
        (json!({}), -32602),
        (json!({version: "2026-07-28"}), -32602),
        (json!({capabilities: {}}), -32602),
        (json!({version: 5, capabilities: {}}), -32602),
        (json!({version: "2026-07-28", capabilities: []}), -32602),
        (json!({version: "2026-07-28", capabilities: {}, "io.modelcontextprotocol/logLevel": "loud"}), -32602),
        (json!({version: "1900-01-01", capabilities: {}}), -32022),
    ] {
        let mut client = Client::new(Revision::V2026_07_28);
        let line = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": meta}});
        assert_eq!(client.say(&line)[0]["error"]["code"], code, "{line}");
    }
    let discovered = Client::new(Revision::V2026_07_28).request("server/discover", json!({}));
    assert_eq!(discovered["result"]["supportedVersions"][0], "2026-07-28");
}

#[test]
fn a_tools_only_server_knows_nothing_else() {
    for revision in Revision::ALL {
        let options = Options { features: Features::ToolsOnly, ..Options::default() };
        let mut client = Client::open(revision, options, json!({}));
        assert_eq!(client.request("tools/list", json!({}))["result"]["tools"].as_array().map(Vec::len), Some(1));
        for method in ["resources/list", "prompts/list", "completion/complete", "logging/setLevel", "tasks/list"] {
            assert_eq!(client.request(method, json!({}))["error"]["code"], -32601, "{method}");
        }
    }
}

#[test]
fn tasks_of_the_core_end_after_a_while() {
    let mut client = Client::new(Revision::V2025_11_25);
    let task = |tool: &str, fails: bool| {
        let arguments = if tool == "errand" { json!({"fails": fails}) } else { json!({}) };
        json!({"name": tool, "arguments": arguments, "task": {"ttl": 1_000_000_000_000_u64}})
    };
    assert_eq!(client.call("long_errand", &json!({}))[0]["error"]["code"], -32601);
    assert_eq!(client.request("tools/call", task("echo", false))["error"]["code"], -32601);
    assert_eq!(client.request("tasks/get", json!({"taskId": "none"}))["error"]["code"], -32602);
    for (fails, status) in [(false, "completed"), (true, "failed")] {
        let created = client.request("tools/call", task("errand", fails));
        assert_eq!(created["result"]["task"]["status"], "working");
        assert_eq!(created["result"]["task"]["ttl"], 3_600_000);
        let id = json!({"taskId": created["result"]["task"]["taskId"]});
        assert_eq!(client.request("tasks/get", id.clone())["result"]["status"], "working");
        let answers = client.exchange("tasks/get", id.clone());
        assert_eq!((answers.len(), &answers[0]["method"]), (2, &json!("notifications/tasks/status")));
        assert_eq!(answers[1]["result"]["status"], status);
        let result = client.request("tasks/result", id.clone());
        assert_eq!(result["result"].get("isError").is_some(), fails);
        assert_eq!(result["result"]["_meta"]["io.modelcontextprotocol/related-task"], id);
        assert_eq!(client.request("tasks/cancel", id)["error"]["code"], -32602);
    }
    let created = client.request("tools/call", task("long_errand", false));
    let id = json!({"taskId": created["result"]["task"]["taskId"]});
    assert_eq!(client.exchange("tasks/cancel", id.clone())[1]["result"]["status"], "cancelled");
    assert_eq!(client.request("tasks/get", id)["result"]["status"], "cancelled");
    client.request("tools/call", task("long_errand", false));
    assert_eq!(client.walk("tasks/list", "tasks").len(), 4);
}

#[test]
fn tasks_of_the_extension_are_for_those_who_declare_it() {
    let mut client = Client::new(Revision::V2026_07_28);
    assert_eq!(client.call("long_errand", &json!({}))[0]["error"]["code"], -32021);
    assert_eq!(client.call("errand", &json!({}))[0]["result"]["resultType"], "complete");
    assert_eq!(client.request("tasks/get", json!({"taskId": "none"}))["error"]["code"], -32021);
    client.capabilities["extensions"] = json!({"io.modelcontextprotocol/tasks": {}});
    assert_eq!(client.request("tasks/get", json!({"taskId": "none"}))["error"]["code"], -32602);
    assert_eq!(client.request("tasks/result", json!({"taskId": "none"}))["error"]["code"], -32601);
    let created = client.call("errand", &json!({"asks": true})).remove(0);
    assert_eq!(created["result"]["resultType"], "task");
    let id = created["result"]["taskId"].clone();
    let acknowledged = client.exchange("subscriptions/listen", json!({"notifications": {"taskIds": [id, "none"]}}));
    assert_eq!(acknowledged[0]["params"]["notifications"]["taskIds"], json!([id]));
    let answers = client.exchange("tasks/get", json!({"taskId": id}));
    assert_eq!((answers.len(), &answers[0]["method"]), (2, &json!("notifications/tasks")));
    assert_eq!(answers[1]["result"]["status"], "input_required");
    let update =
        json!({"taskId": id, "inputResponses": {"x": {}, "name": {"action": "accept", "content": {"name": "Aino"}}}});
    assert_eq!(client.exchange("tasks/update", update).len(), 2);
    let done = client.exchange("tasks/get", json!({"taskId": id})).remove(1);
    assert_eq!(done["result"]["result"]["content"][0]["text"], "Hello, Aino!");
    assert_eq!(client.request("tasks/cancel", json!({"taskId": id}))["result"]["resultType"], "complete");
    assert_eq!(client.request("tasks/get", json!({"taskId": id}))["result"]["status"], "completed");
}

#[tokio::test]
async fn lines_are_served_until_the_input_ends() {
    let input = b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\r\n\nnonsense\n{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"ping\"}";
    let mut output = Vec::new();
    let server = Lines::new(Options::default(), []).expect("no rules");
    assert_eq!(server.serve(&input[..], &mut output).await.expect("memory does not fail"), 0);
    let text = String::from_utf8(output).expect("UTF-8");
    assert_eq!(text.lines().count(), 3, "{text}");
    assert_eq!(text.lines().last(), Some("{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}"));
}

#[tokio::test]
async fn a_reply_that_never_comes_is_given_up() {
    let (theirs, mut ours) = tokio::io::duplex(1 << 16);
    let options = Options { patience: std::time::Duration::ZERO, ..Options::default() };
    let (input, output) = tokio::io::split(theirs);
    let server = Lines::new(options, []).expect("no rules");
    let running = tokio::spawn(server.serve(tokio::io::BufReader::new(input), output));
    for line in [
        json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-11-25",
               "capabilities": {"roots": {}}, "clientInfo": {"name": "test", "version": "0"}}}),
        json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "ask_roots"}}),
    ] {
        ours.write_all(format!("{line}\n").as_bytes()).await.expect("a reader");
    }
    let mut lines = tokio::io::BufReader::new(&mut ours).lines();
    let mut seen = Vec::new();
    while seen.len() < 4 {
        let line = lines.next_line().await.expect("readable").expect("more to come");
        seen.push(serde_json::from_str::<Value>(&line).expect("JSON"));
    }
    assert_eq!(seen[2]["params"]["requestId"], seen[1]["id"]);
    assert_eq!((&seen[3]["id"], &seen[3]["result"]["isError"]), (&json!(2), &json!(true)));
    drop(ours);
    assert_eq!(running.await.expect("no panic").expect("no failure"), 0);
}

#[test]
fn one_connection_serves_both_eras() {
    let mut client = Client::new(Revision::V2025_06_18);
    client.revision = Revision::V2026_07_28;
    assert!(client.call("hold", &json!({"messages": 1})).is_empty());
    let answers = client.exchange("tools/list", json!({}));
    assert_eq!(answers[1]["result"]["resultType"], "complete");
    client.revision = Revision::V2025_06_18;
    assert_eq!(client.request("tools/list", json!({}))["result"].get("resultType"), None);
}
