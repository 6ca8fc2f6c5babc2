//! What rules make of the built-in server.

use serde_json::{Value, json};

use crate::mock::{Lines, Options};
use crate::scenario::{Broken, Moment};
use crate::transport::{Incoming, Peer as _};

/// What a server with this rule prints for these lines.
fn printed(broken: Broken, lines: &[&str]) -> Vec<String> {
    let mut server = Lines::new(Options::default(), [broken]).expect("known quirks only");
    let seen = server.start().into_iter();
    let seen: Vec<_> = seen.chain(lines.iter().flat_map(|line| server.receive(Some(line.as_bytes())))).collect();
    seen.into_iter()
        .map(|incoming| match incoming {
            Incoming::Line(line) => String::from_utf8(line.to_vec()).expect("UTF-8"),
            Incoming::Exited(exit) => format!("exited with {:?}", exit.code),
            other => format!("{other:?}"),
        })
        .collect()
}

fn when(pattern: Value) -> Broken {
    Broken { when: Moment::Received(pattern), ..Broken::default() }
}

const PING: &str = r#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#;
const PONG: &str = r#"{"jsonrpc":"2.0","id":7,"result":{}}"#;

#[test]
fn an_answer_is_replaced_patched_dropped_or_doubled() {
    let ping = || when(json!({"method": "ping"}));
    let answer = Broken { answer: Some(json!({"error": {"code": 1, "message": "{{id}}: no"}})), ..ping() };
    assert_eq!(printed(answer, &[PING]), [r#"{"jsonrpc":"2.0","id":7,"error":{"code":1,"message":"7: no"}}"#]);
    let merge = Broken { merge: Some(json!({"jsonrpc": null, "id": "x"})), ..ping() };
    assert_eq!(printed(merge, &[PING]), [r#"{"id":"x","result":{}}"#]);
    assert_eq!(printed(Broken { silent: true, ..ping() }, &[PING]), [] as [&str; 0]);
    assert_eq!(printed(Broken { twice: true, ..ping() }, &[PING]), [PONG, PONG]);
    assert_eq!(printed(Broken { twice: true, from: Some(2), ..ping() }, &[PING, PING]), [PONG, PONG, PONG]);
}

#[test]
fn messages_and_text_come_before_and_after() {
    let rule = Broken {
        before: vec![json!({"to": "{{id}}"})],
        after: vec![json!("{{progressToken}}")],
        print: Some("Hello\n".to_owned()),
        ..when(json!({}))
    };
    assert_eq!(printed(rule, &[PING]), ["Hello", r#"{"to":7}"#, PONG, "null"]);
    let rule = Broken { answer: Some(json!({"result": {}})), ..when(json!({"method": "notifications/x"})) };
    let notification = r#"{"jsonrpc":"2.0","method":"notifications/x"}"#;
    assert_eq!(printed(rule, &[notification]), [r#"{"jsonrpc":"2.0","id":null,"result":{}}"#]);
    let start = Broken { when: Moment::Start, print: Some("Listening".to_owned()), ..Broken::default() };
    assert_eq!(printed(start, &[PING]), [format!("Listening{PONG}")]);
}

#[test]
fn what_cannot_be_read_has_an_answer_too() {
    let rule = Broken { silent: true, ..when(json!("nonsense")) };
    assert_eq!(printed(rule, &["nonsense", PING]), [PONG]);
    let rule = Broken {
        when: Moment::Sending(json!({"error": {"code": -32700}})),
        merge: Some(json!({"error": {"code": -32000}})),
        ..Broken::default()
    };
    assert!(printed(rule, &["nonsense"])[0].contains("-32000"));
}

#[test]
fn a_server_exits_or_falls_silent() {
    let rule = Broken { exit: Some(3), ..when(json!({"method": "ping"})) };
    assert_eq!(printed(rule, &[PING, PING]), ["OutputClosed", "exited with Some(3)"]);
    let rule = Broken { hang: true, ..when(json!({"method": "x"})) };
    assert_eq!(printed(rule, &[PING, r#"{"jsonrpc":"2.0","id":1,"method":"x"}"#, PING]), [PONG]);
    let rule = Broken { quirk: Some("string-ids".to_owned()), ..Broken::default() };
    assert_eq!(printed(rule, &[PING]), [r#"{"jsonrpc":"2.0","id":"7","result":{}}"#]);
    let unknown = Broken { quirk: Some("none".to_owned()), ..Broken::default() };
    assert_eq!(
        Lines::new(Options::default(), [unknown]).err().map(|e| e.to_string()).as_deref(),
        Some("`none` is no quirk of the built-in server")
    );
}

#[test]
fn parts_of_a_batch_are_changed_one_by_one() {
    let rule = Broken { merge: Some(json!({"result": {"x": 1}})), ..when(json!({"id": 2})) };
    let lines = [
        r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-03-26","capabilities":{},"clientInfo":{"name":"t","version":"0"}}}"#,
        r#"[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","id":2,"method":"ping"}]"#,
    ];
    assert_eq!(
        printed(rule, &lines)[1],
        r#"[{"jsonrpc":"2.0","id":1,"result":{}},{"jsonrpc":"2.0","id":2,"result":{"x":1}}]"#
    );
}
