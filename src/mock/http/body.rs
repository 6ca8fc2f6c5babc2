//! The bodies of answers, as `hyper` wants them. Tells when a client stops listening.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError, Weak};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use crate::transport::ExchangeId;

use super::reply::Content;
use super::state::{Key, State};
use super::stream::Events;

/// The body of an answer.
pub(super) enum AnswerBody {
    /// All at once; taken when written.
    Whole(Option<Bytes>),
    /// Events, as they come.
    Events(Events, #[expect(dead_code, reason = "it is there to be dropped")] Leave),
}

/// Tells the server, when dropped, that nobody listens to an exchange any more.
pub(super) struct Leave {
    state: Weak<Mutex<State>>,
    key: Key,
    exchange: ExchangeId,
}

impl AnswerBody {
    pub(super) fn new(content: Content, state: Weak<Mutex<State>>) -> Self {
        match content {
            Content::Whole(bytes) => Self::Whole(Some(bytes)),
            Content::Events(events, key, exchange) => Self::Events(events, Leave { state, key, exchange }),
        }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        match self.get_mut() {
            Self::Whole(bytes) => {
                Poll::Ready(bytes.take().filter(|bytes| !bytes.is_empty()).map(|b| Ok(Frame::data(b))))
            }
            Self::Events(events, _) => {
                Poll::Ready(ready!(events.poll_recv(context)).map(|bytes| Ok(Frame::data(bytes))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(bytes) if bytes.as_ref().is_none_or(Bytes::is_empty))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Events(..) => SizeHint::default(),
        }
    }
}

impl Drop for Leave {
    fn drop(&mut self) {
        if let Some(state) = self.state.upgrade() {
            state.lock().unwrap_or_else(PoisonError::into_inner).left(&self.key, self.exchange);
        }
    }
}
