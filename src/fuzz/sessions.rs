//! Whether HTTP sessions are kept apart: what one session says in passing must not turn up in another. Calls only tools that say
//! they change nothing, since what others write may be meant for all.

use std::borrow::Borrow;

use serde_json::{Value, json};

use super::ground::{Ground, Trial};
use super::link::{Link, Observed, Patience, Step};
use super::oracle::{Oracle, Suspicion};
use super::script::request;
use crate::smith::{Input, Piece, World, arguments};
use crate::source::printable;
use crate::transport::{Arrival, Incoming};

/// How marks begin that one session leaves.
const MARK: &str = "litmus-mark-";
/// Tools that are tried.
const TOOLS: usize = 16;

/// What one session says, with marks in it, and what others ask: the first input is for one session, the rest for another.
pub(super) fn inputs(world: &World, number: u64) -> Vec<Input> {
    let mark = format!("{MARK}{number}");
    let reads = |tool: &&Value| tool["annotations"]["readOnlyHint"] == true;
    let mut tools: Vec<&Value> = world.tools.iter().filter(reads).take(TOOLS).collect();
    let call = |tool: &Value, mark: Option<&str>| {
        let given = tool["name"].as_str().and_then(|name| world.arguments.get(name)).cloned();
        let mut arguments = given.or_else(|| arguments::generate(&tool["inputSchema"]))?;
        if let Some(mark) = mark {
            for name in texts(tool) {
                arguments[name.as_str()] = json!(mark);
            }
        }
        let params = json!({"name": tool["name"], "arguments": arguments});
        Some(Piece::message(request(world.revision, &json!(1), "tools/call", params).to_string()))
    };
    let first = Input { pieces: tools.iter().filter_map(|tool| call(tool, Some(&mark))).collect() };
    // What takes a text may keep it: what takes none is asked before that.
    tools.sort_by_key(|tool| !texts(tool).is_empty());
    let second = Input { pieces: tools.iter().filter_map(|tool| call(tool, None)).collect() };
    vec![first, second]
}

/// The names of a tool's arguments that take any text.
fn texts(tool: &Value) -> Vec<&String> {
    let is_text = |property: &Value| property["type"] == "string" && property.get("enum").is_none();
    let properties = tool["inputSchema"]["properties"].as_object().into_iter().flatten();
    properties.filter(|(_, property)| is_text(property)).map(|(name, _)| name).collect()
}

/// Tries two sessions side by side: marks of the first that turn up in the second are suspicious.
pub(super) fn trial(ground: &mut Ground, inputs: &[impl Borrow<Input>]) -> Trial {
    let mut trial = Trial { suspicions: Vec::new(), excerpt: Vec::new() };
    let [first, others @ ..] = inputs else { return trial };
    let first = first.borrow();
    let mark = format!("{MARK}name");
    let (Ok(mut one), Ok(mut other)) = (ground.open_as(&mark), ground.open_as("")) else { return trial };
    let has_session = |link: &Link| matches!(link, Link::Endpoint(endpoint) if endpoint.session.is_some());
    if !has_session(&one.link) || !has_session(&other.link) {
        return trial;
    }
    let patience = Patience { deadline: ground.plan.timeout, grace: std::time::Duration::from_millis(100), nudges: 0 };
    let sent = one.send(first, &ground.court.assessor);
    let said = one.receive(sent, patience);
    let mut marks = vec![mark];
    for piece in &first.pieces {
        let text = String::from_utf8_lossy(&piece.bytes).into_owned();
        let found = text.match_indices(MARK).map(|(at, _)| {
            let end = text[at..].find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(text.len() - at);
            text[at..at + end].to_owned()
        });
        marks.extend(found);
    }
    trial.excerpt.extend(lines("first session", &said));
    for input in others.iter().map(Borrow::borrow) {
        let asked: String = input.pieces.iter().map(|piece| String::from_utf8_lossy(&piece.bytes)).collect();
        let sent = other.send(input, &ground.court.assessor);
        let heard = other.receive(sent, patience);
        trial.excerpt.extend(lines("second session", &heard));
        for text in bodies(&heard) {
            let seen = marks.iter().find(|mark| text.contains(mark.as_str()) && !asked.contains(mark.as_str()));
            if let Some(mark) = seen {
                trial.suspicions.push(Suspicion {
                    oracle: Oracle::SessionMixup,
                    requirement: Oracle::SessionMixup.requirement().to_owned(),
                    subject: String::new(),
                    cause: "a mark of another session".to_owned(),
                    expected: "nothing of what another session said".to_owned(),
                    actual: format!("{mark}, which only another session said, in {}", printable(&text, 200)),
                });
                return trial;
            }
        }
    }
    trial
}

fn bodies(observed: &Observed) -> Vec<String> {
    let found = observed.steps.iter().filter_map(|step| match step {
        Step::Arrived(Arrival { what: Incoming::Body(text) | Incoming::Event { data: Some(text), .. }, .. }) => {
            Some(text)
        }
        _ => None,
    });
    found.map(|text| String::from_utf8_lossy(text).into_owned()).collect()
}

fn lines(who: &str, observed: &Observed) -> Vec<String> {
    let sent = observed
        .script
        .pieces
        .iter()
        .map(|piece| format!("→ {who}: {}", printable(&String::from_utf8_lossy(&piece.bytes), 300)));
    let came = bodies(observed).into_iter().map(|text| format!("← {who}: {}", printable(&text, 300)));
    sent.chain(came).collect()
}
