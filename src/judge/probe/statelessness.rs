//! Asks a stateless server the same by several names, in several conversations at once, and on two connections; what it says
//! must not depend on any of these.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Setting, came};
use crate::judge::context::{Context, Judged, fold};
use crate::protocol::{LISTS, List};
use crate::session::{Awaited, Edits, Opened, Opening, Session, Transcript};

const NAMES: &str = "meta.peer-info.not-behavioural";
const CONVERSATIONS: &str = "meta.stateless.multiple-conversations";
const AFFINITY: &str = "meta.stateless.no-affinity";
const CONNECTION: &str = "meta.lists.not-per-connection";

const CLIENT: &str = "io.modelcontextprotocol/clientInfo";
const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
/// Requests that are under way at once.
const AT_ONCE: usize = 20;
/// Pages of one list that are read at most.
const PAGES: usize = 20;

/// The lists of a server, as far as they were read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Lists {
    /// `method: name` of every item.
    items: BTreeSet<String>,
    /// Method and cursor of the second pages that there are.
    cursors: Vec<(&'static str, String)>,
}

/// Asks and judges.
pub(super) fn run<'a>(mut setting: Setting<'a>) -> Pin<Box<dyn Future<Output = Vec<Judged>> + 'a>> {
    Box::pin(async move {
        let mut judged = vec![several_names(&mut setting).await];
        judged.extend(several_conversations(&mut setting).await);
        match another(setting.context).await {
            Ok(mut other) => {
                judged.push(second_pages(&mut setting, &mut other).await);
                judged.push(both_connections(&mut setting, &mut other).await);
                setting.transcripts.push(other.close().await);
            }
            Err((reason, transcript)) => {
                judged.extend([AFFINITY, CONNECTION].map(|id| Judged::inconclusive(id, reason.clone(), None)));
                setting.transcripts.extend(transcript);
            }
        }
        fold(judged)
    })
}

/// The lists are the same for a client without a name, for a famous one, and for one that nobody knows.
async fn several_names(setting: &mut Setting<'_>) -> Judged {
    let within = setting.context.timeout;
    let from = setting.session.transcript().entries().len();
    let usual = lists(setting.session, None, within).await;
    let clients = ["claude-ai", "litmus-unknown"].map(|name| json!({"name": name, "version": "0.1.0"}));
    for client in [Value::Null].into_iter().chain(clients) {
        let theirs = lists(setting.session, Some(&client), within).await;
        if theirs.items == usual.items {
            continue;
        }
        // A list may change in time: it is a matter of names only if both say the same once more.
        let again = lists(setting.session, None, within).await;
        let theirs_again = lists(setting.session, Some(&client), within).await;
        if again.items == usual.items && theirs_again.items == theirs.items {
            let name = client.get("name").map_or_else(|| "no name".to_owned(), |name| format!("the name {name}"));
            let actual = format!("to a client of {name}: {}", usual.difference(&theirs));
            return setting.fail(NAMES, from, "the same lists for every client", actual);
        }
    }
    Judged::pass(NAMES)
}

/// Requests of two clients that are under way at once are answered, each for itself.
async fn several_conversations(setting: &mut Setting<'_>) -> Vec<Judged> {
    let declared = setting.session.capabilities();
    let methods: Vec<_> = [("tools", "tools/list"), ("resources", "resources/list"), ("prompts", "prompts/list")]
        .into_iter()
        .filter(|(capability, _)| declared.get(capability).is_some())
        .map(|(_, method)| method)
        .chain(["server/discover"])
        .collect();
    let clients = [
        json!({CLIENT: {"name": "litmus-a", "version": "1"}, CAPABILITIES: {"roots": {}, "elicitation": {}}}),
        json!({CLIENT: {"name": "litmus-b", "version": "2"}, CAPABILITIES: {}}),
    ];
    let sent: Vec<_> = (0..AT_ONCE)
        .map(|n| {
            let params = json!({"_meta": clients[n % clients.len()]});
            setting.session.request(methods[(n / clients.len()) % methods.len()], Some(params))
        })
        .collect();
    let mut judged = Vec::new();
    for sent in sent {
        let answer = setting.session.answer(&sent, setting.context.timeout).await;
        judged.push(match &answer {
            Awaited::Message(_, message) if message.result().is_some() => Judged::pass(CONVERSATIONS),
            _ => setting.fail(CONVERSATIONS, sent.index, "a result for every request", came(&answer)),
        });
    }
    judged
}

