//! Loopback servers, written byte by byte, that do what servers should not.

use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use url::Url;

use super::*;
use crate::transport::{HttpRequest, Incoming};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
const STREAM: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";

/// The side of the server of one connection.
struct Served(TcpStream);

impl Served {
    async fn accept(listener: &TcpListener) -> Self {
        Self(listener.accept().await.expect("a connection").0)
    }

    /// Reads one request, head and body, to the last byte.
    async fn request(&mut self) -> String {
        let mut bytes = Vec::new();
        loop {
            bytes.push(self.0.read_u8().await.expect("a whole request"));
            let text = String::from_utf8_lossy(&bytes);
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
            if body.len() == length.map_or(0, |length| length.parse().expect("a number")) {
                return text.into_owned();
            }
        }
    }

    async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.expect("a reader");
    }

    /// Waits until the other side has closed.
    async fn closed(&mut self) {
        while matches!(self.0.read(&mut [0; 1024]).await, Ok(1..)) {}
    }
}

async fn listen<F: Future<Output = ()> + Send + 'static>(
    serve: impl FnOnce(TcpListener) -> F,
) -> (UrlTarget, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/mcp", listener.local_addr().expect("bound"));
    let target = UrlTarget::new(Url::parse(&url).expect("valid"));
    (target, tokio::spawn(serve(listener)))
}

fn limits() -> Limits {
    Limits { message: 1 << 20, total: 4 << 20, exchange: Duration::from_secs(10), ..Limits::default() }
}

fn impatient() -> Limits {
    Limits { exchange: Duration::from_millis(100), ..limits() }
}

fn send(connection: &Connection, exchange: u64, method: &str) {
    let body = if method == "POST" { "{}" } else { "" };
    let request =
        HttpRequest { method: method.into(), path: None, headers: vec![], body: Bytes::from_static(body.as_bytes()) };
    connection.send(Outgoing::Http { exchange: ExchangeId(exchange), request });
}

fn send_raw(connection: &Connection, exchange: u64, bytes: &'static [u8]) {
    connection.send(Outgoing::RawHttp { exchange: ExchangeId(exchange), bytes: Bytes::from_static(bytes) });
}

async fn receive(connection: &mut Connection) -> (u64, Incoming) {
    let arrival = timeout(Duration::from_secs(20), connection.receive()).await.expect("no hang").expect("an arrival");
    (arrival.exchange.0, arrival.what)
}

/// All arrivals up to the end of one exchange; none of another may come between.
async fn whole(connection: &mut Connection, exchange: u64) -> Vec<Incoming> {
    let mut all = Vec::new();
    loop {
        let (own, what) = receive(connection).await;
        assert_eq!(own, exchange, "{what:?}");
        let over = matches!(what, Incoming::End | Incoming::Broken(_) | Incoming::LimitPassed(_));
        all.push(what);
        if over {
            return all;
        }
    }
}

/// What one POST gets from a server that reads it and answers with `text`, and closes then.
async fn answered(text: &'static str) -> Vec<Incoming> {
    let (target, _server) = listen(async |listener| {
        let mut served = Served::accept(&listener).await;
        served.request().await;
        served.send(text).await;
    })
    .await;
    let mut connection = open(&target, limits()).expect("a good URL");
    send(&connection, 1, "POST");
    whole(&mut connection, 1).await
}

fn head(status: u16, headers: &[(&str, &str)]) -> Incoming {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Incoming::Head { status, headers }
}

fn body(text: &'static str) -> Incoming {
    Incoming::Body(Bytes::from_static(text.as_bytes()))
}

fn broken(reason: &str) -> Incoming {
    Incoming::Broken(reason.to_owned())
}

fn event(data: &'static str) -> Incoming {
    Incoming::Event { event: None, id: None, retry: None, data: Some(Bytes::from_static(data.as_bytes())) }
}

fn ok() -> Vec<Incoming> {
    vec![head(200, &[("content-length", "2")]), body("hi"), Incoming::End]
}

