//! What comes while several inputs are under way, of a server that answers late and dies.

use std::collections::BTreeMap;

use super::*;
use crate::smith::Piece;
use crate::transport::{CommandTarget, Limits};

/// Answers what it can read, in order; an id that is a text late; and dies when it is told to.
const SERVER: &str = r#"
import json, sys
late = []
for line in sys.stdin:
    try:
        asked = json.loads(line)
    except ValueError:
        asked = {"id": None, "method": "broken"}
    if asked.get("method") == "die":
        sys.exit(3)
    if "id" not in asked:
        continue
    answer = {"jsonrpc": "2.0", "id": asked["id"], "result": {}}
    if asked["method"] == "initialize":
        answer["result"] = {"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {"name": "s", "version": "1"}}
    if asked["method"] == "broken":
        answer = {"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "broken"}}
    late.append(answer)
    if asked["method"] == "late":
        continue
    # In one piece, so that they arrive together.
    sys.stdout.write("".join(json.dumps(answer) + "\n" for answer in reversed(late)))
    sys.stdout.flush()
    late = []
"#;
const PATIENCE: Patience = Patience { deadline: Duration::from_secs(10), grace: Duration::from_millis(25), nudges: 0 };

fn opened() -> Conversation {
    let command = CommandTarget {
        program: "python3".to_owned(),
        arguments: vec!["-c".to_owned(), SERVER.to_owned()],
        environment: BTreeMap::new(),
        directory: None,
    };
    let process = Process::start(&command, Limits::default()).expect("there is Python");
    let link = Link::Process(Box::new(process));
    Conversation::open(link, Revision::V2025_11_25, Duration::from_secs(10), "").expect("it opens")
}

fn input(texts: &[&str]) -> Input {
    Input { pieces: texts.iter().map(|text| Piece::message(text.as_bytes())).collect() }
}

/// What came, as text, alive requests' answers left out.
fn said(observed: &Observed) -> Vec<String> {
    let lines = observed.steps.iter().filter_map(|step| match step {
        Step::Read { line, .. } => Some(String::from_utf8_lossy(line).into_owned()),
        _ => None,
    });
    let fence = format!("\"id\": {}", observed.script.fence.id);
    lines.filter(|line| !line.contains(&fence)).collect()
}

#[test]
fn what_comes_while_several_are_under_way_is_told_apart() {
    let mut conversation = opened();
    let assessor = Assessor::new(Revision::V2025_11_25, &[], false);
    let inputs = [
        input(&[r#"{"jsonrpc":"2.0","id":1,"method":"late"}"#]),
        input(&["{"]),
        input(&[
            r#"{"jsonrpc":"2.0","id":"mine","id":"mine","method":"late"}"#,
            r#"{"jsonrpc":"2.0","id":7,"method":"tools/list"}"#,
        ]),
        input(&[r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#]),
    ];
    let sent: Vec<Sent> = inputs.iter().map(|input| conversation.send(input, &assessor)).collect();
    let observed: Vec<_> = sent.into_iter().map(|sent| conversation.receive(sent, PATIENCE)).collect();
    let said: Vec<_> = observed.iter().map(said).collect();
    assert_eq!(said[0].len(), 1, "{said:?}");
    assert!(said[1].len() == 1 && said[1][0].contains("-32700"), "{said:?}");
    assert!(said[2].len() == 2 && said[2].iter().any(|line| line.contains("\"mine\"")), "{said:?}");
    assert_eq!(said[3].len(), 0, "{said:?}");
    assert!(observed.iter().all(|one| one.end == End::Alive && one.unanswered.is_empty() && one.again.is_empty()));
}

#[test]
fn who_dies_dies_of_what_was_not_answered() {
    let mut conversation = opened();
    let assessor = Assessor::new(Revision::V2025_11_25, &[], false);
    let inputs =
        [input(&[r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#]), input(&[r#"{"method":"die"}"#]), input(&["{"])];
    let sent: Vec<Sent> = inputs.iter().map(|input| conversation.send(input, &assessor)).collect();
    let mut observed = sent.into_iter().map(|sent| conversation.receive(sent, PATIENCE));
    let first = observed.next().expect("three");
    assert!(first.end == End::Alive && said(&first).len() == 1, "{first:?}");
    let second = observed.next().expect("three");
    assert_eq!(second.end, End::Over);
    let is_exit = |step: &Step| matches!(step, Step::Arrived(arrival) if matches!(arrival.what, Incoming::Exited(exit) if exit.code == Some(3)));
    assert!(second.steps.iter().any(is_exit), "{second:?}");
}
