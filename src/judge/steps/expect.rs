//! The steps that wait and compare. What an expectation came to is turned into a verdict elsewhere.

use std::time::Duration;

use serde_json::{Value, json};

use crate::judge::compare::{Miss, compare, shown};
use crate::judge::fill::Unbound;
use crate::scenario::{Expect, Subject};
use crate::session::{Awaited, Entry, Sent, What};
use crate::transport::{ExitAfter, Incoming};
use crate::wire::pattern::matches;
use crate::wire::{Kind, Message, TransportKind};

use super::Run;

/// What an expectation came to.
pub(super) enum Outcome {
    Met(Value),
    Missed(Miss),
    /// Nothing came at all.
    Absent(Miss),
    /// It says nothing over this transport.
    LeftOut,
    /// It can not be told; says why.
    Unknown(String),
    /// The specification leaves silence open, and the target kept silent.
    Silent,
}

impl Outcome {
    /// The same, with what the scenario says it wants in the place of pattern and schema.
    pub(super) fn in_words(self, wants: Option<&str>) -> Self {
        let reworded = |miss: Miss| Miss { expected: wants.map_or(miss.expected, str::to_owned), ..miss };
        match self {
            Self::Missed(miss) => Self::Missed(reworded(miss)),
            Self::Absent(miss) => Self::Absent(reworded(miss)),
            other => other,
        }
    }
}