#[tokio::test]
async fn one_socket_serves_one_exchange_after_another() {
    let (target, server) = listen(async |listener| {
        let mut served = Served::accept(&listener).await;
        for _ in 0..3 {
            let request = served.request().await;
            let host = listener.local_addr().expect("bound");
            assert_eq!(request, format!("POST /mcp HTTP/1.1\r\nHost: {host}\r\nContent-Length: 2\r\n\r\n{{}}"));
            served.send(OK).await;
        }
    })
    .await;
    let mut connection = open(&target, limits()).expect("a good URL");
    for exchange in 1..=3 {
        send(&connection, exchange, "POST");
        assert_eq!(whole(&mut connection, exchange).await, ok());
    }
    server.await.expect("the server is content");
    assert_eq!(connection.close().await.len(), 0);
}

#[tokio::test]
async fn a_socket_that_the_server_closed_is_not_used_again() {
    let (target, server) = listen(async |listener| {
        for _ in 0..20 {
            let mut served = Served::accept(&listener).await;
            served.request().await;
            served.send(OK).await;
        }
    })
    .await;
    let mut connection = open(&target, limits()).expect("a good URL");
    for exchange in 1..=20 {
        send(&connection, exchange, "POST");
        assert_eq!(whole(&mut connection, exchange).await, ok());
    }
    server.await.expect("the server is content");
}

#[tokio::test]
async fn an_open_stream_blocks_nothing_and_abandoning_it_closes_its_socket() {
    let (target, server) = listen(async |listener| {
        let mut stream = Served::accept(&listener).await;
        assert!(stream.request().await.starts_with("GET "));
        stream.send(STREAM).await;
        stream.send("event: endpoint\nid: 1\nretry: 5\ndata: /messages\n\n").await;
        let mut post = Served::accept(&listener).await;
        post.request().await;
        post.send(OK).await;
        stream.send(": still here\n\ndata: a\n\n").await;
        stream.closed().await;
        post.request().await;
        post.send(OK).await;
    })
    .await;
    let mut connection = open(&target, limits()).expect("a good URL");
    send(&connection, 1, "GET");
    assert_eq!(receive(&mut connection).await, (1, head(200, &[("content-type", "text/event-stream")])));
    let endpoint = Incoming::Event {
        event: Some("endpoint".into()),
        id: Some("1".into()),
        retry: Some(5),
        data: Some("/messages".into()),
    };
    assert_eq!(receive(&mut connection).await, (1, endpoint));
    send(&connection, 2, "POST");
    assert_eq!(whole(&mut connection, 2).await, ok());
    assert_eq!(receive(&mut connection).await, (1, event("a")));
    connection.send(Outgoing::Abandon(ExchangeId(1)));
    send(&connection, 3, "POST");
    assert_eq!(whole(&mut connection, 3).await, ok());
    server.await.expect("the server has seen the close");
}

#[tokio::test]
async fn closing_closes_every_socket() {
    let (target, server) = listen(async |listener| {
        let mut idle = Served::accept(&listener).await;
        idle.request().await;
        idle.send(OK).await;
        let mut stream = idle;
        stream.request().await;
        stream.send(STREAM).await;
        let mut silent = Served::accept(&listener).await;
        silent.request().await;
        stream.send("data: a\n\n").await;
        silent.closed().await;
        stream.closed().await;
    })
    .await;
    let mut connection = open(&target, limits()).expect("a good URL");
    send(&connection, 1, "POST");
    assert_eq!(whole(&mut connection, 1).await, ok());
    send(&connection, 2, "GET");
    receive(&mut connection).await;
    send(&connection, 3, "POST");
    assert_eq!(receive(&mut connection).await, (2, event("a")));
    assert_eq!(connection.close().await.len(), 0);
    server.await.expect("the server has seen both closes");
}

#[tokio::test]
async fn streams_end_as_their_server_ends_them() {
    let chunked = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    let stream = answered(Box::leak(format!("{chunked}9\r\ndata: a\n\n\r\n0\r\n\r\n").into_boxed_str())).await;
    assert_eq!(stream[1..], [event("a"), Incoming::End]);
    let cut = answered(Box::leak(format!("{chunked}9\r\ndata: a\n\n\r\n").into_boxed_str())).await;
    assert_eq!(cut[1..], [event("a"), broken("the connection was closed before the last chunk of the body")]);
    let unfinished = answered("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: a\n").await;
    assert_eq!(unfinished[1..], [broken("the stream ended inside an event, before its blank line")]);
}

