//! The real servers of `ci/peers.yaml`: where they are installed, and how they are started.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use mcp_litmus::source::{Document, Source};
use mcp_litmus::transport::{CommandTarget, Target, UrlTarget};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;

/// What `ci/peers.yaml` says of a server.
pub(crate) struct Peer {
    pub(crate) name: String,
    pub(crate) command: Vec<String>,
    pub(crate) url: Option<String>,
    /// The bearer token that is shown to it.
    pub(crate) token: Option<String>,
    pub(crate) revisions: Vec<String>,
    /// Checks of which the server's own races decide, so that no snapshot can hold their verdicts; `ci/peers.md` says why.
    pub(crate) unsteady: Vec<String>,
}

/// The command of a peer over stdio; `None` where it is not installed.
pub(crate) fn command_of(name: &str) -> Option<Vec<String>> {
    let peer = listed_peer(name);
    let folder = installed(&peer)?;
    match started(&peer, &folder).0 {
        Target::Command(command) => Some([vec![command.program], command.arguments].concat()),
        _ => None,
    }
}

/// Where the peers are, if this one is among them; a word on standard error if not.
pub(crate) fn installed(peer: &Peer) -> Option<PathBuf> {
    let folder = peers_folder();
    if !is_installed(peer, &folder) {
        let missing = format!("{} is not installed in {}: run ci/peers", peer.name, folder.display());
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{missing}");
        writeln!(std::io::stderr(), "skipped: {missing}").expect("standard error");
        return None;
    }
    Some(folder)
}

/// The target of a peer, and the process that serves it over HTTP.
pub(crate) fn started(peer: &Peer, folder: &Path) -> (Target, Option<Server>) {
    let port = free_port();
    let fill = |text: &String| text.replace("$PEERS", &folder.to_string_lossy()).replace("$PORT", &port.to_string());
    let command: Vec<_> = peer.command.iter().map(fill).collect();
    match &peer.url {
        None => {
            let target = CommandTarget {
                program: command[0].clone(),
                arguments: command[1..].to_vec(),
                environment: BTreeMap::new(),
                directory: None,
            };
            (Target::Command(target), None)
        }
        Some(url) => {
            let server = Server::start(&command, port);
            let url = fill(url).parse().expect("a URL");
            let header = |token: &String| ("Authorization".to_owned(), format!("Bearer {token}"));
            let headers = peer.token.iter().map(header).collect();
            (Target::Url(UrlTarget { headers, ..UrlTarget::new(url) }), Some(server))
        }
    }
}

/// A port on which nobody listens, below those that the system gives out: nobody else gets it before the peer listens there.
fn free_port() -> u16 {
    static TRIED: AtomicU16 = AtomicU16::new(0);
    let first = 10_000 + u16::try_from(std::process::id() % 400).expect("is small") * 50;
    let ports = std::iter::repeat_with(|| first + TRIED.fetch_add(1, Ordering::Relaxed));
    let mut free = ports.filter(|&port| TcpListener::bind(("127.0.0.1", port)).is_ok());
    free.next().expect("there are some")
}

/// A process that serves HTTP; ended with all that it started when dropped.
pub(crate) struct Server(Child);

impl Server {
    fn start(command: &[String], port: u16) -> Self {
        let child = Command::new(&command[0])
            .args(&command[1..])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("the peer starts");
        let mut server = Self(child);
        let deadline = Instant::now() + Duration::from_mins(1);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(server.0.try_wait().expect("a child").is_none(), "the peer exited at once");
            assert!(Instant::now() < deadline, "the peer does not listen");
            // Asks again soon, without taking the processor from the server that starts.
            std::thread::park_timeout(Duration::from_millis(10));
        }
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(group) = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw) {
            // It may be gone already; then there is nothing to end.
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.0.wait();
    }
}

fn is_installed(peer: &Peer, folder: &Path) -> bool {
    let below = peer.command.iter().find_map(|word| word.strip_prefix("$PEERS/"));
    let first = below.and_then(|path| path.split('/').next());
    first.is_some_and(|name| folder.join(name).join(".installed").exists())
}

pub(crate) fn listed_peer(name: &str) -> Peer {
    listed_peers().into_iter().find(|peer| peer.name == name).expect("it is listed")
}

pub(crate) fn listed_peers() -> Vec<Peer> {
    let text = std::fs::read_to_string(root().join("ci/peers.yaml")).expect("ci/peers.yaml");
    let document =
        Document::read(&Source::new("ci/peers.yaml", text)).unwrap_or_else(|e| panic!("{}", e.render(false)));
    let texts =
        |value: &Value| value.as_array().into_iter().flatten().filter_map(|v| v.as_str().map(str::to_owned)).collect();
    let list = document.root.to_value();
    let peers = list.as_array().expect("a list").iter();
    peers
        .map(|peer| Peer {
            name: peer["name"].as_str().unwrap_or_default().to_owned(),
            command: texts(&peer["command"]),
            url: peer["url"].as_str().map(str::to_owned),
            token: peer["token"].as_str().map(str::to_owned),
            revisions: texts(&peer["revisions"]),
            unsteady: texts(&peer["unsteady"]),
        })
        .collect()
}

fn peers_folder() -> PathBuf {
    std::env::var_os("PEERS").map_or_else(|| root().join("target/peers"), PathBuf::from)
}

pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
