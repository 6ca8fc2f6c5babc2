//! Requests that are answered at once, and what is refused.

use serde_json::{Value, json};

use super::Client;
use crate::mock::{Features, Lines, Options};
use crate::protocol::{Era, Revision};
use crate::transport::Peer as _;

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
