//! Listens, reads requests and writes answers. What they say is the business of `state`.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::mock::Options;
use crate::mock::quirk::{Quirk, UnknownQuirk};
use crate::mock::rules::Rules;
use crate::scenario::Broken;

use super::body::AnswerBody;
use super::reply::{Answer, Reply};
use super::state::{Call, State};
use super::{endpoint, legacy};

/// The most bytes of a body that are read.
const MOST: usize = 4 << 20;

/// How long connections get to end in order.
const GRACE: Duration = Duration::from_secs(2);

/// A running server. Dropping it cuts off its connections; [`Server::stop`] ends them in order.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    task: JoinHandle<()>,
    /// Closed to end the server in order.
    running: watch::Sender<()>,
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {reason}")]
    Address {
        /// The address.
        address: SocketAddr,
        /// The system's reason.
        reason: io::Error,
    },
    /// A rule names an unknown quirk.
    #[error(transparent)]
    Quirk(#[from] UnknownQuirk),
}

/// The connection is to be closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("closed without an answer")]
struct Closed;

impl Server {
    /// Starts a server on this address (port 0: any free one) that is right, but for these rules. Must be called within a runtime.
    pub fn start(
        address: SocketAddr,
        mut options: Options,
        broken: impl IntoIterator<Item = Broken>,
    ) -> Result<Self, StartError> {
        let rules = Rules::new(broken);
        options.quirks.extend(rules.quirks()?);
        let everywhere = options.has(Quirk::ListensEverywhere);
        let at = if everywhere { (Ipv4Addr::UNSPECIFIED, address.port()).into() } else { address };
        let (listener, bound) = listen(at).map_err(|reason| StartError::Address { address, reason })?;
        let address = SocketAddr::new(address.ip(), bound.port());
        let state = Arc::new(Mutex::new(State::new(Arc::new(options), rules)));
        let (running, stopping) = watch::channel(());
        Ok(Self { address, task: tokio::spawn(accept(listener, state, stopping)), running })
    }

    /// Ends the server in order: subscriptions are told, streams ended, connections closed.
    pub async fn stop(mut self) {
        self.running = watch::channel(()).0;
        // The task cannot panic; a connection that does not end is cut off by dropping.
        let _ = tokio::time::timeout(GRACE, &mut self.task).await;
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of the endpoint of Streamable HTTP.
    pub fn url(&self) -> String {
        format!("http://{}{}", self.address, endpoint::PATH)
    }

    /// The URL of the stream of HTTP+SSE.
    pub fn sse_url(&self) -> String {
        format!("http://{}{}", self.address, legacy::EVENTS)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn listen(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    Ok((TcpListener::from_std(listener)?, address))
}

/// Accepts connections until the server is stopped, or the system refuses any more; waits for them in the first case.
async fn accept(listener: TcpListener, state: Arc<Mutex<State>>, mut stopping: watch::Receiver<()>) {
    let mut connections = JoinSet::new();
    let mut accepted_so_far = 0;
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((socket, _)) => {
                    accepted_so_far += 1;
                    drop(connections.spawn(connection(socket, accepted_so_far, Arc::clone(&state), stopping.clone())));
                }
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(_) => return,
            },
            Some(_) = connections.join_next() => {}
            _ = stopping.changed() => break,
        }
    }
    drop(listener);
    state.lock().unwrap_or_else(PoisonError::into_inner).close();
    while connections.join_next().await.is_some() {}
}

async fn connection(socket: TcpStream, number: u64, state: Arc<Mutex<State>>, mut stopping: watch::Receiver<()>) {
    // Answers are small and awaited; a socket that cannot be told so is only slower.
    let _ = socket.set_nodelay(true);
    let service = service_fn(move |request| answer(request, number, Arc::clone(&state)));
    let mut served = pin!(http1::Builder::new().serve_connection(TokioIo::new(socket), service));
    // How a connection ends is the client's affair.
    tokio::select! {
        _ = served.as_mut() => return,
        _ = stopping.changed() => served.as_mut().graceful_shutdown(),
    }
    let _ = served.await;
}

async fn answer(
    request: Request<Incoming>,
    connection: u64,
    state: Arc<Mutex<State>>,
) -> Result<Response<AnswerBody>, Closed> {
    let (head, body) = request.into_parts();
    let reply = match Limited::new(body, MOST).collect().await {
        Ok(body) => {
            let call = Call {
                connection,
                method: head.method.as_str().to_owned(),
                path: head.uri.path().to_owned(),
                query: head.uri.query().unwrap_or_default().to_owned(),
                headers: head.headers,
                body: body.to_bytes().to_vec(),
            };
            let mut locked = state.lock().unwrap_or_else(PoisonError::into_inner);
            let reply = locked.take(&call);
            if let Some(due) = locked.due() {
                tokio::spawn(expire(Arc::downgrade(&state), due));
            }
            reply
        }
        Err(_) => Reply::Answer(Answer::plain(413, "This is too long, or broke off.")),
    };
    match reply {
        Reply::Answer(answer) => Ok(written(answer, &state)),
        Reply::Close => Err(Closed),
        Reply::Hang => std::future::pending().await,
    }
}

/// Gives up, each time that the time has come, on what the client was to reply to.
async fn expire(state: Weak<Mutex<State>>, mut due: Instant) {
    loop {
        tokio::time::sleep_until(due.into()).await;
        let Some(state) = state.upgrade() else { return };
        let mut locked = state.lock().unwrap_or_else(PoisonError::into_inner);
        locked.expire(due);
        match locked.due() {
            Some(next) => due = next,
            None => return,
        }
    }
}

fn written(answer: Answer, state: &Arc<Mutex<State>>) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::new(answer.content, Arc::downgrade(state)));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in answer.headers {
        // What a rule makes of a header may be none; it is left out then.
        if let (Ok(name), Ok(value)) = (name.parse::<hyper::header::HeaderName>(), value.parse()) {
            response.headers_mut().append(name, value);
        }
    }
    response
}
