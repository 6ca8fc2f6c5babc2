//! Waits for the signals that ask a program to end. Ends nothing itself.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Listens for interruption (Ctrl-C), termination and the end of the terminal.
pub(super) struct Signals([(SignalKind, Signal); 3]);

impl Signals {
    /// Listens from now on. Must be called within a runtime.
    pub(super) fn listen() -> io::Result<Self> {
        let one = |kind| Ok::<_, io::Error>((kind, signal(kind)?));
        Ok(Self([one(SignalKind::interrupt())?, one(SignalKind::terminate())?, one(SignalKind::hangup())?]))
    }

    /// The number of the next one.
    pub(super) async fn next(&mut self) -> u8 {
        let [(first, a), (second, b), (third, c)] = &mut self.0;
        let kind = tokio::select! {
            _ = a.recv() => first,
            _ = b.recv() => second,
            _ = c.recv() => third,
        };
        u8::try_from(kind.as_raw_value()).unwrap_or_default()
    }
}
