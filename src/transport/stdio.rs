//! Starts a program and carries bytes to and from it; ends it, and all that it started. Never looks into a line.

use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Instant;

use bytes::{Buf, Bytes, BytesMut};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::stderr::Stderr;
use super::target::{
    Arrival, CommandTarget, Connection, ExchangeId, Exit, ExitAfter, Incoming, Limits, Outgoing, TransportError,
};
use crate::wire::{Bounds, Frame, Lines, TransportKind};

/// Arrivals that may wait for the harness; more than that, and the target has to wait.
const WAITING: usize = 256;

/// How much is read at once.
const READ: usize = 64 << 10;

/// Starts the program in a process group of its own. Must be called within a runtime, which must not end before the
/// connection was closed; if it does, the group is killed at once.
pub(super) fn open(target: &CommandTarget, limits: Limits) -> Result<Connection, TransportError> {
    let (outgoing, commands) = mpsc::unbounded_channel();
    let (arrivals, incoming) = mpsc::channel(WAITING);
    let process = Process::start(target, limits, arrivals)?;
    tokio::spawn(process.run(commands));
    Ok(Connection::new(TransportKind::Stdio, outgoing, incoming))
}

/// A child with all that is known about it. One task owns it; nothing in it is shared.
struct Process {
    group: Group,
    child: Child,
    /// Open as long as we have not closed it and the child reads it.
    stdin: Option<ChildStdin>,
    /// Open as long as it is of interest.
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    /// What is still to be written.
    queue: VecDeque<Bytes>,
    /// Whether the input is to be closed once the queue is written.
    close_input: bool,
    /// Whether the way out has begun.
    leaving: bool,
    /// When the patience with the present state ends.
    deadline: Option<Instant>,
    /// What we have done so far to make it exit.
    done: ExitAfter,
    exit: Option<Exit>,
    lines: Lines,
    words: Stderr,
    /// What was read, but finds no room in `arrivals` yet. While something is here, nothing more is read.
    outbox: VecDeque<Arrival>,
    arrivals: mpsc::Sender<Arrival>,
    limits: Limits,
}

impl Process {
    fn start(target: &CommandTarget, limits: Limits, arrivals: mpsc::Sender<Arrival>) -> Result<Self, TransportError> {
        let mut command = Command::new(&target.program);
        command.args(&target.arguments).envs(&target.environment).process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Some(directory) = &target.directory {
            command.current_dir(directory);
        }
        let mut child = command.spawn().map_err(|error| TransportError::CannotStart {
            program: target.program.clone(),
            reason: why_not_started(target, &error),
        })?;
        Ok(Self {
            group: Group::of(&child),
            stdin: child.stdin.take(),
            stdout: child.stdout.take(),
            stderr: child.stderr.take(),
            child,
            queue: VecDeque::new(),
            close_input: false,
            leaving: false,
            deadline: None,
            done: ExitAfter::Nothing,
            exit: None,
            lines: lines(limits),
            words: Stderr::new(limits.stderr),
            outbox: VecDeque::new(),
            arrivals,
            limits,
        })
    }

    /// Carries bytes until the process is gone and all that it left to read was read.
    async fn run(mut self, mut commands: mpsc::UnboundedReceiver<Outgoing>) {
        while self.exit.is_none() || self.stdout.is_some() || self.stderr.is_some() {
            // An exited child whose output waits for the harness is not late: the harness is.
            let late = self.deadline.filter(|_| self.exit.is_none() || self.outbox.is_empty());
            tokio::select! {
                // In this order, what arrived before a deadline counts, and a flood of standard error delays nothing.
                biased;
                status = self.child.wait(), if self.exit.is_none() => self.ended(status),
                command = commands.recv(), if !self.leaving => self.obey(command),
                still_read = write(&mut self.stdin, &mut self.queue) => self.wrote(still_read),
                () = room(&self.arrivals), if !self.outbox.is_empty() => self.deliver(),
                read = read(&mut self.stdout, self.lines.buffer()), if self.outbox.is_empty() => self.heard(read),
                () = until(late) => if !self.escalate() { break },
                read = read(&mut self.stderr, self.words.buffer()) => self.overheard(read),
            }
        }
        for line in self.words.into_lines() {
            self.outbox.push_back(arrival(Incoming::Stderr(line)));
        }
        self.outbox.extend(self.exit.map(|exit| arrival(Incoming::Exited(exit))));
        for last in self.outbox {
            // The only failure is that nobody listens any more.
            let _ = self.arrivals.send(last).await;
        }
    }