#[tokio::test]
async fn answers_that_break_say_how_and_keep_what_came() {
    let cut = answered("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi").await;
    let reason = "the connection was closed before the body was as long as its Content-Length says";
    assert_eq!(cut[1..], [body("hi"), broken(reason)]);
    assert_eq!(
        answered("hello, I am a server\n").await,
        [broken("the answer is not HTTP/1.1: no `HTTP/1.1` in front")]
    );
    assert_eq!(answered("").await, [broken("the connection was closed without an answer")]);
    let odd = answered("HTTP/1.1 200 OK\r\nX-Odd: \0\r\n\r\n").await;
    assert_eq!(odd, [broken("the answer is not HTTP/1.1: a byte that no header value may have")]);
    let chunked = answered("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nh\r\n1\r\ni\r\n0\r\n\r\n").await;
    assert_eq!(chunked[1..], [body("hi"), Incoming::End]);
}

#[tokio::test]
async fn redirects_are_answers() {
    let location = "HTTP/1.1 307 Temporary Redirect\r\nLocation: /mcp\r\nContent-Length: 0\r\n\r\n";
    let headers = [("location", "/mcp"), ("content-length", "0")];
    assert_eq!(answered(location).await, [head(307, &headers), body(""), Incoming::End]);
}

#[tokio::test]
async fn nobody_there_is_a_broken_exchange() {
    let (target, server) = listen(async |listener| drop(listener)).await;
    server.await.expect("nothing to go wrong");
    let mut connection = open(&target, limits()).expect("a good URL");
    send(&connection, 1, "POST");
    let port = target.url.port().expect("not 80");
    let reason = format!("cannot connect to 127.0.0.1:{port}: connection refused");
    assert_eq!(whole(&mut connection, 1).await, [broken(&reason)]);
}

#[tokio::test]
async fn slow_heads_and_endless_bodies_end_at_the_deadline() {
    for (text, words) in [
        ("", "no answer within 100ms"),
        ("HTTP/1.1 200 OK\r\nX-", "no whole answer within 100ms"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi", "no whole answer within 100ms"),
    ] {
        let (target, _server) = listen(async |listener| {
            let mut served = Served::accept(&listener).await;
            served.request().await;
            served.send(text).await;
            served.closed().await;
        })
        .await;
        let mut connection = open(&target, impatient()).expect("a good URL");
        send(&connection, 1, "POST");
        assert_eq!(whole(&mut connection, 1).await.last(), Some(&broken(words)));
    }
}

#[tokio::test]
async fn a_stream_that_drips_lives_past_the_deadline_of_exchanges() {
    let (target, server) = listen(async |listener| {
        let mut served = Served::accept(&listener).await;
        served.request().await;
        served.send(STREAM).await;
        let mut drops = "data: a\n\n".bytes().cycle();
        let mut tick = tokio::time::interval(Duration::from_millis(5));
        while served.0.write_u8(drops.next().expect("endless")).await.is_ok() {
            tick.tick().await;
        }
    })
    .await;
    let mut connection = open(&target, Limits { exchange: Duration::from_millis(50), ..limits() }).expect("a good URL");
    send(&connection, 1, "POST");
    receive(&mut connection).await;
    for _ in 0..4 {
        assert_eq!(receive(&mut connection).await, (1, event("a")));
    }
    drop(connection);
    server.await.expect("dropping the connection closes it too");
}

/// Writes `head`, then `part` again and again for up to a gigabyte. How much was taken.
async fn flood(head: &'static str, part: &'static str) -> (Vec<Incoming>, u64) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("bound"));
    let server = tokio::spawn(async move {
        let mut served = Served::accept(&listener).await;
        served.request().await;
        served.send(head).await;
        let block = part.repeat((64 << 10) / part.len());
        let mut taken = 0;
        while taken < 1 << 30 && served.0.write_all(block.as_bytes()).await.is_ok() {
            taken += block.len() as u64;
        }
        taken
    });
    let target = UrlTarget::new(Url::parse(&url).expect("valid"));
    let mut connection = open(&target, limits()).expect("a good URL");
    send(&connection, 1, "POST");
    let all = whole(&mut connection, 1).await;
    drop(connection);
    (all, server.await.expect("no panic"))
}

