//! What comes before an answer, without one, or long after.

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _};

use super::Client;
use crate::mock::{Lines, Options};
use crate::protocol::{Era, Revision};
use crate::transport::{Exit, ExitAfter, Incoming, Peer as _};

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