/// The second page of a list can be had on another connection.
async fn second_pages(setting: &mut Setting<'_>, other: &mut Session) -> Judged {
    let within = setting.context.timeout;
    let here = lists(setting.session, None, within).await;
    for (method, cursor) in &here.cursors {
        let sent = other.request(method, Some(json!({"cursor": cursor})));
        let answer = other.answer(&sent, within).await;
        if !matches!(&answer, Awaited::Message(_, message) if message.result().is_some()) {
            let (sent, there) = setting.ask(method, json!({"cursor": cursor})).await;
            // A process of its own may hold other data, to which cursors of this one mean nothing.
            let is_same = lists(other, None, within).await.items == lists(setting.session, None, within).await.items;
            if !is_same {
                return Judged::skipped(AFFINITY, "the other process lists other things");
            }
            if matches!(&there, Awaited::Message(_, message) if message.result().is_some()) {
                let expected = format!("the page of {method} that the connection with the first page gives");
                return setting.fail(AFFINITY, sent.index, &expected, format!("on another one, {}", came(&answer)));
            }
        }
    }
    if here.cursors.is_empty() {
        return Judged::skipped(AFFINITY, "the target has no list of more than one page");
    }
    Judged::pass(AFFINITY)
}

/// The lists are the same on a connection with much behind it and on a new one.
async fn both_connections(setting: &mut Setting<'_>, other: &mut Session) -> Judged {
    let within = setting.context.timeout;
    let facts = &setting.context.facts;
    for (method, fact, members) in
        [("resources/read", "resource", vec!["uri"]), ("prompts/get", "prompt", vec!["name", "arguments"])]
    {
        let Some(known) = facts.get(fact) else { continue };
        let params: serde_json::Map<_, _> =
            members.iter().filter_map(|name| Some(((*name).to_owned(), known.get(*name)?.clone()))).collect();
        if params.len() == members.len() {
            setting.ask(method, Value::Object(params)).await;
        }
    }
    let from = setting.session.transcript().entries().len();
    // What differs once may have changed in between; what differs twice does not agree.
    for last in [false, true] {
        let here = lists(setting.session, None, within).await;
        let there = lists(other, None, within).await;
        if here.items == there.items {
            break;
        }
        if last {
            let actual = format!("on a new connection: {}", here.difference(&there));
            return setting.fail(CONNECTION, from, "the same lists on every connection", actual);
        }
    }
    Judged::pass(CONNECTION)
}

/// Another connection, opened.
async fn another(context: &Context) -> Result<Session, (String, Option<Transcript>)> {
    let within = context.timeout * 3;
    match context.open(within).await {
        Ok(Opening { session, outcome: Opened::Yes, .. }) => Ok(session),
        Ok(Opening { session, .. }) => {
            Err(("no second connection could be opened".to_owned(), Some(session.close().await)))
        }
        Err(error) => Err((error.to_string(), None)),
    }
}

/// Reads all lists that the server declares: as the harness where no client is given, without a name where it is `null`.
async fn lists(session: &mut Session, client: Option<&Value>, within: Duration) -> Lists {
    let declared = session.capabilities();
    let mut lists = Lists::default();
    for List { method, member, key, .. } in LISTS.into_iter().filter(|list| declared.get(list.capability).is_some()) {
        let mut cursor: Option<String> = None;
        for page in 0..PAGES {
            let mut message = json!({"id": session.fresh_id(), "method": method, "params": {"_meta": {}}});
            let mut edits = Edits::default();
            match client {
                Some(Value::Null) => edits.omit.push(format!("/params/_meta/{}", CLIENT.replace('/', "~1"))),
                Some(client) => message["params"]["_meta"][CLIENT] = client.clone(),
                None => {}
            }
            if let Some(cursor) = &cursor {
                message["params"]["cursor"] = json!(cursor);
            }
            let sent = session.send(message, &edits);
            let Awaited::Message(_, answer) = session.answer(&sent, within).await else { break };
            let Some(result) = answer.result() else {
                // A refusal is what the list comes to.
                lists.items.insert(format!("{method}: error {}", answer.value()["error"]["code"]));
                break;
            };
            let items = result[member].as_array().into_iter().flatten();
            lists.items.extend(items.map(|item| format!("{method}: {}", item[key])));
            match result["nextCursor"].as_str() {
                Some(next) if cursor.as_deref() != Some(next) => {
                    if page == 0 {
                        lists.cursors.push((method, next.to_owned()));
                    }
                    cursor = Some(next.to_owned());
                }
                _ => break,
            }
        }
    }
    lists
}

impl Lists {
    /// What is in one but not in the other, in one line.
    fn difference(&self, other: &Self) -> String {
        let some = |items: Vec<&String>| {
            let shown: Vec<_> = items.iter().take(3).map(|item| item.as_str()).collect();
            if items.len() > shown.len() { format!("{} ...", shown.join(", ")) } else { shown.join(", ") }
        };
        let missing = some(self.items.difference(&other.items).collect());
        let added = some(other.items.difference(&self.items).collect());
        match (missing.is_empty(), added.is_empty()) {
            (true, _) => format!("{added} is there too"),
            (_, true) => format!("{missing} is missing"),
            _ => format!("{missing} is missing, {added} is there instead"),
        }
    }
}
