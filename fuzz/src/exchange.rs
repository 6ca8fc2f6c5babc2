//! A whole exchange with the built-in server, which is right: every failed verdict is a false alarm of ours.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use mcp_litmus::judge::{Context, Traffic, invariant, watch};
use mcp_litmus::mock::{Lines, Options};
use mcp_litmus::outcome::Verdict;
use mcp_litmus::protocol::Revision;
use mcp_litmus::run::{Plan, Selection};
use mcp_litmus::scenario::{Body, Catalogue};
use mcp_litmus::session::{Awaited, CallBudget, Edits, Opened, Session, Transcript, open};
use mcp_litmus::smith::{Form, Input, Unstructured, World, fresh};
use mcp_litmus::survey::{Calls, offer};
use mcp_litmus::transport::{Limits, Peer, Target};
use mcp_litmus::wire::TransportKind;
use serde_json::Value;

/// How long the server in memory may take, which is no time.
const TIMEOUT: Duration = Duration::from_secs(5);

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::built_in().expect("it loads"));
static WORLDS: LazyLock<Vec<World>> =
    LazyLock::new(|| Revision::ALL.map(|revision| block_on(known(revision))).to_vec());

/// Sends an input that is drawn from bytes, with an ordinary request behind each piece, and has the whole judged.
pub fn run(bytes: &[u8]) {
    let u = &mut Unstructured::new(bytes);
    let world = u.choose(&WORLDS).expect("there are some");
    let input = fresh(world, u);
    let transcript = block_on(exchange(world.revision, &input));
    judge(world, &transcript, &input);
}

async fn exchange(revision: Revision, input: &Input) -> Transcript {
    let mut session = session(revision).await;
    for piece in &input.pieces {
        let edits = Edits { deliberate: true, ..Edits::default() };
        let bytes = renumbered(&mut session, &piece.bytes);
        session.send_raw(Bytes::from(bytes), piece.form != Form::Raw, &edits);
        // A line that is left open would take the request in.
        if piece.form == Form::Raw && !piece.bytes.ends_with(b"\n") {
            continue;
        }
        if let (_, Awaited::TimedOut(_)) = session.alive(TIMEOUT).await {
            panic!("no answer to an ordinary request after {}", String::from_utf8_lossy(&input.encode()));
        }
    }
    session.close().await
}

/// The bytes, line by line with ids that nothing else in this session has.
fn renumbered(session: &mut Session, bytes: &[u8]) -> Vec<u8> {
    let lines = bytes.split(|byte| *byte == b'\n').map(|line| {
        let Ok(mut message) = serde_json::from_slice::<Value>(line) else { return line.to_vec() };
        let parts = match &mut message {
            Value::Array(parts) => parts.as_mut_slice(),
            one => std::slice::from_mut(one),
        };
        let is_response = |part: &Value| {
            part.get("method").is_none() && (part.get("result").is_some() || part.get("error").is_some())
        };
        for part in parts.iter_mut().filter(|part| part["id"].is_string() || part["id"].is_number()) {
            if !is_response(part) {
                part["id"] = session.fresh_id();
            }
        }
        message.to_string().into_bytes()
    });
    lines.collect::<Vec<_>>().join(&b'\n')
}

fn judge(world: &World, transcript: &Transcript, input: &Input) {
    let traffic = Traffic::of(transcript);
    let revision = world.revision;
    let context = context(world);
    let planned = Plan::new(&CATALOGUE, &Selection::default(), revision, TransportKind::Stdio).checks;
    for (position, scenario) in CATALOGUE.scenarios().iter().enumerate() {
        let holds = |requirement: &str| {
            planned.iter().any(|check| check.scenario == position && check.requirement.id == requirement)
        };
        let judged = match &scenario.body {
            Body::Always(watches) => watch(scenario, watches, revision, &traffic),
            Body::Invariant { name, .. } => invariant(name).expect("it is known")(scenario, &context, &traffic),
            _ => continue,
        };
        for one in judged.into_iter().filter(|one| holds(&one.requirement)) {
            if let Verdict::Fail { evidence } = &one.verdict {
                let sent = String::from_utf8_lossy(&input.encode()).into_owned();
                panic!("{revision}: {} is a false alarm: {evidence:#?}\n{sent}", one.requirement);
            }
        }
    }
}

async fn known(revision: Revision) -> World {
    let mut session = session(revision).await;
    let offer = offer(&mut session, &Calls::default(), TIMEOUT).await.expect("the server tells what it offers");
    let list = |name: &str| offer[name].as_array().cloned().unwrap_or_default();
    let mut world = World::new(revision, TransportKind::Stdio);
    world.capabilities = offer["capabilities"].clone();
    // Some tools of the built-in server wait until they are told to go on.
    world.tools = list("tools").into_iter().filter(|tool: &Value| tool["name"] != "hold").collect();
    (world.resources, world.templates) = (list("resources"), list("resourceTemplates"));
    world.prompts = list("prompts");
    session.close().await;
    world
}

async fn session(revision: Revision) -> Session {
    let target = target();
    let opening =
        open(&target, TransportKind::Stdio, revision, Limits::default(), TIMEOUT).await.expect("it is in memory");
    assert_eq!(opening.outcome, Opened::Yes);
    opening.session
}

fn target() -> Target {
    let lines = || -> Box<dyn Peer> { Box::new(Lines::new(Options::default(), None).expect("nothing is broken")) };
    Target::Memory(Arc::new(lines))
}

fn context(world: &World) -> Context {
    let facts = [("capabilities".to_owned(), world.capabilities.clone())];
    Context {
        target: target(),
        kind: TransportKind::Stdio,
        revision: world.revision,
        limits: Limits::default(),
        timeout: TIMEOUT,
        start_timeout: TIMEOUT,
        calls: CallBudget::new(usize::MAX),
        seed: 0,
        facts: Arc::new(facts.into_iter().collect()),
        answered: Vec::new(),
        negotiated: Arc::default(),
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

#[test]
fn smoke() {
    for sample in crate::samples() {
        run(&sample);
    }
}