    fn obey(&mut self, command: Option<Outgoing>) {
        match command {
            Some(Outgoing::Bytes(bytes)) if self.stdin.is_some() && !self.close_input => self.queue.push_back(bytes),
            Some(Outgoing::CloseInput) => {
                self.close_input = true;
                self.wrote(true);
            }
            // What is not for standard input means nothing here; what comes after its end cannot be written.
            Some(_) => {}
            None => self.leave(),
        }
    }

    /// Begins the way out, unless it has begun.
    fn leave(&mut self) {
        if self.exit.is_none() {
            if !self.leaving {
                self.deadline = Some(Instant::now() + self.limits.grace);
            }
            self.close_input = true;
            self.wrote(true);
        }
        self.leaving = true;
    }

    fn wrote(&mut self, still_read: bool) {
        if !still_read {
            // The target does not read any more. That is its right; whether it should is not judged here.
            self.queue.clear();
            self.stdin = None;
        }
        if self.close_input && self.queue.is_empty() {
            self.note(ExitAfter::InputClosed);
            self.stdin = None;
        }
    }

    fn heard(&mut self, read: usize) {
        if read == 0 {
            self.stdout = None;
            let rest = self.take_rest();
            self.outbox.extend(rest.map(Incoming::Unterminated).map(arrival));
            self.outbox.push_back(arrival(Incoming::OutputClosed));
        }
        self.deliver();
    }

    /// Hands over what was read, as far as there is room.
    fn deliver(&mut self) {
        loop {
            while let Some(arrival) = self.outbox.pop_front() {
                match self.arrivals.try_send(arrival) {
                    Ok(()) => {}
                    Err(TrySendError::Full(arrival)) => return self.outbox.push_front(arrival),
                    Err(TrySendError::Closed(_)) => return self.stop_reading(),
                }
            }
            match self.lines.next_frame() {
                None => return,
                Some(Frame::Line(line)) => self.outbox.push_back(arrival(Incoming::Line(line))),
                Some(Frame::Passed(bound, seen)) => {
                    // First the input is closed: a child that dies of its closed output died of what we did.
                    self.queue.clear();
                    self.leave();
                    self.stop_reading();
                    self.outbox.push_back(arrival(Incoming::Cut(seen)));
                    self.outbox.push_back(arrival(Incoming::LimitPassed(bound.to_string())));
                }
            }
        }
    }

    fn stop_reading(&mut self) {
        self.outbox.clear();
        self.stdout = None;
        self.take_rest();
    }

    fn take_rest(&mut self) -> Option<Bytes> {
        let rest = std::mem::replace(&mut self.lines, lines(self.limits)).into_rest();
        (!rest.is_empty()).then_some(rest)
    }

    fn overheard(&mut self, read: usize) {
        if read == 0 {
            self.stderr = None;
        }
        let arrivals = &self.arrivals;
        self.words.forward(|line| arrivals.try_send(arrival(Incoming::Stderr(line))).is_ok());
    }

    /// The child was reaped. What it left behind in its group goes too, or it would hold the pipes open.
    fn ended(&mut self, status: io::Result<ExitStatus>) {
        let status = status.ok();
        self.exit = Some(Exit {
            code: status.and_then(|status| status.code()),
            signal: status.and_then(|status| status.signal()),
            after: self.done,
        });
        self.group.end();
        self.queue.clear();
        self.stdin = None;
        self.deadline = Some(Instant::now() + self.limits.grace);
    }

