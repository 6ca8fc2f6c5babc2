//! Connects to a server in this process as if it were a child on pipes. Starts nothing, and never looks into a line.

use std::time::Instant;

use tokio::sync::mpsc;

use super::target::{Arrival, Connection, ExchangeId, Exit, ExitAfter, Incoming, Limits, Outgoing, Peer};
use crate::wire::{Bounds, Frame, Lines, TransportKind};

/// Arrivals that may wait for the harness; more than that, and the peer has to wait.
const WAITING: usize = 256;

/// Connects to the peer. Must be called within a runtime.
///
/// What the peer says passes the same bounds as the output of a child. A peer that does not exit when its input is
/// closed is presented, once the connection is closed, as one that had to be killed.
pub(super) fn open(peer: Box<dyn Peer>, limits: Limits) -> Connection {
    let (outgoing, commands) = mpsc::unbounded_channel();
    let (arrivals, incoming) = mpsc::channel(WAITING);
    let unbounded = Bounds { line: usize::MAX, total: usize::MAX, lines: usize::MAX };
    let bounded = Bounds { line: limits.message, total: limits.total, lines: limits.arrivals };
    let resident = Resident {
        peer,
        input: Some(Lines::new(unbounded)),
        output: Some(Lines::new(bounded)),
        exited: false,
        arrivals,
    };
    tokio::spawn(resident.run(commands));
    Connection::new(TransportKind::Stdio, outgoing, incoming)
}

/// A peer with the pipes that it does not have.
struct Resident {
    peer: Box<dyn Peer>,
    /// Until the harness closes it.
    input: Option<Lines>,
    /// Until the peer closes it, or a bound is passed.
    output: Option<Lines>,
    exited: bool,
    arrivals: mpsc::Sender<Arrival>,
}

impl Resident {
    async fn run(mut self, mut commands: mpsc::UnboundedReceiver<Outgoing>) {
        let first = self.peer.start();
        self.present(first).await;
        while let Some(command) = commands.recv().await {
            match command {
                Outgoing::Bytes(bytes) => {
                    if let Some(input) = &mut self.input {
                        input.buffer().extend_from_slice(&bytes);
                    }
                    while let Some(Frame::Line(line)) = self.input.as_mut().and_then(Lines::next_frame) {
                        self.feed(Some(&line)).await;
                    }
                }
                Outgoing::CloseInput => self.close_input().await,
                // What is not for standard input means nothing here.
                _ => {}
            }
        }
        self.close_input().await;
        if !self.exited {
            self.exit(Exit { code: None, signal: Some(9), after: ExitAfter::Killed }).await;
        }
    }

    async fn close_input(&mut self) {
        if let Some(input) = self.input.take() {
            let rest = input.into_rest();
            if !rest.is_empty() {
                self.feed(Some(&rest)).await;
            }
            self.feed(None).await;
        }
    }

    async fn feed(&mut self, line: Option<&[u8]>) {
        if !self.exited {
            let answer = self.peer.receive(line);
            self.present(answer).await;
        }
    }

    async fn present(&mut self, answer: Vec<Incoming>) {
        for what in answer {
            match what {
                _ if self.exited => return,
                Incoming::Line(line) => self.print(&[&line, b"\n"]).await,
                Incoming::Unterminated(bytes) => self.print(&[&bytes]).await,
                Incoming::OutputClosed => self.close_output().await,
                Incoming::Exited(exit) => {
                    let after = if self.input.is_some() { ExitAfter::Nothing } else { ExitAfter::InputClosed };
                    self.exit(Exit { after, ..exit }).await;
                }
                other => self.send(other).await,
            }
        }
    }

