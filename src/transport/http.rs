//! Speaks HTTP/1.1 to a server: many exchanges at once, each on a socket of its own while it lasts. Follows no redirect,
//! adds next to nothing to a request, and knows nothing of sessions.
//!
//! The protocol is written and read here, not by a client library: those normalise names, merge fields, retry and hide
//! what a server did wrong, and all of that is what a test wants to send and to see.

mod exchange;
mod request;
mod socket;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, timeout_at};

use self::exchange::{Afterwards, Exchange, Report, Stop};
pub use self::request::{encode, endpoint_path, path_and_query};
use self::socket::{Address, Socket};
use super::{Arrival, Connection, ExchangeId, HttpRequest, Limits, Outgoing, TransportError, UrlTarget};
use crate::wire::TransportKind;

/// How many arrivals may wait to be received before the sockets are no longer read.
const WAITING_ARRIVALS: usize = 64;

/// How long a socket waits for its next request. Well below the shortest time after which servers close an idle
/// connection (5 s is the default of several), so that request and close hardly ever cross.
const IDLE: Duration = Duration::from_secs(2);

/// A connection to an HTTP endpoint. Sockets are opened when there is something to send, so a server that is not there
/// shows as a broken first exchange. An exchange that still runs when the connection is closed is cut.
///
/// Must be called inside a tokio runtime.
pub(super) fn open(target: &UrlTarget, limits: Limits) -> Result<Connection, TransportError> {
    Ok(open_at(target, Address::new(&target.url)?, limits))
}

fn open_at(target: &UrlTarget, address: Address, limits: Limits) -> Connection {
    let (outgoing, requests) = mpsc::unbounded_channel();
    let (arrivals, incoming) = mpsc::channel(WAITING_ARRIVALS);
    let client =
        Client { target: target.clone(), address, limits, received: Arc::default(), idle: Mutex::default(), arrivals };
    tokio::spawn(serve(Arc::new(client), requests));
    Connection::new(TransportKind::Http, outgoing, incoming)
}

/// Starts an exchange for each request, until the harness closes.
async fn serve(client: Arc<Client>, mut requests: mpsc::UnboundedReceiver<Outgoing>) {
    let mut exchanges = JoinSet::new();
    let mut running: HashMap<ExchangeId, AbortHandle> = HashMap::new();
    while let Some(outgoing) = requests.recv().await {
        // Forget those that are over.
        while exchanges.try_join_next().is_some() {}
        running.retain(|_, exchange| !exchange.is_finished());
        match outgoing {
            Outgoing::Http { exchange, request } => {
                let handle = exchanges.spawn(Arc::clone(&client).http(exchange, request));
                running.insert(exchange, handle);
            }
            Outgoing::RawHttp { exchange, bytes } => {
                let handle = exchanges.spawn(Arc::clone(&client).raw(exchange, bytes));
                running.insert(exchange, handle);
            }
            Outgoing::Abandon(exchange) => {
                // The task owns the socket: ending the one closes the other.
                if let Some(exchange) = running.remove(&exchange) {
                    exchange.abort();
                }
            }
            // There is no standard input here.
            Outgoing::Bytes(_) | Outgoing::CloseInput => {}
        }
    }
    exchanges.shutdown().await;
}

/// What the exchanges of one connection share. Dropped from top to bottom: the sender of arrivals goes last.
struct Client {
    target: UrlTarget,
    address: Address,
    limits: Limits,
    received: Arc<AtomicUsize>,
    idle: Mutex<Vec<(Instant, Socket)>>,
    arrivals: mpsc::Sender<Arrival>,
}

impl Client {
    async fn http(self: Arc<Self>, exchange: ExchangeId, request: HttpRequest) {
        let report = self.report(exchange);
        let outcome = self.request(&report, &request).await;
        report.end(outcome).await;
    }

    async fn raw(self: Arc<Self>, exchange: ExchangeId, bytes: Bytes) {
        let report = self.report(exchange);
        let outcome = self.raw_request(&report, bytes).await;
        report.end(outcome).await;
    }

    async fn request(&self, report: &Report, request: &HttpRequest) -> Result<(), Stop> {
        report.count(0)?;
        let deadline = Instant::now() + self.limits.exchange;
        let bytes = request::encode(&self.target, request).map_err(Stop::Broken)?;
        if let Some(socket) = self.take_idle() {
            let mut exchange = Exchange::new(socket, bytes.clone(), deadline, report);
            match exchange.answer(&request.method).await {
                // The server closed the connection while the request was on its way into it: since the request was not
                // even written as a whole, nothing can have come of it, and a new connection may have it. A request that
                // was written and got no answer is never repeated: the server may have acted on it.
                Err(Stop::Broken(_)) if exchange.was_not_sent() && Instant::now() < deadline => {}
                outcome => return self.settle(exchange, outcome),
            }
        }
        let socket = self.connect(deadline).await?;
        let mut exchange = Exchange::new(socket, bytes, deadline, report);
        let outcome = exchange.answer(&request.method).await;
        self.settle(exchange, outcome)
    }

    async fn raw_request(&self, report: &Report, bytes: Bytes) -> Result<(), Stop> {
        report.count(0)?;
        let deadline = Instant::now() + self.limits.exchange;
        let method = if bytes.starts_with(b"HEAD ") { "HEAD" } else { "" };
        let socket = self.connect(deadline).await?;
        let mut exchange = Exchange::new(socket, bytes, deadline, report);
        exchange.answer(method).await?;
        while exchange.another().await? {
            exchange.answer("").await?;
        }
        Ok(())
    }

    fn report(&self, exchange: ExchangeId) -> Report {
        Report { exchange, arrivals: self.arrivals.clone(), limits: self.limits, received: Arc::clone(&self.received) }
    }

    async fn connect(&self, deadline: Instant) -> Result<Socket, Stop> {
        match timeout_at(deadline, self.address.connect()).await {
            Ok(connected) => connected.map_err(Stop::Broken),
            Err(_) => Err(Stop::Broken(format!("no connection within {:?}", self.limits.exchange))),
        }
    }

    fn take_idle(&self) -> Option<Socket> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(since, socket)| since.elapsed() < IDLE && socket.is_idle());
        idle.pop().map(|(_, socket)| socket)
    }

    fn settle(&self, exchange: Exchange<'_>, outcome: Result<bool, Stop>) -> Result<(), Stop> {
        if let Afterwards::Reusable(socket) = exchange.finish(outcome?) {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push((Instant::now(), socket));
        }
        Ok(())
    }
}
