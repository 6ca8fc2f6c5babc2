//! Knocks at the target's port on addresses of this machine that are not the one it was reached at.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::pin::Pin;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Setting;
use crate::judge::context::Judged;
use crate::transport::Target;

const LOCAL: &str = "http.bind.localhost";

/// How long a connection within this machine may take.
const WITHIN: Duration = Duration::from_secs(1);

/// Judges that a local server listens on the loopback interface only (specification: basic/transports#security-warning).
pub(super) fn run<'a>(setting: Setting<'a>) -> Pin<Box<dyn Future<Output = Vec<Judged>> + 'a>> {
    Box::pin(async move {
        let Target::Url(target) = &setting.context.target else { return Vec::new() };
        let Some(port) = target.url.port_or_known_default() else { return Vec::new() };
        let addresses: Vec<_> = outer_address().into_iter().chain(second_loopback()).collect();
        if addresses.is_empty() {
            return vec![Judged::skipped(LOCAL, "this machine has no other address to try")];
        }
        let mut open = Vec::new();
        for address in addresses {
            let address = SocketAddr::new(address, port);
            if matches!(timeout(WITHIN, TcpStream::connect(address)).await, Ok(Ok(_))) {
                open.push(address.to_string());
            }
        }
        vec![if open.is_empty() {
            Judged::pass(LOCAL)
        } else {
            let actual = format!("it takes connections at {} as well", open.join(" and "));
            let from = setting.session.transcript().entries().len();
            setting.fail(LOCAL, from, "a server that listens on the loopback address only", actual)
        }]
    })
}

/// The address by which this machine would reach others. Nothing is sent to find it.
fn outer_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(203, 0, 113, 1), 9)).ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then_some(address)
}

/// A loopback address at which nobody listens on purpose: where a connection succeeds, the server listens everywhere.
fn second_loopback() -> Option<IpAddr> {
    cfg!(target_os = "linux").then_some(IpAddr::V4(Ipv4Addr::new(127, 8, 7, 6)))
}