#[tokio::test]
async fn a_gigabyte_is_not_read() {
    // What the kernel's own buffers take is not ours to bound.
    const TAKEN: u64 = 32 << 20;
    let (all, taken) = flood("HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n", "x").await;
    assert!(matches!(&all[1], Incoming::Body(body) if body.len() == 1 << 20));
    assert_eq!(all[2], Incoming::LimitPassed("the body is longer than 1048576 bytes".into()));
    assert!(taken < TAKEN, "{taken}");

    let (all, taken) = flood(STREAM, "x").await;
    assert_eq!(all[1..], [Incoming::LimitPassed("an event is longer than 1048576 bytes".into())]);
    assert!(taken < TAKEN, "{taken}");

    let total = Incoming::LimitPassed("more than 4194304 bytes were received".into());
    let (all, taken) = flood(STREAM, ": comment\n").await;
    assert_eq!(&all[1..], std::slice::from_ref(&total));
    assert!(taken < TAKEN, "{taken}");

    let (all, _) = flood(STREAM, "id\n\n").await;
    assert!(all.len() < (4 << 20) / 256 + 3, "{}", all.len());
    assert_eq!(all.last(), Some(&total));
}

#[tokio::test]
async fn an_answer_may_come_before_the_request_was_read() {
    let (target, _server) = listen(async |listener| {
        let mut served = Served::accept(&listener).await;
        served.send("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n").await;
        served.0.readable().await.expect("a request");
        tokio::task::yield_now().await;
        std::future::pending::<()>().await;
    })
    .await;
    let mut connection = open(&target, limits()).expect("a good URL");
    let request = HttpRequest { method: "POST".into(), path: None, headers: vec![], body: vec![b'x'; 64 << 20].into() };
    connection.send(Outgoing::Http { exchange: ExchangeId(1), request });
    assert_eq!(whole(&mut connection, 1).await, [head(413, &[("content-length", "0")]), body(""), Incoming::End]);
}

#[tokio::test]
async fn raw_requests_go_out_as_they_are_and_pipelined_answers_come_one_by_one() {
    const REQUESTS: &[u8] = b"GET / HTTP/1.1\r\nX-Odd: \0\xFF\r\n\r\nBREW / HTTP/9\r\n\r\n";
    let (target, server) = listen(async |listener| {
        let mut served = Served::accept(&listener).await;
        let mut bytes = vec![0; REQUESTS.len()];
        served.0.read_exact(&mut bytes).await.expect("both");
        assert_eq!(bytes, REQUESTS);
        served.send(&format!("{OK}HTTP/1.1 400 Bad Request\r\n\r\nno")).await;
    })
    .await;
    let mut connection = open(&target, limits()).expect("a good URL");
    send_raw(&connection, 1, REQUESTS);
    let expected = [&ok()[..2], &[head(400, &[]), body("no"), Incoming::End]].concat();
    assert_eq!(whole(&mut connection, 1).await, expected);
    server.await.expect("the server is content");
}

#[tokio::test]
async fn a_raw_exchange_ends_at_its_deadline_where_the_server_keeps_the_socket() {
    let (target, _server) = listen(async |listener| {
        let mut answering = Served::accept(&listener).await;
        answering.request().await;
        answering.send(OK).await;
        let mut waiting = Served::accept(&listener).await;
        tokio::join!(answering.closed(), waiting.closed());
    })
    .await;
    let mut connection = open(&target, impatient()).expect("a good URL");
    send_raw(&connection, 1, b"GET / HTTP/1.1\r\n\r\n");
    assert_eq!(whole(&mut connection, 1).await, ok());
    send_raw(&connection, 2, b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf");
    assert_eq!(whole(&mut connection, 2).await, [broken("no answer within 100ms")]);
}

#[tokio::test]
async fn urls_of_no_use_are_refused() {
    for url in ["ftp://localhost/", "http://user@localhost/", "unix:/run/x"] {
        let target = UrlTarget::new(Url::parse(url).expect("valid"));
        assert!(matches!(open(&target, limits()), Err(TransportError::BadUrl { .. })), "{url}");
    }
}
