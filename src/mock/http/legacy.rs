//! HTTP+SSE of 2024-11-05: one stream for all that the server says, one address for all that the client says.

use std::sync::Arc;

use crate::mock::quirk::Quirk;
use crate::mock::{Mock, clock};
use crate::protocol::Era;

use super::gate;
use super::reply::{Answer, Reply};
use super::state::{Call, Conversation, Key, State};
use super::stream::Stream;

/// The path of the stream.
pub(super) const EVENTS: &str = "/sse";

/// The path for what the client says.
pub(super) const MESSAGES: &str = "/messages";

impl State {
    pub(super) fn legacy(&mut self, call: &Call, set_off: Vec<usize>) -> Reply {
        match (call.path.as_str(), call.method.as_str()) {
            (EVENTS, "GET") if gate::accepts(&call.headers, "text/event-stream") => self.legacy_stream(&set_off),
            (EVENTS, "GET") => Reply::Answer(Answer::plain(406, "text/event-stream must be accepted.")),
            (MESSAGES, "POST") => self.legacy_post(call, set_off),
            (path, _) => {
                let allowed = if path == EVENTS { "GET" } else { "POST" };
                Reply::Answer(Answer::plain(405, "This method is not allowed here.").with("allow", allowed))
            }
        }
    }

    fn legacy_stream(&mut self, set_off: &[usize]) -> Reply {
        let exchange = self.next_exchange();
        let id = clock::unguessable();
        let (before, after) = self.rules.unasked(set_off);
        let (mut stream, events) =
            Stream::legacy(&format!("{MESSAGES}?session={id}"), self.options.has(Quirk::CommentsStreams), &before);
        stream.in_latin_1 = self.options.has(Quirk::Latin1);
        let mut options = (*self.options).clone();
        options.revisions.retain(|revision| revision.era() == Era::Handshake);
        let mut conversation = Conversation::new(Mock::new(Arc::new(options)));
        conversation.streams.insert(exchange, stream);
        conversation.listen(exchange);
        conversation.push(exchange, &[], &after);
        let key = Key::Legacy(id);
        self.conversations.insert(key.clone(), conversation);
        Reply::Answer(Answer::events(events, key, exchange))
    }

    fn legacy_post(&mut self, call: &Call, set_off: Vec<usize>) -> Reply {
        let Some(id) = call.query.split('&').find_map(|pair| pair.strip_prefix("session=")) else {
            return Reply::Answer(Answer::plain(400, "The session must be given."));
        };
        let key = Key::Legacy(id.to_owned());
        let exchange = self.next_exchange();
        let Some(conversation) = self.conversations.get_mut(&key) else {
            return Reply::Answer(Answer::plain(404, "There is no such session."));
        };
        let mut outputs = conversation.mock.receive(exchange, &call.body);
        // The rules tell answers by their exchange; afterwards all goes down the one stream.
        for output in &mut outputs {
            output.exchange = output.exchange.or(Some(exchange));
        }
        self.answer_legacy(exchange, call, &key, outputs, set_off)
    }
}
