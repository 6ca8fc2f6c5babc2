//! Tasks of both kinds.

use serde_json::json;

use super::Client;
use crate::protocol::Revision;

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

    let asking = json!({"name": "errand", "arguments": {"asks": true}, "task": {}});
    let id = json!({"taskId": client.request("tools/call", asking)["result"]["task"]["taskId"]});
    assert_eq!(client.exchange("tasks/get", id.clone())[1]["result"]["status"], "input_required");
    let asked = client.request("tasks/result", id.clone());
    assert_eq!(asked["params"]["_meta"]["io.modelcontextprotocol/related-task"], id);
    let reply = json!({"action": "accept", "content": {"name": "Aino"}});
    let answers = client.say(&json!({"jsonrpc": "2.0", "id": asked["id"], "result": reply}));
    assert_eq!(answers[1]["result"]["content"][0]["text"], "Hello, Aino!");
    assert_eq!(client.request("tasks/get", id)["result"]["status"], "completed");
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
