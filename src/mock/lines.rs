//! The built-in server as lines: for standard input and output, and in memory. Reads and writes only what it is handed.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use serde_json::Value;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout_at;

use crate::scenario::Broken;
use crate::transport::{ExchangeId, Exit, ExitAfter, Incoming, Peer};

use super::options::Options;
use super::quirk::{Quirk, UnknownQuirk};
use super::rules::{Effect, Effects, Rules};
use super::server::Mock;

/// A server that speaks in lines.
#[derive(Debug)]
pub struct Lines {
    options: Arc<Options>,
    mock: Mock,
    rules: Rules,
    exit: Option<i32>,
    /// What was printed in memory, and not yet ended by a newline.
    unterminated: Vec<u8>,
}

impl Lines {
    /// A server that is right, but for these rules.
    pub fn new(mut options: Options, broken: impl IntoIterator<Item = Broken>) -> Result<Self, UnknownQuirk> {
        let rules = Rules::new(broken);
        options.quirks.extend(rules.quirks()?);
        let options = Arc::new(options);
        let mock = Mock::new(Arc::clone(&options));
        Ok(Self { options, mock, rules, exit: None, unterminated: Vec::new() })
    }

    /// Serves until the input ends or a rule ends it; returns the exit code.
    pub async fn serve(
        mut self,
        mut input: impl AsyncBufRead + Unpin,
        mut output: impl AsyncWrite + Unpin,
    ) -> io::Result<i32> {
        let started = self.rules.start();
        let mut text = self.text(started);
        let mut line = Vec::new();
        loop {
            output.write_all(&text).await?;
            output.flush().await?;
            if let Some(code) = self.exit {
                return Ok(code);
            }
            let read = input.read_until(b'\n', &mut line);
            let read = match self.mock.due() {
                None => Ok(read.await),
                Some(due) => timeout_at(due.into(), read).await,
            };
            // What was read of a line before the time was up is kept.
            let Ok(read) = read else {
                text = self.expire();
                continue;
            };
            if read? == 0 && line.is_empty() {
                break;
            }
            text = self.line(&line);
            line.clear();
        }
        let text = self.eof();
        output.write_all(&text).await?;
        output.flush().await?;
        match self.exit {
            Some(code) => Ok(code),
            None => std::future::pending().await,
        }
    }

    fn line(&mut self, line: &[u8]) -> Vec<u8> {
        if line.trim_ascii().is_empty() {
            return Vec::new();
        }
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let outputs = self.mock.receive(ExchangeId::STREAM, line);
        let effects = self.rules.pass(ExchangeId::STREAM, line, self.mock.revision(), Vec::new(), outputs);
        self.text(effects)
    }

    fn expire(&mut self) -> Vec<u8> {
        let outputs = self.mock.expire(Instant::now());
        let effects = self.rules.pass(ExchangeId::STREAM, b"", self.mock.revision(), Vec::new(), outputs);
        self.text(effects)
    }

    fn eof(&mut self) -> Vec<u8> {
        let outputs = self.mock.close();
        let effects = self.rules.eof(outputs);
        let text = self.text(effects);
        if !self.options.has(Quirk::IgnoresEof) {
            self.exit = self.exit.or(Some(0));
        }
        text
    }

    fn text(&mut self, all: Effects) -> Vec<u8> {
        let mut text = Vec::new();
        for effect in all.effects {
            match effect {
                Effect::Send(output) => self.write(&output.message, &mut text),
                Effect::Print(printed) => text.extend(printed.into_bytes()),
                Effect::Exit(code) => self.exit = self.exit.or(Some(code)),
            }
        }
        if self.options.has(Quirk::Latin1) {
            let latin = |c: char| u8::try_from(u32::from(c)).unwrap_or(b'?');
            text = String::from_utf8_lossy(&text).chars().map(latin).collect();
        }
        text
    }

    fn write(&self, message: &Value, text: &mut Vec<u8>) {
        let written = if self.options.has(Quirk::PrettyPrints) {
            serde_json::to_writer_pretty(&mut *text, message)
        } else {
            serde_json::to_writer(&mut *text, message)
        };
        written.expect("a JSON value can always be written to memory");
        text.push(b'\n');
    }

    /// What a transport would have seen of this text.
    fn seen(&mut self, text: &[u8], after: ExitAfter) -> Vec<Incoming> {
        let mut all = std::mem::take(&mut self.unterminated);
        all.extend_from_slice(text);
        let mut lines: Vec<_> = all.split(|byte| *byte == b'\n').map(Bytes::copy_from_slice).collect();
        let rest = lines.pop().unwrap_or_default();
        let mut seen: Vec<_> = lines.into_iter().map(Incoming::Line).collect();
        match self.exit {
            Some(code) => {
                seen.extend((!rest.is_empty()).then_some(Incoming::Unterminated(rest)));
                seen.push(Incoming::OutputClosed);
                seen.push(Incoming::Exited(Exit { code: Some(code), signal: None, after }));
            }
            None => self.unterminated = rest.to_vec(),
        }
        seen
    }
}

impl Peer for Lines {
    fn receive(&mut self, line: Option<&[u8]>) -> Vec<Incoming> {
        if self.exit.is_some() {
            return Vec::new();
        }
        if let Some(line) = line {
            let text = self.line(line);
            self.seen(&text, ExitAfter::Nothing)
        } else {
            let text = self.eof();
            self.seen(&text, ExitAfter::InputClosed)
        }
    }

    fn start(&mut self) -> Vec<Incoming> {
        let started = self.rules.start();
        let text = self.text(started);
        self.seen(&text, ExitAfter::Nothing)
    }
}
