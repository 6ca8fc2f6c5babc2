//! One TCP or TLS connection to the target: how it is had, and whether it still lives. Knows nothing of HTTP.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use rustix::net::RecvFlags;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use url::{Host, Url};

use crate::transport::{CANNOT_CONNECT, TransportError};

/// Where to connect, and whether by TLS.
pub(super) struct Address {
    host: Host<String>,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Address {
    /// Reads the address off a URL. TLS is set up only where the URL asks for it.
    pub(super) fn new(url: &Url) -> Result<Self, TransportError> {
        let unusable = |reason: &str| TransportError::BadUrl { url: url.to_string(), reason: reason.to_owned() };
        let host = url.host().ok_or_else(|| unusable("it names no host"))?.to_owned();
        let port = url.port_or_known_default().ok_or_else(|| unusable("it names no port"))?;
        let tls = match url.scheme() {
            "http" => None,
            "https" => Some((TlsConnector::from(tls_config(public_roots())?), server_name(&host)?)),
            _ => return Err(unusable("only http and https are spoken")),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(unusable("name and password in a URL are not sent; use an Authorization header"));
        }
        Ok(Self { host, port, tls })
    }

    /// Opens a connection; says in words why it cannot.
    pub(super) async fn connect(&self) -> Result<Socket, String> {
        let connected = match &self.host {
            Host::Domain(name) => TcpStream::connect((name.as_str(), self.port)).await,
            Host::Ipv4(address) => TcpStream::connect((*address, self.port)).await,
            Host::Ipv6(address) => TcpStream::connect((*address, self.port)).await,
        };
        let cannot = |error: io::Error| format!("{CANNOT_CONNECT}{}:{}: {}", self.host, self.port, words(&error));
        let tcp = connected.map_err(cannot)?;
        tcp.set_nodelay(true).map_err(cannot)?;
        let Some((connector, name)) = &self.tls else { return Ok(Socket::Plain(tcp)) };
        let tls = connector.connect(name.clone(), tcp).await;
        tls.map(|tls| Socket::Tls(Box::new(tls)))
            .map_err(|error| format!("no TLS with {}:{}: {}", self.host, self.port, words(&error)))
    }
}

fn public_roots() -> RootCertStore {
    webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect()
}

fn tls_config(roots: RootCertStore) -> Result<Arc<ClientConfig>, TransportError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| TransportError::Tls(error.to_string()))?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn server_name(host: &Host<String>) -> Result<ServerName<'static>, TransportError> {
    match host {
        Host::Domain(name) => {
            ServerName::try_from(name.clone()).map_err(|error| TransportError::Tls(format!("{name}: {error}")))
        }
        Host::Ipv4(address) => Ok(ServerName::IpAddress((*address).into())),
        Host::Ipv6(address) => Ok(ServerName::IpAddress((*address).into())),
    }
}

/// A connection to the target.
pub(super) enum Socket {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Socket {
    /// Reads what comes next into `buffer` and meanwhile writes what is left of `unsent`: a server may answer before it
    /// has read all, and one that does not read at all must not stop us. The number of bytes read; 0 is the end.
    ///
    /// Where writing fails, `unsent` keeps what was not written, and reading goes on: the answer may tell why.
    pub(super) async fn exchange(&mut self, unsent: &mut Bytes, buffer: &mut BytesMut) -> io::Result<usize> {
        let mut writing = true;
        poll_fn(|context| {
            if writing && self.poll_send(context, unsent).is_ready() {
                writing = false;
            }
            self.poll_receive(context, buffer)
        })
        .await
    }

    /// Whether the connection is open and silent, as one that waits for a request should be. Asks the system itself,
    /// since a close that has arrived may not have been reported yet.
    pub(super) fn is_idle(&self) -> bool {
        let mut byte = [0];
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        rustix::net::recv(self.tcp(), &mut byte, flags).is_err_and(|error| error == rustix::io::Errno::WOULDBLOCK)
    }

    fn poll_send(&mut self, context: &mut Context<'_>, unsent: &mut Bytes) -> Poll<io::Result<()>> {
        let mut writer = self.stream();
        while !unsent.is_empty() {
            let written = ready!(writer.as_mut().poll_write(context, unsent))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            unsent.advance(written);
        }
        writer.poll_flush(context)
    }

    fn poll_receive(&mut self, context: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>> {
        acknowledge_at_once(self.tcp());
        let mut space = [0; READ_SIZE];
        let mut space = ReadBuf::new(&mut space);
        ready!(self.stream().poll_read(context, &mut space))?;
        buffer.extend_from_slice(space.filled());
        Poll::Ready(Ok(space.filled().len()))
    }

    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(tls) => tls.get_ref().0,
        }
    }

    fn stream(&mut self) -> Pin<&mut dyn Stream> {
        match self {
            Self::Plain(tcp) => Pin::new(tcp),
            Self::Tls(tls) => Pin::new(tls),
        }
    }
}

/// What both kinds of socket are.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl Stream for TcpStream {}

impl Stream for Box<TlsStream<TcpStream>> {}

/// Large enough for nearly every answer, small enough for the stack.
const READ_SIZE: usize = 16 << 10;

/// Has the system acknowledge what arrives without its usual delay: a server that writes head and body apart, with
/// Nagle's algorithm on, waits for that before the body. The option does not last, hence before each read. It only
/// saves time, so its failure means nothing.
#[cfg(target_os = "linux")]
fn acknowledge_at_once(tcp: &TcpStream) {
    let _ = rustix::net::sockopt::set_tcp_quickack(tcp, true);
}

#[cfg(not(target_os = "linux"))]
fn acknowledge_at_once(_: &TcpStream) {}

/// An I/O error as a clause, without the system's numbers.
pub(super) fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::ConnectionReset => "the connection was reset".to_owned(),
        io::ErrorKind::BrokenPipe => "the connection was closed".to_owned(),
        io::ErrorKind::HostUnreachable => "host unreachable".to_owned(),
        io::ErrorKind::NetworkUnreachable => "network unreachable".to_owned(),
        _ => error.to_string(),
    }
}
