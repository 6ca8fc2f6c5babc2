//! Knocks at the target's port on a loopback address at which nobody listens on purpose. Never leaves the loopback range.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Setting;
use crate::judge::context::Judged;
use crate::transport::Target;

const LOCAL: &str = "http.bind.localhost";

/// A loopback address at which nobody listens on purpose: where a connection succeeds, the server listens everywhere.
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 8, 7, 6);

/// How long a connection within this machine may take.
const WITHIN: Duration = Duration::from_secs(1);

/// Judges that a local server listens on the loopback interface only (specification: basic/transports#security-warning).
pub(super) fn run<'a>(setting: Setting<'a>) -> Pin<Box<dyn Future<Output = Vec<Judged>> + 'a>> {
    Box::pin(async move {
        let Target::Url(target) = &setting.context.target else { return Vec::new() };
        let Some(port) = target.url.port_or_known_default() else { return Vec::new() };
        // Other systems give the loopback interface one address only: nothing could be seen there.
        if !cfg!(target_os = "linux") {
            return vec![Judged::skipped(LOCAL, "this system has no other loopback address to try")];
        }
        let address = SocketAddr::from((ELSEWHERE, port));
        let is_open = matches!(timeout(WITHIN, TcpStream::connect(address)).await, Ok(Ok(_)));
        vec![if is_open {
            let actual = format!("it takes connections at {address} as well, so at every address of the machine");
            let from = setting.session.transcript().entries().len();
            setting.fail(LOCAL, from, "a server that listens on the loopback address only", actual)
        } else {
            Judged::pass(LOCAL)
        }]
    })
}
