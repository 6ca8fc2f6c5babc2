//! A TCP connection with deadlines, without a runtime. Knows nothing of HTTP.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use url::Url;

use crate::transport::CANNOT_CONNECT;

/// How much is read at once.
const READ: usize = 16 << 10;

/// Connects within the time that is left.
pub(super) fn connect(url: &Url, deadline: Instant) -> Result<TcpStream, String> {
    let place = format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default());
    let cannot = |error: io::Error| format!("{CANNOT_CONNECT}{place}: {error}");
    let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    let addresses = match url.socket_addrs(|| None) {
        Ok(addresses) => addresses,
        Err(_) => place.to_socket_addrs().map_err(cannot)?.collect(),
    };
    for address in addresses {
        match TcpStream::connect_timeout(&address, left) {
            Ok(socket) => {
                socket.set_nodelay(true).map_err(cannot)?;
                return Ok(socket);
            }
            Err(error) => last = error,
        }
    }
    Err(cannot(last))
}

/// Whether the time was over.
pub(super) fn is_late(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

fn left(deadline: Instant) -> Duration {
    // No time at all would mean for ever.
    deadline.saturating_duration_since(Instant::now()).max(Duration::from_micros(10))
}

/// Writes all of it within the time that is left.
pub(super) fn write(socket: &mut TcpStream, bytes: &[u8], deadline: Instant) -> io::Result<()> {
    socket.set_write_timeout(Some(left(deadline)))?;
    let mut unsent = bytes;
    while !unsent.is_empty() {
        match socket.write(unsent) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => unsent = &unsent[written..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Appends what comes within the time that is left.
pub(super) fn read(socket: &mut TcpStream, buffer: &mut BytesMut, deadline: Instant) -> io::Result<usize> {
    let mut space = [0; READ];
    loop {
        acknowledge_at_once(socket);
        socket.set_read_timeout(Some(left(deadline)))?;
        match socket.read(&mut space) {
            Ok(read) => {
                buffer.extend_from_slice(&space[..read]);
                return Ok(read);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// A server that writes head and body apart, with Nagle's algorithm on, waits for the acknowledgement before the body.
#[cfg(target_os = "linux")]
fn acknowledge_at_once(socket: &TcpStream) {
    // It only saves time.
    let _ = rustix::net::sockopt::set_tcp_quickack(socket, true);
}

#[cfg(not(target_os = "linux"))]
fn acknowledge_at_once(_: &TcpStream) {}
