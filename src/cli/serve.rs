//! `serve`: starts the built-in server, right or broken, for people and their clients. On 127.0.0.1 only.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process;

use clap::{Parser, ValueEnum};
use tokio::io::{BufReader, stdin, stdout};
use tokio::runtime;

use super::exit::{Exit, Stop};
use super::signals::Signals;
use super::{console, settings};
use crate::mock::http::Server;
use crate::mock::{Features, Lines, Options};
use crate::protocol::Revision;
use crate::scenario::{Broken, load_broken};

/// Start the built-in MCP server, right or broken on demand
#[derive(Debug, Parser)]
#[command(after_help = "Examples:
  mcp-litmus serve                                          on standard input and output
  mcp-litmus serve --transport http --port 3000             on http://127.0.0.1:3000/mcp
  mcp-litmus serve --transport http --token abc             for who has the header 'Authorization: Bearer abc'
  mcp-litmus serve --broken scenarios/errors/unknown-method.broken.yaml#2")]
pub(super) struct ServeArgs {
    /// How it is spoken to; http has Streamable HTTP at /mcp, and HTTP+SSE at /sse
    #[arg(long, value_name = "TRANSPORT", value_enum, default_value_t)]
    transport: ServeTransport,
    /// Where it listens [default: any free port]
    #[arg(long, value_name = "N")]
    port: Option<u16>,
    /// The N-th broken server of a file beside a scenario, from 1
    #[arg(long, value_name = "FILE#N")]
    broken: Option<String>,
    /// One tool, `add`, and nothing else
    #[arg(long)]
    tools_only: bool,
    /// The bearer token that it wants; comes with the metadata of authorization
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// A revision that it speaks, may be given several times [default: all]
    #[arg(long, value_name = "REVISION")]
    revision: Vec<Revision>,
}

/// How the server is spoken to: in lines, or over Streamable HTTP at /mcp and HTTP+SSE at /sse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum ServeTransport {
    #[default]
    Stdio,
    Http,
}

/// Serves until the input ends, or a signal comes.
pub(super) fn serve(args: &ServeArgs) -> Result<Exit, Stop> {
    if args.transport == ServeTransport::Stdio && args.port.is_some() {
        return Err(Stop::usage("--port is for --transport http"));
    }
    if args.transport == ServeTransport::Stdio && args.token.is_some() {
        return Err(Stop::usage("--token is for --transport http"));
    }
    // Of what a bearer token may be made (RFC 6750, section 2.1).
    let is_token =
        |token: &String| !token.is_empty() && token.chars().all(|c| c.is_ascii_alphanumeric() || "-._~+/=".contains(c));
    if args.token.as_ref().is_some_and(|token| !is_token(token)) {
        return Err(Stop::usage("--token is made of letters, digits and -._~+/="));
    }
    let broken = args.broken.as_deref().map(broken).transpose()?;
    let mut options = Options { token: args.token.clone(), ..Options::default() };
    if args.tools_only || broken.as_ref().is_some_and(|broken| broken.tools_only) {
        options.features = Features::ToolsOnly;
    }
    if let Some(speaks) = broken.as_ref().and_then(|broken| broken.speaks.clone()) {
        options.revisions = speaks;
    }
    if !args.revision.is_empty() {
        options.revisions.retain(|revision| args.revision.contains(revision));
    }
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Stop::fault(format!("cannot set up the runtime: {error}")))?;
    let exit = runtime.block_on(async {
        let mut signals =
            Signals::listen().map_err(|error| Stop::fault(format!("cannot listen for signals: {error}")))?;
        tokio::select! {
            exit = speak(args, options, broken) => exit,
            signal = signals.next() => Ok(Exit::Signal(signal)),
        }
    });
    // A thread may still be reading standard input; nothing waits for it.
    runtime.shutdown_background();
    exit
}

async fn speak(args: &ServeArgs, options: Options, broken: Option<Broken>) -> Result<Exit, Stop> {
    match args.transport {
        ServeTransport::Stdio => {
            let lines = Lines::new(options, broken).map_err(Stop::usage)?;
            let served = lines.serve(BufReader::new(stdin()), stdout()).await;
            let code = served.map_err(|error| Stop::unwritten("to standard output", &error))?;
            Ok(Exit::Served(u8::try_from(code).unwrap_or(u8::MAX)))
        }
        ServeTransport::Http => {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, args.port.unwrap_or_default()));
            let server = Server::start(address, options, broken).map_err(Stop::usage)?;
            console::print(&format!("{}\n{} (HTTP+SSE)\n", server.url(), server.sse_url()))?;
            console::tell(&format!("serving as process {}; Ctrl-C ends it", process::id()));
            std::future::pending().await
        }
    }
}

/// One broken server: `FILE#N`.
fn broken(text: &str) -> Result<Broken, Stop> {
    let (file, number) = match text.rsplit_once('#') {
        Some((file, number)) => {
            let wrong = || Stop::usage(format!("`{number}` is no number of a broken server (FILE#N, from 1)"));
            (file, Some(number.parse::<usize>().ok().filter(|&number| number > 0).ok_or_else(wrong)?))
        }
        None => (text, None),
    };
    let content = std::fs::read_to_string(file).map_err(|why| Stop::usage(format!("cannot read `{file}`: {why}")))?;
    let loaded = settings::with_names(|names| load_broken(Path::new(file), &content, names));
    let mut servers = loaded.map_err(|mistakes| Stop::mistakes(&mistakes))?;
    match number {
        Some(number) if number <= servers.len() => Ok(servers.swap_remove(number - 1)),
        None if servers.len() == 1 => Ok(servers.swap_remove(0)),
        _ => Err(Stop::usage(format!("`{file}` holds {} broken servers: choose one with {file}#N", servers.len()))),
    }
}
