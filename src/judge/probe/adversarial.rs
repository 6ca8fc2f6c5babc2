//! Sends generated messages that are hostile or wrong, and ordinary requests between them. Judges only that these are
//! answered; where one is not, looks for the smallest message after which that is so, on sessions of its own.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::any;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Map, Value};

use super::Setting;
use crate::judge::compare::clipped;
use crate::judge::context::{Context, Judged};
use crate::judge::excerpt::excerpt;
use crate::outcome::Evidence;
use crate::session::{Awaited, Edits, Opened, Session, open};
use crate::smith::{Unstructured, World, adversary};
use crate::wire::TransportKind;

/// Messages that are sent between two ordinary requests, at most.
const VOLLEY: usize = 12;
/// Volleys of one run on standard input, and over HTTP, where each message is an exchange.
const VOLLEYS: usize = 16;
const VOLLEYS_OVER_HTTP: usize = 5;
/// Bytes of which a message is drawn, at most.
const DRAWN: usize = 48;
/// Sessions on which a smaller volley is tried, and the time for all of them, in timeouts.
const STEPS: usize = 100;
const TIMEOUTS: u32 = 4;
/// Characters of a message that evidence names.
const SHOWN: usize = 200;

/// Each message of a volley by the bytes of which it is drawn.
type Volley = Vec<Vec<u8>>;

/// Why an ordinary request is not answered.
enum Silence {
    /// The connection, or the server, is gone.
    Over(String),
    /// No answer came in time.
    Late(String),
}

/// Sends volley after volley until one silences the server.
pub(super) fn run<'a>(setting: Setting<'a>) -> Pin<Box<dyn Future<Output = Vec<Judged>> + 'a>> {
    Box::pin(async move {
        let requirement = &setting.proves()[0];
        let world = world(setting.context);
        let volleys = if world.kind == TransportKind::Stdio { VOLLEYS } else { VOLLEYS_OVER_HTTP };
        let mut runner = runner(setting.context.seed);
        for _ in 0..volleys {
            // Vectors of bytes can always be drawn: nothing about them is ever rejected.
            let Ok(mut tree) = vec(vec(any::<u8>(), 4..DRAWN), 1..=VOLLEY).new_tree(&mut runner) else { break };
            let from = setting.session.transcript().entries().len();
            let volley = tree.current();
            // Calls are made one after another by some servers: all of them together may take their time.
            let within = setting.context.timeout * 3;
            let Some(silence) = fire(setting.session, &world, &volley, within).await else { continue };
            let smallest = shrunk(setting.context, &world, volley, &mut tree).await;
            let mut evidence = Evidence {
                expected: "an answer to the alive request after any message".to_owned(),
                actual: String::new(),
                asked_at: format!("{}:1", setting.scenario.file.display()),
                excerpt: Vec::new(),
                witnesses: Vec::new(),
            };
            match (smallest, silence) {
                (Some(smallest), _) => {
                    evidence.expected = format!("an answer to the alive request after {}", smallest.messages);
                    (evidence.actual, evidence.excerpt) = (smallest.reason, smallest.excerpt);
                }
                (None, Silence::Over(reason)) => {
                    let transcript = setting.session.transcript();
                    evidence.excerpt = excerpt(transcript, from, transcript.entries().len());
                    evidence.actual = reason;
                }
                (None, Silence::Late(reason)) => {
                    let reason = format!("{reason} after hostile messages, but not when they came again");
                    return vec![Judged::inconclusive(requirement, reason, None)];
                }
            }
            return vec![Judged::fail(requirement, evidence)];
        }
        vec![Judged::pass(requirement)]
    })
}

fn runner(seed: u64) -> TestRunner {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config { failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

/// What is known of the target. Of its tools only those that the survey has called may be called again, with its arguments.
fn world(context: &Context) -> World {
    let fact = |name: &str| context.facts.get(name).cloned().unwrap_or_default();
    let list = |name: &str| fact(name).as_array().cloned().unwrap_or_default();
    let called = fact("tool");
    let arguments: BTreeMap<String, Value> = (std::iter::once(&called)
        .chain(called.as_object().into_iter().flat_map(Map::values)))
    .filter_map(|tool| Some((tool["name"].as_str()?.to_owned(), tool.get("arguments")?.clone())))
    .collect();
    let mut world = World::new(context.revision, context.kind);
    world.mined.mine(&serde_json::json!({"tools": list("tools")}));
    world.tools = list("tools")
        .into_iter()
        .filter(|tool| tool["name"].as_str().is_some_and(|name| arguments.contains_key(name)))
        .collect();
    world.arguments = arguments;
    world.capabilities = fact("capabilities");
    (world.resources, world.templates, world.prompts) = (list("resources"), list("resourceTemplates"), list("prompts"));
    world
}

/// Sends a volley and an ordinary request behind it. Why this is not answered, if it is not.
async fn fire(session: &mut Session, world: &World, volley: &Volley, within: Duration) -> Option<Silence> {
    for drawn in volley {
        let id = session.fresh_id();
        let message = adversary(world, &id, &mut Unstructured::new(drawn));
        session.send_raw(Bytes::from(message), true, &Edits { deliberate: true, ..Edits::default() });
    }
    match session.alive(within).await.1 {
        Awaited::Message(..) => None,
        Awaited::Ended(reason) => Some(Silence::Over(reason)),
        Awaited::TimedOut(within) => Some(Silence::Late(format!("nothing within {} s", within.as_secs_f32()))),
    }
}

/// What a small volley came to.
struct Smallest {
    messages: String,
    reason: String,
    excerpt: Vec<String>,
}

/// The smallest volley that silences a new session as the given one does, as far as proptest finds it in time; `None` where
/// that one does not.
async fn shrunk(
    context: &Context,
    world: &World,
    volley: Volley,
    tree: &mut impl ValueTree<Value = Volley>,
) -> Option<Smallest> {
    let deadline = Instant::now() + context.timeout * TIMEOUTS;
    let mut smallest = silenced(context, world, &volley).await?;
    let mut steps = 0;
    let mut can_change = tree.simplify();
    while can_change && steps < STEPS && Instant::now() < deadline {
        steps += 1;
        match silenced(context, world, &tree.current()).await {
            Some(smaller) => {
                smallest = smaller;
                can_change = tree.simplify();
            }
            None => can_change = tree.complicate(),
        }
    }
    Some(smallest)
}

/// What a volley on a session of its own came to, if it silences it.
async fn silenced(context: &Context, world: &World, volley: &Volley) -> Option<Smallest> {
    let Context { target, kind, revision, limits, start_timeout, .. } = context;
    let opening = open(target, *kind, *revision, *limits, *start_timeout).await.ok()?;
    let mut session = opening.session;
    let from = session.transcript().entries().len();
    let silence =
        if opening.outcome == Opened::Yes { fire(&mut session, world, volley, context.timeout).await } else { None };
    let transcript = session.close().await;
    let (Silence::Over(reason) | Silence::Late(reason)) = silence?;
    let sent: Vec<String> = transcript.entries()[from..]
        .iter()
        .filter(|entry| entry.is_from_client())
        .take(volley.len())
        .filter_map(|entry| entry.payload())
        .map(|bytes| clipped(String::from_utf8_lossy(bytes).trim_end(), SHOWN))
        .collect();
    Some(Smallest {
        messages: sent.join(" and "),
        reason,
        excerpt: excerpt(&transcript, from, transcript.entries().len()),
    })
}