impl Run<'_> {
    /// How long to wait where `within` is enough for a target that runs: one that has said nothing yet may still be starting.
    pub(super) fn patience(&self, within: Duration) -> Duration {
        let is_said =
            |entry: &Entry| entry.is_from_server() && !matches!(entry.what, What::Received(Incoming::Stderr(_)));
        if self.session.transcript().entries().iter().any(is_said) {
            within
        } else {
            within.max(self.context.start_timeout)
        }
    }

    /// Sends the alive request. Of a target that is known to be lost it is not asked again.
    pub(super) async fn alive(&mut self) -> (usize, Outcome) {
        const WANTED: &str = "a result to the alive request";
        if let Some(lost) = &self.lost {
            let from = self.sent.last().map_or(0, |(_, sent)| sent.index);
            return (from, missed(WANTED, lost.clone()));
        }
        let knows_it = self.session.has_lived();
        let (sent, awaited) = self.session.alive(self.patience(self.context.timeout)).await;
        let outcome = self.response(awaited, WANTED, &sent, |message| match (message.result(), message.error()) {
            (Some(result), _) => Ok(result.clone()),
            // Who has never known this request lives, whatever else is to be said of it.
            (None, Some(error)) if error["code"] == -32601 && !knows_it => Ok(error.clone()),
            _ => Err(message.value().clone()),
        });
        let outcome = match outcome {
            Outcome::Absent(miss) => Outcome::Missed(miss),
            other => other,
        };
        (sent.index, outcome)
    }

    pub(super) async fn expect(&mut self, expect: &Expect) -> Result<Outcome, Unbound> {
        let within = self.patience(expect.within.unwrap_or(self.context.timeout));
        let schema = expect.schema.as_ref().map(|schema| self.bindings.fill(schema)).transpose()?;
        let target = self.target_of(expect.to.as_deref()).cloned();
        let outcome = match (&expect.subject, target) {
            (Subject::Exit(pattern), _) => {
                let pattern = self.bindings.fill(pattern)?;
                return Ok(self.exit(&pattern, schema.as_ref(), within).await);
            }
            (_, None) => return Ok(Outcome::Unknown("nothing was sent that it could be about".to_owned())),
            (_, Some(sent)) if expect.or_silence && self.is_silent(&sent, within).await => Outcome::Silent,
            (Subject::Result(pattern), Some(sent)) => {
                let pattern = self.bindings.fill(pattern)?;
                let awaited = self.session.answer(&sent, within).await;
                let wanted = wanted("a result", &pattern);
                let found = self.response(awaited, &wanted, &sent, |message| {
                    message.result().cloned().ok_or_else(|| message.value().clone())
                });
                compared(found, "result", &pattern, schema.as_ref())
            }
            (Subject::Error(pattern), Some(sent)) => {
                let pattern = self.bindings.fill(pattern)?;
                let awaited = self.session.answer(&sent, within).await;
                let wanted = wanted("an error", &pattern);
                let found = self.response(awaited, &wanted, &sent, |message| {
                    message.error().cloned().ok_or_else(|| message.value().clone())
                });
                compared(found, "error", &pattern, schema.as_ref())
            }
            (Subject::Answer(pattern), Some(sent)) => {
                let pattern = self.bindings.fill(pattern)?;
                let awaited = self.session.answer(&sent, within).await;
                let found = self
                    .response(awaited, &wanted("an answer", &pattern), &sent, |message| Ok(message.value().clone()));
                compared(found, "answer", &pattern, schema.as_ref())
            }
            (Subject::Notification(pattern), Some(sent)) => {
                let pattern = self.bindings.fill(pattern)?;
                self.sent_by_server(Kind::Notification, &pattern, schema.as_ref(), &sent, within).await
            }
            (Subject::Request(pattern), Some(sent)) => {
                let pattern = self.bindings.fill(pattern)?;
                let outcome = self.sent_by_server(Kind::Request, &pattern, schema.as_ref(), &sent, within).await;
                if let Outcome::Met(request) = &outcome {
                    self.asked.push((expect.name.clone(), request["id"].clone()));
                }
                outcome
            }
            (Subject::Http(pattern), Some(sent)) => {
                let pattern = self.bindings.fill(pattern)?;
                self.http(&pattern, schema.as_ref(), &sent, within).await
            }
            (Subject::Silence(pattern), Some(sent)) => {
                let pattern = self.bindings.fill(pattern)?;
                self.silence(&pattern, &sent, within).await
            }
        };
        Ok(outcome)
    }

    /// A response, or what was there instead of it. `part` takes what is compared, or says that it is the other kind.
    pub(super) fn response(
        &self,
        awaited: Awaited,
        wanted: &str,
        sent: &Sent,
        part: impl Fn(&Message) -> Result<Value, Value>,
    ) -> Outcome {
        let actual = match awaited {
            Awaited::Message(_, message) => match part(&message) {
                Ok(value) => return Outcome::Met(value),
                Err(value) => shown(&value),
            },
            Awaited::Ended(reason) => match self.head(sent) {
                Some((status, _)) => format!("HTTP {status} and no response: {reason}"),
                None => return absent(wanted, format!("no answer: {reason}")),
            },
            Awaited::TimedOut(within) => return absent(wanted, format!("no answer within {} s", within.as_secs_f32())),
        };
        missed(wanted, actual)
    }

    pub(super) async fn sent_by_server(
        &mut self,
        kind: Kind,
        pattern: &Value,
        schema: Option<&Value>,
        sent: &Sent,
        within: Duration,
    ) -> Outcome {
        let noun = if kind == Kind::Request { "a request of the server's" } else { "a notification" };
        let wanted_of = |message: &Message| message.kind() == kind && matches(pattern, message.value());
        match self.session.message(sent.index, within, wanted_of).await {
            Awaited::Message(_, message) => compared(Outcome::Met(message.value().clone()), noun, pattern, schema),
            Awaited::Ended(reason) => absent(&wanted(noun, pattern), format!("none came: {reason}")),
            Awaited::TimedOut(time) => missed(&wanted(noun, pattern), format!("none within {} s", time.as_secs_f32())),
        }
    }

    pub(super) async fn exit(&mut self, pattern: &Value, schema: Option<&Value>, within: Duration) -> Outcome {
        if self.session.kind() != TransportKind::Stdio {
            return Outcome::LeftOut;
        }
        let Some(index) = self.session.exit(within).await else {
            return missed("the process exits", format!("it was still running after {} s", within.as_secs_f32()));
        };
        let What::Received(Incoming::Exited(exit)) = &self.session.transcript().entries()[index].what else {
            return Outcome::Unknown("the process ended".to_owned());
        };
        let after = match exit.after {
            ExitAfter::Nothing => "nothing",
            ExitAfter::InputClosed => "input-closed",
            ExitAfter::Terminated => "terminated",
            ExitAfter::Killed => "killed",
        };
        let value = json!({"code": exit.code, "signal": exit.signal, "after": after});
        compared(Outcome::Met(value), "exit", pattern, schema)
    }

    pub(super) async fn http(
        &mut self,
        pattern: &Value,
        schema: Option<&Value>,
        sent: &Sent,
        within: Duration,
    ) -> Outcome {
        if self.session.kind() == TransportKind::Stdio {
            return Outcome::LeftOut;
        }
        let wanted = wanted("an HTTP answer", pattern);
        let ended = self.session.exchange_end(sent, true, within).await;
        let Some((status, headers)) = self.head(sent) else {
            return match ended {
                Awaited::TimedOut(time) => absent(&wanted, format!("no answer within {} s", time.as_secs_f32())),
                Awaited::Ended(reason) => absent(&wanted, format!("no answer: {reason}")),
                Awaited::Message(..) => missed(&wanted, "no HTTP answer".to_owned()),
            };
        };
        let is_stream =
            headers.iter().any(|(name, value)| name == "content-type" && value.starts_with("text/event-stream"));
        if !is_stream {
            self.session.exchange_end(sent, false, within).await;
        }
        let body = self.session.transcript().entries()[sent.index..].iter().find_map(|entry| match &entry.what {
            What::Received(Incoming::Body(bytes)) if entry.exchange == sent.exchange => Some(bytes.clone()),
            _ => None,
        });
        let names: serde_json::Map<_, _> = headers.into_iter().map(|(name, value)| (name, json!(value))).collect();
        let mut value = json!({"status": status, "headers": names});
        if let Some(body) = body {
            value["body"] = json!(String::from_utf8_lossy(&body));
            if let Ok(message) = Message::read_leniently(&body) {
                value["json"] = message.value().clone();
            }
        }
        compared(Outcome::Met(value), "HTTP answer", pattern, schema)
    }

    /// Nothing answers what was sent: on stdio the alive request is the fence, on HTTP the end of the exchange.
    pub(super) async fn silence(&mut self, pattern: &Value, sent: &Sent, within: Duration) -> Outcome {
        let until = if self.session.kind() == TransportKind::Http {
            if let Awaited::TimedOut(time) = self.session.exchange_end(sent, false, within).await {
                return Outcome::Unknown(format!("the HTTP exchange was still open after {} s", time.as_secs_f32()));
            }
            self.session.transcript().entries().len()
        } else {
            let (_, awaited) = self.session.alive(within).await;
            match awaited {
                Awaited::Message(index, _) => index,
                Awaited::Ended(reason) => return Outcome::Unknown(format!("the fence was not answered: {reason}")),
                Awaited::TimedOut(_) => return Outcome::Unknown("the fence was not answered in time".to_owned()),
            }
        };
        let kind = self.session.kind();
        // HTTP refuses by its status; the body may be an error that names nobody.
        let refused = kind == TransportKind::Http && self.head(sent).is_some_and(|(status, _)| status >= 400);
        let is_refusal =
            |message: &Message| refused && message.error().is_some() && message.id().is_none_or(Value::is_null);
        let entries = &self.session.transcript().entries()[sent.index..until];
        let forbidden = entries
            .iter()
            .filter(|entry| entry.is_from_server() && (kind != TransportKind::Http || entry.exchange == sent.exchange))
            .filter_map(|entry| entry.message())
            .flat_map(Message::parts)
            .find(|message| {
                // What another request of this session was answered so late is no answer to this.
                let late = message.id().is_some_and(|id| self.session.has_asked(id) && !sent.ids.contains(id));
                let is_answer = matches!(message.kind(), Kind::Response | Kind::Other) && !is_refusal(message);
                is_answer && !late && matches(pattern, message.value())
            });
        match forbidden {
            Some(message) => missed(&wanted("no answer", pattern), shown(message.value())),
            None => Outcome::Met(Value::Null),
        }
    }

    /// Whether nothing answers what was sent although the target lives: on stdio the alive request is answered first, on
    /// HTTP the exchange ends without a message.
    pub(super) async fn is_silent(&mut self, sent: &Sent, within: Duration) -> bool {
        if self.session.kind() == TransportKind::Http {
            let answer = self.session.answer(sent, within).await;
            return matches!(answer, Awaited::Ended(_)) && self.head(sent).is_some_and(|(status, _)| status < 500);
        }
        let (fence, awaited) = self.session.alive(within).await;
        matches!(awaited, Awaited::Message(..)) && self.session.answered(sent, &fence).is_none()
    }

    pub(super) fn head(&self, sent: &Sent) -> Option<(u16, Vec<(String, String)>)> {
        let entries = &self.session.transcript().entries()[sent.index..];
        entries.iter().filter(|entry| entry.exchange == sent.exchange).find_map(|entry| match &entry.what {
            What::Received(Incoming::Head { status, headers }) => Some((*status, headers.clone())),
            _ => None,
        })
    }
}

fn wanted(noun: &str, pattern: &Value) -> String {
    if pattern.as_object().is_some_and(serde_json::Map::is_empty) {
        noun.to_owned()
    } else {
        format!("{noun} {}", shown(pattern))
    }
}

fn missed(expected: &str, actual: String) -> Outcome {
    Outcome::Missed(Miss { expected: expected.to_owned(), actual })
}

fn absent(expected: &str, actual: String) -> Outcome {
    Outcome::Absent(Miss { expected: expected.to_owned(), actual })
}

fn compared(found: Outcome, noun: &str, pattern: &Value, schema: Option<&Value>) -> Outcome {
    match found {
        Outcome::Met(value) => match compare(noun, &value, pattern, schema) {
            Some(miss) => Outcome::Missed(miss),
            None => Outcome::Met(value),
        },
        other => other,
    }
}