    /// Patience has ended: does the next thing. Says whether there was one.
    fn escalate(&mut self) -> bool {
        self.deadline = Some(Instant::now() + self.limits.grace);
        if self.exit.is_some() {
            // Something left the group and holds the pipes open. It is out of reach; what it writes is not the target's.
            if self.stdout.take().is_some() {
                let rest = self.take_rest();
                self.outbox.extend(rest.map(Incoming::Unterminated).map(arrival));
                let reason = "standard output is held open by a process that outlives the target";
                self.outbox.push_back(arrival(Incoming::Broken(reason.to_owned())));
            }
            return false;
        }
        self.queue.clear();
        self.stdin = None;
        match self.done {
            ExitAfter::Nothing | ExitAfter::InputClosed => {
                self.note(ExitAfter::Terminated);
                self.group.signal(Signal::TERM);
            }
            ExitAfter::Terminated => {
                self.note(ExitAfter::Killed);
                self.group.signal(Signal::KILL);
            }
            ExitAfter::Killed => {
                let reason = "the process does not end, even by SIGKILL";
                self.outbox.push_back(arrival(Incoming::Broken(reason.to_owned())));
                return false;
            }
        }
        true
    }

    /// Notes what is about to be done to make it exit, unless that is no more the reason.
    fn note(&mut self, step: ExitAfter) {
        if !self.group.leader_has_ended() {
            self.done = self.done.max(step);
        }
    }
}

/// The process group of a child. Killed when dropped, so that no way out of the harness leaves an orphan.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?)))
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.0 {
            // The only failure is that nothing is left of it.
            let _ = kill_process_group(group, signal);
        }
    }

    /// Kills what is left. The number may belong to others afterwards, hence it is forgotten.
    fn end(&mut self) {
        self.signal(Signal::KILL);
        self.0 = None;
    }

    /// Whether the child has ended, reaped or not.
    fn leader_has_ended(&self) -> bool {
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        self.0.is_none_or(|leader| !matches!(waitid(WaitId::Pid(leader), look), Ok(None)))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
    }
}

fn arrival(what: Incoming) -> Arrival {
    Arrival { at: Instant::now(), exchange: ExchangeId::STREAM, what }
}

fn lines(limits: Limits) -> Lines {
    Lines::new(Bounds { line: limits.message, total: limits.total, lines: limits.arrivals })
}

/// Waits until an arrival has room, or nobody listens any more.
async fn room(arrivals: &mpsc::Sender<Arrival>) {
    let _ = arrivals.reserve().await;
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => pending().await,
    }
}

/// Appends what can be read, and says how much that was; none means the end. Cancel-safe.
async fn read(pipe: &mut Option<impl AsyncRead + Unpin>, buffer: &mut BytesMut) -> usize {
    let Some(pipe) = pipe else { return pending().await };
    if buffer.capacity() - buffer.len() < READ / 16 {
        buffer.reserve(READ);
    }
    // A pipe that cannot be read has ended.
    pipe.read_buf(buffer).await.unwrap_or(0)
}

/// Writes of the first message what the pipe takes, and says whether there is still one who reads. Cancel-safe.
async fn write(stdin: &mut Option<ChildStdin>, queue: &mut VecDeque<Bytes>) -> bool {
    let (Some(stdin), Some(message)) = (stdin, queue.front_mut()) else { return pending().await };
    if message.has_remaining() && stdin.write_buf(message).await.is_err() {
        return false;
    }
    if !message.has_remaining() {
        queue.pop_front();
    }
    true
}

/// The system's reason, in the words of somebody who looks for the mistake.
fn why_not_started(target: &CommandTarget, error: &io::Error) -> String {
    let program = Path::new(&target.program);
    let is_path = target.program.contains('/');
    match &target.directory {
        Some(directory) if !directory.is_dir() => {
            return format!("the working directory `{}` does not exist", directory.display());
        }
        _ => {}
    }
    match error.kind() {
        io::ErrorKind::NotFound if !is_path => "not found in PATH".to_owned(),
        io::ErrorKind::NotFound if program.exists() => {
            "the interpreter that its first line names is not found".to_owned()
        }
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::PermissionDenied if is_path && program.is_dir() => "it is a directory".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied; is it executable?".to_owned(),
        _ => error.to_string(),
    }
}