    async fn print(&mut self, pieces: &[&[u8]]) {
        if let Some(output) = &mut self.output {
            for piece in pieces {
                output.buffer().extend_from_slice(piece);
            }
        }
        while let Some(frame) = self.output.as_mut().and_then(Lines::next_frame) {
            match frame {
                Frame::Line(line) => self.send(Incoming::Line(line)).await,
                Frame::Passed(bound, seen) => {
                    self.output = None;
                    self.send(Incoming::Cut(seen)).await;
                    self.send(Incoming::LimitPassed(bound.to_string())).await;
                }
            }
        }
    }

    async fn close_output(&mut self) {
        if let Some(output) = self.output.take() {
            let rest = output.into_rest();
            if !rest.is_empty() {
                self.send(Incoming::Unterminated(rest)).await;
            }
            self.send(Incoming::OutputClosed).await;
        }
    }

    async fn exit(&mut self, exit: Exit) {
        self.close_output().await;
        self.exited = true;
        self.send(Incoming::Exited(exit)).await;
    }

    async fn send(&mut self, what: Incoming) {
        let arrival = Arrival { at: Instant::now(), exchange: ExchangeId::STREAM, what };
        // The only failure is that nobody listens any more.
        let _ = self.arrivals.send(arrival).await;
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    /// Says every line twice, and goes when its input is closed, if it is obedient.
    struct Echo {
        obedient: bool,
    }

    impl Peer for Echo {
        fn start(&mut self) -> Vec<Incoming> {
            vec![Incoming::Stderr(Bytes::from_static(b"ready"))]
        }

        fn receive(&mut self, line: Option<&[u8]>) -> Vec<Incoming> {
            match line {
                Some(line) => vec![Incoming::Line(Bytes::copy_from_slice(line)); 2],
                None if self.obedient => {
                    vec![Incoming::Exited(Exit { code: Some(0), signal: None, after: ExitAfter::Nothing })]
                }
                None => vec![],
            }
        }
    }

    async fn said(peer: Echo, limits: Limits, commands: &[Outgoing]) -> Vec<Incoming> {
        let connection = open(Box::new(peer), limits);
        for command in commands {
            connection.send(command.clone());
        }
        connection.close().await.into_iter().map(|arrival| arrival.what).collect()
    }

    fn bytes(text: &'static str) -> Outgoing {
        Outgoing::Bytes(Bytes::from_static(text.as_bytes()))
    }

    fn line(text: &'static str) -> Incoming {
        Incoming::Line(Bytes::from_static(text.as_bytes()))
    }

    #[tokio::test]
    async fn looks_like_a_child_on_pipes() {
        let commands = [bytes("a\nb"), bytes("c\nd"), Outgoing::CloseInput, bytes("late\n")];
        let exit = Exit { code: Some(0), signal: None, after: ExitAfter::InputClosed };
        let expected = [
            Incoming::Stderr(Bytes::from_static(b"ready")),
            line("a"),
            line("a"),
            line("bc"),
            line("bc"),
            line("d"),
            line("d"),
            Incoming::OutputClosed,
            Incoming::Exited(exit),
        ];
        assert_eq!(said(Echo { obedient: true }, Limits::default(), &commands).await, expected);
    }

    #[tokio::test]
    async fn who_does_not_go_is_killed() {
        let exit = Exit { code: None, signal: Some(9), after: ExitAfter::Killed };
        let said = said(Echo { obedient: false }, Limits::default(), &[bytes("a\n")]).await;
        assert_eq!(said[1..], [line("a"), line("a"), Incoming::OutputClosed, Incoming::Exited(exit)]);
    }

    #[tokio::test]
    async fn bounds_hold_here_too() {
        let limits = Limits { message: 3, ..Limits::default() };
        let said = said(Echo { obedient: true }, limits, &[bytes("abcd\n"), bytes("a\n")]).await;
        let expected = [
            Incoming::Cut(Bytes::from_static(b"abc")),
            Incoming::LimitPassed("a line is longer than 3 bytes".to_owned()),
            Incoming::Exited(Exit { code: Some(0), signal: None, after: ExitAfter::InputClosed }),
        ];
        assert_eq!(said[1..], expected);
    }
}
